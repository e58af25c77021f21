//! Opens the pool's ledger: in which file, for which chain, signed by which key.

use crate::config::values::network_name;
use anyhow::{Context, Result};
use ledger::{Ledger, LedgerConfig, LedgerId, Signer};
use p2p::{AuthorityKeypair, DigestSigner};
use std::path::PathBuf;
use template_provider::Network;

/// Opens the ledger at `path`, made if need be. Its heads are signed with the key that miners
/// know the pool by; slices end at `edges` besides.
///
/// # Errors
/// When it cannot be used, with what to do.
pub async fn open(
    path: PathBuf,
    network: Network,
    authority: &AuthorityKeypair,
    edges: [u32; 2],
) -> Result<Ledger> {
    let signer = AuthoritySigner(authority.digest_signer());
    let fresh = LedgerId(rand::random());
    let mut config = LedgerConfig::new(network_name::of(network), fresh, Box::new(signer));
    config.rules.edges = edges;
    let opened = tokio::task::spawn_blocking(move || Ledger::open(&path, config));
    opened.await.context("opening the ledger")?.context("opening the ledger")
}

struct AuthoritySigner(DigestSigner);

impl Signer for AuthoritySigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().to_bytes()
    }

    fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        self.0.sign(digest)
    }
}
