//! All miners as the uplink sees them: each with a channel of its own at the pool, or all
//! with one.

use super::JoinConfig;
use super::aggregate::{self, Aggregate};
use super::channels::{self, Channels, Outgoing};
use super::miner::Request;
use super::news::News;
use super::status::JoinStatus;
use crate::check::Checker;
use crate::server::setup::WORKER_NAMES;
use crate::upstream::UpstreamError;
use crate::wire::keep_alive::{self, ChannelResumed};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tracing::warn;
use work::{Difficulty, VardiffConfig};

/// The miners, in one of both modes.
#[derive(Debug)]
pub(super) struct Crowd {
    channels: Channels,
    together: Option<Together>,
}

#[derive(Debug)]
struct Together {
    aggregate: Aggregate,
    /// What [`Channels`] tells the one miner that all are to it.
    news: mpsc::Receiver<(u64, News)>,
}

impl Crowd {
    /// No miners yet.
    pub(super) fn new(config: &JoinConfig, status: Arc<JoinStatus>) -> Crowd {
        let user = config.user.clone();
        let together = user.as_ref().filter(|_| config.aggregated).map(|user| {
            // Old firmware takes powers of two only; each has a least difficulty of its own.
            let min_difficulty = Difficulty(0.000_01);
            let vardiff = VardiffConfig { power_of_two: true, min_difficulty, ..VardiffConfig::default() };
            let rolled = config.session.extranonce_sizes.both();
            let (aggregate, news) = Aggregate::new(user.clone(), vardiff, rolled, status.clone());
            Together { aggregate, news }
        });
        let most = if together.is_some() { aggregate::MAX_IN_FLIGHT } else { channels::MAX_IN_FLIGHT };
        Crowd { channels: Channels::new(user, most, status), together }
    }

    /// Who is to be told of shares that the pool accepts from now on.
    pub(super) fn set_checker(&mut self, checker: Option<Checker>) {
        self.channels.set_checker(checker);
    }

    /// Whether any channel is open.
    pub(super) fn any_open(&self) -> bool {
        self.channels.any_open()
    }

    /// Shares that wait for the pool's word.
    pub(super) fn in_flight(&self) -> usize {
        self.channels.in_flight()
    }

    /// The pool knows these extensions.
    pub(super) fn set_extensions(&mut self, granted: &[u16]) {
        let names = granted.contains(&WORKER_NAMES);
        if self.together.is_some() && !names {
            warn!("the pool does not take workers' names (extension 0x0002): it sees all miners as one");
        }
        self.channels.set_worker_names(names);
        self.channels.set_tells_class(granted.contains(&keep_alive::EXTENSION));
    }

    /// What a miner wants; what is to be sent up for it.
    pub(super) fn request(&mut self, request: Request, now: Instant) -> Vec<Outgoing> {
        match &mut self.together {
            None => self.channels.request(request),
            Some(together) => {
                let mut outgoing = Vec::new();
                for asked in together.aggregate.request(request, now) {
                    outgoing.extend(self.channels.request(asked));
                }
                outgoing.extend(self.settle(now));
                outgoing
            }
        }
    }

    /// A message of the pool; what is to be sent up in answer.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn message(
        &mut self,
        msg_type: u8,
        payload: &mut [u8],
        now: Instant,
    ) -> Result<Vec<Outgoing>, UpstreamError> {
        self.channels.message(msg_type, payload)?;
        Ok(self.settle(now))
    }

    /// There is a connection, with no channel of ours: miners ask for theirs again.
    pub(super) fn start_afresh(&mut self, now: Instant) -> Vec<Outgoing> {
        self.channels.start_afresh();
        self.settle(now)
    }

    /// The pool has kept these channels; what it has not judged is sent again.
    pub(super) fn resume(&mut self, kept: &[ChannelResumed], now: Instant) -> Vec<Outgoing> {
        let mut outgoing = self.channels.resume(kept);
        outgoing.extend(self.settle(now));
        outgoing
    }

    /// The connection is lost, but the channels may go on.
    pub(super) fn interrupted(&mut self, now: Instant) {
        self.channels.interrupted();
        self.settle(now);
    }

    /// The channels are gone. Miners stay, and know it.
    pub(super) fn lose_all(&mut self, now: Instant) {
        self.channels.lose_all();
        self.settle(now);
    }

    /// Looks after quiet miners' difficulties, where they are ours to look after.
    pub(super) fn tick(&mut self, now: Instant) {
        if let Some(together) = &mut self.together {
            together.aggregate.tick(now);
        }
    }

    /// Hands on what the one channel was told, until nothing more comes of it.
    fn settle(&mut self, now: Instant) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        let Some(together) = &mut self.together else { return outgoing };
        while let Ok((_, news)) = together.news.try_recv() {
            for asked in together.aggregate.news(news, now) {
                outgoing.extend(self.channels.request(asked));
            }
        }
        outgoing
    }
}
