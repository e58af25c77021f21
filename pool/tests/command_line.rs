//! The binary as a host meets it: exit codes, and where results and complaints go.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary in `folder` with no environment but its home, which is there too.
fn punchbowl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_punchbowl"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn without_an_address_a_mainnet_pool_refuses_to_start_and_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let output = punchbowl(folder.path(), &["pool", "--http", "off", "--listen", "127.0.0.1:0"]);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("PUNCHBOWL_PAYOUT__ADDRESS"), "{complaint}");
    assert!(!folder.path().join(".punchbowl").exists(), "nothing may be made by a refused start");
}

#[test]
fn arguments_that_make_no_sense_end_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["poool"][..], &["demo", "--blocks", "0"], &["miner", "http://x"], &["keygen"]] {
        assert_eq!(punchbowl(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn check_config_finds_the_file_at_hand_and_ends_with_code_1_if_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("punchbowl.toml");
    std::fs::write(&file, "network = \"regtest\"\nlisten.udp = 1\n").unwrap();
    let output = punchbowl(folder.path(), &["check-config"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("punchbowl.toml:2: listen.udp"), "{}", text(&output.stdout));
    std::fs::write(&file, "network = \"regtest\"\n").unwrap();
    assert_eq!(punchbowl(folder.path(), &["check-config"]).status.code(), Some(0));
}

#[test]
fn keygen_prints_a_secret_that_a_pool_can_use_and_its_public_half_apart() {
    let folder = tempfile::tempdir().unwrap();
    let output = punchbowl(folder.path(), &["keygen", "--stdout"]);
    let key = p2p::AuthorityKeypair::from_secret_text(text(&output.stdout).trim()).unwrap();
    assert!(text(&output.stderr).contains(&key.public_key().to_string()));
}

#[test]
fn templates_are_printed_one_json_object_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = "template --json --count 1 --network regtest --template-source embedded";
    let output = punchbowl(folder.path(), &line.split(' ').collect::<Vec<_>>());
    let template: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(template["height"].as_u64().is_some_and(|height| height > 0));
}

#[test]
fn a_data_folder_in_use_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let _held = pool::data_dir::DataDir::open(&folder.path().join("data")).unwrap();
    let line =
        "pool --network regtest --template-source embedded --http off --listen 127.0.0.1:0 --data-dir data";
    let output = punchbowl(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("in use by another Punchbowl"), "{}", text(&output.stderr));
}
