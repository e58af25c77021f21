//! The miners and their channels at the pool: what comes down is told to whom it concerns,
//! what goes up is under way until it is judged. No IO.

use super::job::{JobNews, RawJob, TipJob};
use super::messages;
use super::miner::Request;
use super::news::{Mailbox, News, RefusedChannel, tell};
use super::status::JoinStatus;
use super::watch::Jobs;
use crate::check::Checker;
use crate::upstream::{InFlight, UpstreamError};
use crate::wire::keep_alive::ChannelResumed;
use crate::wire::tlv;
use binary_sv2::from_bytes;
use mining_sv2 as mining;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use translator::Refusal;
use translator::upstream::{Command, OpenChannel, Opened, Share, Terms};
use work::{Extranonce, Hash256, Target, Tip};

/// A message for the pool: its type, whether it is a channel's, its payload.
pub(super) type Outgoing = (u8, bool, Vec<u8>);

/// Shares of one miner that may be under way; further ones are refused.
pub(super) const MAX_IN_FLIGHT: usize = 256;
/// Jobs held for later tips; a pool that sends more has its oldest forgotten.
const MAX_FUTURE: usize = 64;

/// All miners, whether they have a channel or not.
#[derive(Debug)]
pub(super) struct Channels {
    /// Who is credited, if it is not each miner's to say.
    user: Option<String>,
    miners: HashMap<u64, Miner>,
    /// Which miner a request for a channel is for.
    asked: HashMap<u32, u64>,
    /// Which miner a channel is.
    by_id: BTreeMap<u32, u64>,
    future: BTreeMap<u32, RawJob>,
    next_request: u32,
    /// Whether there is a pool to ask.
    connected: bool,
    /// Whether it takes the names of workers with their shares (extension 0x0002).
    worker_names: bool,
    /// Whether it is told how large a coinbase each miner takes (extension 0x5042).
    tells_class: bool,
    /// Shares of one channel that may be under way.
    max_in_flight: usize,
    status: Arc<JoinStatus>,
    /// Is told of accepted shares.
    checker: Option<Checker>,
}

#[derive(Debug)]
struct Miner {
    number: u64,
    mailbox: Mailbox,
    /// What it said of itself, for the pool's refusal.
    name: String,
    /// Bytes of extranonce that it asked for.
    rolled: usize,
    terms: Option<Terms>,
    channel: Option<Channel>,
}

#[derive(Debug)]
struct Channel {
    id: u32,
    group: u32,
    target: Target,
    prefix: Extranonce,
    /// Bytes of extranonce below the prefix.
    rolled: usize,
    tip: Option<Tip>,
    in_flight: InFlight<Parcel>,
    /// What its shares may be of.
    jobs: Jobs,
    accepted: u64,
    rejected: u64,
}

/// A share on its way up.
#[derive(Clone, Debug)]
pub(super) struct Parcel {
    pub(super) share: Share,
    /// Which worker of its channel sent it.
    pub(super) worker: Option<Arc<str>>,
}

impl Channels {
    pub(super) fn new(user: Option<String>, max_in_flight: usize, status: Arc<JoinStatus>) -> Channels {
        Channels {
            worker_names: false,
            tells_class: false,
            checker: None,
            max_in_flight,
            status,
            user,
            miners: HashMap::new(),
            asked: HashMap::new(),
            by_id: BTreeMap::new(),
            future: BTreeMap::new(),
            next_request: 1,
            connected: false,
        }
    }

    /// Whether any channel is open.
    pub(super) fn any_open(&self) -> bool {
        !self.by_id.is_empty()
    }

    /// Shares that wait for the pool's word.
    pub(super) fn in_flight(&self) -> usize {
        let channels = self.miners.values().filter_map(|miner| miner.channel.as_ref());
        channels.map(|channel| channel.in_flight.len()).sum()
    }

    /// Whether the pool takes the names of workers with their shares.
    pub(super) fn set_worker_names(&mut self, granted: bool) {
        self.worker_names = granted;
    }

    /// Whether the pool is told how large a coinbase each miner takes.
    pub(super) fn set_tells_class(&mut self, granted: bool) {
        self.tells_class = granted;
    }

    /// Who is to be told of shares that the pool accepts from now on.
    pub(super) fn set_checker(&mut self, checker: Option<Checker>) {
        self.checker = checker;
    }

