//! Heads: what the pool signs when a slice closes.
//!
//! A head commits to every share of its slice, to what each member did in it, to the book of
//! blocks and credits as it stood, and to the head before. Whoever has one knows whether
//! anything before it is ever changed; whoever has two different ones for one slice can prove
//! that the pool told two stories.

use crate::bytes::{BadBytes, Reading, Writing};
use crate::merkle;
use crate::share_work::{Work, WorkSum};
use crate::tagged_hash::{Commitment, Tag};
use secp256k1::{Message, Secp256k1, VerifyOnly, XOnlyPublicKey, schnorr::Signature};
use thiserror::Error;
use work::Hash256;

/// Tells one ledger from another of the same pool: a pool that has lost its ledger begins a
/// new one, which does not contradict the old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LedgerId(pub [u8; 16]);

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The ledger.
    pub ledger: LedgerId,
    /// The slice's number, from 1, without gaps.
    pub slice: u64,
    /// Hash of the head before; zeros for the first.
    pub previous: Commitment,
    /// Seconds since the Unix epoch at which its first share came.
    pub opened: u32,
    /// Seconds since the Unix epoch at which it was closed; not before any of its shares.
    pub closed: u32,
    /// Why it was closed.
    pub reason: CloseReason,
    /// The prev-hash that its first share was mined on, internal byte order.
    pub prev_hash: Hash256,
    /// Sequence number of its first share. The last is this plus the number of shares, less
    /// one.
    pub first_share: u64,
    /// Shares, their work, and their work times fees.
    pub sum: WorkSum,
    /// Root of the tree of its shares.
    pub shares_root: Commitment,
    /// Root of the tree of what each member did, in the order of their identities' bytes.
    pub members_root: Commitment,
    /// The last entry's hash in the book of blocks and credits; zeros while it is empty.
    pub book: Commitment,
}

/// A head with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// What is signed.
    pub head: Head,
    /// The pool's authority key, x-only as in BIP340.
    pub signer: [u8; 32],
    /// BIP340 signature of the head's hash.
    pub signature: [u8; 64],
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// It was long enough (10 minutes).
    Time,
    /// A share on a prev-hash that was not seen before followed.
    NewPrevHash,
    /// A share on a template with much higher fees followed.
    FeeJump,
    /// It had as many shares as a slice may have.
    Full,
    /// Its last share is a block: rounds end where slices end.
    Block,
}

/// Signs heads. The pool's authority key does; the ledger does not know it.
pub trait Signer: Send {
    /// The public key, x-only.
    fn public_key(&self) -> [u8; 32];
    /// A BIP340 signature of `digest`.
    fn sign(&self, digest: &[u8; 32]) -> [u8; 64];
}

/// A head that its signature does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the head of slice {slice} is not signed by the key {}", Commitment(*.signer))]
pub struct BadSignature {
    /// The slice.
    pub slice: u64,
    /// Whose signature it should be.
    pub signer: [u8; 32],
}

impl Head {
    /// How many bytes a head is.
    pub const BYTES: usize = 16 + 8 + 32 + 4 + 4 + 1 + 32 + 8 + 8 + 16 + 16 + 32 + 32 + 32;

    /// What is signed and what the next head names: `H[head](bytes)`.
    pub fn hash(&self) -> Commitment {
        Tag::Head.hash(&self.to_bytes())
    }

    /// Sequence number of its last share.
    pub fn last_share(&self) -> u64 {
        self.first_share.saturating_add(self.sum.shares).saturating_sub(1)
    }

    /// The layout of `docs/ledger.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Writing::default();
        bytes.raw(&self.ledger.0).u64(self.slice).raw(&self.previous.0);
        bytes.u32(self.opened).u32(self.closed).u8(self.reason.code()).raw(&self.prev_hash.0);
        bytes.u64(self.first_share).u64(self.sum.shares).u128(self.sum.work.0).u128(self.sum.fee_work);
        bytes.raw(&self.shares_root.0).raw(&self.members_root.0).raw(&self.book.0);
        bytes.0
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`BadBytes`] when these are no head.
    pub fn from_bytes(bytes: &[u8]) -> Result<Head, BadBytes> {
        let mut from = Reading(bytes);
        let head = Head {
            ledger: LedgerId(from.array()?),
            slice: from.u64()?,
            previous: Commitment(from.array()?),
            opened: from.u32()?,
            closed: from.u32()?,
            reason: CloseReason::from_code(from.u8()?).ok_or(BadBytes::Meaningless("a reason to close"))?,
            prev_hash: Hash256(from.array()?),
            first_share: from.u64()?,
            sum: WorkSum { shares: from.u64()?, work: Work(from.u128()?), fee_work: from.u128()? },
            shares_root: Commitment(from.array()?),
            members_root: Commitment(from.array()?),
            book: Commitment(from.array()?),
        };
        from.end()?;
        Ok(head)
    }

    /// Signs it.
    pub fn sign(self, signer: &dyn Signer) -> SignedHead {
        let signature = signer.sign(&self.hash().0);
        SignedHead { head: self, signer: signer.public_key(), signature }
    }
}

