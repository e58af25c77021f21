//! Reads a ledger from its first share to its last and holds every head against it.

use crate::support::Key;
use ledger::head::members_root;
use ledger::{Commitment, Reader, RecordedShare, SignedHead, Signer, WorkSum, merkle};
use secp256k1::Secp256k1;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// All that is in a ledger.
pub struct Replayed {
    pub shares: Vec<RecordedShare>,
    pub heads: Vec<SignedHead>,
}

impl Replayed {
    /// The numbers that the shares were made of.
    pub fn numbers(&self) -> Vec<u32> {
        self.shares.iter().map(|share| share.share.submission.nonce).collect()
    }
}

/// Replays the ledger at `path`; panics at whatever does not fit.
pub fn replay(path: &Path) -> Replayed {
    let mut reader = Reader::open(path).unwrap();
    let shares: Vec<_> = reader.shares(1, u64::MAX).map(Result::unwrap).collect();
    for (place, share) in shares.iter().enumerate() {
        assert_eq!(share.sequence, place as u64 + 1, "a gap or a share twice");
    }
    assert!(shares.is_sorted_by_key(|share| share.received), "time went back");
    assert_eq!(reader.last_share().unwrap(), shares.len() as u64);

    let (secp, book) = (Secp256k1::verification_only(), reader.book(1, usize::MAX).unwrap());
    let heads = reader.heads(1, usize::MAX).unwrap();
    let (mut previous, mut next_share) = (Commitment::default(), 1);
    for (signed, number) in heads.iter().zip(1..) {
        signed.verify(&secp).unwrap();
        assert_eq!(signed.signer, Key::new().public_key());
        let head = &signed.head;
        assert_eq!((head.slice, head.previous, head.first_share), (number, previous, next_share));
        let of_slice = &shares[head.first_share as usize - 1..head.last_share() as usize];
        assert_eq!(merkle::root(of_slice.iter().map(RecordedShare::leaf)), head.shares_root);
        let sums = sums(of_slice);
        assert_eq!(WorkSum::total(sums.values().copied()), Some(head.sum));
        assert_eq!(members_root(sums.iter().map(|(member, sum)| (&**member, *sum))), head.members_root);
        assert!(head.closed >= of_slice.last().unwrap().received && head.opened == of_slice[0].received);
        let known = head.book == Commitment::default() || book.iter().any(|(_, hash, _)| *hash == head.book);
        assert!(known, "slice {number} names an entry that is not in the book");
        (previous, next_share) = (head.hash(), head.last_share() + 1);
    }
    let mut before = Commitment::default();
    for (_, hash, entry) in &book {
        assert_eq!(entry.hash(before), *hash);
        before = *hash;
    }
    Replayed { shares, heads }
}

/// What each member did in `shares`.
pub fn sums(shares: &[RecordedShare]) -> BTreeMap<Arc<str>, WorkSum> {
    let mut sums: BTreeMap<Arc<str>, WorkSum> = BTreeMap::new();
    for share in shares {
        let terms = share.context.terms();
        let weight = WorkSum::of_shares(1, share.context.work(), terms.job.template.fees).unwrap();
        let sum = sums.entry(terms.member.clone()).or_default();
        *sum = sum.checked_add(weight).unwrap();
    }
    sums
}
