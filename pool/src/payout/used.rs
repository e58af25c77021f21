//! Whether blocks were paid to a script before: whoever sees one address in two blocks knows
//! that they belong to the same host.

use bitcoin::ScriptBuf;
use ledger::audit::coinbase_outputs;
use ledger::{OpenError, Reader, StoreError};
use std::collections::HashMap;
use std::path::Path;
use thiserror::Error;

/// How many blocks of this pool's ledger pay each script, whatever became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaidBefore(HashMap<ScriptBuf, u64>);

/// Why the ledger does not say.
#[derive(Debug, Error)]
pub enum PaidBeforeError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
}

impl PaidBefore {
    /// What the ledger at `path` says; nothing when there is none yet.
    ///
    /// # Errors
    /// [`PaidBeforeError`].
    pub fn read(path: &Path) -> Result<PaidBefore, PaidBeforeError> {
        if !path.exists() {
            return Ok(PaidBefore::default());
        }
        let reader = Reader::open(path)?;
        let mut paid = PaidBefore::default();
        for recorded in reader.blocks()? {
            let job = reader.job(&recorded.block.job)?;
            let mut scripts: Vec<ScriptBuf> = job
                .and_then(|job| coinbase_outputs(&job))
                .unwrap_or_default()
                .into_iter()
                .filter(|output| output.value.to_sat() > 0)
                .map(|output| output.script_pubkey)
                .collect();
            scripts.sort();
            scripts.dedup();
            for script in scripts {
                *paid.0.entry(script).or_default() += 1;
            }
        }
        Ok(paid)
    }

    /// Blocks that pay `script`.
    pub fn blocks(&self, script: &ScriptBuf) -> u64 {
        self.0.get(script).copied().unwrap_or_default()
    }

    /// All scripts that a block pays.
    pub fn scripts(&self) -> impl Iterator<Item = &ScriptBuf> {
        self.0.keys()
    }
}

/// What to tell a host whose `address` was paid by so many blocks before; none for the first.
pub fn warning(address: &str, blocks: u64) -> Option<String> {
    let times = match blocks {
        0 => return None,
        1 => "a block".to_owned(),
        more => format!("{more} blocks"),
    };
    Some(format!(
        "{address} was paid by {times} of this pool before, so everybody can see that its blocks belong together; \
         with a ranged payout.descriptor, such as wpkh([...]xpub.../0/*), each block has an address of its own"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_a_ledger_nothing_was_paid_and_the_first_block_is_no_reuse() {
        let folder = tempfile::tempdir().unwrap();
        let paid = PaidBefore::read(&folder.path().join("ledger.sqlite")).unwrap();
        assert_eq!(paid, PaidBefore::default());
        assert_eq!(paid.blocks(&ScriptBuf::new()), 0);
        assert_eq!(warning("bc1q", 0), None);
        assert!(warning("bc1q", 1).unwrap().starts_with("bc1q was paid by a block of this pool"));
        assert!(warning("bc1q", 2).unwrap().contains("by 2 blocks"));
    }
}
