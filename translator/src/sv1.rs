//! Stratum V1 as miners speak it: lines, requests, quantities, answers and notices.
//!
//! Nothing here decides anything; that is the [`session`](crate::session)'s part.

pub mod answer;
pub mod json;
pub mod line;
pub mod method;
pub mod notice;
pub mod quantity;
pub mod request;

pub use answer::ErrorCode;
pub use line::{LineBuffer, LineTooLong};
pub use request::{Id, Request};

/// What the first bytes of a connection say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Stratum V1: a JSON object begins.
    Sv1,
    /// Anything else.
    Other,
    /// Not enough bytes to tell.
    Unclear,
}

impl Opening {
    /// Looks at the first bytes: white space, `{`, white space, `"`, and then text.
    ///
    /// A Noise handshake starts with 64 bytes that look random. One in a hundred million
    /// is taken for SV1; a client that tries again starts with others.
    pub fn of(bytes: &[u8]) -> Opening {
        /// Bytes of text that tell: more would make short first lines wait.
        const TEXT: usize = 8;
        const LONGEST: usize = 64;
        let unclear = if bytes.len() < LONGEST { Opening::Unclear } else { Opening::Other };
        let mut rest = bytes.iter().skip_while(|byte| byte.is_ascii_whitespace());
        for expected in [b'{', b'"'] {
            match rest.find(|byte| !byte.is_ascii_whitespace()) {
                None => return unclear,
                Some(byte) if *byte == expected => {}
                Some(_) => return Opening::Other,
            }
        }
        let text = rest.take(TEXT);
        let length = text.clone().count();
        match text.copied().all(|byte| (b' '..=b'~').contains(&byte)) {
            true if length == TEXT => Opening::Sv1,
            true => unclear,
            false => Opening::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_json_from_noise() {
        for sv1 in [&b"{\"id\": 1, \"m"[..], b" \r\n{ \"method\":", b"{\n\t\"id\":null,"] {
            assert_eq!(Opening::of(sv1), Opening::Sv1, "{sv1:?}");
        }
        for other in [&b"\x16\x03\x01"[..], b"GET / HTTP", b"{\x80", b"{\"\x80", b"[1]", &[b' '; 64]] {
            assert_eq!(Opening::of(other), Opening::Other, "{other:?}");
        }
        for unclear in [&b""[..], b"{", b"\n", b"  { ", b"{\"id\":1"] {
            assert_eq!(Opening::of(unclear), Opening::Unclear, "{unclear:?}");
        }
    }
}
