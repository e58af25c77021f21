//! `snow`, a Noise implementation that shares no code with `noise_sv2`, as the other
//! side. Its state machine runs the pattern NX; the ElligatorSwift Diffie-Hellman, the
//! certificate and the framing are put together here from the text of the specification.

use super::*;
use chacha20poly1305::{AeadInPlace, ChaCha20Poly1305, KeyInit};
use secp256k1::{
    Keypair, Message, PublicKey, Secp256k1, SecretKey, XOnlyPublicKey,
    ellswift::{ElligatorSwift, ElligatorSwiftParty},
    hashes::{Hash as _, HashEngine as _, sha256},
    schnorr::Signature,
};
use snow::{
    Builder, Error, HandshakeState, TransportState,
    params::{
        BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList, HandshakePattern,
        HashChoice, NoiseParams,
    },
    resolvers::CryptoResolver,
    types::{Cipher, Dh, Hash, Random},
};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PROTOCOL: &str = "Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256";
const STATIC_SECRET: [u8; 32] = [0x55; 32];

struct SnowPeer {
    stream: DuplexStream,
    transport: TransportState,
}

impl SnowPeer {
    /// Checks the certificate as section 4.5.3 says.
    async fn initiator(mut stream: DuplexStream) -> SnowPeer {
        let mut handshake = builder(true).build_initiator().unwrap();
        let mut first = [0; 64 + 16]; // snow wants room for a MAC even where there is none
        assert_eq!(handshake.write_message(&[], &mut first).unwrap(), 64);
        stream.write_all(&first[..64]).await.unwrap();
        let mut second = [0; 234];
        stream.read_exact(&mut second).await.unwrap();
        let mut certificate = [0; 74];
        assert_eq!(handshake.read_message(&second, &mut certificate).unwrap(), 74);

        let now = seconds_since_epoch();
        let field = |at: usize| u32::from_le_bytes(certificate[at..at + 4].try_into().unwrap());
        assert_eq!(certificate[..2], [0, 0], "version");
        assert!((field(2)..=field(6)).contains(&now));
        let server = ElligatorSwift::from_array(handshake.get_remote_static().unwrap().try_into().unwrap());
        let signature = Signature::from_slice(&certificate[10..]).unwrap();
        let authority = XOnlyPublicKey::from_slice(&authority().public_key().to_bytes()).unwrap();
        let signed = signed_message(&certificate[..10], server);
        Secp256k1::verification_only().verify_schnorr(&signature, &signed, &authority).unwrap();

        SnowPeer::new(stream, handshake)
    }

    /// Signs a certificate as section 4.5.3 says.
    async fn responder(mut stream: DuplexStream) -> SnowPeer {
        let mut handshake =
            builder(false).local_private_key(&STATIC_SECRET).unwrap().build_responder().unwrap();
        let mut first = [0; 64];
        stream.read_exact(&mut first).await.unwrap();
        handshake.read_message(&first, &mut []).unwrap();

        let secp = Secp256k1::signing_only();
        let now = seconds_since_epoch();
        let mut certificate = [[0; 2].as_slice(), &now.to_le_bytes(), &(now + 60).to_le_bytes()].concat();
        let authority = Keypair::from_seckey_slice(&secp, &[0x42; 32]).unwrap();
        let signed = signed_message(&certificate, encode(&STATIC_SECRET));
        certificate.extend(secp.sign_schnorr_no_aux_rand(&signed, &authority).as_ref());

        let mut second = [0; 234];
        assert_eq!(handshake.write_message(&certificate, &mut second).unwrap(), 234);
        stream.write_all(&second).await.unwrap();
        SnowPeer::new(stream, handshake)
    }

    fn new(stream: DuplexStream, handshake: HandshakeState) -> SnowPeer {
        SnowPeer { stream, transport: handshake.into_transport_mode().unwrap() }
    }

