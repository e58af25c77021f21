//! Heads: signed by one key, each naming the one before, and never two for one slice.

use super::discrepancy::Discrepancy;
use super::findings::Findings;
use super::hex;
use crate::head::{LedgerId, SignedHead};
use crate::tagged_hash::Commitment;
use secp256k1::{Secp256k1, VerifyOnly};
use std::collections::{BTreeMap, HashMap, HashSet};
use work::Hash256;

/// The chain of heads as far as it has been read.
pub(super) struct Heads {
    secp: Secp256k1<VerifyOnly>,
    signer: Option<[u8; 32]>,
    /// Keys that may have signed before the first head of `signer`.
    former: Vec<[u8; 32]>,
    ledger: Option<LedgerId>,
    previous: Commitment,
    closed: u32,
    /// Heads that the pool has shown before, by slice.
    known: BTreeMap<u64, SignedHead>,
    last: u64,
    /// The heads that have been read.
    hashes: HashSet<Commitment>,
    /// How many slices were closed when a prev-hash was first mined on.
    tips: HashMap<Hash256, u64>,
    nbits: HashSet<u32>,
}

impl Heads {
    pub(super) fn new(signer: Option<[u8; 32]>, known: Vec<SignedHead>) -> Heads {
        Heads {
            secp: Secp256k1::verification_only(),
            signer,
            former: Vec::new(),
            ledger: None,
            previous: Commitment::default(),
            closed: 0,
            known: known.into_iter().map(|head| (head.head.slice, head)).collect(),
            last: 0,
            hashes: HashSet::new(),
            tips: HashMap::new(),
            nbits: HashSet::new(),
        }
    }

    pub(super) fn after_keys(&mut self, former: Vec<[u8; 32]>) {
        self.former = former;
    }

    pub(super) fn signer(&self) -> Option<[u8; 32]> {
        self.signer
    }

    pub(super) fn ledger_is(&mut self, ledger: LedgerId) {
        self.ledger.get_or_insert(ledger);
    }

    pub(super) fn ledger(&self) -> Option<LedgerId> {
        self.ledger
    }

    /// When the slice before was closed.
    pub(super) fn closed_before(&self) -> u32 {
        self.closed
    }

    pub(super) fn closed(&mut self, at: u32) {
        self.closed = self.closed.max(at);
    }

    /// Checks the head of slice `number`.
    pub(super) fn follow(&mut self, signed: &SignedHead, number: u64, findings: &mut Findings) {
        let (head, hash) = (&signed.head, signed.head.hash());
        let slice = head.slice;
        let mut broken = |what: String| findings.add(Discrepancy::BrokenChain { slice, what });
        if slice != number {
            broken(format!("its number should be {number}"));
        }
        if head.previous != self.previous {
            broken(format!("it names {} as the head before, which is {}", head.previous, self.previous));
        }
        if *self.ledger.get_or_insert(head.ledger) != head.ledger {
            broken("it is of another ledger".to_owned());
        }
        let expected = *self.signer.get_or_insert(signed.signer);
        if signed.signer == expected {
            self.former.clear();
        } else if !self.former.contains(&signed.signer) {
            let (signer, expected) = (hex(&signed.signer), hex(&expected));
            findings.add(Discrepancy::OtherSigner { slice, signer, expected });
        }
        if signed.verify(&self.secp).is_err() {
            findings.add(Discrepancy::BadSignature { slice, signer: hex(&signed.signer) });
        }
        if let Some(known) = self.known.get(&slice)
            && let Some(two) = self.contradiction(known, signed)
        {
            findings.add(two);
        }
        self.previous = hash;
        self.hashes.insert(hash);
        self.last = self.last.max(slice);
    }

    /// Heads that were shown and lie behind the ledger's end.
    pub(super) fn withdrawn(&mut self, findings: &mut Findings) {
        // Told once.
        let behind = self.known.split_off(&(self.last + 1));
        for (slice, known) in &behind {
            // What is not signed by the pool proves nothing.
            let of_the_pool = self.signer.is_none_or(|signer| signer == known.signer);
            let of_this_ledger = self.ledger.is_none_or(|ledger| ledger == known.head.ledger);
            if of_the_pool && of_this_ledger && known.verify(&self.secp).is_ok() {
                let known = known.head.hash().to_string();
                findings.add(Discrepancy::HeadWithdrawn { slice: *slice, known });
            }
        }
    }

    /// Whether there was a head with this hash.
    pub(super) fn had(&self, head: Commitment) -> bool {
        self.hashes.contains(&head)
    }

    /// How many slices were closed when `tip` was first mined on; `now`, if that is now.
    pub(super) fn slice_of_tip(&mut self, tip: &Hash256, now: u64) -> u64 {
        *self.tips.entry(*tip).or_insert(now)
    }

    pub(super) fn note_nbits(&mut self, nbits: u32) {
        self.nbits.insert(nbits);
    }

    /// Whether a job before had this network target.
    pub(super) fn had_nbits(&self, nbits: u32) -> bool {
        self.nbits.contains(&nbits)
    }

    fn contradiction(&self, known: &SignedHead, told: &SignedHead) -> Option<Discrepancy> {
        let both_signed = known.verify(&self.secp).is_ok() && told.verify(&self.secp).is_ok();
        let two = both_signed && contradict(known, told);
        two.then(|| Discrepancy::TwoHistories {
            slice: known.head.slice,
            known: known.head.hash().to_string(),
            told: told.head.hash().to_string(),
        })
    }
}

/// Compares the heads that a pool has shown to two members: where it signed two for one slice
/// of one ledger. Both heads together are proof for anybody.
pub fn compare_heads(one: &[SignedHead], other: &[SignedHead]) -> Vec<Discrepancy> {
    let heads = Heads::new(None, one.to_vec());
    let known = |told: &SignedHead| Some((heads.known.get(&told.head.slice)?, told.clone()));
    let pairs = other.iter().filter_map(known);
    pairs.filter_map(|(known, told)| heads.contradiction(known, &told)).collect()
}

fn contradict(one: &SignedHead, other: &SignedHead) -> bool {
    one.signer == other.signer
        && one.head.ledger == other.head.ledger
        && one.head.slice == other.head.slice
        && one.head.hash() != other.head.hash()
}
