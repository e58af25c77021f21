//! Whom a job pays, and what that comes to for its value.

use super::set::{PayoutError, PayoutSet};
use super::standpoint::Standpoint;
use bitcoin::TxOut;
use ledger::payout::NamedPlan;
use std::sync::Arc;

/// Whom a job pays. Immutable and cheap to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payouts {
    /// A set that is configured, or a miner's own address.
    Set(PayoutSet),
    /// By the ledger.
    Ruled(RuledPayouts),
}

/// Payouts that the ledger decides.
#[derive(Clone, Debug)]
pub struct RuledPayouts {
    /// What is paid by.
    pub standpoint: Arc<Standpoint>,
    /// Who would be the finder; none where it makes no difference.
    pub finder: Option<Arc<str>>,
    /// Bytes that the outputs may take.
    pub room: u32,
}

/// What payouts come to.
#[derive(Clone, Debug, Default)]
pub struct PaidOut {
    /// The outputs, which add up to the value.
    pub outputs: Vec<TxOut>,
    /// What is to be booked if the block is found, where the ledger decides.
    pub plan: Option<Arc<NamedPlan>>,
    /// What the ledger is told that they were computed from; empty where it did not decide.
    pub basis: Vec<u8>,
}

/// What of it decides for whom a job is good. As small for a thousand outputs as for one.
#[derive(Clone, Debug, Default)]
pub struct Spread {
    /// What the ledger is told that the payouts were computed from; empty where it did not decide.
    pub basis: Vec<u8>,
    /// Of payouts that the ledger decides: bytes of the outputs, and how many were left out
    /// because there was no room.
    ruled: Option<(u32, usize)>,
}

impl Payouts {
    /// All to one script.
    pub fn single(script: bitcoin::ScriptBuf) -> Payouts {
        Payouts::Set(PayoutSet::single(script))
    }

    /// The outputs that pay `value` satoshi.
    ///
    /// # Errors
    /// [`PayoutError`]; never outputs of another sum.
    pub fn pay(&self, value: u64) -> Result<PaidOut, PayoutError> {
        match self {
            Payouts::Set(set) => Ok(PaidOut { outputs: set.outputs(value)?, plan: None, basis: Vec::new() }),
            Payouts::Ruled(ruled) => {
                let RuledPayouts { standpoint, finder, room } = ruled;
                let plan = standpoint.plan(value, *room, finder.as_deref())?;
                let basis = standpoint.basis(*room).to_bytes();
                Ok(PaidOut { outputs: plan.plan().tx_outputs(), plan: Some(Arc::new(plan)), basis })
            }
        }
    }

    /// The configured set that a block moves on to its next address, if any is.
    pub fn rotating(&self) -> Option<&PayoutSet> {
        let set = match self {
            Payouts::Set(set) => Some(set),
            Payouts::Ruled(ruled) => ruled.standpoint.host.as_deref(),
        };
        set.filter(|set| set.descriptor_index().is_some())
    }
}

impl Spread {
    /// That of `paid`.
    pub fn of(paid: PaidOut) -> Spread {
        let ruled = paid.plan.map(|plan| (plan.plan().output_bytes(), plan.plan().left_out()));
        Spread { basis: paid.basis, ruled }
    }

    /// Whether a job that pays this out of `mine` may be given to those who are to be paid
    /// `wanted` of the same value: the same, and it fits.
    pub fn serves(&self, mine: &Payouts, wanted: &Payouts) -> bool {
        let (Payouts::Ruled(mine), Payouts::Ruled(wanted), Some((bytes, _))) = (mine, wanted, self.ruled)
        else {
            return mine == wanted;
        };
        mine.differs_in_room_only(wanted) && bytes <= wanted.room
    }

    /// Whether nothing better could be made for `wanted`: it [serves](Self::serves), and
    /// nobody was left out for whom there might be room now.
    pub fn is_best(&self, mine: &Payouts, wanted: &Payouts) -> bool {
        let complete = self.ruled.is_none_or(|(_, left_out)| left_out == 0);
        self.serves(mine, wanted) && (complete || mine == wanted)
    }
}

impl RuledPayouts {
    fn differs_in_room_only(&self, other: &RuledPayouts) -> bool {
        Arc::ptr_eq(&self.standpoint, &other.standpoint) && self.finder == other.finder
    }
}

impl PartialEq for RuledPayouts {
    fn eq(&self, other: &RuledPayouts) -> bool {
        self.differs_in_room_only(other) && self.room == other.room
    }
}

impl Eq for RuledPayouts {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::hashes::Hash;
    use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash};
    use ledger::payout::{Rules, Standing};
    use ledger::reader::Present;

    const VALUE: u64 = 5_000_000_000;

    fn payouts(standpoint: &Arc<Standpoint>, room: u32) -> Payouts {
        Payouts::Ruled(RuledPayouts { standpoint: standpoint.clone(), finder: None, room })
    }

    fn twenty() -> Arc<Standpoint> {
        let address = |number: u8| {
            let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([number; 20]));
            Address::from_script(&script, Network::Regtest).unwrap().to_string()
        };
        let work = (0..20).map(|number| (address(number).into(), ledger::Work(1_000))).collect();
        let present = Present {
            slice: 1,
            book: Default::default(),
            standing: Standing { work, balances: Vec::new() },
            fullness: Default::default(),
            paid_by: Vec::new(),
        };
        Arc::new(Standpoint::new(Rules::default(), None, present, 0x207f_ffff))
    }

    #[test]
    fn payouts_serve_others_that_differ_in_room_only_as_long_as_they_fit() {
        let standpoint = twenty();
        let mine = payouts(&standpoint, 1_000);
        let paid = mine.pay(VALUE).unwrap();
        assert_eq!(paid.outputs.len(), 20);
        let paid = Spread::of(paid);
        for (room, serves) in [(619, false), (620, true), (1_000, true), (9_000, true)] {
            let wanted = payouts(&standpoint, room);
            assert_eq!(
                (paid.serves(&mine, &wanted), paid.is_best(&mine, &wanted)),
                (serves, serves),
                "{room}"
            );
        }
        let otherwise = payouts(&twenty(), 1_000);
        assert!(!paid.serves(&mine, &otherwise), "another state of the ledger");
        // Where some were left out, more room asks for better.
        let short = payouts(&standpoint, 100);
        let paid = short.pay(VALUE).unwrap();
        assert_eq!(paid.outputs.len(), 3);
        let paid = Spread::of(paid);
        assert!(paid.serves(&short, &mine) && !paid.is_best(&short, &mine));
        assert!(paid.is_best(&short, &payouts(&standpoint, 100)));
    }
}
