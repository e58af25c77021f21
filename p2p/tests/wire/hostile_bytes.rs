//! Streams that are cut, bent, made up or too long.

use super::*;
use aead::Buffer;
use noise_sv2::{Initiator, NoiseEncryptor};
use p2p::{HandshakeError, WireError};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A client that puts its blocks on the wire itself.
struct RawClient {
    stream: DuplexStream,
    cipher: NoiseEncryptor,
}

impl RawClient {
    /// A session with our server.
    async fn with_server(limits: WireLimits) -> (RawClient, Side) {
        let (mut near, far) = duplex(1 << 18);
        let client = async {
            let mut initiator = Initiator::without_pk().unwrap();
            near.write_all(&initiator.step_0().unwrap()).await.unwrap();
            let mut answer = [0; 234];
            near.read_exact(&mut answer).await.unwrap();
            initiator.step_2(answer).unwrap().into_split().0
        };
        let (cipher, server) = tokio::join!(client, serve(far, limits));
        (RawClient { stream: near, cipher }, server)
    }

    fn block(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut block = plain.to_vec();
        self.cipher.encrypt(&mut block).unwrap();
        assert_eq!(Buffer::len(&block), plain.len() + 16);
        block
    }

    fn frame(&mut self, payload: &[u8]) -> Vec<u8> {
        let length = payload.len() as u32;
        let header = FrameHeader { extension_type: 0, channel_msg: true, msg_type: 0x1b, length };
        let mut bytes = self.block(&header.to_bytes());
        for chunk in payload.chunks(65519) {
            bytes.extend(self.block(chunk));
        }
        bytes
    }
}

#[tokio::test]
async fn a_frame_cut_at_any_byte_arrives_whole_even_if_the_reader_is_cancelled_there() {
    let (mut client, mut server) = RawClient::with_server(wide()).await;
    for cut in 0..=22 + 40 + 16 {
        let frame = client.frame(&[cut; 40]);
        let (head, tail) = frame.split_at(usize::from(cut));
        client.stream.write_all(head).await.unwrap();
        if tail.is_empty() {
            assert_eq!(server.reader.next().await.unwrap().unwrap().payload, [cut; 40]);
            continue;
        }
        assert!(at_once(server.reader.next()).await.is_none(), "a frame out of {cut} bytes");
        client.stream.write_all(tail).await.unwrap();
        assert_eq!(server.reader.next().await.unwrap().unwrap().payload, [cut; 40]);
    }
}

