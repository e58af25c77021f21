//! Bytes from a socket, cut into lines.
//!
//! SV1 has no frames: a message ends where the line does. So what a miner sends before
//! its first newline must be bounded, and is here; how long it may take is for the
//! driver's deadlines.

use thiserror::Error;

/// The longest line taken, in bytes. The longest honest one is a share with a long
/// worker name, some 500 bytes.
pub const MAX_LINE: usize = 8 * 1024;

/// Room that an idle miner's buffer may keep.
const KEPT: usize = 1024;

/// A line that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line of more than {MAX_LINE} bytes")]
pub struct LineTooLong;

/// What has arrived and is not yet a line.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line starts.
    start: usize,
    /// Up to here there is no end of line.
    scanned: usize,
}

impl LineBuffer {
    /// Appends what was read. Hand in no more than a few kilobytes at a time, and take
    /// all lines out before the next.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEPT);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line, without its end (`\n`, `\r\n`; a NUL counts as one, because
    /// some firmware sends its C strings whole).
    ///
    /// # Errors
    /// [`LineTooLong`], for good: there is no telling where the next line would start.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, LineTooLong> {
        let rest = self.bytes.get(self.scanned..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | 0)) else {
            self.scanned = self.bytes.len();
            let unfinished = self.bytes.len() - self.start;
            return if unfinished > MAX_LINE { Err(LineTooLong) } else { Ok(None) };
        };
        let (start, end) = (self.start, self.scanned + length);
        self.start = end + 1;
        self.scanned = self.start;
        if end - start > MAX_LINE {
            return Err(LineTooLong);
        }
        Ok(self.bytes.get(start..end).map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
    }

    /// Whether a line has begun that has not ended: the driver gives it a deadline.
    pub fn is_mid_line(&self) -> bool {
        self.start < self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn lines(buffer: &mut LineBuffer) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| buffer.next_line().unwrap().map(<[u8]>::to_vec)).collect()
    }

    #[test]
    fn lines_end_as_firmware_ends_them() {
        let mut buffer = LineBuffer::default();
        buffer.push(b"one\ntwo\r\n\nfour\0fi");
        assert_eq!(lines(&mut buffer), [&b"one"[..], b"two", b"", b"four"]);
        assert!(buffer.is_mid_line());
        buffer.push(b"ve\n");
        assert_eq!(lines(&mut buffer), [b"five"]);
        assert!(!buffer.is_mid_line());
    }

    #[test]
    fn what_never_ends_is_refused_at_the_limit() {
        let mut buffer = LineBuffer::default();
        for _ in 0..MAX_LINE / 64 {
            buffer.push(&[b'x'; 64]);
            assert_eq!(buffer.next_line(), Ok(None));
        }
        buffer.push(b"x");
        assert_eq!(buffer.next_line(), Err(LineTooLong));
        assert_eq!(buffer.next_line(), Err(LineTooLong));
    }

    #[test]
    fn a_line_too_long_is_refused_even_if_its_end_came_with_it() {
        let mut buffer = LineBuffer::default();
        buffer.push(&[vec![b'x'; MAX_LINE + 1], b"\n".to_vec()].concat());
        assert_eq!(buffer.next_line(), Err(LineTooLong));
    }

    #[test]
    fn an_idle_miner_keeps_no_room() {
        let mut buffer = LineBuffer::default();
        buffer.push(&[vec![b'x'; MAX_LINE], b"\n".to_vec()].concat());
        assert_eq!(lines(&mut buffer).len(), 1);
        buffer.push(b"y");
        assert!(buffer.bytes.capacity() <= KEPT);
    }

    proptest! {
        #[test]
        fn however_the_bytes_are_cut_the_lines_are_the_same(
            texts in prop::collection::vec("[a-z]{0,40}", 0..20),
            cuts in prop::collection::vec(1usize..9, 1..400),
        ) {
            let whole: Vec<u8> = texts.iter().flat_map(|text| [text.as_bytes(), b"\n"].concat()).collect();
            let (mut buffer, mut found, mut rest) = (LineBuffer::default(), Vec::new(), &whole[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                buffer.push(now);
                found.extend(lines(&mut buffer));
                rest = later;
            }
            let expected: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
