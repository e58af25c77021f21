//! The flags of a member who checks the pool all the time.

use crate::config::HomePath;
use crate::known_heads::{KnownHeads, KnownHeadsError};
use clap::Args;
use std::path::PathBuf;

/// How the pool's ledger is checked beside mining.
#[derive(Debug, Args)]
pub struct CheckFlags {
    /// Do not check the pool's ledger while mining
    #[arg(long)]
    pub no_check: bool,
    /// Where the heads of ledgers that pools have shown are noted, so that a pool cannot tell
    /// another story later
    #[arg(long, value_name = "FILE", default_value = "~/.punchbowl/known-heads.json")]
    pub heads: PathBuf,
}

impl CheckFlags {
    /// The heads that pools have shown; none if nothing is to be checked.
    ///
    /// # Errors
    /// When the file holds something else.
    pub fn known(&self) -> Result<Option<KnownHeads>, KnownHeadsError> {
        if self.no_check {
            return Ok(None);
        }
        let path = HomePath::new(self.heads.to_string_lossy()).to_path();
        KnownHeads::load(&path).map(Some)
    }
}
