//! Fields of the pool's messages as what they mean.

use crate::upstream::UpstreamError;
use work::{Extranonce, Hash256, Target};

pub(super) fn hash(bytes: &[u8]) -> Result<Hash256, UpstreamError> {
    bytes.try_into().map(Hash256).map_err(|_| UpstreamError::Malformed("hash"))
}

pub(super) fn le_target(bytes: &[u8]) -> Result<Target, UpstreamError> {
    bytes.try_into().map(Target::from_le_bytes).map_err(|_| UpstreamError::Malformed("target"))
}

pub(super) fn extranonce(bytes: &[u8]) -> Result<Extranonce, UpstreamError> {
    Extranonce::new(bytes).map_err(|_| UpstreamError::Malformed("extranonce prefix"))
}
