#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::wire::{SubmitShares, set_new_prev_hash, set_target, submit_shares_success};
use tokio::sync::mpsc;
use translator::CoinbaseClass;
use translator::upstream::Event;
use work::{Difficulty, HashRate, Submission};

const GROUP: u32 = 1;

/// Miners at their end of the queues.
struct Stage {
    channels: Channels,
    mailboxes: Vec<(Mailbox, mpsc::Receiver<(u64, News)>)>,
}

impl Stage {
    fn new(miners: usize) -> Stage {
        let mut channels = Channels::new(Some("alice".into()), MAX_IN_FLIGHT, JoinStatus::new(false));
        channels.start_afresh();
        Stage { channels, mailboxes: (0..miners).map(|_| mpsc::channel(64)).collect() }
    }

    /// As above, each with a channel: the miner 0 has 10, the next 11.
    fn mining(miners: usize) -> Stage {
        let mut stage = Stage::new(miners);
        for miner in 0..miners {
            stage.open(miner);
            assert!(matches!(stage.told(miner)[..], [Event::Opened(_)]));
        }
        stage
    }

    fn ask(&mut self, miner: usize, command: Command) -> Vec<Outgoing> {
        let mailbox = self.mailboxes[miner].0.clone();
        self.channels.request(Request { miner: miner as u64, command, worker: None, mailbox })
    }

    /// The pool opens the channel `10 + miner`.
    fn open(&mut self, miner: usize) {
        let asked = self.ask(miner, Command::Open(Box::new(open_channel())));
        let [(msg_type, _, payload)] = &asked[..] else { panic!("{asked:?}") };
        assert_eq!(*msg_type, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL);
        let mut answer = payload[..4].to_vec(); // the request id
        answer.extend_from_slice(&(10 + miner as u32).to_le_bytes());
        answer.extend_from_slice(&Target::DIFFICULTY_1.to_le_bytes());
        answer.extend_from_slice(&12u16.to_le_bytes());
        answer.extend_from_slice(&[4, 0xa0, 0, 0, miner as u8]);
        answer.extend_from_slice(&GROUP.to_le_bytes());
        self.hear(mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS, answer);
    }

    fn hear(&mut self, msg_type: u8, mut payload: Vec<u8>) {
        self.channels.message(msg_type, &mut payload).unwrap();
    }

    fn job(&mut self, to: u32, id: u32, min_ntime: Option<u32>) {
        let mut payload = crate::wire::JobHead::new(to, id, min_ntime).as_bytes().to_vec();
        payload.extend_from_slice(&0x2000_0000u32.to_le_bytes());
        payload.push(1); // rolls
        payload.push(0); // no path
        payload.extend_from_slice(&[2, 0, 0xc1, 0xc1, 2, 0, 0xc2, 0xc2]);
        self.hear(mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, payload);
    }

    fn told(&mut self, miner: usize) -> Vec<Event> {
        let mailbox = &mut self.mailboxes[miner].1;
        std::iter::from_fn(|| mailbox.try_recv().ok()).flat_map(|(_, news)| news.into_events()).collect()
    }

    /// The id and the time of the jobs that a miner was told, and the last byte of their prefix.
    fn jobs(&mut self, miner: usize) -> Vec<(u32, u32, u8)> {
        let mut last = 0;
        let mut jobs = Vec::new();
        for event in self.told(miner) {
            match event {
                Event::Prefix(prefix) => last = *prefix.as_bytes().last().unwrap(),
                Event::Job(job) => jobs.push((job.id, job.ntime, last)),
                _ => {}
            }
        }
        jobs
    }
}

fn open_channel() -> OpenChannel {
    let terms = Terms { min_difficulty: Difficulty(1.0), start: None, hash_rate: HashRate(1e12) };
    OpenChannel {
        name: "rig".into(),
        agent: "cgminer".into(),
        class: CoinbaseClass::Antminer,
        terms,
        min_rolled: 12,
    }
}

fn share(sequence: u32) -> Command {
    let submission = Submission { version: 0, ntime: 0, nonce: sequence };
    let rolled = Extranonce::new(&[0; 12]).unwrap();
    Command::Submit(Share { sequence, job: 5, rolled, submission })
}

/// The numbers under which shares go up.
fn numbers(outgoing: &[Outgoing]) -> Vec<u32> {
    outgoing.iter().map(|(_, _, payload)| SubmitShares::extended(payload).unwrap().sequence_number).collect()
}

fn resumed(channel_id: u32, last: u32, accepted: u64, rejected: u64) -> ChannelResumed {
    ChannelResumed {
        channel_id,
        group_channel_id: GROUP,
        last_sequence_number: last,
        accepted,
        rejected,
        target: Target::DIFFICULTY_1,
        extranonce_prefix: Extranonce::EMPTY,
    }
}

