//! The password of programs that set commitments: a token in a file of the data folder.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A secret that a request must bring along. Its text is not shown.
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file cannot be read or made.
    #[error("cannot use the token in {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It has been emptied or cut.
    #[error("the token in {path} is too short; delete the file to have one made", path = .0.display())]
    TooShort(PathBuf),
}

impl Token {
    /// The token in the file at `path`, which is made of `fresh` bytes if need be, for its
    /// owner alone.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn load_or_create(path: &Path, fresh: [u8; 32]) -> Result<Token, TokenError> {
        let failed = |source| TokenError::Io { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
                let mut file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
                writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(failed)?;
                text
            }
            Err(error) => return Err(failed(error)),
        };
        if text.len() < 32 {
            return Err(TokenError::TooShort(path.to_owned()));
        }
        Ok(Token(text))
    }

    /// Whether `header`, the value of `Authorization`, brings the token. Takes as long
    /// however much of it is right.
    pub fn is_in(&self, header: &str) -> bool {
        let Some(given) = header.strip_prefix("Bearer ") else { return false };
        let (given, token) = (given.trim().as_bytes(), self.0.as_bytes());
        let differences = given.iter().zip(token).fold(0, |sum, (one, other)| sum | (one ^ other));
        given.len() == token.len() && differences == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_token_is_made_once_for_its_owner_alone_and_nothing_else_is_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::load_or_create(&path, [0xa5; 32]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = "a5".repeat(32);
        assert!(token.is_in(&format!("Bearer {text}")));
        for wrong in
            ["", "Bearer ", &text, &format!("Bearer {text}0"), &format!("Bearer {}", "b5".repeat(32))]
        {
            assert!(!token.is_in(wrong), "{wrong}");
        }
        let again = Token::load_or_create(&path, [1; 32]).unwrap();
        assert!(again.is_in(&format!("Bearer {text}")));
        assert!(!format!("{token:?}").contains("a5"));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(Token::load_or_create(&path, [1; 32]), Err(TokenError::TooShort(_))));
    }
}
