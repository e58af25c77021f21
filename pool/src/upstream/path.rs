//! Which way our packets to the pool go.

use crate::status::connections::iroh_kind;
use p2p::iroh::{PathWatch, Way};

/// Which way they go, and what was told of it.
#[derive(Debug)]
pub struct Path {
    /// None over TCP, where it never changes.
    way: Option<PathWatch>,
    told: Option<&'static str>,
    found: Option<Way>,
}

impl Path {
    pub(super) fn tcp() -> Path {
        Path { way: None, told: None, found: None }
    }

    pub(super) fn iroh(way: PathWatch, found: Option<Way>) -> Path {
        Path { way: Some(way), told: None, found }
    }

    /// How the address came to be known over which the pool was first reached.
    pub fn found(&self) -> Option<Way> {
        self.found
    }

    /// From now on it counts as untold.
    pub(super) fn tell_again(&mut self) {
        self.told = None;
    }

    /// The kind of path, as soon as it is another one than was told last: `tcp`,
    /// `iroh-lan`, `iroh-direct`, `iroh-relayed` or `iroh-unknown`. Cancel-safe.
    pub async fn changed(&mut self) -> &'static str {
        loop {
            let kind = self.way.as_ref().map_or("tcp", |way| iroh_kind(way.kind()));
            if self.told != Some(kind) {
                self.told = Some(kind);
                return kind;
            }
            match &mut self.way {
                Some(way) => way.changed().await,
                None => std::future::pending().await,
            }
        }
    }
}
