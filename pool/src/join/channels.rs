//! The miners and their channels at the pool: what comes down is told to whom it concerns,
//! what goes up is under way until it is judged. No IO.

use super::messages;
use super::miner::Request;
use crate::upstream::{InFlight, UpstreamError};
use crate::wire::keep_alive::ChannelResumed;
use binary_sv2::from_bytes;
use mining_sv2 as mining;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::mpsc;
use translator::Refusal;
use translator::sv1::notice::JobText;
use translator::upstream::{Command, Event, Job, OpenChannel, Opened, Share, Terms};
use work::{Extranonce, Hash256, Target};

/// A message for the pool: its type, whether it is a channel's, its payload.
pub(super) type Outgoing = (u8, bool, Vec<u8>);

/// Shares of one miner that may be under way; further ones are refused.
const MAX_IN_FLIGHT: usize = 256;
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
}

#[derive(Debug)]
struct Miner {
    mailbox: mpsc::Sender<Event>,
    /// What it said of itself, for the pool's refusal.
    name: String,
    terms: Option<Terms>,
    channel: Option<Channel>,
}

#[derive(Debug)]
struct Channel {
    id: u32,
    group: u32,
    target: Target,
    prefix: Extranonce,
    tip: Option<Tip>,
    in_flight: InFlight<Share>,
    accepted: u64,
    rejected: u64,
}

#[derive(Clone, Copy, Debug)]
struct Tip {
    prev_hash: Hash256,
    nbits: u32,
    ntime: u32,
}

/// A job that is not on a tip yet.
#[derive(Debug)]
struct RawJob {
    id: u32,
    version: u32,
    version_rolling: bool,
    coinbase: (Vec<u8>, Vec<u8>),
    path: Vec<Hash256>,
}

