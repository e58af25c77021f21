//! Lines of bounded length from a peer.

use std::io;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads lines.
#[derive(Debug)]
pub(super) struct Lines<R> {
    read: BufReader<R>,
    longest: usize,
    /// What has come of the next line, so that a dropped future loses nothing.
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(read: R, longest: usize) -> Lines<R> {
        Lines { read: BufReader::new(read), longest, begun: Vec::new() }
    }

    /// The next line without its end; `None` when no other comes. Cancel-safe.
    ///
    /// # Errors
    /// When the stream breaks, or a line is too long or not UTF-8.
    pub(super) async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            let came = self.read.fill_buf().await?;
            if came.is_empty() {
                // What was begun and not ended is no line.
                return Ok(None);
            }
            let end = came.iter().position(|byte| *byte == b'\n');
            let (now, _) = came.split_at(end.unwrap_or(came.len()));
            if self.begun.len() + now.len() > self.longest {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            self.begun.extend_from_slice(now);
            let used = now.len() + usize::from(end.is_some());
            self.read.consume(used);
            if end.is_some() {
                let line = String::from_utf8(std::mem::take(&mut self.begun));
                return line.map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    async fn lines(bytes: &[u8], longest: usize) -> (Vec<String>, bool) {
        let (mut lines, mut read) = (Lines::new(bytes, longest), Vec::new());
        loop {
            match lines.next().await {
                Ok(Some(line)) => read.push(line),
                Ok(None) => return (read, true),
                Err(_) => return (read, false),
            }
        }
    }

    #[tokio::test]
    async fn lines_come_one_by_one_and_what_has_no_end_is_none() {
        assert_eq!(
            lines(b"one\n\ntwo\nthr", 3).await,
            (vec!["one".into(), String::new(), "two".into()], true)
        );
        assert_eq!(lines(b"", 3).await, (vec![], true));
    }

    #[tokio::test]
    async fn lines_that_are_too_long_or_no_text_end_it() {
        assert_eq!(lines(b"one\nfour\n", 3).await, (vec!["one".into()], false));
        assert_eq!(lines(&[b'x'; 100_000], 3).await, (vec![], false));
        assert_eq!(lines(b"\xff\n", 3).await, (vec![], false));
    }
}