    /// What a miner wants; what is to be sent up for it, if there is a connection.
    pub(super) fn request(&mut self, request: Request) -> Vec<Outgoing> {
        let Request { miner: number, command, worker, mailbox } = request;
        let (connected, names, status) = (self.connected, self.worker_names, self.status.clone());
        let miner = self.miners.entry(number).or_insert_with(|| Miner {
            number,
            mailbox,
            name: String::new(),
            rolled: 0,
            terms: None,
            channel: None,
        });
        match command {
            Command::Open(open) => self.open(number, &open),
            Command::Update(terms) => {
                miner.terms = Some(terms);
                let id = miner.channel.as_ref().map(|channel| channel.id).filter(|_| connected);
                let update = |id| (mining::MESSAGE_TYPE_UPDATE_CHANNEL, true, messages::update(id, &terms));
                id.map(update).into_iter().collect()
            }
            Command::Submit(share) => {
                let sent = miner.submit(Parcel { share, worker }, names, &status);
                sent.filter(|_| connected).into_iter().collect()
            }
            Command::Close => {
                let gone = self.miners.remove(&number).and_then(|miner| miner.channel);
                self.asked.retain(|_, asking| *asking != number);
                let Some(channel) = gone else { return Vec::new() };
                status.lose(channel.in_flight.len());
                self.by_id.remove(&channel.id);
                if !connected {
                    return Vec::new();
                }
                vec![(mining::MESSAGE_TYPE_CLOSE_CHANNEL, true, messages::close(channel.id))]
            }
            Command::Refused(_) => Vec::new(),
        }
    }

    fn open(&mut self, number: u64, open: &OpenChannel) -> Vec<Outgoing> {
        let Some(miner) = self.miners.get_mut(&number) else { return Vec::new() };
        let name = match &self.user {
            None => open.name.clone(),
            Some(user) => under(user, &open.name),
        };
        miner.name.clone_from(&name);
        miner.rolled = open.min_rolled;
        miner.terms = Some(open.terms);
        if !self.connected {
            // Asked again when there is a pool.
            miner.tell(News::Lost);
            return Vec::new();
        }
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.asked.insert(request, number);
        let mut payload = messages::open(request, &name, &open.terms, open.min_rolled);
        if self.tells_class {
            payload.extend_from_slice(&tlv::for_coinbase_class(open.class.name()));
        }
        vec![(mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, false, payload)]
    }

    /// There is a connection, with no channel of ours: miners ask for theirs again.
    pub(super) fn start_afresh(&mut self) {
        self.lose_all();
        self.connected = true;
        self.miners.values().for_each(|miner| miner.tell(News::Back));
    }

    /// The connection is lost, but the channels may go on.
    pub(super) fn interrupted(&mut self) {
        self.connected = false;
        // Who asked for a channel will not be answered.
        for number in std::mem::take(&mut self.asked).into_values() {
            if let Some(miner) = self.miners.get(&number) {
                miner.tell(News::Lost);
            }
        }
    }

    /// The channels are gone. Miners stay, and know it.
    pub(super) fn lose_all(&mut self) {
        self.connected = false;
        self.asked.clear();
        self.by_id.clear();
        self.future.clear();
        let lost = self.in_flight();
        self.status.lose(lost);
        for miner in self.miners.values_mut() {
            miner.channel = None;
            miner.tell(News::Lost);
        }
    }

    /// The pool has kept these channels; what it has not judged is sent again. Its jobs
    /// follow. Miners whose channel is not among them ask for a new one.
    pub(super) fn resume(&mut self, kept: &[ChannelResumed]) -> Vec<Outgoing> {
        self.connected = true;
        self.future.clear();
        let mut outgoing = Vec::new();
        for miner in self.miners.values_mut() {
            let known = miner.channel.as_ref().map(|channel| channel.id);
            match kept.iter().find(|resumed| known == Some(resumed.channel_id)) {
                Some(resumed) => {
                    outgoing.extend(miner.resume(
                        resumed,
                        self.worker_names,
                        &self.status,
                        self.checker.as_ref(),
                    ));
                }
                None => {
                    let gone = miner.channel.take();
                    self.status.lose(gone.map_or(0, |channel| channel.in_flight.len()));
                    miner.tell(News::Lost);
                    miner.tell(News::Back);
                }
            }
        }
        let miners = &self.miners;
        self.by_id.retain(|_, number| miners.get(number).is_some_and(|miner| miner.channel.is_some()));
        outgoing
    }

