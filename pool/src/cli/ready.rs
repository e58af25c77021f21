//! Telling whoever started a pool or a relay that it serves.

use anyhow::{Context, Result};
use clap::Args;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

/// How to say that it serves.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "For scripts")]
pub struct ReadySignal {
    /// Write a line to this open file descriptor once it serves
    #[arg(long, value_name = "NUMBER")]
    ready_fd: Option<u32>,
    /// Create this file once it serves
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

impl ReadySignal {
    /// Says it, in every way that was asked for; `text` is what is written.
    ///
    /// # Errors
    /// When the descriptor or the file cannot be written.
    pub fn announce(&self, text: &str) -> Result<()> {
        if let Some(number) = self.ready_fd {
            // By its name in the file system: taking a number as a file is unsafe code.
            let mut file = OpenOptions::new()
                .write(true)
                .open(format!("/dev/fd/{number}"))
                .with_context(|| format!("cannot write to file descriptor {number} (--ready-fd)"))?;
            writeln!(file, "{text}").with_context(|| format!("cannot write to --ready-fd {number}"))?;
        }
        if let Some(path) = &self.ready_file {
            // Whoever waits for the file must not find it half written.
            let mut partial = path.clone().into_os_string();
            partial.push(".new");
            fs::write(&partial, format!("{text}\n"))
                .and_then(|()| fs::rename(&partial, path))
                .with_context(|| format!("cannot create {} (--ready-file)", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_file_and_a_descriptor_are_both_told() {
        let folder = tempfile::tempdir().unwrap();
        let behind_descriptor = fs::File::create(folder.path().join("fd")).unwrap();
        let signal = ReadySignal {
            ready_fd: Some(behind_descriptor.as_raw_fd().try_into().unwrap()),
            ready_file: Some(folder.path().join("file")),
        };
        signal.announce("ready").unwrap();
        for name in ["fd", "file"] {
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "ready\n");
        }
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_named() {
        let signal = ReadySignal { ready_fd: Some(987), ready_file: None };
        assert!(signal.announce("ready").unwrap_err().to_string().contains("987"));
    }
}
