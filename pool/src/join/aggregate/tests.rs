#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::super::job::TipJob;
use super::*;
use std::time::Duration;
use work::{Extranonce, Hash256, JobWork, ShareFault, SplitCoinbase, Submission, Target, Tip};

const NTIME: u32 = 1_000;

/// Miners on both sides of the aggregate.
struct Stage {
    aggregate: Aggregate,
    mailboxes: Vec<(Mailbox, mpsc::Receiver<(u64, News)>)>,
    now: Instant,
    status: Arc<JoinStatus>,
    /// What the pool accepts.
    pool_target: Target,
}

impl Stage {
    /// So many miners, whose every hash is a share, on one channel with this target.
    fn mining(miners: usize, pool_target: Target) -> Stage {
        let status = JoinStatus::new(true);
        let any = VardiffConfig { min_difficulty: Difficulty(1e-12), ..VardiffConfig::default() };
        let (aggregate, _) = Aggregate::new("alice".into(), any, 12, status.clone());
        let mailboxes = (0..miners).map(|_| mpsc::channel(64)).collect();
        let mut stage = Stage { aggregate, mailboxes, now: Instant::now(), status, pool_target };
        let asked: Vec<Request> = (0..miners).flat_map(|miner| stage.open(miner)).collect();
        assert!(matches!(asked[0].command, Command::Open(_)));
        assert_eq!(asked.len(), 1, "one channel for all: {asked:?}");
        stage.opened();
        stage.job(7, 1);
        stage
    }

    fn open(&mut self, miner: usize) -> Vec<Request> {
        let terms = Terms { min_difficulty: Difficulty(1e-12), start: None, hash_rate: HashRate(1e-3) };
        let open = OpenChannel {
            name: format!("alice.rig{miner}"),
            agent: "cgminer".into(),
            class: CoinbaseClass::Antminer,
            terms,
            min_rolled: 12,
        };
        self.ask(miner, Command::Open(Box::new(open)))
    }

    fn ask(&mut self, miner: usize, command: Command) -> Vec<Request> {
        let mailbox = self.mailboxes[miner].0.clone();
        let request = Request { miner: miner as u64, command, worker: None, mailbox };
        self.aggregate.request(request, self.now)
    }

    fn opened(&mut self) {
        let prefix = Extranonce::new(&[0xa0; 4]).unwrap();
        let opened = Opened { prefix, rolled: 12, target: self.pool_target };
        self.aggregate.news(News::Opened(opened), self.now);
    }

    /// The pool's job `id` on the tip `tip`.
    fn job(&mut self, id: u32, tip: u8) {
        let coinbase =
            SplitCoinbase { prefix: vec![1; 60], suffix: vec![2; 80], extranonce_size: 16, witness: None };
        let work = JobWork::new(0x2000_0000, true, coinbase, []);
        let tip = Tip {
            prev_hash: Hash256([tip; 32]),
            nbits: 0x1703_0000,
            network_target: Target::ZERO,
            min_ntime: NTIME,
        };
        let job = Arc::new(TipJob::new(id, work, tip, NTIME));
        let prefix = Extranonce::new(&[0xa0; 4]).unwrap();
        let news = News::Job(JobNews { job, id, prefix, target: self.pool_target });
        self.aggregate.news(news, self.now);
    }

    fn told(&mut self, miner: usize) -> Vec<News> {
        let mailbox = &mut self.mailboxes[miner].1;
        std::iter::from_fn(|| mailbox.try_recv().ok()).map(|(_, news)| news).collect()
    }

    /// The jobs that a miner was told.
    fn jobs(&mut self, miner: usize) -> Vec<JobNews> {
        let told = self.told(miner).into_iter();
        told.filter_map(|news| if let News::Job(job) = news { Some(job) } else { None }).collect()
    }

    fn submit(&mut self, miner: usize, sequence: u32, job: u32, nonce: u32) -> Vec<Request> {
        let submission = Submission { version: 0x2000_0000, ntime: NTIME, nonce };
        let rolled = Extranonce::new(&[miner as u8 + 1; 12]).unwrap();
        self.ask(miner, Command::Submit(Share { sequence, job, rolled, submission }))
    }
}

/// The shares that go up: number, job, worker.
fn up(requests: &[Request]) -> Vec<(u32, u32, Option<&str>)> {
    let shares = requests.iter().filter_map(|request| match &request.command {
        Command::Submit(share) => Some((share.sequence, share.job, request.worker.as_deref())),
        _ => None,
    });
    shares.collect()
}

#[test]
fn each_miner_has_a_job_of_its_own_name_and_its_worker_goes_up_with_its_shares() {
    let mut stage = Stage::mining(2, Target::MAX);
    let (first, second) = (stage.jobs(0), stage.jobs(1));
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].id, second[0].id);
    assert!(Arc::ptr_eq(&first[0].job, &second[0].job), "the job itself is shared");

    let asked = stage.submit(0, 41, first[0].id, 1);
    assert_eq!(up(&asked), [(1, 7, Some("rig0"))]);
    let asked = stage.submit(1, 41, second[0].id, 1);
    assert_eq!(up(&asked), [(2, 7, Some("rig1"))]);
    // The verdict is the pool's, and finds the miner by the number that it used itself.
    assert!(stage.told(0).is_empty() && stage.told(1).is_empty());
    stage.aggregate.news(News::Rejected(2, Refusal::Pool("no luck".into())), stage.now);
    stage.aggregate.news(News::Accepted(1), stage.now);
    assert!(matches!(stage.told(0)[..], [News::Accepted(41)]));
    assert!(matches!(&stage.told(1)[..], [News::Rejected(41, Refusal::Pool(words))] if words == "no luck"));
}

