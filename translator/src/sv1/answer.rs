//! Answers to requests, as lines.

use super::json::write_text;
use super::request::Id;

/// SV1's error numbers, as pools have used them since Slush's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ErrorCode {
    /// Anything else.
    Other = 20,
    /// A job that is over or never was.
    JobNotFound = 21,
    /// Accepted before.
    Duplicate = 22,
    /// Does not meet the difficulty.
    LowDifficulty = 23,
    /// No worker by this name.
    Unauthorized = 24,
    /// `mining.subscribe` is missing.
    NotSubscribed = 25,
    /// No such method.
    UnknownMethod = -3,
}

/// Appends the answer `result`, which is JSON already.
pub fn result(out: &mut String, id: &Id, result: &str) {
    out.push_str("{\"id\":");
    out.push_str(id.as_str());
    out.push_str(",\"result\":");
    out.push_str(result);
    // Some firmware reads an answer without `error` as a failure (ESP-Miner 916).
    out.push_str(",\"error\":null}\n");
}

/// Appends the refusal `code`, with `words` for whoever reads the miner's log.
pub fn error(out: &mut String, id: &Id, code: ErrorCode, words: &str) {
    out.push_str("{\"id\":");
    out.push_str(id.as_str());
    out.push_str(",\"result\":null,\"error\":[");
    out.push_str(&(code as i8).to_string());
    out.push(',');
    write_text(out, words);
    out.push_str(",null]}\n");
}
