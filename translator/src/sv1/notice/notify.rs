//! `mining.notify`: a job.

use crate::sv1::quantity::{JobId, Nbits, Ntime, PrevHash, Version, write_hex};
use std::fmt::Write;
use std::sync::Arc;
use work::Hash256;

/// The part of a job's line that is the same for every miner: nearly all of it. Written
/// once and shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobText {
    /// `"prev-hash","coinbase before the extranonce`, the string not yet closed.
    head: Box<str>,
    /// `coinbase after it",[merkle path],`.
    tail: Box<str>,
}

/// What else a `mining.notify` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notify<'a> {
    /// Its name on this connection.
    pub id: JobId,
    /// The job.
    pub text: &'a JobText,
    /// Extranonce bytes that are not this miner's: they go to the end of the first part
    /// of the coinbase. So the pool may give a connection another prefix at any time, and
    /// the miner, which never sees it, need not support `mining.set_extranonce`.
    pub prefix: &'a [u8],
    /// The header's version.
    pub version: Version,
    /// The network's target.
    pub nbits: Nbits,
    /// Where the time starts.
    pub ntime: Ntime,
    /// Whether older jobs are over.
    pub clean: bool,
}

impl JobText {
    /// `coinbase`: the bytes before and after the extranonce, without BIP141's fields.
    /// `path`: the coinbase's siblings, deepest first.
    pub fn new(prev_hash: &Hash256, coinbase: (&[u8], &[u8]), path: &[Hash256]) -> Arc<JobText> {
        let mut head = String::with_capacity(80 + 2 * coinbase.0.len());
        head.push('"');
        PrevHash(*prev_hash).write(&mut head);
        head.push_str("\",\"");
        write_hex(&mut head, coinbase.0);

        let mut tail = String::with_capacity(8 + 2 * coinbase.1.len() + 67 * path.len());
        write_hex(&mut tail, coinbase.1);
        tail.push_str("\",[");
        for (place, hash) in path.iter().enumerate() {
            tail.push_str(if place == 0 { "\"" } else { ",\"" });
            // As it is hashed, first byte first.
            write_hex(&mut tail, &hash.0);
            tail.push('"');
        }
        tail.push_str("],");
        Arc::new(JobText { head: head.into(), tail: tail.into() })
    }
}

impl Notify<'_> {
    /// Appends the line.
    pub fn write(&self, out: &mut String) {
        let Notify { id, text, prefix, version, nbits, ntime, clean } = self;
        out.reserve(text.head.len() + text.tail.len() + 160);
        out.push_str(r#"{"id":null,"method":"mining.notify","params":["#);
        // Writing to a String cannot fail.
        let _ = write!(out, "\"{id}\",{}", text.head);
        write_hex(out, prefix);
        let _ = writeln!(out, "\",\"{}\"{version}\",\"{nbits}\",\"{ntime}\",{clean}]}}", text.tail);
    }
}
