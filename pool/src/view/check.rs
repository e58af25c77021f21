//! What anybody needs to check the pool's books.

use crate::described;
use crate::status::LedgerCheck;
use ledger::SignedHead;
use serde::Serialize;

described! {
    /// The ledger, as far as it concerns those who check it.
    #[derive(Clone, Debug, Default, Serialize)]
    pub struct CheckView {
        /// What tells the ledger from others.
        pub ledger: Option<String>,
        /// The pool's authority key, which signs the heads.
        pub authority: String,
        /// Number of the last share on disk.
        pub last_share: u64,
        /// The newest head.
        pub head: Option<HeadView>,
        /// `working`, `stalled` or `failed`.
        pub state: String,
        /// What is wrong and what to do, in words.
        pub detail: Option<String>,
        /// The pool's own last check of its ledger.
        pub last_check: Option<LedgerCheck>,
    }
}

described! {
    /// A slice's head: what the pool has signed.
    #[derive(Clone, Debug, Serialize)]
    pub struct HeadView {
        /// The slice's number.
        pub slice: u64,
        /// Hash of the head, which the next one names.
        pub hash: String,
        /// Hash of the head before.
        pub previous: String,
        /// When its first share came, seconds since the Unix epoch.
        pub opened: u64,
        /// When it ended.
        pub closed: u64,
        /// Why it ended: `time`, `new-prev-hash`, `fee-jump`, `full` or `block`.
        pub reason: String,
        /// Number of its first share.
        pub first_share: u64,
        /// Its shares.
        pub shares: u64,
        /// Expected hashes of all its shares.
        pub work: f64,
        /// Root of the tree of its shares.
        pub shares_root: String,
        /// Root of the tree of what each member did.
        pub members_root: String,
        /// The last entry's hash in the book of blocks and credits.
        pub book: String,
        /// The key that signed it, x-only.
        pub signer: String,
        /// The BIP340 signature of the hash.
        pub signature: String,
    }
}

impl From<&SignedHead> for HeadView {
    fn from(signed: &SignedHead) -> HeadView {
        let head = &signed.head;
        HeadView {
            slice: head.slice,
            hash: head.hash().to_string(),
            previous: head.previous.to_string(),
            opened: head.opened.into(),
            closed: head.closed.into(),
            reason: head.reason.name().to_owned(),
            first_share: head.first_share,
            shares: head.sum.shares,
            work: head.sum.work.0 as f64,
            shares_root: head.shares_root.to_string(),
            members_root: head.members_root.to_string(),
            book: head.book.to_string(),
            signer: hex(&signed.signer),
            signature: hex(&signed.signature),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
