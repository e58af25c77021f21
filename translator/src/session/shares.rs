//! Shares on their way up, and verdicts on their way down.
//!
//! The verdict is the pool's. Here only what cannot be valid is refused: a job that this
//! miner was not given, an extranonce of another size, bits that are not its own.

use super::jobs::padding;
use super::{Output, Session, Upstream};
use crate::refusal::Refusal;
use crate::sv1::answer;
use crate::sv1::method::Submit;
use crate::sv1::quantity::{Extranonce2, VersionMask};
use crate::sv1::request::Id;
use crate::upstream::{Command, Share};
use std::time::{Duration, Instant};
use work::{Extranonce, ShareFault, Submission};

/// A share that the pool has not judged yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    sequence: u32,
    id: Id,
    since: Instant,
}

/// Shares of one miner that may wait for a verdict.
const MAX_PENDING: usize = 256;
/// How long the pool may take for a verdict: a helper's connection to it may be made anew
/// meanwhile, and the share be delivered then.
const VERDICT: Duration = Duration::from_secs(30);

impl Session {
    pub(super) fn submit(
        &mut self,
        id: &Id,
        submit: Result<Submit<'_>, &'static str>,
        now: Instant,
        out: &mut Output,
    ) {
        if !self.flood.admit(now) {
            return self.refuse(id, &Refusal::TooMany, now, out);
        }
        let missing = match (self.subscribed, &self.name) {
            (false, _) => Some(Refusal::NotSubscribed),
            (true, None) => Some(Refusal::NotAuthorized),
            (true, Some(_)) => None,
        };
        if let Some(refusal) = missing {
            return self.refuse(id, &refusal, now, out);
        }
        match submit.map_err(Refusal::Unreadable).and_then(|submit| self.share(&submit)) {
            Ok(Some(share)) => {
                self.pending.push_back(Pending { sequence: share.sequence, id: id.clone(), since: now });
                out.commands.push(Command::Submit(share));
            }
            // Warmth is all that it is for.
            Ok(None) => {
                self.heat_shares += 1;
                answer::result(&mut out.lines, id, "true");
            }
            Err(Refusal::Fault(fault)) => self.refuse_here(id, fault, now, out),
            Err(refusal) => self.refuse(id, &refusal, now, out),
        }
    }

    /// The share as the pool is to see it; none for one of a heat job.
    fn share(&mut self, submit: &Submit<'_>) -> Result<Option<Share>, Refusal> {
        let Some(live) = self.jobs.find(submit.job).copied() else {
            let fault =
                if self.jobs.was_sent(submit.job) { ShareFault::Stale } else { ShareFault::InvalidJobId };
            return Err(Refusal::Fault(fault));
        };
        let extranonce2 = Extranonce2::parse(submit.extranonce2, self.extranonce2_size)
            .map_err(|_| Refusal::Fault(ShareFault::BadExtranonceSize))?;
        let version = match submit.version_bits {
            None => live.version,
            Some(bits) => {
                let fault = match self.mask {
                    None => ShareFault::VersionRolled,
                    Some(_) => ShareFault::VersionBits,
                };
                let mask = self.mask.unwrap_or(VersionMask(0));
                mask.apply(live.version, bits).ok_or(Refusal::Fault(fault))?
            }
        };
        let Some(job) = live.upstream else { return Ok(None) };
        let Upstream::Open(opened) = self.upstream else { return Err(Refusal::PoolAway) };
        if self.jobs.is_void(&live) {
            return Err(Refusal::Fault(ShareFault::Stale));
        }
        if self.pending.len() >= MAX_PENDING {
            return Err(Refusal::TooMany);
        }
        let rolled = join(padding(opened.rolled, self.below_prefix()), self.extranonce1.as_bytes())
            .and_then(|start| join(start, extranonce2.0.as_bytes()))?;
        self.sequence = self.sequence.wrapping_add(1);
        let submission = Submission { version: version.0, ntime: submit.ntime.0, nonce: submit.nonce.0 };
        Ok(Some(Share { sequence: self.sequence, job, rolled, submission }))
    }

    pub(super) fn accepted(&mut self, sequence: u32, out: &mut Output) {
        self.patience.accepted();
        if let Some(pending) = self.take_pending(sequence) {
            answer::result(&mut out.lines, &pending.id, "true");
        }
    }

    pub(super) fn accepted_through(&mut self, sequence: u32, out: &mut Output) {
        self.patience.accepted();
        // Sequence numbers wrap: what is at most half the circle behind is before.
        while let Some(first) = self.pending.front()
            && sequence.wrapping_sub(first.sequence) < u32::MAX / 2
            && let Some(pending) = self.pending.pop_front()
        {
            answer::result(&mut out.lines, &pending.id, "true");
        }
    }

    pub(super) fn rejected(&mut self, sequence: u32, refusal: &Refusal, now: Instant, out: &mut Output) {
        if let Some(pending) = self.take_pending(sequence) {
            self.refuse(&pending.id, refusal, now, out);
        }
    }

    /// The upstream is gone: each share under way is answered, none silently lost.
    pub(super) fn lose_pending(&mut self, out: &mut Output) {
        for pending in self.pending.drain(..) {
            let refusal = Refusal::PoolLost;
            answer::error(&mut out.lines, &pending.id, refusal.code(), refusal.words());
        }
    }

    pub(super) fn expire_pending(&mut self, now: Instant, out: &mut Output) {
        while self.pending.front().is_some_and(|first| now >= first.since + VERDICT)
            && let Some(pending) = self.pending.pop_front()
        {
            let refusal = Refusal::NoVerdict;
            answer::error(&mut out.lines, &pending.id, refusal.code(), refusal.words());
        }
    }

    pub(super) fn pending_due(&self) -> Option<Instant> {
        self.pending.front().map(|first| first.since + VERDICT)
    }

    fn take_pending(&mut self, sequence: u32) -> Option<Pending> {
        let place = self.pending.iter().position(|pending| pending.sequence == sequence)?;
        self.pending.remove(place)
    }
}

fn join(start: Extranonce, rest: &[u8]) -> Result<Extranonce, Refusal> {
    start.join(rest).map_err(|_| Refusal::Fault(ShareFault::BadExtranonceSize))
}
