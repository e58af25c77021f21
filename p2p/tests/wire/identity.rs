//! Who is who: authority keys and the time in certificates.

use super::*;
use noise_sv2::{Initiator, Responder};
use p2p::{AuthorityKey, HandshakeError};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const HOUR: u32 = 3600;

fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}

async fn connect(stream: DuplexStream, key: Option<AuthorityKey>) -> Result<(), HandshakeError> {
    let (read, write) = split(stream);
    noise::connect(read, write, key, &WireLimits::client()).await.map(drop)
}

#[tokio::test]
async fn a_server_with_another_authority_is_refused_and_the_error_names_the_key() {
    let other = AuthorityKeypair::from_secret_bytes(&[0x43; 32]).unwrap().public_key();
    let (near, far) = duplex(1024);
    let (client, _server) = tokio::join!(connect(near, Some(other)), serve(far, WireLimits::server()));
    let error = client.unwrap_err();
    assert!(matches!(error, HandshakeError::WrongAuthority(key) if key == other));
    assert!(error.to_string().contains(&other.to_string()));
}

#[tokio::test]
async fn a_client_without_a_key_believes_any_server() {
    let (near, far) = duplex(1024);
    let (client, _server) = tokio::join!(connect(near, None), serve(far, WireLimits::server()));
    client.unwrap();
}

#[tokio::test]
async fn a_certificate_of_another_time_is_told_apart_from_a_wrong_key() {
    let authority = authority();
    for start in [now() - HOUR, now() + HOUR] {
        let (near, mut far) = duplex(1024);
        let server = async {
            let public = authority.public_key().to_bytes();
            let validity = std::time::Duration::from_secs(60);
            let mut responder = Responder::from_authority_kp(&public, &[0x42; 32], validity).unwrap();
            let mut first = [0; 64];
            far.read_exact(&mut first).await.unwrap();
            let (answer, _) = responder.step_1_with_now_rng(first, start, &mut rand::thread_rng()).unwrap();
            far.write_all(&answer).await.unwrap();
        };
        let (client, ()) = tokio::join!(connect(near, Some(authority.public_key())), server);
        let error = client.unwrap_err();
        assert!(
            matches!(error, HandshakeError::CertificateTime { valid_from, .. } if valid_from == start),
            "{error}"
        );
    }
}

#[tokio::test]
async fn clients_whose_clock_is_off_by_the_better_part_of_an_hour_are_served() {
    for clock in [now() - HOUR + 60, now() + 23 * HOUR] {
        let (mut near, far) = duplex(1024);
        let client = async {
            let mut initiator = Initiator::from_raw_k(authority().public_key().to_bytes()).unwrap();
            near.write_all(&initiator.step_0().unwrap()).await.unwrap();
            let mut answer = [0; 234];
            near.read_exact(&mut answer).await.unwrap();
            initiator.step_2_with_now(answer, clock).map(drop)
        };
        let (client, _server) = tokio::join!(client, serve(far, WireLimits::server()));
        client.unwrap();
    }
}
