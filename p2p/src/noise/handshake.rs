//! The two acts of the handshake (SV2 section 4.5): 64 bytes to the server, 234 back.

use super::{FrameReader, FrameWriter, WireLimits};
use crate::authority_key::{AuthorityKey, AuthorityKeypair};
use noise_sv2::{
    ELLSWIFT_ENCODING_SIZE, Error as NoiseError, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE, Initiator,
    NoiseEngine, Responder,
};
use std::{io, time::SystemTime, time::UNIX_EPOCH};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why there is no session.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The transport failed.
    #[error("the connection broke during the Noise handshake: {0}")]
    Io(#[from] io::Error),
    /// The peer closed before its part of the handshake was complete. A server does so
    /// when it expected something else than Noise.
    #[error("the peer closed the connection after {received} of {expected} bytes of the Noise handshake")]
    Closed {
        /// Bytes of the act that arrived.
        received: usize,
        /// Bytes of the act.
        expected: usize,
    },
    /// The answer does not authenticate.
    #[error(
        "the server's handshake does not decrypt; it is not a Stratum V2 server or something on the path changes bytes"
    )]
    Tampered,
    /// The certificate is for another time than our clock shows. Seconds since the epoch.
    #[error(
        "the server's certificate is valid from {valid_from} to {not_valid_after} but the clock here says {now} \
         (seconds since 1970); set the clocks of both machines right"
    )]
    CertificateTime {
        /// Start of validity.
        valid_from: u32,
        /// End of validity.
        not_valid_after: u32,
        /// The clock here.
        now: u32,
    },
    /// The certificate is not signed by the authority that was asked for, or has a
    /// version that we do not know.
    #[error(
        "the server is not certified by the authority key {0}; check that the key in the pool's address is the \
         one that the pool publishes"
    )]
    WrongAuthority(AuthorityKey),
    /// The cipher refused.
    #[error("the Noise handshake failed: {0}")]
    Cipher(String),
}

/// How far in the past a certificate starts, in seconds. Clients allow a clock only
/// some ten seconds behind the start, and clocks of miners are often worse.
const BACKDATE: u32 = 3600;

/// Answers a handshake on the server's side, proving to be `authority`.
///
/// Not cancel-safe: put a deadline around it and drop the connection when it passes.
///
/// # Errors
/// See [`HandshakeError`].
pub async fn accept<R, W>(
    mut read: R,
    mut write: W,
    authority: &AuthorityKeypair,
    limits: &WireLimits,
) -> Result<(FrameReader<R>, FrameWriter<W>), HandshakeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let first: [u8; ELLSWIFT_ENCODING_SIZE] = read_act(&mut read).await?;
    let (second, engine) = answer(authority, first)?;
    write.write_all(&second).await?;
    write.flush().await?;
    Ok(split(read, write, engine, limits))
}

/// Starts a handshake on the client's side. With an `authority`, a server that it has
/// not certified is refused; with `None` anyone is believed, which is for tests only.
///
/// Not cancel-safe: put a deadline around it and drop the connection when it passes.
///
/// # Errors
/// See [`HandshakeError`].
pub async fn connect<R, W>(
    mut read: R,
    mut write: W,
    authority: Option<AuthorityKey>,
    limits: &WireLimits,
) -> Result<(FrameReader<R>, FrameWriter<W>), HandshakeError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut initiator = Initiator::new(authority.map(|key| *key.public()));
    let first = initiator.step_0().map_err(|error| HandshakeError::Cipher(error.to_string()))?;
    write.write_all(&first).await?;
    write.flush().await?;
    let second: [u8; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE] = read_act(&mut read).await?;
    let now = seconds_since_epoch();
    let engine = initiator.step_2_with_now(second, now).map_err(|error| refusal(error, authority, now))?;
    Ok(split(read, write, engine, limits))
}

/// The server's answer. Apart from `accept` so that the responder, which holds keys,
/// is gone before anything is awaited.
fn answer(
    authority: &AuthorityKeypair,
    first: [u8; ELLSWIFT_ENCODING_SIZE],
) -> Result<([u8; INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE], NoiseEngine), HandshakeError> {
    let validity = authority.certificate_validity_seconds().saturating_add(BACKDATE);
    let start = seconds_since_epoch().saturating_sub(BACKDATE);
    let mut rng = rand::thread_rng();
    Responder::new_with_rng(*authority.keypair(), validity, &mut rng)
        .step_1_with_now_rng(first, start, &mut rng)
        .map_err(|error| HandshakeError::Cipher(error.to_string()))
}

fn refusal(error: NoiseError, authority: Option<AuthorityKey>, now: u32) -> HandshakeError {
    match (error, authority) {
        (NoiseError::Aead(_), _) => HandshakeError::Tampered,
        (NoiseError::InvalidCertificate(certificate), Some(authority)) => {
            let (valid_from, not_valid_after) = (certificate.valid_from, certificate.not_valid_after);
            if (valid_from..=not_valid_after).contains(&now) {
                HandshakeError::WrongAuthority(authority)
            } else {
                HandshakeError::CertificateTime { valid_from, not_valid_after, now }
            }
        }
        (other, _) => HandshakeError::Cipher(format!("{other:?}")),
    }
}

async fn read_act<const N: usize>(read: &mut (impl AsyncRead + Unpin)) -> Result<[u8; N], HandshakeError> {
    let mut act = [0; N];
    let mut received = 0;
    while let Some(rest @ [_, ..]) = act.get_mut(received..) {
        match read.read(rest).await? {
            0 => return Err(HandshakeError::Closed { received, expected: N }),
            count => received += count,
        }
    }
    Ok(act)
}

fn split<R, W>(
    read: R,
    write: W,
    engine: NoiseEngine,
    limits: &WireLimits,
) -> (FrameReader<R>, FrameWriter<W>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (encryptor, decryptor) = engine.into_split();
    (FrameReader::new(read, decryptor, limits), FrameWriter::new(write, encryptor, limits))
}

fn seconds_since_epoch() -> u32 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(elapsed.as_secs()).unwrap_or(u32::MAX)
}
