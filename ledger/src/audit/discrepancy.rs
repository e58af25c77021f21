//! What an audit can find, each by the name of the fraud that it would be.

use serde::Serialize;
use std::fmt;

/// Something in a ledger that is not as it must be. Hashes are hexadecimal: blocks and
/// headers as explorers show them, the ledger's own in the order of their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "fraud", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum Discrepancy {
    /// A share is credited at a target that its hash does not meet: it was invented, or is
    /// worth less than it is credited for.
    NoProofOfWork {
        /// Its sequence number.
        share: u64,
        /// Who is credited.
        member: String,
        /// Its hash.
        hash: String,
        /// The target that it is credited at.
        target: String,
    },
    /// A share that no pool may accept.
    BadShare {
        /// Its sequence number.
        share: u64,
        /// Who is credited.
        member: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A share is credited a second time.
    ReusedShare {
        /// Its sequence number.
        share: u64,
        /// Who is credited.
        member: String,
        /// Its hash.
        hash: String,
    },
    /// A share on a block that the pool had left behind long before.
    OldWork {
        /// Its sequence number.
        share: u64,
        /// Who is credited.
        member: String,
        /// What it builds on.
        prev_hash: String,
    },
    /// A member's targets follow the hashes found, as if credited by luck instead of by work.
    CreditedByLuck {
        /// Who.
        member: String,
        /// Their shares.
        shares: u64,
        /// Mean of hash over target in thousandths; 500 for honest shares.
        mean_milli: u32,
    },
    /// Shares that were numbered are not there.
    SharesMissing {
        /// The slice.
        slice: u64,
        /// The first that should follow.
        expected: u64,
        /// The one that does, or none before the slice's end.
        found: Option<u64>,
    },
    /// A time is before one that came before it, or before the work it belongs to.
    Backdated {
        /// The slice.
        slice: u64,
        /// Which times.
        what: String,
    },
    /// A head claims another sum than that of its shares.
    WrongSum {
        /// The slice.
        slice: u64,
        /// Shares and hashes that it claims.
        claimed: String,
        /// Shares and hashes that there are.
        found: String,
    },
    /// A member is credited with other work than that of their shares.
    WrongMemberSum {
        /// The slice.
        slice: u64,
        /// Who.
        member: String,
        /// Shares and hashes that they are credited with.
        claimed: String,
        /// Shares and hashes that there are.
        found: String,
    },
    /// Somebody is credited who has no share at all.
    InventedMember {
        /// The slice.
        slice: u64,
        /// Who.
        member: String,
        /// Shares and hashes that they are credited with.
        claimed: String,
    },
    /// The shares are not those that the head was signed for.
    SharesRewritten {
        /// The slice.
        slice: u64,
    },
    /// What members are said to have done is not what the head was signed for.
    MembersRewritten {
        /// The slice.
        slice: u64,
    },
    /// A head does not follow from the one before.
    BrokenChain {
        /// The slice.
        slice: u64,
        /// What does not follow.
        what: String,
    },
    /// A head's signature does not fit.
    BadSignature {
        /// The slice.
        slice: u64,
        /// Whose it should be.
        signer: String,
    },
    /// A head is signed by somebody else than the pool.
    OtherSigner {
        /// The slice.
        slice: u64,
        /// Who signed it.
        signer: String,
        /// Who should have.
        expected: String,
    },
    /// The pool signed two different heads for one slice.
    TwoHistories {
        /// The slice.
        slice: u64,
        /// The head that was known.
        known: String,
        /// The head that is told now.
        told: String,
    },
    /// A head that the pool signed is in its ledger no more.
    HeadWithdrawn {
        /// The slice.
        slice: u64,
        /// The head that was known.
        known: String,
    },
    /// The book of blocks and credits is not the one that heads were signed for.
    BookRewritten {
        /// The slice whose head shows it.
        slice: u64,
    },
    /// A block in the book is none.
    NoSuchBlock {
        /// Its hash.
        block: String,
        /// Why it is none.
        why: String,
    },
    /// A share was a block, and the book has no word of it.
    BlockConcealed {
        /// Its hash.
        block: String,
        /// Who found it.
        member: String,
    },
    /// A block's credits are not what the rule says.
    WrongBooking {
        /// The block.
        block: String,
        /// Whose.
        member: String,
        /// Due and paid, in sat, that were booked.
        booked: String,
        /// Due and paid, in sat, by the rule.
        right: String,
    },
    /// A block's credits make or lose satoshi.
    UnbalancedBooking {
        /// The block.
        block: String,
    },
    /// A job's coinbase pays somebody else, or something else, than the rule says.
    WrongPayout {
        /// The job.
        job: String,
        /// Its height.
        height: u32,
        /// A share mined on it.
        share: u64,
        /// Who, by their identity or by their output's script.
        member: String,
        /// What the coinbase pays them, in sat.
        paid: u64,
        /// What it must pay them, in sat.
        right: u64,
    },
    /// A job does not say truthfully by what it pays.
    WrongBasis {
        /// The job.
        job: String,
        /// A share mined on it.
        share: u64,
        /// What is wrong.
        why: String,
    },
    /// A job's coinbase commits to a head that this ledger does not have.
    WrongAnchor {
        /// The job.
        job: String,
        /// A share mined on it.
        share: u64,
        /// The head that it names.
        head: String,
    },
    /// A share that the pool accepted is not in its ledger.
    MyShareMissing {
        /// Its hash.
        hash: String,
        /// When it was accepted, seconds since the Unix epoch.
        accepted: u64,
    },
    /// A share is credited at an easier target than it was accepted at.
    MyShareDevalued {
        /// Its sequence number.
        share: u64,
        /// The target at which it is credited.
        credited: String,
        /// The target at which it was accepted.
        accepted: String,
    },
    /// A share of mine is credited to somebody else.
    MyShareTaken {
        /// Its sequence number.
        share: u64,
        /// Whom I mine as.
        mine: String,
        /// Who is credited.
        credited: String,
    },
    /// A block neither pays me nor leaves to my credit what the rule says for my work.
    MyPayoutMissing {
        /// The block.
        block: String,
        /// Its height.
        height: u32,
        /// What its coinbase pays me, in sat.
        paid: u64,
        /// What was booked to my credit, in sat; below zero where a debt of mine is repaid.
        credited: i64,
        /// What it must pay me, in sat.
        right_paid: u64,
        /// What must be booked to my credit, in sat.
        right_credited: i64,
    },
}