#[test]
fn a_share_below_the_pools_target_is_acknowledged_here_and_counted_as_such() {
    // A hash that meets difficulty 1 does not come along in a test.
    let mut stage = Stage::mining(1, Target::DIFFICULTY_1);
    // Sent easier than the pool's own, because the miner is slow.
    let job = stage.jobs(0)[0].clone();
    assert!(job.target > Target::DIFFICULTY_1);
    let asked = stage.submit(0, 1, job.id, 5);
    assert!(up(&asked).is_empty());
    assert!(stage.told(0).iter().any(|news| matches!(news, News::Accepted(1))));
    let shares = stage.status.snapshot().shares;
    assert_eq!((shares.below_pool_difficulty, shares.accepted, shares.in_flight), (1, 0, 0));
}

#[test]
fn what_cannot_be_valid_is_refused_here() {
    let mut stage = Stage::mining(2, Target::DIFFICULTY_1);
    let mine = stage.jobs(0)[0].id;
    let nobodys = mine.max(stage.jobs(1)[0].id) + 1;
    stage.submit(0, 1, mine, 5);
    stage.submit(0, 2, mine, 5);
    stage.submit(0, 3, nobodys, 6);
    let faults: Vec<ShareFault> = stage
        .told(0)
        .into_iter()
        .filter_map(|news| match news {
            News::Rejected(_, Refusal::Fault(fault)) => Some(fault),
            _ => None,
        })
        .collect();
    assert_eq!(faults, [ShareFault::Duplicate, ShareFault::InvalidJobId]);
    // After a new tip the old job is over.
    stage.job(8, 2);
    stage.submit(0, 4, mine, 7);
    let told = stage.told(0);
    assert!(
        told.iter().any(|news| matches!(news, News::Rejected(4, Refusal::Fault(ShareFault::Stale)))),
        "{told:?}"
    );
}

#[test]
fn the_difficulty_of_a_fast_miner_rises_alone_and_old_jobs_are_judged_by_their_own() {
    let mut stage = Stage::mining(2, Target::DIFFICULTY_1);
    let first = stage.jobs(0)[0].clone();
    stage.told(1);
    let mut newest = first.clone();
    for nonce in 0..200 {
        stage.now += Duration::from_millis(10);
        stage.submit(0, nonce, first.id, nonce);
        newest = stage.jobs(0).pop().unwrap_or(newest);
    }
    assert!(newest.target < first.target, "harder now");
    assert_eq!((newest.job.id, first.job.id), (7, 7), "the same job under another name");
    // Every share was for the first job and as hard as that asked for.
    assert_eq!(stage.status.snapshot().shares.below_pool_difficulty, 200);
    assert!(stage.jobs(1).is_empty());
}

#[test]
fn over_a_loss_miners_stay_and_ask_for_one_channel_again() {
    let mut stage = Stage::mining(2, Target::MAX);
    stage.told(0);
    stage.aggregate.news(News::Lost, stage.now);
    assert!(matches!(stage.told(0)[..], [News::Lost]));
    // Who comes now waits.
    stage.mailboxes.push(mpsc::channel(64));
    assert!(stage.open(2).is_empty());
    assert!(matches!(stage.told(2)[..], [News::Lost]));
    stage.aggregate.news(News::Back, stage.now);
    assert!(matches!(stage.told(0)[..], [News::Back]));
    let asked: Vec<Request> = (0..3).flat_map(|miner| stage.open(miner)).collect();
    assert_eq!(asked.len(), 1);
    stage.opened();
    stage.job(9, 1);
    let job = stage.jobs(2)[0].clone();
    assert_eq!(up(&stage.submit(2, 1, job.id, 1)), [(1, 9, Some("rig2"))]);
}

#[test]
fn a_miner_that_takes_nothing_easy_makes_the_whole_channel_as_hard() {
    let mut stage = Stage::mining(1, Target::DIFFICULTY_1);
    let terms = Terms { min_difficulty: Difficulty(524_288.0), start: None, hash_rate: HashRate(1e15) };
    let asked = stage.ask(0, Command::Update(terms));
    let [Request { command: Command::Update(told), .. }] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(told.min_difficulty, Difficulty(524_288.0));
}

#[test]
fn a_refusal_of_the_one_channel_is_everybodys() {
    let mut stage = Stage::mining(2, Target::MAX);
    stage.told(0);
    stage.aggregate.news(News::Lost, stage.now);
    stage.aggregate.news(News::Back, stage.now);
    (0..2).for_each(|miner| drop(stage.open(miner)));
    (0..2).for_each(|miner| drop(stage.told(miner)));
    let refused =
        RefusedChannel { code: "unknown-user".into(), words: "the pool does not know alice".into() };
    stage.aggregate.news(News::Refused(refused), stage.now);
    for miner in 0..2 {
        assert!(
            matches!(&stage.told(miner)[..], [News::Refused(refused)] if refused.words.contains("alice"))
        );
    }
}
