//! The embedded chain as the pool sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use bitcoin::hashes::Hash;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use support::miner::{solve, solve_paying};
use support::node::soon;
use template_provider::embedded::{
    EmbeddedChain, EmbeddedConfig, EmbeddedError, PREMINED_BLOCKS, start, start_with_chain,
};
use template_provider::{CoinbaseReserve, SolutionError, SourceHandle, SourceStatus, Template};
use tokio_util::sync::CancellationToken;

fn started(config: EmbeddedConfig) -> (SourceHandle, EmbeddedChain) {
    start_with_chain(config, CancellationToken::new()).unwrap()
}

fn newest(source: &SourceHandle) -> Arc<Template> {
    source.templates.borrow().clone().unwrap()
}

fn with_transactions(transactions: usize) -> EmbeddedConfig {
    EmbeddedConfig { transactions, ..EmbeddedConfig::default() }
}

#[tokio::test]
async fn solved_template_becomes_the_tip_and_the_next_template_builds_on_it() {
    let (source, chain) = started(with_transactions(5));
    let template = newest(&source);
    assert_eq!((template.height, template.transactions), (PREMINED_BLOCKS + 1, 5));
    let solution = solve(&template, b"tag");

    let outcome = source.submit(solution.clone()).await.unwrap();

    assert_eq!((outcome.hash, outcome.height), (solution.hash, template.height));
    assert_eq!(chain.tip(), solution.hash);
    assert_eq!(newest(&source).prev_hash, solution.hash);
    let block = chain.block(template.height).unwrap().unwrap();
    assert_eq!(block.txdata.len(), 6);
    let paid: u64 = block.txdata[0].output.iter().map(|output| output.value.to_sat()).sum();
    assert_eq!(paid, template.subsidy + template.fees);
}

#[tokio::test]
async fn submitting_a_block_twice_is_no_error() {
    let (source, chain) = started(EmbeddedConfig::default());
    let solution = solve(&newest(&source), b"");
    source.submit(solution.clone()).await.unwrap();
    let again = source.submit(solution).await.unwrap();
    assert!(again.via.contains("already known"));
    assert_eq!(chain.height(), PREMINED_BLOCKS + 1);
}

#[tokio::test]
async fn new_tip_gives_a_provisional_template_at_once_and_then_a_full_one() {
    let (mut source, chain) = started(with_transactions(9));
    source.templates.mark_unchanged();
    let tip = chain.mine_elsewhere().unwrap();

    let provisional = newest(&source);
    assert!(provisional.provisional);
    assert_eq!((provisional.prev_hash, provisional.transactions, provisional.fees), (tip, 0, 0));
    assert!(provisional.merkle_path.is_empty());

    let full =
        soon("full template", source.templates.wait_for(|t| t.as_ref().is_some_and(|t| !t.provisional)))
            .await
            .unwrap()
            .clone()
            .unwrap();
    assert_eq!((full.prev_hash, full.transactions), (tip, 9));
    assert!(full.id > provisional.id && full.fees > 0);
    assert_eq!(full.coinbase.value_remaining, full.subsidy + full.fees);
}

#[tokio::test]
async fn coinbase_only_chain_has_no_provisional_templates() {
    let (source, chain) = started(EmbeddedConfig::default());
    chain.mine_elsewhere().unwrap();
    assert!(!newest(&source).provisional);
}

#[tokio::test]
async fn bumped_fees_are_paid_by_the_next_template_on_the_same_tip() {
    let (source, chain) = started(with_transactions(3));
    let before = newest(&source);
    chain.bump_fees();
    let after = newest(&source);
    assert_eq!(after.prev_hash, before.prev_hash);
    assert!(after.fees > before.fees && after.id > before.id);

    chain.add_transactions(4);
    assert_eq!(newest(&source).transactions, 7);
    source.submit(solve(&newest(&source), b"")).await.unwrap();
    assert_eq!(chain.height(), after.height);
}

#[tokio::test]
async fn older_template_of_the_same_tip_can_still_be_solved() {
    let (source, chain) = started(with_transactions(3));
    let before = newest(&source);
    chain.bump_fees();
    let solution = solve(&before, b"");
    source.submit(solution.clone()).await.unwrap();
    assert_eq!(chain.tip(), solution.hash);
}

#[tokio::test]
async fn templates_are_refreshed_at_the_interval() {
    let config = EmbeddedConfig { template_interval: Some(Duration::from_millis(1)), ..with_transactions(1) };
    let (mut source, _) = started(config);
    let fees = newest(&source).fees;
    soon("higher fees", source.templates.wait_for(|t| t.as_ref().is_some_and(|t| t.fees > fees)))
        .await
        .unwrap();
}

