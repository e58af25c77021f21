//! `punchbowl id` and `punchbowl invite` as a host meets them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use p2p::{Invite, NodeKey, PoolUri, Target};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The binary in `folder` with no environment but its home, which is there too.
fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_punchbowl"));
    command.args(line.split_whitespace()).current_dir(folder).env_clear().env("HOME", folder);
    command
}

fn punchbowl(folder: &Path, line: &str) -> Output {
    command(folder, line).output().unwrap()
}

/// What a command that succeeds prints.
fn printed(folder: &Path, line: &str) -> String {
    let output = punchbowl(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&printed(folder, line)).unwrap()
}

/// A pool on a regtest chain of its own, which is killed when it is dropped.
struct Pool(Child);

impl Pool {
    fn start(folder: &Path) -> Pool {
        let line = "pool --network regtest --template-source embedded --http off --listen 127.0.0.1:0 \
                    --set p2p.bind=127.0.0.1:0 --set p2p.port_mapping=false";
        let mut child = command(folder, line).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let pool = Pool(child);
        let ready = log.lines().map_while(Result::ok).any(|line| line.contains("miners are served"));
        assert!(ready, "the pool ended before it was ready");
        pool
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_first_id_makes_both_keys_and_later_ones_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = punchbowl(folder.path(), "id --json");
    assert!(String::from_utf8_lossy(&first.stderr).contains("keep a copy"));
    let first: Value = serde_json::from_slice(&first.stdout).unwrap();
    assert_eq!(json(folder.path(), "id --json"), first);
    let text = printed(folder.path(), "id");
    let node = NodeKey::load(&folder.path().join(".punchbowl/node.key")).unwrap().id().to_z32();
    assert_eq!(first["node_id"], node);
    assert!(text.contains(&node) && text.contains(first["authority_key"].as_str().unwrap()), "{text}");
}

#[test]
fn a_members_id_is_that_of_its_key_file_even_while_a_miner_runs_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let made = json(folder.path(), "id --identity ann.key --json");
    let held = NodeKey::load(&folder.path().join("ann.key")).unwrap();
    assert_eq!(made["node_id"], held.id().to_z32());
    assert_eq!(json(folder.path(), "id --identity ann.key --json"), made);
    assert!(!folder.path().join(".punchbowl").exists(), "a member needs no pool's keys");
}

#[test]
fn an_invite_has_the_keys_and_what_the_host_named_and_nothing_private() {
    let folder = tempfile::tempdir().unwrap();
    let config = "--set p2p.bind=127.0.0.1:34255 --listen 127.0.0.1:34254";
    let named = "--address 203.0.113.7:34255 --relay relay.example:8443,ca";
    let output = json(folder.path(), &format!("invite --json {config} {named}"));
    let id = json(folder.path(), "id --json");
    let invite: Invite = output["iroh"].as_str().unwrap().parse().unwrap();
    assert_eq!(id["node_id"], invite.node.to_z32());
    assert_eq!(id["authority_key"], invite.authority.to_string());
    assert_eq!(output["relays"], serde_json::json!(["relay.example:8443,ca"]));
    assert_eq!(output["addresses"], serde_json::json!(["203.0.113.7:34255"]));
    let tcp: PoolUri = output["tcp"][0].as_str().unwrap().parse().unwrap();
    assert_eq!(tcp.authority, invite.authority);

    let private = json(folder.path(), &format!("invite --json --include-private {config} {named}"));
    assert_eq!(private["addresses"], serde_json::json!(["203.0.113.7:34255", "127.0.0.1:34255"]));
}

#[test]
fn for_people_each_invite_stands_alone_on_a_line_and_what_it_reveals_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let text = printed(folder.path(), "invite --address 203.0.113.7:34255");
    let targets: Vec<Target> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(matches!(targets[..], [Target::Iroh(_), Target::Tcp(_)]), "{text}");
    assert!(text.contains("What it reveals") && text.contains("203.0.113.7:34255)"), "{text}");
}

#[test]
fn tcp_alone_names_the_host_given() {
    let folder = tempfile::tempdir().unwrap();
    let output = json(folder.path(), "invite --tcp --json --address pool.example:3333");
    assert_eq!(output["iroh"], Value::Null);
    let authority = output["authority_key"].as_str().unwrap();
    assert_eq!(output["tcp"], serde_json::json!([format!("stratum2+tcp://pool.example:3333/{authority}")]));
}

#[test]
fn the_codes_on_screen_and_paper_hold_the_invite() {
    let folder = tempfile::tempdir().unwrap();
    let text = printed(folder.path(), "invite --qr --svg invite.svg --address 203.0.113.7:34255");
    let invite = text.lines().find(|line| line.parse::<Invite>().is_ok()).unwrap();
    let code = pool::qr::Qr::encode(invite).unwrap();
    // Standard output is no terminal here, so there are no colours.
    assert!(text.contains(&code.to_terminal(false)), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path().join("invite.svg")).unwrap(), code.to_svg());
}

#[test]
fn a_mistake_in_a_hint_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let address = punchbowl(folder.path(), "invite --address 203.0.113.7");
    let complaint = String::from_utf8_lossy(&address.stderr);
    assert_eq!(address.status.code(), Some(1), "{complaint}");
    assert!(
        complaint.contains("--address 203.0.113.7") && complaint.contains("203.0.113.7:34255"),
        "{complaint}"
    );
    let relay = punchbowl(folder.path(), "invite --relay relay.example,nonsense");
    let complaint = String::from_utf8_lossy(&relay.stderr);
    assert_eq!(relay.status.code(), Some(2), "{complaint}");
    assert!(complaint.contains("is not a node id"), "{complaint}");
}

#[test]
fn a_pool_that_nobody_can_be_invited_to_says_what_to_set() {
    let folder = tempfile::tempdir().unwrap();
    let off = punchbowl(folder.path(), "invite --set p2p.enabled=false --listen 127.0.0.1:0");
    let complaint = String::from_utf8_lossy(&off.stderr);
    assert_eq!(off.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("p2p.enabled") && complaint.contains("--tcp"), "{complaint}");
}

#[test]
fn the_invite_to_a_running_pool_has_the_port_that_the_system_chose() {
    let folder = tempfile::tempdir().unwrap();
    let _pool = Pool::start(folder.path());
    let of_regtest = "--network regtest --set p2p.bind=127.0.0.1:0 --listen 127.0.0.1:0";
    let output = json(folder.path(), &format!("invite --json --include-private {of_regtest}"));
    let address = output["addresses"][0].as_str().unwrap_or_else(|| panic!("no address in {output}"));
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{output}");
    let public = json(folder.path(), &format!("invite --json {of_regtest}"));
    assert_eq!(public["addresses"], serde_json::json!([]), "nothing private unless asked");
    assert_eq!(public["node_id"], output["node_id"]);
}
