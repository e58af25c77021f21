//! The node's identity on the peer-to-peer network: the node key.
//!
//! The public half, the [`NodeId`], is what members dial: nobody else can answer for it,
//! wherever on the internet the node happens to be. It is an Ed25519 key, apart from the
//! [authority key](crate::authority_key): the one proves which machine this is, the other
//! which pool, and a pool may move to another machine.
//!
//! As text a node id is 52 characters of z-base-32 (it fits a DNS label). The secret is
//! kept as 64 hexadecimal digits in a file of its own, `node.key` in the data folder.

use crate::authority_key::KeyError;
use crate::key_file::{KeyFileError, secret_text};
use iroh_base::SecretKey;
use rand::RngCore;
use std::fs::{File, TryLockError};
use std::path::Path;
use thiserror::Error;
use zeroize::Zeroizing;

/// The public half of a node key: whom to dial, and who is dialling.
///
/// Its `Display` is hexadecimal; people are shown [`NodeId::to_z32`].
pub use iroh_base::EndpointId as NodeId;

/// A node key that is ours alone while this lives.
///
/// Two endpoints that run on one key take each other's connections, so the file is locked
/// (whole file, advisory) until this is dropped. `Debug` shows the public half only.
pub struct NodeKey {
    secret: SecretKey,
    _locked: File,
}

impl NodeKey {
    /// Takes the key in the file at `path`, which is made if there is none: for its owner
    /// alone (mode 0600), and never over another file.
    ///
    /// # Errors
    /// [`KeyFileError::InUse`] while anything else has it; [`KeyFileError::TooOpen`] when
    /// others can read it; [`KeyFileError::Content`]; [`KeyFileError::Io`].
    pub fn load_or_create(path: &Path) -> Result<NodeKey, KeyFileError> {
        match NodeKey::load(path) {
            Err(KeyFileError::Missing(_)) => NodeKey::create(path),
            loaded => loaded,
        }
    }

    /// Takes the key in the file at `path`.
    ///
    /// # Errors
    /// [`KeyFileError::Missing`], else as [`NodeKey::load_or_create`].
    pub fn load(path: &Path) -> Result<NodeKey, KeyFileError> {
        let (file, secret) = read(path)?;
        NodeKey::lock(path, file, secret)
    }

    /// The secret, as an endpoint takes it.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }

    /// The public half.
    pub fn id(&self) -> NodeId {
        self.secret.public()
    }

    fn create(path: &Path) -> Result<NodeKey, KeyFileError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::rngs::OsRng.fill_bytes(bytes.as_mut_slice());
        let file = secret_text::create(path, &to_hex(&bytes))?;
        NodeKey::lock(path, file, SecretKey::from_bytes(&bytes))
    }

    fn lock(path: &Path, file: File, secret: SecretKey) -> Result<NodeKey, KeyFileError> {
        match file.try_lock() {
            Ok(()) => Ok(NodeKey { secret, _locked: file }),
            Err(TryLockError::WouldBlock) => Err(KeyFileError::InUse(path.into())),
            Err(TryLockError::Error(source)) => {
                Err(KeyFileError::Io { action: "lock", path: path.into(), source })
            }
        }
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.id().to_z32())
    }
}

/// The public half of the key in the file at `path`, whether or not a node runs on it.
///
/// # Errors
/// [`KeyFileError::Missing`], [`KeyFileError::TooOpen`], [`KeyFileError::Content`],
/// [`KeyFileError::Io`].
pub fn id_in_file(path: &Path) -> Result<NodeId, KeyFileError> {
    read(path).map(|(_, secret)| secret.public())
}

/// Why a text is not a node id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a node id, which is 52 letters and digits (`punchbowl id` prints this node's); copy it again, a \
     character is wrong or missing"
)]
pub struct NodeIdError(pub String);

/// Reads a node id: 52 characters of z-base-32, or the 64 hexadecimal digits that other
/// Iroh programs print. Case does not matter.
///
/// # Errors
/// [`NodeIdError`].
pub fn parse_node_id(text: &str) -> Result<NodeId, NodeIdError> {
    let lower = text.to_ascii_lowercase();
    let read = match lower.len() {
        Z32_LENGTH => NodeId::from_z32(&lower).ok(),
        HEX_LENGTH => from_hex(&lower).and_then(|bytes| NodeId::from_bytes(&bytes).ok()),
        _ => None,
    };
    read.ok_or_else(|| NodeIdError(shortened(text)))
}

const Z32_LENGTH: usize = 52;
const HEX_LENGTH: usize = 64;

