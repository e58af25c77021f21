//! What the host commits to, and the ledger's own anchor, in blocks that pay all who worked.

use super::replay::{all, divided, slices};
use super::{SUBSIDY, address, output, pays, verified, work_on};
use bitcoin::{Network, ScriptBuf};
use ledger::{Commitment, Reader, anchor};
use tests::{
    BitcoinNode, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
};

const FIXED: &str = "0102030405";

#[tokio::test]
async fn a_block_that_pays_all_carries_the_commitment_and_the_ledgers_root_and_pays_right() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let section = format!("[coinbase]\ncommitment_bytes = 40\ncommitments = [{FIXED:?}]\nledger_root = true");
    let config = PoolConfig::on_core(&node).shared("").every_hash_a_share().section(&section);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let mut channels = Vec::new();
    for member in 0..3 {
        let user = format!("{}.rig", address(member, Network::Regtest));
        channels.push(miner.open_extended(&user, SLOW).await.unwrap());
    }
    for (member, channel) in channels.iter().enumerate() {
        work_on(&mut miner, *channel, 1 + member).await;
    }
    let (_, before) = node.tip().await.unwrap();
    node.generate(1).await.unwrap();
    let (_, parent) = node.wait_for_tip_after(&before).await.unwrap();
    let finder = channels[0];
    miner.until_channel(finder, |channel| channel.mines_on(&parent)).await.unwrap();
    work_on(&mut miner, finder, 1).await;
    // The slice has ended: its head is what jobs commit to, and its work what they pay.
    let head = |channel: &tests::client::Channel| -> Option<Commitment> {
        let (job, _) = channel.work().ok()?;
        let outputs = job.coinbase(&vec![0; channel.rolled_size]).unwrap().output;
        outputs.iter().find_map(|output| anchor::head(&output.script_pubkey))
    };
    miner.until_channel(finder, |channel| pays(channel).len() == 3 && head(channel).is_some()).await.unwrap();
    let block = miner.find(finder, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    pool.until_status(|status| status["block_counts"]["accepted"] == 1).await.unwrap();
    pool.terminate().await.unwrap();

    let seen = node.block(&block.display_hash()).await.unwrap()["tx"][0]["vout"].clone();
    let outputs: Vec<(ScriptBuf, u64)> = seen.as_array().unwrap().iter().filter_map(output).collect();
    let (payouts, remarks) = outputs.split_at(3);
    assert_eq!(payouts, divided(SUBSIDY, &all(&slices(&pool)[..1])));
    assert!(remarks.iter().all(|(script, sat)| *sat == 0 && script.is_op_return()), "{outputs:?}");
    // The host's, the ledger's, and last the one that Bitcoin asks for.
    assert_eq!(remarks.len(), 3, "{outputs:?}");
    assert!(remarks[0].0.to_hex_string().ends_with(FIXED));
    let first = Reader::open(&pool.ledger()).unwrap().head(1).unwrap().unwrap().head.hash();
    assert_eq!(anchor::head(&remarks[1].0), Some(first));
    let report = verified(&pool).await;
    assert!(report["jobs_anchored"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["jobs_without_rule"], 0);
}