    /// A message of the pool.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn message(&mut self, msg_type: u8, payload: &mut [u8]) -> Result<(), UpstreamError> {
        match msg_type {
            mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS => self.opened(payload),
            mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR => self.not_opened(payload),
            mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB => self.job(payload),
            mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH => self.prev_hash(payload),
            mining::MESSAGE_TYPE_SET_TARGET => self.target(payload),
            mining::MESSAGE_TYPE_SET_EXTRANONCE_PREFIX => self.prefix(payload),
            mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS => self.accepted(payload),
            mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR => self.rejected(payload),
            mining::MESSAGE_TYPE_CLOSE_CHANNEL => self.closed(payload),
            mining::MESSAGE_TYPE_SET_GROUP_CHANNEL => self.grouped(payload),
            // Unknown messages are ignored (SV2 section 3.4.1).
            _ => Ok(()),
        }
    }

    fn opened(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::OpenExtendedMiningChannelSuccess<'_> =
            read(payload, "OpenExtendedMiningChannel.Success")?;
        let Some(number) = self.asked.remove(&message.request_id) else { return Ok(()) };
        let Some(miner) = self.miners.get_mut(&number) else { return Ok(()) };
        let target = target(message.target.as_bytes())?;
        let prefix = prefix(message.extranonce_prefix.as_bytes())?;
        let rolled = usize::from(message.extranonce_size);
        miner.channel = Some(Channel {
            id: message.channel_id,
            group: message.group_channel_id,
            target,
            prefix,
            rolled,
            tip: None,
            in_flight: InFlight::new(self.max_in_flight),
            jobs: Jobs::default(),
            accepted: 0,
            rejected: 0,
        });
        miner.tell(News::Opened(Opened { prefix, rolled, target }));
        self.by_id.insert(message.channel_id, number);
        Ok(())
    }

    fn not_opened(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::OpenMiningChannelError<'_> = read(payload, "OpenMiningChannel.Error")?;
        let Some(number) = self.asked.remove(&message.request_id) else { return Ok(()) };
        let Some(miner) = self.miners.get(&number) else { return Ok(()) };
        let code = message.error_code.as_utf8_or_hex();
        let words = match code.as_str() {
            mining::ERROR_CODE_OPEN_MINING_CHANNEL_UNKNOWN_USER => {
                format!("the pool does not know the user '{}', or cannot pay it", miner.name)
            }
            mining::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED => {
                "the pool has no room for another miner".to_owned()
            }
            mining::ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE => format!(
                "the pool's channels have no room for the {} bytes of extranonce that miners are given \
                 here: start punchbowl join with fewer, --extranonce1 4 --extranonce2 4 at the least",
                miner.rolled
            ),
            code => format!("the pool opened no channel for '{}': {code}", miner.name),
        };
        miner.tell(News::Refused(RefusedChannel { code, words }));
        Ok(())
    }

    fn job(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::NewExtendedMiningJob<'_> = read(payload, "NewExtendedMiningJob")?;
        let raw = RawJob {
            id: message.job_id,
            version: message.version,
            version_rolling: message.version_rolling_allowed,
            coinbase: (
                message.coinbase_tx_prefix.as_bytes().to_vec(),
                message.coinbase_tx_suffix.as_bytes().to_vec(),
            ),
            path: message.merkle_path.iter().map(|item| hash(item.as_bytes())).collect::<Result<_, _>>()?,
        };
        let to = message.channel_id;
        match message.min_ntime.into_inner() {
            Some(ntime) => self.tell_job(to, &raw, Some(ntime)),
            None => {
                self.future.insert(raw.id, raw);
                if self.future.len() > MAX_FUTURE {
                    self.future.pop_first();
                }
            }
        }
        Ok(())
    }

    fn prev_hash(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SetNewPrevHash<'_> = read(payload, "SetNewPrevHash")?;
        let prev_hash = hash(message.prev_hash.as_bytes())?;
        let tip = Tip {
            prev_hash,
            nbits: message.nbits,
            network_target: Target::from_compact(message.nbits),
            min_ntime: message.min_ntime,
        };
        let (to, job_id) = (message.channel_id, message.job_id);
        for channel in self.receivers(to).filter_map(|miner| miner.channel.as_mut()) {
            channel.tip = Some(tip);
        }
        // Kept for a while: the same job may be named to other channels.
        if let Some(raw) = self.future.remove(&job_id) {
            self.tell_job(to, &raw, None);
            self.future.insert(job_id, raw);
        }
        Ok(())
    }

    /// Tells a job that is to be mined now, with the terms that hold for it.
    fn tell_job(&mut self, to: u32, raw: &RawJob, min_ntime: Option<u32>) {
        // Nearly always the same tip and layout for all of them, and the job is made once.
        let mut made: Option<Arc<TipJob>> = None;
        for miner in self.receivers(to) {
            let Some(channel) = &mut miner.channel else { continue };
            let Some(tip) = channel.tip else { continue };
            let size = channel.prefix.len() + channel.rolled;
            let fits = made.as_ref().filter(|job| job.tip == tip && job.extranonce_size() == size).cloned();
            let job = fits.unwrap_or_else(|| raw.on(tip, min_ntime.unwrap_or(tip.min_ntime), size));
            made = Some(job.clone());
            let (prefix, target) = (channel.prefix, channel.target);
            let news = JobNews { id: job.id, job, prefix, target };
            channel.jobs.push(news.clone());
            miner.tell(News::Job(news));
        }
    }

    fn target(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SetTarget<'_> = read(payload, "SetTarget")?;
        let target = target(message.maximum_target.as_bytes())?;
        for miner in self.receivers(message.channel_id) {
            if let Some(channel) = &mut miner.channel {
                channel.target = target;
            }
            miner.tell(News::Target(target));
        }
        Ok(())
    }

    fn prefix(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SetExtranoncePrefix<'_> = read(payload, "SetExtranoncePrefix")?;
        let prefix = prefix(message.extranonce_prefix.as_bytes())?;
        // Of the jobs that follow; each is told with its prefix.
        for channel in self.receivers(message.channel_id).filter_map(|miner| miner.channel.as_mut()) {
            channel.prefix = prefix;
        }
        Ok(())
    }

    fn accepted(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SubmitSharesSuccess = read(payload, "SubmitShares.Success")?;
        let (status, checker) = (self.status.clone(), self.checker.clone());
        for miner in self.receivers(message.channel_id) {
            let Some(channel) = &mut miner.channel else { continue };
            channel.accepted += u64::from(message.new_submits_accepted_count);
            for parcel in channel.in_flight.judged_up_to(message.last_sequence_number) {
                status.judged(true);
                if let Some(checker) = &checker {
                    channel.jobs.accepted(checker, &miner.name, &parcel.share);
                }
                tell(&miner.mailbox, miner.number, News::Accepted(parcel.share.sequence));
            }
        }
        Ok(())
    }

    fn rejected(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SubmitSharesError<'_> = read(payload, "SubmitShares.Error")?;
        let refusal = Refusal::of_sv2(&message.error_code.as_utf8_or_hex());
        let status = self.status.clone();
        for miner in self.receivers(message.channel_id) {
            let Some(channel) = &mut miner.channel else { continue };
            channel.rejected += 1;
            if let Some(parcel) = channel.in_flight.refused(message.sequence_number) {
                status.judged(false);
                tell(&miner.mailbox, miner.number, News::Rejected(parcel.share.sequence, refusal.clone()));
            }
        }
        Ok(())
    }

    /// The pool has closed a channel, or a group of them: their miners ask again.
    fn closed(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::CloseChannel<'_> = read(payload, "CloseChannel")?;
        let (mut gone, status) = (Vec::new(), self.status.clone());
        for miner in self.receivers(message.channel_id) {
            if let Some(channel) = miner.channel.take() {
                gone.push(channel.id);
                status.lose(channel.in_flight.len());
            }
            miner.tell(News::Lost);
            miner.tell(News::Back);
        }
        self.by_id.retain(|id, _| !gone.contains(id));
        Ok(())
    }

    fn grouped(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SetGroupChannel<'_> = read(payload, "SetGroupChannel")?;
        let (group, ids) = (message.group_channel_id, message.channel_ids.into_inner());
        for id in ids {
            for channel in self.receivers(id).filter_map(|miner| miner.channel.as_mut()) {
                channel.group = group;
            }
        }
        Ok(())
    }

    /// The miner of a channel, or all of a group.
    fn receivers(&mut self, id: u32) -> impl Iterator<Item = &mut Miner> {
        let one = self.by_id.get(&id).copied();
        self.miners
            .iter_mut()
            .filter(move |(number, miner)| match one {
                Some(only) => **number == only,
                None => miner.channel.as_ref().is_some_and(|channel| channel.group == id),
            })
            .map(|(_, miner)| miner)
    }
}