/// Enough of a wrong text to recognise it, so that a complaint is never longer than a line.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 70;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn read(path: &Path) -> Result<(File, SecretKey), KeyFileError> {
    let (file, text) = secret_text::read(path)?;
    let bytes = from_hex(&text)
        .map(Zeroizing::new)
        .ok_or_else(|| KeyFileError::Content { path: path.into(), source: KeyError::Hex })?;
    Ok((file, SecretKey::from_bytes(&bytes)))
}

/// 64 digits and an end of line.
fn to_hex(bytes: &[u8; 32]) -> Zeroizing<String> {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    let mut text = Zeroizing::new(String::with_capacity(HEX_LENGTH + 1));
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 0x0f));
    }
    text.push('\n');
    text
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != HEX_LENGTH {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// RFC 8032, section 7.1, test 1.
    const SECRET: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn folder_with(content: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        (folder, path)
    }

    #[test]
    fn the_first_run_makes_a_key_for_its_owner_alone_and_the_second_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        let made = NodeKey::load_or_create(&path).unwrap().id();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() == 65 && text.ends_with('\n'), "64 digits and an end of line");
        assert_eq!(NodeKey::load_or_create(&path).unwrap().id(), made);
        let other = NodeKey::load_or_create(&folder.path().join("other.key")).unwrap();
        assert_ne!(other.id(), made);
    }

    #[test]
    fn the_digits_are_the_seed_of_an_ed25519_key() {
        let (_folder, path) = folder_with(&format!("# moved from the old machine\n{SECRET}\n"));
        let key = NodeKey::load(&path).unwrap();
        assert_eq!(key.id().to_string(), PUBLIC);
        assert_eq!(key.secret().to_bytes()[..4], [0x9d, 0x61, 0xb1, 0x9d]);
    }

    #[test]
    fn a_key_in_use_is_refused_and_is_free_again_afterwards() {
        let (_folder, path) = folder_with(&format!("{SECRET}\n"));
        let held = NodeKey::load(&path).unwrap();
        let error = NodeKey::load_or_create(&path).unwrap_err();
        assert!(matches!(&error, KeyFileError::InUse(of) if *of == path), "{error}");
        assert_eq!(id_in_file(&path).unwrap(), held.id(), "the public half may be read meanwhile");
        drop(held);
        NodeKey::load(&path).unwrap();
    }

    #[test]
    fn a_new_key_is_locked_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        let _held = NodeKey::load_or_create(&path).unwrap();
        assert!(matches!(NodeKey::load(&path), Err(KeyFileError::InUse(_))));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let (_folder, path) = folder_with(SECRET);
        for open in [0o640, 0o604, 0o660] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let error = NodeKey::load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_that_keeps_the_file_and_does_not_show_it() {
        let short = &SECRET[..63];
        let not_hex = SECRET.replace('9', "g");
        for content in ["", "\n", short, &format!("{SECRET}0"), &not_hex, "\u{e9}\u{e9}"] {
            let (_folder, path) = folder_with(content);
            let error = NodeKey::load_or_create(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Content { source: KeyError::Hex, .. }), "{error}");
            assert!(!error.to_string().contains("61b1"), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        let (_folder, path) = folder_with(SECRET);
        let key = NodeKey::load(&path).unwrap();
        assert_eq!(format!("{key:?}"), format!("NodeKey({})", key.id().to_z32()));
    }

    #[test]
    fn node_ids_are_read_in_both_alphabets_and_either_case() {
        let id = parse_node_id(PUBLIC).unwrap();
        assert_eq!(id.to_string(), PUBLIC);
        assert_eq!(parse_node_id(&id.to_z32()), Ok(id));
        assert_eq!(parse_node_id(&id.to_z32().to_ascii_uppercase()), Ok(id));
    }

    proptest! {
        #[test]
        fn any_node_id_is_read_back(secret: [u8; 32]) {
            let id = SecretKey::from_bytes(&secret).public();
            prop_assert_eq!(id.to_z32().len(), Z32_LENGTH);
            prop_assert_eq!(parse_node_id(&id.to_z32()), Ok(id));
            prop_assert_eq!(parse_node_id(&id.to_string()), Ok(id));
        }

        #[test]
        fn any_secret_is_read_back_from_its_digits(secret: [u8; 32]) {
            prop_assert_eq!(from_hex(to_hex(&secret).trim_end()), Some(secret));
        }

        #[test]
        fn no_text_makes_the_parser_panic_and_none_is_repeated_at_length(text in any::<String>()) {
            if let Err(error) = parse_node_id(&text) {
                prop_assert!(error.0.chars().count() <= 73);
            }
        }

        #[test]
        fn no_text_of_the_right_length_makes_the_parser_panic(text in "[a-z0-9\u{e9}]{52}|[0-9a-g\u{e9}]{64}|[0-9a-f\u{e9}]{32,64}") {
            let _ = parse_node_id(&text);
        }
    }
}
