//! `punchbowl verify` as a member meets it: exit codes, words and JSON.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1};
use ledger::{
    Batch, JobParts, JobRecord, Ledger, LedgerConfig, LedgerId, Share, ShareContext, ShareTerms, Signer,
    TemplateParts, TemplateRecord,
};
use p2p::AuthorityKey;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use work::{Extranonce, Hash256, Submission, Target};

const NOW: u32 = 1_790_000_000;
const ANN: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";

struct Key(Keypair, Secp256k1<All>);

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.x_only_public_key().0.serialize()
    }
    fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        *self.1.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.0).as_ref()
    }
}

fn key(seed: u8) -> Key {
    let secp = Secp256k1::new();
    Key(Keypair::from_seckey_slice(&secp, &[seed; 32]).unwrap(), secp)
}

/// As an invite says it.
fn authority(key: &Key) -> String {
    AuthorityKey::from_bytes(&key.public_key()).unwrap().to_string()
}

/// Writes a ledger of ten shares, two slices, with the nonces from `first` on, into `folder`.
async fn write_ledger(folder: &Path, target: Target, first: u32) {
    let mut config = LedgerConfig::new("regtest", LedgerId([9; 16]), Box::new(key(7)));
    config.clock = Box::new(|| NOW);
    config.gather = Duration::ZERO;
    config.rules.shares = 4;
    let ledger = Ledger::open(&folder.join("ledger.sqlite"), config).unwrap();
    let template = TemplateParts {
        version: 0x2000_0000,
        prev_hash: Hash256([1; 32]),
        nbits: 0x1d00_ffff,
        height: 5,
        min_ntime: NOW - 10,
        value: 5_000_000_000,
        fees: 0,
        merkle_path: vec![],
    };
    let job = JobParts {
        template: Arc::new(TemplateRecord::new(template).unwrap()),
        version_rolling: true,
        extranonce_size: 16,
        coinbase_prefix: vec![1; 60],
        coinbase_suffix: vec![2; 80],
        basis: Vec::new(),
    };
    let terms = ShareTerms {
        job: Arc::new(JobRecord::new(job).unwrap()),
        member: ANN.into(),
        worker: "rig".into(),
        target,
        extranonce_prefix: Extranonce::new(&[1; 16]).unwrap(),
    };
    let context = Arc::new(ShareContext::new(terms).unwrap());
    let mut batch = Batch::default();
    for nonce in first..first + 10 {
        let submission = Submission { version: 0x2000_0000, ntime: NOW, nonce };
        batch.push(&context, Share { submission, rolled: Extranonce::EMPTY }).unwrap();
    }
    let mut sender = ledger.handle().sender();
    let number = sender.send(batch).await.unwrap();
    sender.durable_past(number - 1).await.unwrap();
    ledger.close();
}

fn verify(folder: &Path, arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_punchbowl"))
        .arg("verify")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

#[tokio::test]
async fn an_honest_ledger_ends_with_code_0_as_folder_and_as_file() {
    let folder = tempfile::tempdir().unwrap();
    write_ledger(folder.path(), Target::MAX, 1).await;
    let key = authority(&key(7));
    for source in [".", "ledger.sqlite"] {
        let (output, text) = verify(folder.path(), &[source, "--authority", &key]);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.ends_with("Nothing is wrong.\n") && text.contains(&key), "{text}");
    }
    let (_, text) = verify(folder.path(), &["."]);
    assert!(text.contains("Compare the key above"), "{text}");
}

#[tokio::test]
async fn invented_shares_end_with_code_1_and_are_named_in_json() {
    let folder = tempfile::tempdir().unwrap();
    write_ledger(folder.path(), Target::from_hashes(1e9), 1).await;
    let (output, text) = verify(folder.path(), &[".", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((report["shares"].as_u64(), report["slices"].as_u64()), (Some(10), Some(2)), "{text}");
    assert_eq!(report["open_shares"], 2);
    assert_eq!(report["members"][0]["member"], ANN);
    assert_eq!(report["discrepancy_count"], 10);
    assert_eq!(report["discrepancies"][0]["fraud"], "no-proof-of-work");
    assert_eq!(report["discrepancies"][0]["member"], ANN);
}

#[tokio::test]
async fn a_pool_that_tells_two_members_two_stories_is_caught_by_their_copies() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_ledger(one.path(), Target::MAX, 1).await;
    write_ledger(other.path(), Target::MAX, 100).await;
    let copy = other.path().join("ledger.sqlite");
    let (output, text) = verify(one.path(), &[".", "--against", copy.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("two-histories: the pool signed two different heads for slice 1"), "{text}");
    let (output, text) = verify(one.path(), &[".", "--against", "."]);
    assert_eq!(output.status.code(), Some(0), "{text}");
}

#[tokio::test]
async fn a_ledger_of_another_pool_is_told_from_this_ones() {
    let folder = tempfile::tempdir().unwrap();
    write_ledger(folder.path(), Target::MAX, 1).await;
    let another = authority(&key(9));
    let (output, text) = verify(folder.path(), &[".", "--authority", &another]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("other-signer"), "{text}");
}

#[test]
fn without_a_ledger_it_is_said_where_one_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (output, _) = verify(folder.path(), &["."]);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("there is no ledger in . yet"), "{complaint}");
}