    async fn send(&mut self, header: FrameHeader, payload: &[u8]) {
        let mut bytes = Vec::new();
        for plain in std::iter::once(header.to_bytes().as_slice()).chain(payload.chunks(65519)) {
            let mut block = vec![0; plain.len() + 16];
            self.transport.write_message(plain, &mut block).unwrap();
            bytes.extend(block);
        }
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn receive(&mut self) -> (FrameHeader, Vec<u8>) {
        let header = self.block(6).await.try_into().unwrap();
        let header = FrameHeader::from_bytes(header);
        let mut payload = Vec::new();
        while payload.len() < header.length as usize {
            let chunk = self.block((header.length as usize - payload.len()).min(65519)).await;
            payload.extend(chunk);
        }
        (header, payload)
    }

    async fn block(&mut self, length: usize) -> Vec<u8> {
        let mut sealed = vec![0; length + 16];
        self.stream.read_exact(&mut sealed).await.unwrap();
        let mut plain = vec![0; length];
        assert_eq!(self.transport.read_message(&sealed, &mut plain).unwrap(), length);
        plain
    }
}

/// Every telling length, ours to theirs and theirs to ours.
async fn exchange(ours: &mut Side, theirs: &mut SnowPeer) {
    for (number, length) in TELLING_LENGTHS.into_iter().enumerate() {
        let sent = payload(length);
        let header = FrameHeader {
            extension_type: number as u16,
            channel_msg: number % 2 == 0,
            msg_type: 0x1f,
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
async fn snows_client_and_our_server_understand_each_other() {
    let (near, far) = duplex(4096);
    let (mut ours, mut theirs) = tokio::join!(serve(far, wide()), SnowPeer::initiator(near));
    exchange(&mut ours, &mut theirs).await;
}

#[tokio::test]
async fn our_client_and_snows_server_understand_each_other() {
    let (near, far) = duplex(4096);
    let (read, write) = split(near);
    let (limits, key) = (wide(), authority().public_key());
    let (ours, mut theirs) =
        tokio::join!(noise::connect(read, write, Some(key), &limits), SnowPeer::responder(far));
    let (reader, writer) = ours.unwrap();
    exchange(&mut Side { reader, writer }, &mut theirs).await;
}

fn builder(initiator: bool) -> Builder<'static> {
    let handshake = HandshakeChoice {
        pattern: HandshakePattern::NX,
        modifiers: HandshakeModifierList { list: Vec::new() },
    };
    // snow has no name for our Diffie-Hellman; whatever it asks for, `Primitives` gives it ours.
    let params = NoiseParams::new(
        PROTOCOL.into(),
        BaseChoice::Noise,
        handshake,
        DHChoice::Curve25519,
        CipherChoice::ChaChaPoly,
        HashChoice::SHA256,
    );
    Builder::with_resolver(params, Box::new(Primitives { initiator }))
}

fn signed_message(fields: &[u8], server: ElligatorSwift) -> Message {
    let server = PublicKey::from_ellswift(server).x_only_public_key().0.serialize();
    Message::from_digest(sha256::Hash::hash(&[fields, &server].concat()).to_byte_array())
}

fn encode(secret: &[u8; 32]) -> ElligatorSwift {
    let secret = SecretKey::from_slice(secret).unwrap();
    ElligatorSwift::from_pubkey(PublicKey::from_secret_key(&Secp256k1::signing_only(), &secret))
}

fn seconds_since_epoch() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}

/// What snow builds on. The BIP324 exchange depends on which side initiated.
struct Primitives {
    initiator: bool,
}

impl CryptoResolver for Primitives {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(ThreadRandom))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(EllSwift { initiator: self.initiator, secret: [0; 32], public: [0; 64] }))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::new(Sha256(sha256::Hash::engine())))
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(ChaChaPoly(None)))
    }
}

struct ThreadRandom;

impl Random for ThreadRandom {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        rand::Rng::fill(&mut rand::thread_rng(), dest);
        Ok(())
    }
}

struct EllSwift {
    initiator: bool,
    secret: [u8; 32],
    public: [u8; 64],
}

impl Dh for EllSwift {
    fn name(&self) -> &'static str {
        "Secp256k1+EllSwift"
    }

    fn pub_len(&self) -> usize {
        64
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn dh_len(&self) -> usize {
        32
    }

    fn set(&mut self, privkey: &[u8]) {
        self.secret.copy_from_slice(privkey);
        self.public = encode(&self.secret).to_array();
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut secret = [0; 32];
        rng.try_fill_bytes(&mut secret)?;
        self.set(&secret);
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &self.secret
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let ours = ElligatorSwift::from_array(self.public);
        let theirs = ElligatorSwift::from_array(pubkey[..64].try_into().unwrap());
        let secret = SecretKey::from_slice(&self.secret).unwrap();
        let shared = if self.initiator {
            ElligatorSwift::shared_secret(ours, theirs, secret, ElligatorSwiftParty::A, None)
        } else {
            ElligatorSwift::shared_secret(theirs, ours, secret, ElligatorSwiftParty::B, None)
        };
        out[..32].copy_from_slice(&shared.to_secret_bytes());
        Ok(())
    }
}

struct Sha256(sha256::HashEngine);

impl Hash for Sha256 {
    fn name(&self) -> &'static str {
        "SHA256"
    }

    fn block_len(&self) -> usize {
        64
    }

    fn hash_len(&self) -> usize {
        32
    }

    fn reset(&mut self) {
        self.0 = sha256::Hash::engine();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.input(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let engine = std::mem::replace(&mut self.0, sha256::Hash::engine());
        out[..32].copy_from_slice(&sha256::Hash::from_engine(engine).to_byte_array());
    }
}

struct ChaChaPoly(Option<ChaCha20Poly1305>);

impl ChaChaPoly {
    fn nonce(counter: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&counter.to_le_bytes());
        nonce
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = Some(ChaCha20Poly1305::new(key.into()));
    }

    fn encrypt(&self, nonce: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let mut sealed = plaintext.to_vec();
        let cipher = self.0.as_ref().unwrap();
        cipher.encrypt_in_place(&Self::nonce(nonce).into(), authtext, &mut sealed).unwrap();
        out[..sealed.len()].copy_from_slice(&sealed);
        sealed.len()
    }

    fn decrypt(&self, nonce: u64, authtext: &[u8], sealed: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let mut plain = sealed.to_vec();
        let cipher = self.0.as_ref().unwrap();
        let opened = cipher.decrypt_in_place(&Self::nonce(nonce).into(), authtext, &mut plain);
        opened.map_err(|_| Error::Decrypt)?;
        out[..plain.len()].copy_from_slice(&plain);
        Ok(plain.len())
    }
}