impl SignedHead {
    /// Checks the signature, by `secp`, which is worth keeping.
    ///
    /// # Errors
    /// [`BadSignature`]. That the signer is the right one is for the caller to check.
    pub fn verify(&self, secp: &Secp256k1<VerifyOnly>) -> Result<(), BadSignature> {
        let bad = BadSignature { slice: self.head.slice, signer: self.signer };
        let key = XOnlyPublicKey::from_slice(&self.signer).map_err(|_| bad)?;
        let signature = Signature::from_slice(&self.signature).map_err(|_| bad)?;
        let digest = Message::from_digest(self.head.hash().0);
        secp.verify_schnorr(&signature, &digest, &key).map_err(|_| bad)
    }
}

impl CloseReason {
    /// Every reason.
    pub const ALL: [CloseReason; 5] = [
        CloseReason::Time,
        CloseReason::NewPrevHash,
        CloseReason::FeeJump,
        CloseReason::Full,
        CloseReason::Block,
    ];

    /// The byte that stands for it in a head.
    pub fn code(self) -> u8 {
        match self {
            CloseReason::Time => 1,
            CloseReason::NewPrevHash => 2,
            CloseReason::FeeJump => 3,
            CloseReason::Full => 4,
            CloseReason::Block => 5,
        }
    }

    /// The reason that `code` stands for.
    pub fn from_code(code: u8) -> Option<CloseReason> {
        CloseReason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// For people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::Time => "time",
            CloseReason::NewPrevHash => "new-prev-hash",
            CloseReason::FeeJump => "fee-jump",
            CloseReason::Full => "full",
            CloseReason::Block => "block",
        }
    }
}

/// A leaf of the members' tree: `H[member-work](shares || work || fee work || identity)`.
pub fn member_leaf(identity: &str, sum: &WorkSum) -> Commitment {
    let mut bytes = Writing::default();
    bytes.u64(sum.shares).u128(sum.work.0).u128(sum.fee_work).raw(identity.as_bytes());
    Tag::MemberWork.hash(&bytes.0)
}

/// The leaves of the members' tree, in their order: by the bytes of the identities, each of
/// which comes once.
pub fn member_leaves<'a>(members: impl IntoIterator<Item = (&'a str, WorkSum)>) -> Vec<Commitment> {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_unstable_by_key(|(identity, _)| identity.as_bytes());
    members.iter().map(|(identity, sum)| member_leaf(identity, sum)).collect()
}

/// The root of the members' tree.
pub fn members_root<'a>(members: impl IntoIterator<Item = (&'a str, WorkSum)>) -> Commitment {
    merkle::root(member_leaves(members))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use secp256k1::{Keypair, SignOnly};

    /// A key for tests.
    pub(crate) struct TestSigner(Keypair, Secp256k1<SignOnly>);

    impl TestSigner {
        pub(crate) fn new(seed: u8) -> TestSigner {
            let secp = Secp256k1::signing_only();
            TestSigner(Keypair::from_seckey_slice(&secp, &[seed; 32]).unwrap(), secp)
        }
    }

    impl Signer for TestSigner {
        fn public_key(&self) -> [u8; 32] {
            self.0.x_only_public_key().0.serialize()
        }
        fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
            *self.1.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.0).as_ref()
        }
    }

    fn head() -> Head {
        Head {
            ledger: LedgerId([9; 16]),
            slice: 3,
            previous: Commitment([1; 32]),
            opened: 100,
            closed: 700,
            reason: CloseReason::Time,
            prev_hash: Hash256([2; 32]),
            first_share: 11,
            sum: WorkSum { shares: 5, work: Work(50), fee_work: 350 },
            shares_root: Commitment([3; 32]),
            members_root: Commitment([4; 32]),
            book: Commitment([5; 32]),
        }
    }

    #[test]
    fn a_signature_holds_for_its_head_and_no_other() {
        let secp = Secp256k1::verification_only();
        let signed = head().sign(&TestSigner::new(1));
        assert_eq!(signed.verify(&secp), Ok(()));
        assert_eq!(signed.head.last_share(), 15);
        let forged = SignedHead { head: Head { closed: 701, ..head() }, ..signed.clone() };
        assert!(forged.verify(&secp).is_err());
        let stolen = SignedHead { signer: TestSigner::new(2).public_key(), ..signed };
        assert!(stolen.verify(&secp).is_err());
    }

    #[test]
    fn the_members_tree_does_not_depend_on_the_order_in_which_members_come() {
        let sum = |shares| WorkSum { shares, work: Work(10), fee_work: 0 };
        let (one, other) = ([("ann", sum(1)), ("bob", sum(2))], [("bob", sum(2)), ("ann", sum(1))]);
        assert_eq!(members_root(one), members_root(other));
        assert_ne!(members_root(one), members_root([("ann", sum(2)), ("bob", sum(1))]));
    }

    proptest! {
        #[test]
        fn a_head_is_read_as_it_was_written_and_no_other_bytes_mean_the_same(at in 0usize..241, bit in 0u8..8) {
            let bytes = head().to_bytes();
            prop_assert_eq!(bytes.len(), 241);
            prop_assert_eq!(Head::from_bytes(&bytes), Ok(head()));
            let mut changed = bytes;
            changed[at] ^= 1 << bit;
            prop_assert!(Head::from_bytes(&changed).ok() != Some(head()));
        }
    }
}
