//! Heads and proofs as JSON. Bytes are hexadecimal in the order in which they are hashed;
//! numbers of more than 64 bits are decimal texts.

use ledger::reader::ShareProof;
use ledger::{Commitment, SignedHead};
use serde_json::{Value, json};

pub(super) fn head(signed: &SignedHead) -> Value {
    let head = &signed.head;
    json!({
        "slice": head.slice,
        "hash": head.hash().to_string(),
        "ledger": hex(&head.ledger.0),
        "previous": head.previous.to_string(),
        "opened": head.opened,
        "closed": head.closed,
        "reason": head.reason.name(),
        "prev_hash": head.prev_hash.to_string(),
        "first_share": head.first_share,
        "shares": head.sum.shares,
        "work": head.sum.work.0.to_string(),
        "fee_work": head.sum.fee_work.to_string(),
        "shares_root": head.shares_root.to_string(),
        "members_root": head.members_root.to_string(),
        "book": head.book.to_string(),
        "bytes": hex(&head.to_bytes()),
        "signer": hex(&signed.signer),
        "signature": hex(&signed.signature),
    })
}

pub(super) fn proof(proof: &ShareProof) -> Value {
    let share = &proof.share;
    let (terms, submission) = (share.context.terms(), &share.share.submission);
    json!({
        "share": {
            "sequence": share.sequence,
            "received": share.received,
            "member": &*terms.member,
            "worker": &*terms.worker,
            "target": terms.target.to_string(),
            "work": share.context.work().0.to_string(),
            "version": submission.version,
            "ntime": submission.ntime,
            "nonce": submission.nonce,
            "extranonce_prefix": hex(terms.extranonce_prefix.as_bytes()),
            "rolled": hex(share.share.rolled.as_bytes()),
            "header_hash": share.header().map(|header| header.hash().to_string()),
            "context": terms.hash().to_string(),
            "leaf": share.leaf().to_string(),
        },
        "job": {
            "hash": terms.job.hash().to_string(),
            "bytes": hex(&terms.job.to_bytes()),
            "template": hex(&terms.job.template.to_bytes()),
        },
        "index": proof.proof.index,
        "leaves": proof.proof.leaves,
        "path": proof.proof.path.iter().map(Commitment::to_string).collect::<Vec<_>>(),
        "head": head(&proof.head),
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
