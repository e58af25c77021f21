//! Whatever ran, in parallel or not: no process and no file is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
};
use tests::{
    BitcoinNode, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
};

#[tokio::test]
async fn pools_and_nodes_side_by_side_are_gone_when_their_tests_are() {
    let (mut pids, mut folders) = (Vec::new(), Vec::new());
    {
        let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
        let on_core = || PoolConfig::on_core(&node).every_hash_a_share();
        let (one, two, three) = tokio::try_join!(
            Punchbowl::pool(on_core()),
            Punchbowl::pool(on_core()),
            Punchbowl::pool(PoolConfig::embedded("207fffff").every_hash_a_share()),
        )
        .unwrap();
        let miner = Punchbowl::spawn(&["miner", &three.uri(), "--max-hash-rate", "5"]).unwrap();
        miner.line(|line| line.contains("connected")).await.unwrap();
        // Two pools on one node: what one finds is the next job of the other.
        let mut client = two.miner(0).await.unwrap();
        let channel = client.open_extended("ann.rig", SLOW).await.unwrap();
        let mut other = one.miner(0).await.unwrap();
        let others = other.open_extended("bob.rig", SLOW).await.unwrap();
        let block = client.find(channel, Wanted::Block).unwrap();
        assert!(client.submit_and_wait(&block).await.unwrap().is_accepted());
        other.until_channel(others, |channel| channel.mines_on(&block.display_hash())).await.unwrap();

        pids.extend(
            [node.process(), one.process(), two.process(), three.process(), &miner].map(|p| p.pid().unwrap()),
        );
        folders.push(node.datadir().to_owned());
        folders.extend([&one, &two, &three].map(|pool| pool.folder().to_owned()));
        assert!(folders.iter().all(|folder| folder.exists()));
    }
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is still there");
    }
    for folder in folders {
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
}

#[tokio::test]
async fn stopped_pool_leaves_in_its_data_folder_what_the_next_one_needs_and_nothing_else() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let (_, parent) = node.tip().await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    let (height, hash) = node.wait_for_tip_after(&parent).await.unwrap();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));

    let solution = format!("solutions/regtest/{height:08}-{hash}");
    let mut expected = [
        "authority.key",
        "invite",
        "ledger.sqlite",
        "ledger.sqlite.lock",
        "lock",
        "node.key",
        "outbox.sqlite",
        "run/identity.json",
        "run/status.json",
        "stats/bests.json",
        "stats/since.json",
    ]
    .map(str::to_owned)
    .to_vec();
    expected.extend(["block", "sent"].map(|state| format!("{solution}.{state}")));
    expected.sort();
    assert_eq!(files_in(&pool.data_dir()), expected);
}

#[tokio::test]
async fn demo_without_a_data_folder_touches_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let output = Punchbowl::run_in(folder.path(), &["demo", "--blocks", "1", "--json"]).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(files_in(folder.path()), Vec::<String>::new());
}

/// Paths of all files below `folder`, sorted.
fn files_in(folder: &Path) -> Vec<String> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    files.sort();
    files
}
