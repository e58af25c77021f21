//! How the running pool fares, in one JSON file, for programs on this machine:
//! `run/status.json` in the data folder.
//!
//! It is what `/api/v1/status` says without the list of connections, and so of bounded size;
//! `written_at` tells whether the pool still lives. The StartOS package draws its health
//! checks from it, so that these need neither a port nor a password.

use crate::config::values::network_name;
use crate::run_folder;
use crate::status::snapshot::SourceSnapshot;
use crate::status::{Observed, StatusSnapshot};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use template_provider::Network;
use tracing::warn;

/// Name of the file in the folder `run`.
pub const STATUS: &str = "status.json";

/// How often it is written.
const EVERY: Duration = Duration::from_secs(5);

/// What stands in the file. Programs rely on its fields: add, do not rename.
#[derive(Debug, Serialize)]
struct StatusFile {
    /// Seconds since 1970, UTC.
    written_at: u64,
    #[serde(flatten)]
    status: StatusSnapshot,
}

/// The same before there is a pool: at the first run, while it is not said who is paid.
#[derive(Debug, Serialize)]
struct FirstRun {
    written_at: u64,
    version: &'static str,
    network: &'static str,
    serving: bool,
    waits_for: &'static str,
    source: SourceSnapshot,
}

/// What a program that has written the file said in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// When.
    pub at: SystemTime,
    /// What it waits for before it can be a pool; none when it is one.
    pub waits_for: Option<String>,
}

/// What the first run waits for.
const SETUP: &str = "the host to finish the setup: on its page, with the code in the pool's log";

/// Writes the file into the data folder `folder`, then again and again.
pub async fn keep(observed: &Observed, folder: &Path) -> Infallible {
    again_and_again(|| write(observed, folder, Instant::now(), SystemTime::now())).await
}

/// The same while the first run waits for its host: it lives, and mines nothing yet.
pub async fn keep_first_run(network: Network, folder: &Path) -> Infallible {
    let first_run = |clock: SystemTime| FirstRun {
        written_at: seconds(clock),
        version: env!("CARGO_PKG_VERSION"),
        network: network_name::of(network),
        serving: false,
        waits_for: SETUP,
        source: SourceSnapshot { state: "connecting", detail: Some(format!("waiting for {SETUP}")) },
    };
    again_and_again(|| run_folder::replace(folder, STATUS, &first_run(SystemTime::now()))).await
}

async fn again_and_again(write: impl Fn() -> io::Result<()>) -> Infallible {
    let mut complained = false;
    loop {
        match write() {
            Ok(()) => complained = false,
            Err(error) if !complained => {
                complained = true;
                warn!(%error, "cannot write run/status.json into the data folder; other programs may know less");
            }
            Err(_) => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What the pool on the data folder `folder` last wrote into the file.
///
/// # Errors
/// When there is none, or it is not what was written.
pub fn said(folder: &Path) -> io::Result<Said> {
    #[derive(Deserialize)]
    struct Written {
        written_at: u64,
        waits_for: Option<String>,
    }
    /// Much more than any has.
    const MAX_BYTES: u64 = 4 * 1024 * 1024;
    let file = File::open(folder.join(run_folder::RUN).join(STATUS))?;
    let Written { written_at, waits_for } = serde_json::from_reader(BufReader::new(file.take(MAX_BYTES)))?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(written_at));
    Ok(Said { at: at.ok_or(io::ErrorKind::InvalidData)?, waits_for })
}

/// Writes the file as of `now`, which is `clock` on the wall.
fn write(observed: &Observed, folder: &Path, now: Instant, clock: SystemTime) -> io::Result<()> {
    let status = observed.snapshot(now, 0);
    run_folder::replace(folder, STATUS, &StatusFile { written_at: seconds(clock), status })
}

fn seconds(clock: SystemTime) -> u64 {
    clock.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::status::snapshot::fake;

    #[test]
    fn it_says_when_it_was_written_and_how_the_pool_fares_without_naming_connections() {
        let (observed, jobs) = fake::observed(Instant::now());
        let _guard = observed.status.connections.opened(std::net::SocketAddr::from(([203, 0, 113, 7], 5)));
        let folder = tempfile::tempdir().unwrap();
        let read = || -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(folder.path().join("run/status.json")).unwrap()).unwrap()
        };
        let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        write(&observed, folder.path(), Instant::now(), clock).unwrap();
        let json = read();
        assert_eq!(json["written_at"], 1_800_000_000);
        assert_eq!((&json["serving"], &json["source"]["detail"]), (&false.into(), &"no node".into()));
        assert_eq!(json["connection_counts"]["open"], 1);
        assert!(!json.to_string().contains("203.0.113.7"), "{json}");
        jobs.send_replace(1);
        write(&observed, folder.path(), Instant::now(), clock + Duration::from_secs(5)).unwrap();
        assert_eq!((&read()["serving"], &read()["written_at"]), (&true.into(), &1_800_000_005.into()));
        let said = said(folder.path()).unwrap();
        assert_eq!(said, Said { at: clock + Duration::from_secs(5), waits_for: None });
    }

    #[test]
    fn a_file_that_is_missing_or_damaged_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(said(folder.path()).is_err());
        std::fs::create_dir(folder.path().join("run")).unwrap();
        for content in ["", "{", "{}", "{\"written_at\": -1}", "{\"written_at\": 18446744073709551615}"] {
            std::fs::write(folder.path().join("run/status.json"), content).unwrap();
            assert!(said(folder.path()).is_err(), "{content}");
        }
    }
}
