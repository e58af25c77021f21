//! Both ends of a session without any stream, for tests of one half.
#![allow(clippy::unwrap_used)]

use noise_sv2::{Initiator, NoiseEngine, Responder};

/// Client's and server's end.
pub(super) fn engines() -> (NoiseEngine, NoiseEngine) {
    let authority = crate::AuthorityKeypair::from_secret_bytes(&[1; 32]).unwrap();
    let mut initiator = Initiator::without_pk().unwrap();
    let first = initiator.step_0().unwrap();
    let (second, server) = Responder::new(*authority.keypair(), 60).step_1(first).unwrap();
    (initiator.step_2(second).unwrap(), server)
}
