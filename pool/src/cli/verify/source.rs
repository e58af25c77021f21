//! What is verified: a file, or a running pool.

use crate::data_dir::LEDGER;
use crate::known_heads::KnownHeads;
use anyhow::{Context, Result, bail};
use hyper::Uri;
use ledger::{Reader, SignedHead};
use p2p::Target;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a ledger is.
#[derive(Clone, Debug)]
pub enum VerifySource {
    /// In a folder or file of this machine.
    File(PathBuf),
    /// At a pool's HTTP.
    Http(Uri),
    /// At a pool, by its invite.
    Pool(Target),
}

impl FromStr for VerifySource {
    type Err = String;

    fn from_str(text: &str) -> Result<VerifySource, String> {
        match text.split_once("://") {
            Some(("http", _)) => match text.parse() {
                Ok(uri) => Ok(VerifySource::Http(uri)),
                Err(fault) => Err(format!("{text} is no web address: {fault}")),
            },
            Some(("https", _)) => {
                Err("only http:// is read; use the pool's invite, which is sealed and signed for".to_owned())
            }
            Some(_) => {
                Ok(VerifySource::Pool(text.parse().map_err(|fault: p2p::TargetError| fault.to_string())?))
            }
            None => Ok(VerifySource::File(text.into())),
        }
    }
}

/// The heads in another copy of a ledger, or in the file where `join` notes them.
pub fn heads(copy: &Path) -> Result<Vec<SignedHead>> {
    const AT_A_TIME: usize = 1_024;
    if copy.is_file() && KnownHeads::is_one(copy) {
        return Ok(KnownHeads::load(copy)?.into_heads());
    }
    let path = ledger_file(copy)?;
    let reader = Reader::open(&path)?;
    let mut heads: Vec<SignedHead> = Vec::new();
    loop {
        let next = heads.last().map_or(1, |head| head.head.slice + 1);
        let more =
            reader.heads(next, AT_A_TIME).with_context(|| format!("cannot read {}", path.display()))?;
        if more.is_empty() {
            return Ok(heads);
        }
        heads.extend(more);
    }
}

/// The ledger in a data folder, or the file itself.
pub fn ledger_file(source: &Path) -> Result<PathBuf> {
    let path = if source.is_dir() { source.join(LEDGER) } else { source.to_owned() };
    if path.exists() {
        return Ok(path);
    }
    if source.is_dir() {
        bail!("there is no ledger in {} yet: it begins with a pool's first share", source.display());
    }
    bail!(
        "there is no file {}; name a pool's data folder, a copy of its {LEDGER}, its invite or its http:// address",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_named_tells_what_it_is() {
        let parsed = |text: &str| text.parse::<VerifySource>();
        assert!(matches!(parsed("data"), Ok(VerifySource::File(_))));
        assert!(matches!(parsed("http://127.0.0.1:8080"), Ok(VerifySource::Http(_))));
        let key = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
        assert!(matches!(parsed(&format!("stratum2+tcp://pool.lan:34254/{key}")), Ok(VerifySource::Pool(_))));
        assert!(parsed("https://pool.lan").unwrap_err().contains("invite"));
        assert!(parsed("ftp://pool.lan").is_err());
    }
}
