//! The start of a connection: `SetupConnection` and the negotiation of extensions.
//!
//! Pure: a message in, an answer out. Sources: SV2 sections 3.6 and 5.3.1, extension
//! 0x0001.

use binary_sv2::Seq064K;
use common_messages_sv2::{
    ERROR_CODE_SETUP_CONNECTION_PROTOCOL_VERSION_MISMATCH,
    ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_FEATURE_FLAGS, ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_PROTOCOL,
    SV2_MINING_PROTOCOL_DISCRIMINANT, SetupConnection,
};
use extensions_sv2::{
    MESSAGE_TYPE_REQUEST_EXTENSIONS_ERROR, MESSAGE_TYPE_REQUEST_EXTENSIONS_SUCCESS, RequestExtensions,
    RequestExtensionsError, RequestExtensionsSuccess,
};

/// `SetupConnection.flags`, bit 0: the client takes `NewMiningJob` only.
pub const REQUIRES_STANDARD_JOBS: u32 = 1;
/// Bit 1: the client will bring its own templates.
pub const REQUIRES_WORK_SELECTION: u32 = 1 << 1;
/// Bit 2: the client needs to roll the version; every job of ours allows it.
pub const REQUIRES_VERSION_ROLLING: u32 = 1 << 2;

/// The only version of the protocol.
const PROTOCOL_VERSION: u16 = 2;
const SUPPORTED_FLAGS: u32 = REQUIRES_STANDARD_JOBS | REQUIRES_VERSION_ROLLING;

/// What a client told of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// It takes `NewMiningJob` only.
    pub standard_jobs: bool,
    /// Vendor, hardware and firmware in its own words, control characters removed.
    pub agent: String,
}

/// A refusal of `SetupConnection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetupRefusal {
    /// Every flag that is the reason; zero when flags are not (SV2 section 3.6.3).
    pub flags: u32,
    /// SV2 error code.
    pub code: &'static str,
}

/// Reads `SetupConnection` and decides about it. `None`: not readable as one.
pub fn setup(payload: &mut [u8]) -> Option<Result<Client, SetupRefusal>> {
    // Looked at first, because a protocol that we do not know has an answer of its own.
    if *payload.first()? != SV2_MINING_PROTOCOL_DISCRIMINANT {
        return Some(Err(SetupRefusal { flags: 0, code: ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_PROTOCOL }));
    }
    let message: SetupConnection<'_> = binary_sv2::from_bytes(payload).ok()?;
    if message.get_version(PROTOCOL_VERSION, PROTOCOL_VERSION).is_none() {
        return Some(Err(SetupRefusal {
            flags: 0,
            code: ERROR_CODE_SETUP_CONNECTION_PROTOCOL_VERSION_MISMATCH,
        }));
    }
    let unsupported = message.flags & !SUPPORTED_FLAGS;
    if unsupported != 0 {
        let code = ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_FEATURE_FLAGS;
        return Some(Err(SetupRefusal { flags: unsupported, code }));
    }
    let words = [message.vendor.as_bytes(), message.hardware_version.as_bytes(), message.firmware.as_bytes()];
    Some(Ok(Client { standard_jobs: message.flags & REQUIRES_STANDARD_JOBS != 0, agent: agent(&words) }))
}

/// The payload of `SetupConnection.Success`: version 2, no flags.
pub fn success() -> [u8; 6] {
    let [low, high] = PROTOCOL_VERSION.to_le_bytes();
    [low, high, 0, 0, 0, 0]
}

/// An answer to `RequestExtensions` (extension 0x0001).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionAnswer {
    /// These are on from now.
    Success(Vec<u16>),
    /// Nothing is on.
    Error {
        /// Asked for but not known here.
        unsupported: Vec<u16>,
        /// Required here but not asked for.
        required: Vec<u16>,
    },
}

/// Extensions that this server knows: worker names in shares.
pub const WORKER_NAMES: u16 = 0x0002;

/// What comes of a `RequestExtensions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// These are on from now; none where nothing was granted.
    pub granted: Option<Vec<u16>>,
    /// The answer's message type.
    pub msg_type: u8,
    /// The answer's payload.
    pub payload: Vec<u8>,
}

