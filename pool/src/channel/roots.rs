//! Merkle roots that a standard channel's shares are judged against.
//!
//! A standard channel has one root for each job; folding it anew for every share would
//! be most of the work of judging.

use work::Hash256;

/// The roots of the newest few jobs. Empty, it owns no memory.
#[derive(Debug, Default)]
pub struct RootCache {
    roots: Vec<(u32, Hash256)>,
}

/// Shares are almost always for the newest job or the one before.
const KEPT: usize = 4;

impl RootCache {
    /// The root of the job sent as `id`, computed by `compute` the first time.
    pub fn get_or_insert(&mut self, id: u32, compute: impl FnOnce() -> Hash256) -> Hash256 {
        if let Some((_, root)) = self.roots.iter().rev().find(|(known, _)| *known == id) {
            return *root;
        }
        let root = compute();
        if self.roots.len() >= KEPT {
            self.roots.remove(0);
        }
        self.roots.push((id, root));
        root
    }

    /// Forgets all roots.
    pub fn clear(&mut self) {
        self.roots.clear();
    }
}