impl Miner {
    fn tell(&self, news: News) {
        tell(&self.mailbox, self.number, news);
    }

    /// A share on its way, numbered; where it cannot be, the miner is told.
    fn submit(&mut self, parcel: Parcel, names: bool, status: &JoinStatus) -> Option<Outgoing> {
        let refuse = |miner: &Miner, parcel: &Parcel| {
            status.refused_here();
            miner.tell(News::Rejected(parcel.share.sequence, Refusal::PoolAway));
        };
        let Some(channel) = &mut self.channel else {
            refuse(self, &parcel);
            return None;
        };
        match channel.in_flight.push(parcel.clone()) {
            Ok(sequence) => {
                status.in_flight.fetch_add(1, Relaxed);
                Some(submission(channel.id, sequence, &parcel, names))
            }
            Err(parcel) => {
                refuse(self, &parcel);
                None
            }
        }
    }

    fn resume(
        &mut self,
        pool: &ChannelResumed,
        names: bool,
        status: &JoinStatus,
        checker: Option<&Checker>,
    ) -> Vec<Outgoing> {
        let Some(channel) = &mut self.channel else { return Vec::new() };
        channel.target = pool.target;
        channel.prefix = pool.extranonce_prefix;
        let refused = pool.rejected > channel.rejected;
        (channel.accepted, channel.rejected) = (pool.accepted, pool.rejected);
        // Before the first share was judged the number means nothing.
        if pool.accepted + pool.rejected > 0 {
            for parcel in channel.in_flight.judged_up_to(pool.last_sequence_number) {
                let sequence = parcel.share.sequence;
                status.judged(!refused);
                if let Some(checker) = checker.filter(|_| !refused) {
                    channel.jobs.accepted(checker, &self.name, &parcel.share);
                }
                let verdict = if refused {
                    // Which of them, and why, was said when nobody listened.
                    News::Rejected(sequence, Refusal::PoolLost)
                } else {
                    News::Accepted(sequence)
                };
                tell(&self.mailbox, self.number, verdict);
            }
        }
        let id = channel.id;
        let again = channel.in_flight.iter();
        again.map(|(sequence, parcel)| submission(id, sequence, parcel, names)).collect()
    }
}