#[test]
fn a_job_of_the_group_is_told_to_each_miner_with_its_own_prefix() {
    let mut stage = Stage::mining(2);
    stage.job(GROUP, 5, None);
    assert_eq!(stage.jobs(0), []);
    stage.hear(
        mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH,
        set_new_prev_hash(GROUP, 5, &[7; 32], 100, 1).to_vec(),
    );
    assert_eq!((stage.jobs(0), stage.jobs(1)), (vec![(5, 100, 0)], vec![(5, 100, 1)]));
    stage.job(GROUP, 6, Some(120));
    assert_eq!((stage.jobs(0), stage.jobs(1)), (vec![(6, 120, 0)], vec![(6, 120, 1)]));
    // One for a single channel.
    stage.job(11, 7, Some(130));
    assert_eq!((stage.jobs(0), stage.jobs(1)), (vec![], vec![(7, 130, 1)]));
}

#[test]
fn a_target_is_its_channels_alone() {
    let mut stage = Stage::mining(2);
    stage.hear(mining::MESSAGE_TYPE_SET_TARGET, set_target(11, &Target::MAX.to_le_bytes()).to_vec());
    assert_eq!(stage.told(0), []);
    assert_eq!(stage.told(1), [Event::Target(Target::MAX)]);
}

#[test]
fn every_share_gets_its_verdict_by_the_sessions_number() {
    let mut stage = Stage::mining(1);
    // The session counts on, whatever channels there were before.
    let up: Vec<u32> = (101..=104).flat_map(|sequence| numbers(&stage.ask(0, share(sequence)))).collect();
    assert_eq!(up, [1, 2, 3, 4]);
    let error = [&10u32.to_le_bytes()[..], &2u32.to_le_bytes(), b"\x0bstale-share"].concat();
    stage.hear(mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR, error);
    stage.hear(mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, submit_shares_success(10, 3, 2, 2).to_vec());
    let stale = Refusal::of_sv2("stale-share");
    assert_eq!(stage.told(0), [Event::Rejected(102, stale), Event::Accepted(101), Event::Accepted(103)]);
}

#[test]
fn over_a_short_outage_what_was_not_judged_is_sent_again() {
    let mut stage = Stage::mining(1);
    (1..=2).for_each(|sequence| drop(stage.ask(0, share(sequence))));
    stage.channels.interrupted();
    // Nothing can be sent, and nothing is lost.
    assert_eq!(stage.ask(0, share(3)), []);
    assert_eq!(numbers(&stage.channels.resume(&[resumed(10, 1, 1, 0)])), [2, 3]);
    assert_eq!(stage.told(0), [Event::Accepted(1)]);
    assert_eq!(numbers(&stage.ask(0, share(4))), [4]);
}

#[test]
fn a_miner_whose_channel_was_not_kept_asks_for_another() {
    let mut stage = Stage::mining(2);
    stage.channels.interrupted();
    stage.channels.resume(&[resumed(10, 0, 0, 0)]);
    assert_eq!((stage.told(0), stage.told(1)), (vec![], vec![Event::Lost, Event::Back]));
    stage.open(1);
    assert!(matches!(stage.told(1)[..], [Event::Opened(_)]));
}

#[test]
fn who_comes_while_the_pool_is_away_is_asked_to_wait_and_then_served() {
    let mut stage = Stage::mining(2);
    stage.channels.lose_all();
    assert_eq!(stage.ask(1, Command::Open(Box::new(open_channel()))), []);
    assert_eq!(stage.told(1), [Event::Lost, Event::Lost]);
    stage.channels.start_afresh();
    assert_eq!(stage.told(1).last(), Some(&Event::Back));
}

#[test]
fn a_miner_that_leaves_takes_its_channel_with_it() {
    let mut stage = Stage::mining(1);
    let gone = stage.ask(0, Command::Close);
    assert_eq!((gone[0].0, gone.len()), (mining::MESSAGE_TYPE_CLOSE_CHANNEL, 1));
    assert!(!stage.channels.any_open() && stage.channels.miners.is_empty());
}

#[test]
fn a_miners_name_goes_below_its_owners() {
    assert_eq!(under("alice", "garage"), "alice.garage");
    assert_eq!(under("alice", "alice.garage"), "alice.garage");
    assert_eq!(under("alice", "alice"), "alice");
    assert_eq!(under("alice", "alices.s9"), "alice.alices.s9");
    assert_eq!(under("alice", ""), "alice");
    assert_eq!(under("alice", "bc1q.s9"), "alice.bc1q.s9");
    assert_eq!(under("alice", &"é".repeat(200)).len(), 254);
}
