//! Extension 0x5042, second half: channels outlive their connection.
//!
//! A channel goes on with its id, its search space, its jobs and what it has seen, so
//! that a share is judged once, however often it is sent. What the client was last sent
//! may never have arrived: it is sent where it stands now, as to a new channel.

use super::{Session, Stage};
use crate::channel::group::LiveJob;
use crate::channel::history::Moment;
use crate::server::Closed;
use crate::server::parking::{Handover, Parked, Peer};
use crate::server::share_log::ShareLog;
use crate::wire::{self, keep_alive::*};
use mining_sv2 as mining;
use std::mem::{replace, take};
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;
use tracing::info;

impl<W: AsyncWrite + Unpin> Session<W> {
    /// Gives the channels to the session of the client's next connection.
    pub(super) fn hand_over_channels(&mut self, handover: Handover<Parked>) {
        // Without channels the other session is told that there are none, by silence.
        if let Some(parked) = self.take_channels() {
            // Fails when that one has ended too; then its client has given up.
            let _ = handover.reply.send(parked);
        }
    }

    /// Leaves the channels where the session of the client's next connection finds them.
    pub(super) async fn leave_channels(&mut self, peer: Peer, asked: oneshot::Receiver<Handover<Parked>>) {
        let (Some(lifeline), Some(parked)) = (self.lifeline.take(), self.take_channels()) else { return };
        // Asked for at this very moment: then the other session waits for an answer.
        if let Some(parked) = lifeline.ticket.park(parked, peer)
            && let Ok(handover) = asked.await
        {
            let _ = handover.reply.send(parked);
        }
    }

    fn take_channels(&mut self) -> Option<Parked> {
        let standard_jobs = self.standard_jobs();
        (!self.channels.is_empty()).then(|| Parked {
            log: replace(&mut self.log, ShareLog::new(&self.context.ledger)),
            standard_jobs,
            groups: take(&mut self.groups),
            channels: take(&mut self.channels),
            next_id: self.next_id,
            moment: self.moment,
            newest_job: self.newest_job,
        })
    }

    /// The client wants its channels back.
    pub(super) async fn resume(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let tokens = parse_resume(payload).ok_or(Closed::Malformed("Resume"))?;
        if self.extensions_missing() {
            return Err(Closed::ExtensionsMissing);
        }
        match self.try_resume(&tokens).await {
            Ok(()) => self.take_up().await,
            Err(code) => {
                info!(code, "no channels for a client that came back");
                self.context.status.outages.unknown_tokens.add(1);
                self.say(message::RESUME_ERROR, &wire::short_string(code))
            }
        }
    }

    async fn try_resume(&mut self, tokens: &[Token]) -> Result<(), &'static str> {
        if !self.channels.is_empty() {
            return Err(error_code::CHANNELS_OPEN);
        }
        // To ask oneself would be to wait for ever.
        let own = self.lifeline.as_ref().map(|lifeline| lifeline.ticket.token());
        let tokens: Vec<Token> = tokens.iter().copied().filter(|token| Some(*token) != own).collect();
        let parked = self.context.parking.claim(&tokens).await.ok_or(error_code::UNKNOWN_TOKEN)?;
        if !matches!(self.stage, Stage::SetUp(_)) || parked.standard_jobs != self.standard_jobs() {
            return Err(error_code::OTHER_SETUP);
        }
        self.log = parked.log;
        self.groups = parked.groups;
        self.channels = parked.channels;
        self.next_id = self.next_id.max(parked.next_id);
        self.moment = parked.moment;
        self.newest_job = parked.newest_job;
        self.touched.clear();
        self.channels.iter().for_each(|channel| self.status.channel_opened(channel));
        self.context.status.outages.resumed.add(self.channels.len() as u64);
        Ok(())
    }

    /// Tells the client what was judged of its shares, and what to mine now. What it is told
    /// is accepted is on disk.
    async fn take_up(&mut self) -> Result<(), Closed> {
        self.log.settle().await?;
        self.log.forgive_all();
        let moment = self.next_moment();
        // Not sent as changes: the client holds nothing for certain.
        self.update_groups(moment);
        let count = u32::try_from(self.channels.len()).unwrap_or(u32::MAX);
        self.say(message::RESUME_SUCCESS, &count.to_le_bytes())?;
        for index in 0..self.channels.len() {
            let (sent, activated) = self.terms_of(index);
            let Some(channel) = self.channels.get_mut(index) else { continue };
            let resumed = channel.resume(sent, activated);
            self.say(message::CHANNEL_RESUMED, &resumed.to_bytes())?;
            self.make_room().await?;
        }
        for group in 0..self.groups.len() {
            self.send_all(group).await?;
        }
        Ok(())
    }

    /// Sends a group all that it has: its job with the terms that this was sent with, the
    /// job for the block after, and then the terms that have changed since.
    async fn send_all(&mut self, group: usize) -> Result<(), Closed> {
        let Some((id, live, future)) = self.groups.get(group).and_then(|group| {
            let future = group.future().cloned().zip(group.future_sent());
            Some((group.id, group.active()?.clone(), future))
        }) else {
            return Ok(());
        };
        for to in self.receivers(group) {
            self.send_job(to, &live, None)?;
            self.send_prev_hash(to, &live)?;
            self.make_room().await?;
        }
        let members: Vec<usize> = (0..self.channels.len()).filter(|index| self.is_of(*index, id)).collect();
        let mut prefix_of = live.sent;
        if let Some((job, sent)) = future {
            members.iter().try_for_each(|index| self.tell_prefix(*index, prefix_of, sent))?;
            prefix_of = sent;
            for to in self.receivers(group) {
                self.send_future(to, &job, sent)?;
                self.make_room().await?;
            }
        }
        for index in members {
            self.tell_prefix(index, prefix_of, self.moment)?;
            self.tell_terms(index, &live)?;
            self.make_room().await?;
        }
        Ok(())
    }

    /// `SetExtranoncePrefix`, where the prefix at `now` is another one than at `before`.
    fn tell_prefix(&mut self, index: usize, before: Moment, now: Moment) -> Result<(), Closed> {
        let Some(channel) = self.channels.get(index) else { return Ok(()) };
        let (id, prefix) = (channel.id.to_le_bytes(), *channel.prefix_at(now));
        if prefix == *channel.prefix_at(before) {
            return Ok(());
        }
        let length = [u8::try_from(prefix.len()).unwrap_or(u8::MAX)];
        self.send(true, mining::MESSAGE_TYPE_SET_EXTRANONCE_PREFIX, &[&id, &length, prefix.as_bytes()])
    }

    /// The present target and prefix come with a job of their own, where those of `live`
    /// were others.
    fn tell_terms(&mut self, index: usize, live: &LiveJob) -> Result<(), Closed> {
        let Some(channel) = self.channels.get(index) else { return Ok(()) };
        let target = channel.target();
        if target != channel.target_at(live.activated) {
            self.send_target(index, target)
        } else if channel.prefix() != channel.prefix_at(live.sent) {
            self.reissue(index)
        } else {
            Ok(())
        }
    }

    /// When the job of this channel's group was sent and activated.
    fn terms_of(&self, index: usize) -> (Moment, Moment) {
        let group = self.channels.get(index).map(|channel| channel.group);
        let group = self.groups.iter().find(|known| Some(known.id) == group);
        let live = group.and_then(|group| group.active());
        live.map_or((self.moment, self.moment), |live| (live.sent, live.activated))
    }

    fn is_of(&self, index: usize, group: u32) -> bool {
        self.channels.get(index).is_some_and(|channel| channel.group == group)
    }
}
