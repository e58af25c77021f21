//! `punchbowl id`: what others know this node by.

use super::config_flags::ConfigFlags;
use super::public_keys::PublicKeys;
use anyhow::{Context, Result};
use clap::Args;
use p2p::NodeKey;
use p2p::identity::id_in_file;
use p2p::key_file::KeyFileError;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Print what others know this node by.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct IdArgs {
    /// The node id of the key in FILE instead, as `punchbowl miner --identity FILE` has it
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl id                          this pool's node id and authority key
  punchbowl id --identity member.key    a member's node id, to be let in by a pool
                                        whose p2p.admission is \"members\"

The node id says which machine this is: members dial it, wherever the machine is, and
nobody else can answer for it. The authority key says which pool it is. Both may be told
to anybody. Their secret halves, made here on first use, are files in the data folder
(node.key, authority.key): keep a copy, and keep them secret.
A pool may run meanwhile.";

/// The JSON output. Scripts rely on its fields: add, do not rename.
#[derive(Debug, Serialize)]
struct Identity {
    node_id: Option<String>,
    authority_key: Option<String>,
}

/// Prints the public halves of the keys.
///
/// # Errors
/// When a key cannot be read or made, or standard output cannot be written.
pub fn run(args: &IdArgs) -> Result<()> {
    let identity = match &args.identity {
        Some(path) => Identity { node_id: Some(id_of(path)?.to_z32()), authority_key: None },
        None => {
            let config = args.config.load().into_config_without("payout")?;
            let keys = PublicKeys::read_or_make(&config)?;
            Identity {
                node_id: keys.node.map(|id| id.to_z32()),
                authority_key: Some(keys.authority.to_string()),
            }
        }
    };
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&identity)?)
    } else {
        let node = identity.node_id.as_deref().unwrap_or("none (p2p.enabled is false)");
        let authority = identity.authority_key.map(|key| format!("authority key: {key}\n"));
        format!("node id:       {node}\n{}", authority.unwrap_or_default())
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the keys")
}

/// The node id of the key in `path`, which is made if need be. A miner may run on it.
fn id_of(path: &Path) -> Result<p2p::NodeId> {
    match id_in_file(path) {
        Err(KeyFileError::Missing(_)) => Ok(NodeKey::load_or_create(path)?.id()),
        read => Ok(read?),
    }
}