impl Channels {
    pub(super) fn new(user: Option<String>) -> Channels {
        Channels {
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

    /// What a miner wants; what is to be sent up for it, if there is a connection.
    pub(super) fn request(&mut self, request: Request) -> Vec<Outgoing> {
        let Request { miner: number, command, mailbox } = request;
        let connected = self.connected;
        let miner = self.miners.entry(number).or_insert_with(|| Miner {
            mailbox,
            name: String::new(),
            terms: None,
            channel: None,
        });
        match command {
            Some(Command::Open(open)) => self.open(number, &open),
            Some(Command::Update(terms)) => {
                miner.terms = Some(terms);
                let id = miner.channel.as_ref().map(|channel| channel.id).filter(|_| connected);
                let update = |id| (mining::MESSAGE_TYPE_UPDATE_CHANNEL, true, messages::update(id, &terms));
                id.map(update).into_iter().collect()
            }
            Some(Command::Submit(share)) => miner.submit(share).filter(|_| connected).into_iter().collect(),
            Some(Command::Close) => {
                let gone = self.miners.remove(&number).and_then(|miner| miner.channel);
                self.asked.retain(|_, asking| *asking != number);
                let Some(channel) = gone else { return Vec::new() };
                self.by_id.remove(&channel.id);
                if !connected {
                    return Vec::new();
                }
                vec![(mining::MESSAGE_TYPE_CLOSE_CHANNEL, true, messages::close(channel.id))]
            }
            Some(Command::Refused(_)) | None => Vec::new(),
        }
    }

    fn open(&mut self, number: u64, open: &OpenChannel) -> Vec<Outgoing> {
        let Some(miner) = self.miners.get_mut(&number) else { return Vec::new() };
        let name = match &self.user {
            None => open.name.clone(),
            Some(user) => under(user, &open.name),
        };
        miner.name.clone_from(&name);
        miner.terms = Some(open.terms);
        if !self.connected {
            // Asked again when there is a pool.
            miner.tell(Event::Lost);
            return Vec::new();
        }
        let request = self.next_request;
        self.next_request = self.next_request.wrapping_add(1);
        self.asked.insert(request, number);
        let payload = messages::open(request, &name, &open.terms, open.min_rolled);
        vec![(mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, false, payload)]
    }

    /// There is a connection, with no channel of ours: miners ask for theirs again.
    pub(super) fn start_afresh(&mut self) {
        self.lose_all();
        self.connected = true;
        self.miners.values().for_each(|miner| miner.tell(Event::Back));
    }

    /// The connection is lost, but the channels may go on.
    pub(super) fn interrupted(&mut self) {
        self.connected = false;
        // Who asked for a channel will not be answered.
        for number in std::mem::take(&mut self.asked).into_values() {
            if let Some(miner) = self.miners.get(&number) {
                miner.tell(Event::Lost);
            }
        }
    }

    /// The channels are gone. Miners stay, and know it.
    pub(super) fn lose_all(&mut self) {
        self.connected = false;
        self.asked.clear();
        self.by_id.clear();
        self.future.clear();
        for miner in self.miners.values_mut() {
            miner.channel = None;
            miner.tell(Event::Lost);
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
                Some(resumed) => outgoing.extend(miner.resume(resumed)),
                None => {
                    miner.channel = None;
                    miner.tell(Event::Lost);
                    miner.tell(Event::Back);
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
        miner.channel = Some(Channel {
            id: message.channel_id,
            group: message.group_channel_id,
            target,
            prefix,
            tip: None,
            in_flight: InFlight::new(MAX_IN_FLIGHT),
            accepted: 0,
            rejected: 0,
        });
        miner.tell(Event::Opened(Opened { prefix, rolled: usize::from(message.extranonce_size), target }));
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
            code => format!("the pool opened no channel for '{}': {code}", miner.name),
        };
        miner.tell(Event::Refused(words));
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
        let tip = Tip { prev_hash, nbits: message.nbits, ntime: message.min_ntime };
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
        // Nearly always the same tip for all of them, and the line is written once.
        let mut written: Option<(Hash256, Arc<JobText>)> = None;
        for miner in self.receivers(to) {
            let Some(channel) = &miner.channel else { continue };
            let Some(tip) = channel.tip else { continue };
            let text = match &written {
                Some((prev_hash, text)) if *prev_hash == tip.prev_hash => text.clone(),
                _ => JobText::new(&tip.prev_hash, (&raw.coinbase.0, &raw.coinbase.1), &raw.path),
            };
            written = Some((tip.prev_hash, text.clone()));
            miner.tell(Event::Prefix(channel.prefix));
            miner.tell(Event::Target(channel.target));
            miner.tell(Event::Job(Job {
                id: raw.id,
                text,
                prev_hash: tip.prev_hash,
                version: raw.version,
                version_rolling: raw.version_rolling,
                nbits: tip.nbits,
                ntime: min_ntime.unwrap_or(tip.ntime),
            }));
        }
    }

    fn target(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SetTarget<'_> = read(payload, "SetTarget")?;
        let target = target(message.maximum_target.as_bytes())?;
        for miner in self.receivers(message.channel_id) {
            if let Some(channel) = &mut miner.channel {
                channel.target = target;
            }
            miner.tell(Event::Target(target));
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
        for miner in self.receivers(message.channel_id) {
            let Some(channel) = &mut miner.channel else { continue };
            channel.accepted += u64::from(message.new_submits_accepted_count);
            for share in channel.in_flight.judged_up_to(message.last_sequence_number) {
                tell(&miner.mailbox, Event::Accepted(share.sequence));
            }
        }
        Ok(())
    }

    fn rejected(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::SubmitSharesError<'_> = read(payload, "SubmitShares.Error")?;
        let refusal = Refusal::of_sv2(&message.error_code.as_utf8_or_hex());
        for miner in self.receivers(message.channel_id) {
            let Some(channel) = &mut miner.channel else { continue };
            channel.rejected += 1;
            if let Some(share) = channel.in_flight.refused(message.sequence_number) {
                tell(&miner.mailbox, Event::Rejected(share.sequence, refusal.clone()));
            }
        }
        Ok(())
    }

    /// The pool has closed a channel, or a group of them: their miners ask again.
    fn closed(&mut self, payload: &mut [u8]) -> Result<(), UpstreamError> {
        let message: mining::CloseChannel<'_> = read(payload, "CloseChannel")?;
        let mut gone = Vec::new();
        for miner in self.receivers(message.channel_id) {
            gone.extend(miner.channel.take().map(|channel| channel.id));
            miner.tell(Event::Lost);
            miner.tell(Event::Back);
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
    fn tell(&self, event: Event) {
        tell(&self.mailbox, event);
    }

    /// A share on its way, numbered; where it cannot be, the miner is told.
    fn submit(&mut self, share: Share) -> Option<Outgoing> {
        let Some(channel) = &mut self.channel else {
            self.tell(Event::Rejected(share.sequence, Refusal::PoolAway));
            return None;
        };
        match channel.in_flight.push(share.clone()) {
            Ok(sequence) => Some((
                mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED,
                true,
                messages::submit(channel.id, sequence, &share),
            )),
            Err(share) => {
                self.tell(Event::Rejected(share.sequence, Refusal::PoolAway));
                None
            }
        }
    }

    fn resume(&mut self, pool: &ChannelResumed) -> Vec<Outgoing> {
        let Some(channel) = &mut self.channel else { return Vec::new() };
        channel.target = pool.target;
        channel.prefix = pool.extranonce_prefix;
        let refused = pool.rejected > channel.rejected;
        (channel.accepted, channel.rejected) = (pool.accepted, pool.rejected);
        // Before the first share was judged the number means nothing.
        if pool.accepted + pool.rejected > 0 {
            for share in channel.in_flight.judged_up_to(pool.last_sequence_number) {
                let verdict = if refused {
                    // Which of them, and why, was said when nobody listened.
                    Event::Rejected(share.sequence, Refusal::PoolLost)
                } else {
                    Event::Accepted(share.sequence)
                };
                tell(&self.mailbox, verdict);
            }
        }
        let id = channel.id;
        let again = channel.in_flight.iter().map(|(sequence, share)| {
            (mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, true, messages::submit(id, sequence, share))
        });
        again.collect()
    }
}

/// A miner that lets its mailbox fill up does not read: its connection ends by itself.
fn tell(mailbox: &mpsc::Sender<Event>, event: Event) {
    let _ = mailbox.try_send(event);
}

/// A miner's name below its member: `alice` and `bob.s9` make `alice.bob.s9`.
fn under(user: &str, miner: &str) -> String {
    const LONGEST: usize = 255;
    let own = miner.strip_prefix(user).filter(|rest| rest.is_empty() || rest.starts_with('.'));
    let rest = own.map_or(miner, |rest| rest.trim_start_matches('.'));
    let name = if rest.is_empty() { user.to_owned() } else { format!("{user}.{rest}") };
    let end = (0..=LONGEST.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    name.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
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