fn submission(channel: u32, sequence: u32, parcel: &Parcel, names: bool) -> Outgoing {
    let worker = parcel.worker.as_deref().filter(|_| names);
    let payload = messages::submit(channel, sequence, &parcel.share, worker);
    (mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, true, payload)
}

/// A miner's name below its member: `alice` and `bob.s9` make `alice.bob.s9`.
fn under(user: &str, miner: &str) -> String {
    const LONGEST: usize = 255;
    let rest = below(user, miner);
    let name = if rest.is_empty() { user.to_owned() } else { format!("{user}.{rest}") };
    cut(&name, LONGEST).to_owned()
}

/// What a miner calls itself, without its member: `garage` of both `garage` and
/// `alice.garage`.
pub(super) fn below<'a>(user: &str, miner: &'a str) -> &'a str {
    let own = miner.strip_prefix(user).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    own.map_or(miner, |rest| rest.trim_start_matches('.'))
}

/// As much of `text` as fits into so many bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn read<'a, T: binary_sv2::Deserialize<'a>>(
    payload: &'a mut [u8],
    name: &'static str,
) -> Result<T, UpstreamError> {
    from_bytes(payload).map_err(|_| UpstreamError::Malformed(name))
}

fn hash(bytes: &[u8]) -> Result<Hash256, UpstreamError> {
    bytes.try_into().map(Hash256).map_err(|_| UpstreamError::Malformed("hash"))
}

fn target(bytes: &[u8]) -> Result<Target, UpstreamError> {
    bytes.try_into().map(Target::from_le_bytes).map_err(|_| UpstreamError::Malformed("target"))
}

fn prefix(bytes: &[u8]) -> Result<Extranonce, UpstreamError> {
    Extranonce::new(bytes).map_err(|_| UpstreamError::Malformed("extranonce prefix"))
}

#[cfg(test)]
mod tests;