#[tokio::test]
async fn frames_that_arrive_byte_by_byte_are_read() {
    let (mut client, mut server) = RawClient::with_server(wide()).await;
    let bytes = [client.frame(&[]), client.frame(&payload(300)), client.frame(&[])].concat();
    let trickle = async {
        for byte in bytes {
            client.stream.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let read = async {
        let mut payloads = Vec::new();
        for _ in 0..3 {
            payloads.push(server.reader.next().await.unwrap().unwrap().payload.to_vec());
        }
        payloads
    };
    assert_eq!(tokio::join!(trickle, read).1, [vec![], payload(300), vec![]]);
}

#[tokio::test]
async fn a_bit_flipped_anywhere_ends_the_session_for_good() {
    let length = 22 + 30 + 16 + 22;
    for at in 0..length {
        let (mut client, mut server) = RawClient::with_server(wide()).await;
        let mut bytes = [client.frame(&[5; 30]), client.frame(&[])].concat();
        assert_eq!(bytes.len(), length);
        bytes[at] ^= 1 << (at % 8);
        client.stream.write_all(&bytes).await.unwrap();
        drop(client);
        if at >= 22 + 30 + 16 {
            assert_eq!(server.reader.next().await.unwrap().unwrap().payload, [5; 30]);
        }
        let error = server.reader.next().await.unwrap_err();
        assert!(matches!(error, WireError::Tampered), "byte {at}: {error}");
        assert!(matches!(server.reader.next().await, Err(WireError::Ended)));
        assert!(matches!(server.reader.try_next(), Err(WireError::Ended)));
    }
}

#[tokio::test]
async fn a_repeated_frame_is_tampering() {
    let (mut client, mut server) = RawClient::with_server(wide()).await;
    let frame = client.frame(b"once");
    client.stream.write_all(&[frame.as_slice(), &frame].concat()).await.unwrap();
    assert_eq!(server.reader.next().await.unwrap().unwrap().payload, b"once");
    assert!(matches!(server.reader.next().await, Err(WireError::Tampered)));
}

#[tokio::test]
async fn a_close_inside_a_frame_is_an_error_wherever_it_is() {
    for kept in 1..22 + 10 + 16 {
        let (mut client, mut server) = RawClient::with_server(wide()).await;
        let frame = client.frame(&[1; 10]);
        client.stream.write_all(&frame[..kept]).await.unwrap();
        drop(client);
        let error = server.reader.next().await.unwrap_err();
        assert!(matches!(error, WireError::Truncated), "after {kept} bytes: {error}");
    }
}

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_when_it_is_announced() {
    let limits = WireLimits { max_frame: 1000, ..WireLimits::server() };
    let (mut client, mut server) = RawClient::with_server(limits).await;
    let fits = client.frame(&[0; 1000]);
    client.stream.write_all(&fits).await.unwrap();
    assert_eq!(server.reader.next().await.unwrap().unwrap().payload.len(), 1000);

    let header = FrameHeader { extension_type: 0, channel_msg: false, msg_type: 0, length: 1001 };
    let announced = client.block(&header.to_bytes());
    client.stream.write_all(&announced).await.unwrap();
    let error = server.reader.next().await.unwrap_err();
    assert!(matches!(error, WireError::Oversize { declared: 1001, max: 1000 }), "{error}");
}

#[tokio::test]
async fn a_handshake_cut_short_says_how_far_it_came() {
    let limits = WireLimits::server();
    for sent in 0..64 {
        let (mut near, far) = duplex(1024);
        near.write_all(&vec![7; sent]).await.unwrap();
        drop(near);
        let (read, write) = split(far);
        let error = noise::accept(read, write, &authority(), &limits).await.unwrap_err();
        assert!(
            matches!(error, HandshakeError::Closed { received, expected: 64 } if received == sent),
            "{error}"
        );
    }
    for sent in 0..234 {
        let (near, mut far) = duplex(1024);
        far.write_all(&vec![7; sent]).await.unwrap();
        far.shutdown().await.unwrap();
        let (read, write) = split(near);
        let error = noise::connect(read, write, None, &limits).await.unwrap_err();
        assert!(
            matches!(error, HandshakeError::Closed { received, expected: 234 } if received == sent),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_bit_flipped_anywhere_in_the_handshake_is_noticed_by_the_client() {
    let authority = authority();
    for at in 0..64 + 234 {
        let (near, mut middle_near) = duplex(1024);
        let (mut middle_far, far) = duplex(1024);
        let path = async {
            let mut acts = [0; 64 + 234];
            let (first, second) = acts.split_at_mut(64);
            middle_near.read_exact(first).await.unwrap();
            if at < 64 {
                first[at] ^= 1 << (at % 8);
            }
            middle_far.write_all(first).await.unwrap();
            middle_far.read_exact(second).await.unwrap();
            if at >= 64 {
                second[at - 64] ^= 1 << (at % 8);
            }
            middle_near.write_all(second).await.unwrap();
        };
        let limits = WireLimits::server();
        let (near_read, near_write) = split(near);
        let (far_read, far_write) = split(far);
        let (client, _server, ()) = tokio::join!(
            noise::connect(near_read, near_write, None, &limits),
            noise::accept(far_read, far_write, &authority, &limits),
            path
        );
        assert!(matches!(client.unwrap_err(), HandshakeError::Tampered), "byte {at}");
    }
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn made_up_bytes_never_become_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let outcome = run(async {
            let (mut client, mut server) = RawClient::with_server(WireLimits::server()).await;
            client.stream.write_all(&bytes).await.unwrap();
            drop(client);
            server.reader.next().await.map(|frame| frame.map(owned))
        });
        match outcome {
            Ok(frame) => prop_assert!(frame.is_none() && bytes.is_empty()),
            Err(WireError::Truncated) => prop_assert!(bytes.len() < 22),
            Err(error) => prop_assert!(matches!(error, WireError::Tampered)),
        }
    }

    #[test]
    fn any_header_followed_by_made_up_bytes_is_handled(
        header: [u8; 6],
        short: bool,
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut header = header;
        if short {
            (header[4], header[5]) = (header[4] % 2, 0);
        }
        let declared = FrameHeader::from_bytes(header).length as usize;
        let outcome = run(async {
            let (mut client, mut server) = RawClient::with_server(WireLimits::server()).await;
            let block = client.block(&header);
            client.stream.write_all(&[block.as_slice(), &bytes].concat()).await.unwrap();
            drop(client);
            server.reader.next().await.map(|frame| frame.map(owned))
        });
        match outcome {
            Ok(frame) => prop_assert_eq!(frame.map(|(header, _)| header.length), Some(0)),
            Err(WireError::Oversize { .. }) => prop_assert!(declared > 128 * 1024),
            Err(WireError::Truncated) => prop_assert!(bytes.len() < declared + 16),
            Err(error) => prop_assert!(matches!(error, WireError::Tampered)),
        }
    }

    #[test]
    fn a_made_up_answer_to_the_handshake_is_refused(bytes in prop::collection::vec(any::<u8>(), 234)) {
        let outcome = run(async {
            let (near, mut far) = duplex(1024);
            far.write_all(&bytes).await.unwrap();
            let (read, write) = split(near);
            noise::connect(read, write, None, &WireLimits::client()).await.map(drop)
        });
        prop_assert!(matches!(outcome, Err(HandshakeError::Tampered)));
    }
}