impl Discrepancy {
    /// The fraud's name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Discrepancy::NoProofOfWork { .. } => "no-proof-of-work",
            Discrepancy::BadShare { .. } => "bad-share",
            Discrepancy::ReusedShare { .. } => "reused-share",
            Discrepancy::OldWork { .. } => "old-work",
            Discrepancy::CreditedByLuck { .. } => "credited-by-luck",
            Discrepancy::SharesMissing { .. } => "shares-missing",
            Discrepancy::Backdated { .. } => "backdated",
            Discrepancy::WrongSum { .. } => "wrong-sum",
            Discrepancy::WrongMemberSum { .. } => "wrong-member-sum",
            Discrepancy::InventedMember { .. } => "invented-member",
            Discrepancy::SharesRewritten { .. } => "shares-rewritten",
            Discrepancy::MembersRewritten { .. } => "members-rewritten",
            Discrepancy::BrokenChain { .. } => "broken-chain",
            Discrepancy::BadSignature { .. } => "bad-signature",
            Discrepancy::OtherSigner { .. } => "other-signer",
            Discrepancy::TwoHistories { .. } => "two-histories",
            Discrepancy::HeadWithdrawn { .. } => "head-withdrawn",
            Discrepancy::BookRewritten { .. } => "book-rewritten",
            Discrepancy::NoSuchBlock { .. } => "no-such-block",
            Discrepancy::BlockConcealed { .. } => "block-concealed",
            Discrepancy::WrongBooking { .. } => "wrong-booking",
            Discrepancy::UnbalancedBooking { .. } => "unbalanced-booking",
            Discrepancy::WrongPayout { .. } => "wrong-payout",
            Discrepancy::WrongBasis { .. } => "wrong-basis",
            Discrepancy::WrongAnchor { .. } => "wrong-anchor",
            Discrepancy::MyShareMissing { .. } => "my-share-missing",
            Discrepancy::MyShareDevalued { .. } => "my-share-devalued",
            Discrepancy::MyShareTaken { .. } => "my-share-taken",
            Discrepancy::MyPayoutMissing { .. } => "my-payout-missing",
        }
    }
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Discrepancy::NoProofOfWork { share, member, hash, target } => write!(
                f,
                "share {share} of {member} is credited at the target {target}, which its hash {hash} does \
                 not meet"
            ),
            Discrepancy::BadShare { share, member, fault } => {
                write!(f, "share {share} of {member} must not be accepted: {fault}")
            }
            Discrepancy::ReusedShare { share, member, hash } => {
                write!(f, "share {share} of {member} was credited before: {hash}")
            }
            Discrepancy::OldWork { share, member, prev_hash } => write!(
                f,
                "share {share} of {member} builds on {prev_hash}, which the pool had left behind long before"
            ),
            Discrepancy::CreditedByLuck { member, shares, mean_milli } => write!(
                f,
                "the targets of {member}'s {shares} shares follow their hashes: these are at {}.{} % of the \
                 target on average instead of 50 %, as if credited by luck and not by work",
                mean_milli / 10,
                mean_milli % 10
            ),
            Discrepancy::SharesMissing { slice, expected, found: Some(found) } => write!(
                f,
                "in slice {slice}, share {found} follows where {expected} should: those between are missing"
            ),
            Discrepancy::SharesMissing { slice, expected, found: None } => {
                write!(f, "slice {slice} ends where share {expected} should follow")
            }
            Discrepancy::Backdated { slice, what } => write!(f, "in slice {slice}, {what}"),
            Discrepancy::WrongSum { slice, claimed, found } => {
                write!(f, "the head of slice {slice} claims {claimed}; its shares are {found}")
            }
            Discrepancy::WrongMemberSum { slice, member, claimed, found } => {
                write!(f, "in slice {slice}, {member} is credited with {claimed}; their shares are {found}")
            }
            Discrepancy::InventedMember { slice, member, claimed } => {
                write!(f, "in slice {slice}, {member} is credited with {claimed} and has not a single share")
            }
            Discrepancy::SharesRewritten { slice } => {
                write!(f, "the shares of slice {slice} are not those that its head was signed for")
            }
            Discrepancy::MembersRewritten { slice } => {
                write!(f, "what members did in slice {slice} is not what its head was signed for")
            }
            Discrepancy::BrokenChain { slice, what } => {
                write!(f, "the head of slice {slice} does not follow from the one before: {what}")
            }
            Discrepancy::BadSignature { slice, signer } => {
                write!(f, "the head of slice {slice} is not signed by the key {signer}")
            }
            Discrepancy::OtherSigner { slice, signer, expected } => {
                write!(f, "the head of slice {slice} is signed by {signer}, not by the pool's key {expected}")
            }
            Discrepancy::TwoHistories { slice, known, told } => {
                write!(f, "the pool signed two different heads for slice {slice}: {known} and {told}")
            }
            Discrepancy::HeadWithdrawn { slice, known } => {
                write!(f, "the pool signed the head {known} of slice {slice}, and its ledger ends before")
            }
            Discrepancy::BookRewritten { slice } => write!(
                f,
                "the book of blocks and credits is not the one that the head of slice {slice} was signed for"
            ),
            Discrepancy::NoSuchBlock { block, why } => write!(f, "the book has a block {block}, but {why}"),
            Discrepancy::BlockConcealed { block, member } => {
                write!(f, "{member} found the block {block}, and the book has no word of it")
            }
            Discrepancy::WrongBooking { block, member, booked, right } => write!(
                f,
                "for the block {block}, {member} is booked with {booked} where the rule says {right}"
            ),
            Discrepancy::UnbalancedBooking { block } => {
                write!(f, "the credits of the block {block} make or lose satoshi")
            }
            Discrepancy::WrongPayout { job, height, share, member, paid, right } => write!(
                f,
                "the job {job} at height {height} (share {share} was mined on it) pays {member} {paid} sat \
                 where the rule says {right} sat"
            ),
            Discrepancy::WrongBasis { job, share, why } => {
                write!(f, "the job {job} (share {share} was mined on it) {why}")
            }
            Discrepancy::WrongAnchor { job, share, head } => write!(
                f,
                "the job {job} (share {share} was mined on it) commits to the head {head}, which was not in this \
                 ledger then: the pool has kept another one"
            ),
            Discrepancy::MyShareMissing { hash, accepted } => write!(
                f,
                "the share {hash} was accepted at {accepted} (seconds since 1970) and is not in the ledger"
            ),
            Discrepancy::MyShareDevalued { share, credited, accepted } => write!(
                f,
                "share {share} is credited at the target {credited}; it was accepted at {accepted}, which is \
                 harder"
            ),
            Discrepancy::MyShareTaken { share, mine, credited } => {
                write!(f, "share {share}, which I mined as {mine}, is credited to {credited}")
            }
            Discrepancy::MyPayoutMissing { block, height, paid, credited, right_paid, right_credited } => {
                write!(
                    f,
                    "the block {block} (height {height}) pays me {paid} sat and leaves {credited} sat to my credit; by \
                 the rule it had to pay me {right_paid} sat and leave {right_credited} sat"
                )
            }
        }
    }
}
