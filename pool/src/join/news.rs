//! What a miner is told of its channel at the pool, whichever protocol it speaks.

use super::job::JobNews;
use tokio::sync::mpsc;
use translator::Refusal;
use translator::upstream::{Event, Opened};
use work::Target;

/// Something happened.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// The channel is open.
    Opened(Opened),
    /// There is none for it.
    Refused(RefusedChannel),
    /// The channel has another target from the next job on.
    Target(Target),
    /// A job, to be mined now.
    Job(JobNews),
    /// A share is accepted.
    Accepted(u32),
    /// A share is refused.
    Rejected(u32, Refusal),
    /// There is no pool any more; shares under way are lost.
    Lost,
    /// There is one again: open the channel again.
    Back,
}

/// Why the pool opens no channel.
#[derive(Clone, Debug)]
pub(super) struct RefusedChannel {
    /// SV2's error code.
    pub(super) code: String,
    /// For people.
    pub(super) words: String,
}

/// Where a miner, or a connection with several, is told: which of them, and what.
pub(super) type Mailbox = mpsc::Sender<(u64, News)>;

impl News {
    /// As an SV1 session takes it.
    pub(super) fn into_events(self) -> Vec<Event> {
        vec![match self {
            News::Job(news) => {
                return vec![
                    Event::Prefix(news.prefix),
                    Event::Target(news.target),
                    Event::Job(news.for_sv1()),
                ];
            }
            News::Opened(opened) => Event::Opened(opened),
            News::Refused(refused) => Event::Refused(refused.words),
            News::Target(target) => Event::Target(target),
            News::Accepted(sequence) => Event::Accepted(sequence),
            News::Rejected(sequence, refusal) => Event::Rejected(sequence, refusal),
            News::Lost => Event::Lost,
            News::Back => Event::Back,
        }]
    }
}

/// A miner that lets its mailbox fill up does not read: its connection ends by itself.
pub(super) fn tell(mailbox: &Mailbox, miner: u64, news: News) {
    let _ = mailbox.try_send((miner, news));
}
