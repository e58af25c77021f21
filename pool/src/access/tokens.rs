//! Tokens for programs of the host: random, and on disk only as hashes.

use super::password::replace;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

/// Name of the file in a data folder.
pub const TOKENS: &str = "tokens.json";
/// Tokens that there may be.
const MOST: usize = 64;
/// What every token begins with, so that it is recognised where it does not belong.
const PREFIX: &str = "punchbowl_";

/// A token, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What the host calls it.
    pub name: String,
    /// SHA-256 of it, in hex.
    pub hash: String,
    /// When it was made, seconds since the Unix epoch.
    pub made: u64,
}

/// Why tokens cannot be used or made.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be used.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} does not hold tokens ({why}); delete it to revoke all and begin anew", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        why: String,
    },
    /// The name is taken.
    #[error("there is a token called {0:?} already; revoke it, or choose another name")]
    Taken(String),
    /// The name is none.
    #[error("a token's name has 1 to 64 printable letters")]
    Name,
    /// There are too many.
    #[error("there are {MOST} tokens already; revoke those that are not used")]
    TooMany,
    /// There is no such token.
    #[error("there is no token called {0:?}; `punchbowl token list` shows those that there are")]
    Unknown(String),
}

/// The tokens of the pool in `folder`, oldest first.
///
/// # Errors
/// When the file cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Token>, TokenError> {
    let path = folder.join(TOKENS);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TokenError::File { path, source }),
    };
    serde_json::from_str(&text).map_err(|error| TokenError::Damaged { path, why: error.to_string() })
}

/// Makes a token called `name` at `now`. It is shown this once, and never again.
///
/// # Errors
/// When the name is taken or none, there are too many, or the file cannot be written.
pub fn make(folder: &Path, name: &str, now: u64, random: [u8; 32]) -> Result<String, TokenError> {
    let length = name.chars().count();
    if !(1..=64).contains(&length) || name.chars().any(char::is_control) {
        return Err(TokenError::Name);
    }
    let mut tokens = list(folder)?;
    if tokens.iter().any(|token| token.name == name) {
        return Err(TokenError::Taken(name.to_owned()));
    }
    if tokens.len() >= MOST {
        return Err(TokenError::TooMany);
    }
    let text = format!("{PREFIX}{}", random.to_lower_hex_string());
    tokens.push(Token { name: name.to_owned(), hash: hash(&text), made: now });
    write(folder, &tokens)?;
    Ok(text)
}

/// Revokes the token called `name`, from now on.
///
/// # Errors
/// When there is none, or the file cannot be written.
pub fn revoke(folder: &Path, name: &str) -> Result<(), TokenError> {
    let mut tokens = list(folder)?;
    let before = tokens.len();
    tokens.retain(|token| token.name != name);
    if tokens.len() == before {
        return Err(TokenError::Unknown(name.to_owned()));
    }
    write(folder, &tokens)
}

/// The name of the token `text`, if it is one.
///
/// # Errors
/// When the file cannot be read.
pub fn find(folder: &Path, text: &str) -> Result<Option<String>, TokenError> {
    if !text.starts_with(PREFIX) {
        return Ok(None);
    }
    // Whoever measures how long comparing takes learns about hashes, of which they choose none.
    let hash = hash(text);
    Ok(list(folder)?.into_iter().find(|token| token.hash == hash).map(|token| token.name))
}

fn write(folder: &Path, tokens: &[Token]) -> Result<(), TokenError> {
    let path = folder.join(TOKENS);
    // Nothing in it is a map with other keys than text.
    let text = serde_json::to_string_pretty(tokens).unwrap_or_default();
    replace(&path, &format!("{text}\n")).map_err(|source| TokenError::File { path, source })
}

fn hash(text: &str) -> String {
    sha256::Hash::hash(text.as_bytes()).to_byte_array().to_lower_hex_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn only_hashes_are_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let text = make(folder.path(), "scripts", 7, [9; 32]).unwrap();
        let stored = fs::read_to_string(folder.path().join(TOKENS)).unwrap();
        assert!(!stored.contains(text.strip_prefix(PREFIX).unwrap()), "{stored}");
        assert_eq!(find(folder.path(), &text).unwrap().as_deref(), Some("scripts"));
        let of_hash = list(folder.path()).unwrap()[0].hash.clone();
        for wrong in ["", PREFIX, "scripts", &of_hash, &format!("{PREFIX}{of_hash}"), &text[..40]] {
            assert_eq!(find(folder.path(), wrong).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn names_are_unique_and_tokens_are_few() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str, random| make(folder.path(), name, 7, [random; 32]);
        make("a", 0).unwrap();
        assert!(matches!(make("a", 1), Err(TokenError::Taken(_))));
        assert!(matches!(make("", 1), Err(TokenError::Name)));
        assert!(matches!(revoke(folder.path(), "b"), Err(TokenError::Unknown(_))));
        for number in 1..MOST {
            make(&format!("n{number}"), number as u8).unwrap();
        }
        assert!(matches!(make("one more", 255), Err(TokenError::TooMany)));
        revoke(folder.path(), "a").unwrap();
        make("one more", 255).unwrap();
    }

    #[test]
    fn a_damaged_file_lets_nobody_in() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(TOKENS), "[{").unwrap();
        let error = find(folder.path(), "punchbowl_00").unwrap_err().to_string();
        assert!(error.contains("delete it"), "{error}");
    }
}
