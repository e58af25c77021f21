//! The name of a job.

use super::{QuantityError, digits};
use std::fmt;

/// A job id: a number in hexadecimal, without leading zeros. Unique on a connection and
/// short, because firmware keeps it in small buffers and ignores ids that it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u32);

impl JobId {
    /// Reads an id that a miner has sent back.
    ///
    /// # Errors
    /// When it cannot be one of ours.
    pub fn parse(text: &str) -> Result<JobId, QuantityError> {
        let digits = digits(text)?;
        if digits.is_empty() || digits.len() > 8 {
            return Err(QuantityError::Length(digits.len()));
        }
        u32::from_str_radix(digits, 16).map(JobId).map_err(|_| QuantityError::NotHex)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}
