//! SRI's `codec_sv2` as the other side: its bytes are read here and ours are read there.

use super::*;
use codec_sv2::{
    Decrypted, Handshake, NoiseDecoder, NoiseEncoder, Transport, TransportDecryptState, TransportEncryptState,
};
use framing_sv2::framing::SerializedFrame;
use noise_sv2::{Initiator, Responder};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct CodecPeer {
    stream: DuplexStream,
    encoder: NoiseEncoder,
    encrypt: TransportEncryptState,
    decoder: NoiseDecoder,
    decrypt: Option<TransportDecryptState>,
}

impl CodecPeer {
    async fn initiator(mut stream: DuplexStream) -> CodecPeer {
        let key = authority().public_key().to_bytes();
        let (first, handshake) = Handshake::initiator(Initiator::from_raw_k(key).unwrap()).step_0().unwrap();
        stream.write_all(first.payload()).await.unwrap();
        let mut second = [0; 234];
        stream.read_exact(&mut second).await.unwrap();
        CodecPeer::new(stream, handshake.step_2(second).unwrap())
    }

    async fn responder(mut stream: DuplexStream) -> CodecPeer {
        let public = authority().public_key().to_bytes();
        let role = Responder::from_authority_kp(&public, &[0x42; 32], Duration::from_secs(60)).unwrap();
        let mut first = [0; 64];
        stream.read_exact(&mut first).await.unwrap();
        let (second, transport) = Handshake::responder(role).step_1(first).unwrap();
        stream.write_all(second.payload()).await.unwrap();
        CodecPeer::new(stream, transport)
    }

    fn new(stream: DuplexStream, transport: Transport) -> CodecPeer {
        let (encrypt, decrypt) = transport.split();
        let (encoder, decoder) = (NoiseEncoder::new(), NoiseDecoder::new());
        CodecPeer { stream, encoder, encrypt, decoder, decrypt: Some(decrypt) }
    }

    async fn send(&mut self, header: FrameHeader, payload: &[u8]) {
        let bytes = [header.to_bytes().as_slice(), payload].concat();
        let frame = SerializedFrame::from_bytes(bytes).unwrap();
        let sealed = self.encoder.encode_transport(frame, &mut self.encrypt).unwrap();
        self.stream.write_all(sealed.as_ref()).await.unwrap();
    }

    async fn receive(&mut self) -> (FrameHeader, Vec<u8>) {
        loop {
            self.stream.read_exact(self.decoder.writable()).await.unwrap();
            match self.decoder.next_transport_frame(self.decrypt.take().unwrap()).unwrap() {
                Decrypted::Frame(mut frame, decrypt) => {
                    self.decrypt = Some(decrypt);
                    let header = FrameHeader {
                        extension_type: frame.header().ext_type_without_channel_msg(),
                        channel_msg: frame.header().channel_msg(),
                        msg_type: frame.header().msg_type(),
                        length: frame.header().payload_length() as u32,
                    };
                    return (header, frame.payload().to_vec());
                }
                Decrypted::Incomplete(_, decrypt) => self.decrypt = Some(decrypt),
            }
        }
    }
}

/// Every telling length, ours to theirs and theirs to ours.
async fn exchange(ours: &mut Side, theirs: &mut CodecPeer) {
    for (number, length) in TELLING_LENGTHS.into_iter().enumerate() {
        let sent = payload(length);
        let header = FrameHeader {
            extension_type: number as u16,
            channel_msg: number % 2 == 1,
            msg_type: 0x20,
            length: length as u32,
        };

        ours.writer.queue(header.extension_type, header.channel_msg, header.msg_type, &[&sent]).unwrap();
        let (flushed, received) = tokio::join!(ours.writer.flush(), theirs.receive());
        flushed.unwrap();
        assert!(received == (header, sent.clone()), "ours of {length} bytes was read differently");

        let ((), received) = tokio::join!(theirs.send(header, &sent), ours.reader.next());
        assert!(owned(received.unwrap().unwrap()) == (header, sent), "theirs of {length} bytes differs");
    }
}

#[tokio::test]
async fn sris_client_and_our_server_understand_each_other() {
    let (near, far) = duplex(4096);
    let (mut ours, mut theirs) = tokio::join!(serve(far, wide()), CodecPeer::initiator(near));
    exchange(&mut ours, &mut theirs).await;
}

#[tokio::test]
async fn our_client_and_sris_server_understand_each_other() {
    let (near, far) = duplex(4096);
    let (read, write) = split(near);
    let (limits, key) = (wide(), authority().public_key());
    let (ours, mut theirs) =
        tokio::join!(noise::connect(read, write, Some(key), &limits), CodecPeer::responder(far));
    let (reader, writer) = ours.unwrap();
    exchange(&mut Side { reader, writer }, &mut theirs).await;
}
