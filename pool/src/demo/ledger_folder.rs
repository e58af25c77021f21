//! Where the demo's ledger is: in the folder that was named, or in one that goes with the demo.

use super::DemoOptions;
use anyhow::{Context, Result};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// A folder for the ledger. Deleted when it is dropped, unless it was named.
pub struct LedgerFolder {
    /// The folder.
    pub path: PathBuf,
    is_ours: bool,
}

impl LedgerFolder {
    /// Makes the folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(options: &DemoOptions) -> Result<LedgerFolder> {
        if let Some(path) = &options.data_dir {
            std::fs::create_dir_all(path)
                .with_context(|| format!("making the folder {} (--data-dir)", path.display()))?;
            return Ok(LedgerFolder { path: path.clone(), is_ours: false });
        }
        let name = format!("punchbowl-demo-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("making the folder {} for the demo's ledger", path.display()))?;
        Ok(LedgerFolder { path, is_ours: true })
    }
}

impl Drop for LedgerFolder {
    fn drop(&mut self) {
        if self.is_ours {
            // What is left behind in a temporary folder harms nobody.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
