//! What is told as JSON. Bytes are hexadecimal in the order in which they are hashed; numbers of
//! more than 64 bits are decimal texts.

use crate::described;
use ledger::reader::ShareProof;
use ledger::{Commitment, SignedHead};
use serde::Serialize;

described! {
    /// Which ledger it is, and how long.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditView {
        /// What tells the ledger from others.
        pub ledger: String,
        /// The chain that its pool mines on.
        pub network: String,
        /// Number of the last share.
        pub shares: u64,
        /// Number of the last slice that has ended.
        pub slices: u64,
        /// Number of the last entry of the book.
        pub entries: u64,
        /// The key that signs, x-only; none before the first slice has ended.
        pub signer: Option<String>,
        /// The newest head.
        pub last_head: Option<AuditHead>,
    }
}

described! {
    /// Signed heads, oldest first.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditHeads {
        /// The heads.
        pub heads: Vec<AuditHead>,
        /// The slice to go on with; none after the last.
        pub next: Option<u64>,
    }
}

described! {
    /// A slice's head, with the bytes that are signed.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditHead {
        /// The slice's number.
        pub slice: u64,
        /// Hash of the head, which is signed and which the next one names.
        pub hash: String,
        /// Of which ledger.
        pub ledger: String,
        /// Hash of the head before.
        pub previous: String,
        /// When its first share came, seconds since the Unix epoch.
        pub opened: u32,
        /// When it ended.
        pub closed: u32,
        /// Why it ended.
        pub reason: String,
        /// The block that its last job builds on, display order.
        pub prev_hash: String,
        /// Number of its first share.
        pub first_share: u64,
        /// Its shares.
        pub shares: u64,
        /// Expected hashes of all its shares.
        pub work: String,
        /// The same, each times the fees of its template.
        pub fee_work: String,
        /// Root of the tree of its shares.
        pub shares_root: String,
        /// Root of the tree of what each member did.
        pub members_root: String,
        /// The last entry's hash in the book.
        pub book: String,
        /// The head's bytes.
        pub bytes: String,
        /// The key that signed it, x-only.
        pub signer: String,
        /// The BIP340 signature of the hash.
        pub signature: String,
    }
}

described! {
    /// That a share is in its slice.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditProof {
        /// The share.
        pub share: AuditShare,
        /// The job that it was mined on.
        pub job: AuditJob,
        /// The share's place among the leaves, from 0.
        pub index: u64,
        /// How many leaves there are.
        pub leaves: u64,
        /// From the leaf's neighbour up to the root.
        pub path: Vec<String>,
        /// The slice's head.
        pub head: AuditHead,
    }
}

described! {
    /// A share with all that computes its hash.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditShare {
        /// Its number.
        pub sequence: u64,
        /// When it came, seconds since the Unix epoch.
        pub received: u32,
        /// Whose.
        pub member: String,
        /// On which worker.
        pub worker: String,
        /// What its hash had to meet.
        pub target: String,
        /// Expected hashes for that.
        pub work: String,
        /// The header's version.
        pub version: u32,
        /// The header's time.
        pub ntime: u32,
        /// The header's nonce.
        pub nonce: u32,
        /// The part of the extranonce that the pool gave.
        pub extranonce_prefix: String,
        /// The part that the miner rolled.
        pub rolled: String,
        /// The hash of its header, display order.
        pub header_hash: Option<String>,
        /// Hash of what it has in common with others.
        pub context: String,
        /// Its leaf in the tree of shares.
        pub leaf: String,
    }
}

described! {
    /// A job as the ledger keeps it.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditJob {
        /// Its hash.
        pub hash: String,
        /// Its bytes.
        pub bytes: String,
        /// The bytes of its template's record.
        pub template: String,
    }
}

impl From<&SignedHead> for AuditHead {
    fn from(signed: &SignedHead) -> AuditHead {
        let head = &signed.head;
        AuditHead {
            slice: head.slice,
            hash: head.hash().to_string(),
            ledger: hex(&head.ledger.0),
            previous: head.previous.to_string(),
            opened: head.opened,
            closed: head.closed,
            reason: head.reason.name().to_owned(),
            prev_hash: head.prev_hash.to_string(),
            first_share: head.first_share,
            shares: head.sum.shares,
            work: head.sum.work.0.to_string(),
            fee_work: head.sum.fee_work.to_string(),
            shares_root: head.shares_root.to_string(),
            members_root: head.members_root.to_string(),
            book: head.book.to_string(),
            bytes: hex(&head.to_bytes()),
            signer: hex(&signed.signer),
            signature: hex(&signed.signature),
        }
    }
}

impl From<&ShareProof> for AuditProof {
    fn from(proof: &ShareProof) -> AuditProof {
        let share = &proof.share;
        let (terms, submission) = (share.context.terms(), &share.share.submission);
        AuditProof {
            share: AuditShare {
                sequence: share.sequence,
                received: share.received,
                member: terms.member.to_string(),
                worker: terms.worker.to_string(),
                target: terms.target.to_string(),
                work: share.context.work().0.to_string(),
                version: submission.version,
                ntime: submission.ntime,
                nonce: submission.nonce,
                extranonce_prefix: hex(terms.extranonce_prefix.as_bytes()),
                rolled: hex(share.share.rolled.as_bytes()),
                header_hash: share.header().map(|header| header.hash().to_string()),
                context: terms.hash().to_string(),
                leaf: share.leaf().to_string(),
            },
            job: AuditJob {
                hash: terms.job.hash().to_string(),
                bytes: hex(&terms.job.to_bytes()),
                template: hex(&terms.job.template.to_bytes()),
            },
            index: proof.proof.index,
            leaves: proof.proof.leaves,
            path: proof.proof.path.iter().map(Commitment::to_string).collect(),
            head: AuditHead::from(&proof.head),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