#[tokio::test]
async fn solution_for_a_tip_that_is_gone_is_refused_as_stale() {
    let (source, chain) = started(EmbeddedConfig::default());
    let solution = solve(&newest(&source), b"");
    let tip = chain.mine_elsewhere().unwrap();
    let refused = source.submit(solution).await.unwrap_err();
    assert!(matches!(&refused, SolutionError::Stale(_)), "{refused}");
    assert_eq!(chain.tip(), tip);
}

#[tokio::test]
async fn solution_for_an_unknown_template_is_refused() {
    let (source, _) = started(EmbeddedConfig::default());
    let mut solution = solve(&newest(&source), b"");
    solution.template_id = u64::MAX;
    assert_eq!(source.submit(solution).await.unwrap_err(), SolutionError::UnknownTemplate(u64::MAX));
}

async fn refusal(source: &SourceHandle, solution: template_provider::Solution) -> String {
    match source.submit(solution).await {
        Err(SolutionError::Rejected(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn blocks_that_break_a_rule_are_refused() {
    let (source, chain) = started(with_transactions(2));
    let template = newest(&source);
    let greedy = solve_paying(&template, template.coinbase.value_remaining + 1, b"");
    assert!(refusal(&source, greedy).await.contains("bad-cb-amount"));

    let mut other_commitment = Template::clone(&template);
    other_commitment.coinbase.required_outputs.clear();
    assert!(refusal(&source, solve(&other_commitment, b"")).await.contains("bad-witness-merkle-match"));

    let mut other_height = Template::clone(&template);
    other_height.coinbase.script_sig_prefix = vec![1, 99];
    assert!(refusal(&source, solve(&other_height, b"")).await.contains("bad-cb-height"));

    let mut too_early = Template::clone(&template);
    too_early.ntime = template.min_ntime - 1;
    assert!(refusal(&source, solve(&too_early, b"")).await.contains("time-too-old"));

    let mut too_late = Template::clone(&template);
    too_late.ntime += 3 * 3600;
    assert!(refusal(&source, solve(&too_late, b"")).await.contains("time-too-new"));

    let mut no_work = solve(&template, b"");
    let header = |nonce| header_of(&template, &no_work, nonce);
    let nonce =
        (0..).find(|nonce| !work::Target::from_compact(template.nbits).is_met_by(&header(*nonce).hash()));
    let nonce = nonce.unwrap();
    no_work.hash = header(nonce).hash();
    no_work.nonce = nonce;
    assert!(refusal(&source, no_work).await.contains("high-hash"));

    let mut other_path = Template::clone(&template);
    other_path.merkle_path.clear();
    assert!(refusal(&source, solve(&other_path, b"")).await.contains("the block's hash is"));

    assert_eq!(chain.height(), PREMINED_BLOCKS);
}

fn header_of(template: &Template, solution: &template_provider::Solution, nonce: u32) -> work::Header {
    let coinbase: bitcoin::Transaction = bitcoin::consensus::deserialize(&solution.coinbase).unwrap();
    let txid = work::Hash256(coinbase.compute_txid().to_byte_array());
    work::Header {
        version: solution.version,
        prev_hash: template.prev_hash,
        merkle_root: work::merkle::fold(txid, &template.merkle_path),
        ntime: solution.ntime,
        nbits: template.nbits,
        nonce,
    }
}

#[tokio::test]
async fn earliest_allowed_time_is_accepted() {
    let (source, chain) = started(EmbeddedConfig::default());
    let mut template = Template::clone(&newest(&source));
    template.ntime = template.min_ntime;
    source.submit(solve(&template, b"")).await.unwrap();
    assert_eq!(chain.height(), template.height);
}

#[tokio::test]
async fn private_chain_wants_its_own_difficulty_but_finds_blocks_elsewhere_at_once() {
    let nbits = 0x2000_ffff;
    let (source, chain) = started(EmbeddedConfig { nbits, ..EmbeddedConfig::default() });
    chain.mine_elsewhere().unwrap();
    let template = newest(&source);
    assert_eq!(template.nbits, nbits);
    let solution = solve(&template, b"");
    let easy = work::Target::from_compact(nbits);
    assert!(easy.is_met_by(&solution.hash));

    let nonce = (0..).find(|n| !easy.is_met_by(&header_of(&template, &solution, *n).hash())).unwrap();
    let mut too_easy = solution.clone();
    too_easy.nonce = nonce;
    too_easy.hash = header_of(&template, &solution, nonce).hash();
    assert!(refusal(&source, too_easy).await.contains("high-hash"));

    source.submit(solution).await.unwrap();
    assert_eq!(chain.height(), PREMINED_BLOCKS + 2);
}

#[tokio::test]
async fn grown_reserve_gives_a_new_template_with_fewer_transactions() {
    let (mut source, _) = started(with_transactions(20_000));
    let before = newest(&source);
    assert!(before.transactions < 20_000, "a block is full before that");
    source.reserve.send_replace(CoinbaseReserve { output_bytes: 50_000, sigops: 500 });
    let after = soon("template", source.templates.wait_for(|t| t.as_ref().is_some_and(|t| t.id > before.id)))
        .await
        .unwrap()
        .clone()
        .unwrap();
    assert!(after.transactions < before.transactions);
}

#[tokio::test]
async fn chain_in_a_folder_is_there_again_after_a_restart() {
    let dir = tempfile::TempDir::new().unwrap();
    let config = EmbeddedConfig { data_dir: Some(dir.path().into()), ..with_transactions(3) };
    let cancel = CancellationToken::new();
    let (source, chain) = start_with_chain(config.clone(), cancel.clone()).unwrap();
    assert!(matches!(start(config.clone(), CancellationToken::new()), Err(EmbeddedError::InUse(_))));
    source.submit(solve(&newest(&source), b"")).await.unwrap();
    chain.mine_elsewhere().unwrap();
    let (tip, height) = (chain.tip(), chain.height());
    stop(source, chain, cancel).await;

    // A torn last record, as a power cut leaves it.
    let file = dir.path().join("embedded-chain.dat");
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"PbBk\x10\x01\x00\x00torn").unwrap();
    let cancel = CancellationToken::new();
    let (source, chain) = start_with_chain(config.clone(), cancel.clone()).unwrap();
    assert_eq!((chain.tip(), chain.height()), (tip, height));
    source.submit(solve(&newest(&source), b"")).await.unwrap();
    stop(source, chain, cancel).await;

    // Damage in the middle is not cut off silently.
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[5_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let damaged = start(config, CancellationToken::new()).unwrap_err();
    assert!(matches!(damaged, EmbeddedError::Damaged { .. }), "{damaged}");
}

/// Waits until the chain's file is free again.
async fn stop(source: SourceHandle, chain: EmbeddedChain, cancel: CancellationToken) {
    drop(chain);
    cancel.cancel();
    soon("stop", source.stopped()).await;
}

#[tokio::test]
async fn cancelled_source_says_that_it_has_stopped_and_takes_no_solutions() {
    let cancel = CancellationToken::new();
    let source = start(EmbeddedConfig::default(), cancel.clone()).unwrap();
    assert_eq!(*source.status.borrow(), SourceStatus::Serving);
    let solution = solve(&newest(&source), b"");
    cancel.cancel();
    soon("stop", source.stopped()).await;
    assert_eq!(*source.status.borrow(), SourceStatus::Stopped);
    assert_eq!(source.submit(solution).await.unwrap_err(), SolutionError::Stopped);
}

#[tokio::test]
async fn template_prints_as_one_line() {
    let (source, _) = started(with_transactions(2));
    let line = newest(&source).to_string();
    assert!(line.contains("height 117") && line.contains("2 transactions"), "{line}");
    assert!(!line.contains('\n'));
}

mod real_node {
    use super::*;
    use bitcoin::consensus::encode::serialize_hex;
    use support::node::Node;

    #[tokio::test]
    async fn every_block_is_accepted_by_bitcoin_core() {
        let Some(node) = Node::start() else { return };
        let (source, chain) = started(with_transactions(30));
        source.submit(solve(&newest(&source), b"one")).await.unwrap();
        chain.mine_elsewhere().unwrap();
        chain.bump_fees();
        source.submit(solve(&newest(&source), b"two")).await.unwrap();
        for height in 1..=chain.height() {
            let block = chain.block(height).unwrap().unwrap();
            let verdict = node.cli_stdin(&["submitblock"], &serialize_hex(&block));
            assert_eq!(verdict, "", "block {height} was refused");
        }
        assert_eq!(node.tip(), chain.tip().to_string());
        assert_eq!(node.height(), PREMINED_BLOCKS + 3);
    }
}