/// Reads `RequestExtensions` and answers it. `None`: not readable as one.
pub fn request_extensions(payload: &mut [u8], supported: &[u16], required: &[u16]) -> Option<Negotiated> {
    let request: RequestExtensions<'_> = binary_sv2::from_bytes(payload).ok()?;
    let request_id = request.request_id;
    let requested: Vec<u16> = request.requested_extensions.into_inner();
    let list = |ids: Vec<u16>| Seq064K::new(ids).ok();
    let (granted, msg_type, payload) = match negotiate(&requested, supported, required) {
        ExtensionAnswer::Success(granted) => {
            let supported_extensions = list(granted.clone())?;
            let message = RequestExtensionsSuccess { request_id, supported_extensions };
            (Some(granted), MESSAGE_TYPE_REQUEST_EXTENSIONS_SUCCESS, binary_sv2::to_bytes(message))
        }
        ExtensionAnswer::Error { unsupported, required } => {
            let message = RequestExtensionsError {
                request_id,
                unsupported_extensions: list(unsupported)?,
                required_extensions: list(required)?,
            };
            (None, MESSAGE_TYPE_REQUEST_EXTENSIONS_ERROR, binary_sv2::to_bytes(message))
        }
    };
    Some(Negotiated { granted, msg_type, payload: payload.ok()? })
}

/// Decides which of the `requested` extensions are on.
pub fn negotiate(requested: &[u16], supported: &[u16], required: &[u16]) -> ExtensionAnswer {
    let granted: Vec<u16> = requested.iter().copied().filter(|wanted| supported.contains(wanted)).collect();
    let missing: Vec<u16> = required.iter().copied().filter(|needed| !granted.contains(needed)).collect();
    if !missing.is_empty() || (granted.is_empty() && !requested.is_empty()) {
        let unsupported = requested.iter().copied().filter(|wanted| !supported.contains(wanted)).collect();
        return ExtensionAnswer::Error { unsupported, required: missing };
    }
    ExtensionAnswer::Success(granted)
}

/// Vendor, hardware and firmware as one printable line.
fn agent(words: &[&[u8]]) -> String {
    const LONGEST: usize = 96;
    let clean = |word: &[u8]| -> String {
        String::from_utf8_lossy(word).chars().filter(|letter| !letter.is_control()).collect()
    };
    let words: Vec<String> =
        words.iter().map(|word| clean(word)).filter(|word| !word.trim().is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use common_messages_sv2::Protocol;

    fn message(flags: u32, versions: (u16, u16), vendor: &str) -> Vec<u8> {
        let message = SetupConnection {
            protocol: Protocol::MiningProtocol,
            min_version: versions.0,
            max_version: versions.1,
            flags,
            endpoint_host: "pool".try_into().unwrap(),
            endpoint_port: 34254,
            vendor: vendor.try_into().unwrap(),
            hardware_version: "S19".try_into().unwrap(),
            firmware: "".try_into().unwrap(),
            device_id: "".try_into().unwrap(),
        };
        binary_sv2::to_bytes(message).unwrap()
    }

    #[test]
    fn a_mining_client_is_welcome_even_without_a_vendor() {
        let client =
            setup(&mut message(REQUIRES_STANDARD_JOBS | REQUIRES_VERSION_ROLLING, (2, 2), "")).unwrap();
        assert_eq!(client, Ok(Client { standard_jobs: true, agent: "S19".into() }));
    }

    #[test]
    fn every_unsupported_flag_is_named_in_the_refusal() {
        let refusal =
            setup(&mut message(REQUIRES_WORK_SELECTION | 1 << 9 | 1, (2, 2), "x")).unwrap().unwrap_err();
        assert_eq!(refusal.flags, REQUIRES_WORK_SELECTION | 1 << 9);
        assert_eq!(refusal.code, "unsupported-feature-flags");
    }

    #[test]
    fn other_versions_and_protocols_are_refused_without_flags() {
        let refusal = setup(&mut message(0, (3, 9), "x")).unwrap().unwrap_err();
        assert_eq!(refusal, SetupRefusal { flags: 0, code: "protocol-version-mismatch" });
        let mut other = message(0, (2, 2), "x");
        other[0] = 9;
        assert_eq!(
            setup(&mut other).unwrap().unwrap_err(),
            SetupRefusal { flags: 0, code: "unsupported-protocol" }
        );
    }

    #[test]
    fn a_cut_message_is_not_a_setup() {
        let whole = message(0, (2, 2), "x");
        assert!((0..whole.len()).all(|length| {
            let mut cut = whole[..length].to_vec();
            !matches!(setup(&mut cut), Some(Ok(_)))
        }));
    }

    #[test]
    fn control_characters_do_not_reach_logs() {
        let client = setup(&mut message(0, (2, 2), "evil\n\u{1b}[31m")).unwrap().unwrap();
        assert_eq!(client.agent, "evil[31m S19");
    }

    #[test]
    fn extensions_are_negotiated_as_the_specifications_examples_say() {
        use ExtensionAnswer::{Error, Success};
        assert_eq!(negotiate(&[2, 3], &[2], &[]), Success(vec![2]));
        assert_eq!(negotiate(&[2], &[], &[]), Error { unsupported: vec![2], required: vec![] });
        assert_eq!(negotiate(&[2, 3], &[2, 5], &[5]), Error { unsupported: vec![3], required: vec![5] });
        assert_eq!(negotiate(&[], &[2], &[]), Success(vec![]));
    }
}
