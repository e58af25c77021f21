//! Against stand-ins for the versions of Bitcoin Core, which differ in the calls
//! that they know.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::ipc::node::Threads;
use crate::mining_capnp::{block_template, mining};
use crate::proxy_capnp::thread;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What a version answers to each call; `None` where it does not know the call.
#[derive(Clone, Copy, Default)]
struct Core {
    solution_10: Option<(bool, &'static str)>,
    /// The error is that of a version which has retired the call.
    solution_7: Option<Result<bool, ()>>,
    block: Option<(bool, &'static str)>,
}

/// Bitcoin Core 31.
const CORE_31: Core = Core { solution_10: None, solution_7: Some(Ok(true)), block: None };
/// Between 31 and the next.
const CORE_31_99: Core = Core { block: Some((false, "duplicate")), ..CORE_31 };
/// After 31.
const CORE_NEXT: Core =
    Core { solution_10: Some((true, "")), solution_7: Some(Err(())), block: Some((false, "duplicate")) };

#[derive(Default)]
struct Calls(RefCell<Vec<&'static str>>);

struct StandIn {
    core: Core,
    calls: Rc<Calls>,
}

struct NoThread;
impl thread::Server for NoThread {}

fn unknown() -> capnp::Error {
    capnp::Error::unimplemented("unknown method".to_owned())
}

impl block_template::Server for StandIn {
    async fn submit_solution10(
        self: Rc<Self>,
        params: block_template::SubmitSolution10Params,
        mut results: block_template::SubmitSolution10Results,
    ) -> Result<(), capnp::Error> {
        let (yes, reason) = self.core.solution_10.ok_or_else(unknown)?;
        assert_eq!(params.get()?.get_nonce(), 7);
        self.calls.0.borrow_mut().push("10");
        results.get().set_result(yes);
        results.get().set_reason(reason);
        Ok(())
    }

    async fn submit_solution7(
        self: Rc<Self>,
        params: block_template::SubmitSolution7Params,
        mut results: block_template::SubmitSolution7Results,
    ) -> Result<(), capnp::Error> {
        let answer = self.core.solution_7.ok_or_else(unknown)?;
        assert_eq!(params.get()?.get_coinbase()?, [1, 2, 3]);
        self.calls.0.borrow_mut().push("7");
        let yes =
            answer.map_err(|()| capnp::Error::failed("Old submitSolution (@7) not supported".to_owned()))?;
        results.get().set_result(yes);
        Ok(())
    }
}

impl mining::Server for StandIn {
    async fn submit_block(
        self: Rc<Self>,
        params: mining::SubmitBlockParams,
        mut results: mining::SubmitBlockResults,
    ) -> Result<(), capnp::Error> {
        let (yes, reason) = self.core.block.ok_or_else(unknown)?;
        assert_eq!(params.get()?.get_block()?, b"block");
        self.calls.0.borrow_mut().push("block");
        results.get().set_result(yes);
        results.get().set_reason(reason);
        Ok(())
    }
}

fn solution() -> Solution {
    let hash = work::Hash256::default();
    Solution { template_id: 1, version: 2, ntime: 3, nonce: 7, coinbase: vec![1, 2, 3], hash }
}

/// Hands a block to `core`; its verdict and the calls that it had.
async fn ask(core: Core, block: Option<&'static [u8]>) -> (Verdict, Vec<&'static str>) {
    let calls = Rc::new(Calls::default());
    let (node, template) = stand_in(core, &calls);
    let verdict = node.submit(&template, &solution(), async || block.map(<[u8]>::to_vec)).await;
    (verdict, calls.0.take())
}

fn stand_in(core: Core, calls: &Rc<Calls>) -> (Node, NodeTemplate) {
    let stand_in = || StandIn { core, calls: calls.clone() };
    let thread: thread::Client = capnp_rpc::new_client(NoThread);
    let node = Node {
        mining: capnp_rpc::new_client(stand_in()),
        rpc: None,
        threads: Threads {
            tip: thread.clone(),
            fees: thread.clone(),
            calls: thread.clone(),
            blocks: thread.clone(),
            solutions: thread,
        },
        takes_solution_10: Cell::new(true),
    };
    (node, NodeTemplate(capnp_rpc::new_client(stand_in())))
}

const BLOCK: Option<&[u8]> = Some(b"block");

#[tokio::test]
async fn newest_core_takes_the_solution_by_ordinal_10_alone() {
    assert_eq!(ask(CORE_NEXT, BLOCK).await, (Verdict::Has("submitSolution@10"), vec!["10"]));
}

#[tokio::test]
async fn core_31_takes_it_by_ordinal_7_and_nothing_else() {
    assert_eq!(ask(CORE_31, BLOCK).await, (Verdict::Has("submitSolution@7"), vec!["7"]));
}

#[tokio::test]
async fn yes_by_ordinal_7_is_confirmed_with_the_whole_block() {
    assert_eq!(ask(CORE_31_99, BLOCK).await, (Verdict::Has("submitSolution@7"), vec!["7", "block"]));
    // "Yes" only means processed; here it was found invalid.
    let invalid = Core { block: Some((false, "duplicate-invalid")), ..CORE_31_99 };
    assert_eq!(ask(invalid, BLOCK).await.0, Verdict::Refused("duplicate-invalid".into()));
}

#[tokio::test]
async fn yes_by_ordinal_7_stands_when_the_whole_block_cannot_be_had() {
    assert_eq!(ask(CORE_31_99, None).await.0, Verdict::Has("submitSolution@7"));
}

#[tokio::test]
async fn no_or_error_is_followed_by_the_whole_block() {
    let no = Core { solution_10: Some((false, "high-hash")), block: Some((true, "")), ..CORE_NEXT };
    assert_eq!(ask(no, BLOCK).await, (Verdict::Has("submitBlock"), vec!["10", "block"]));
    let error = Core { solution_10: None, block: Some((true, "")), ..CORE_NEXT };
    assert_eq!(ask(error, BLOCK).await, (Verdict::Has("submitBlock"), vec!["7", "block"]));
    let no_twice =
        Core { solution_10: Some((false, "x")), block: Some((false, "bad-cb-amount")), ..CORE_NEXT };
    assert_eq!(ask(no_twice, BLOCK).await.0, Verdict::Refused("bad-cb-amount".into()));
}

#[tokio::test]
async fn block_that_the_node_has_already_is_no_failure() {
    let known = Core { solution_10: Some((false, "duplicate")), ..CORE_NEXT };
    assert_eq!(ask(known, BLOCK).await, (Verdict::Has("submitSolution@10"), vec!["10"]));
}

#[tokio::test]
async fn no_with_nothing_to_back_it_up_is_a_refusal_and_an_error_is_no_answer() {
    let no = Core { solution_7: Some(Ok(false)), ..CORE_31 };
    assert!(matches!(ask(no, BLOCK).await.0, Verdict::Refused(_)));
    let error = Core { solution_7: Some(Err(())), ..CORE_31 };
    assert!(matches!(ask(error, BLOCK).await.0, Verdict::NoAnswer(_)));
}

#[tokio::test]
async fn parent_that_the_node_does_not_have_yet_is_no_refusal() {
    let calls = Rc::new(Calls::default());
    let behind = Core { block: Some((false, "prev-blk-not-found")), ..CORE_NEXT };
    let (node, _) = stand_in(behind, &calls);
    assert!(matches!(node.submit_block(b"block").await, Verdict::NoAnswer(_)));
    let fork = Core { block: Some((false, "inconclusive")), ..CORE_NEXT };
    let (node, _) = stand_in(fork, &calls);
    assert!(matches!(node.submit_block(b"block").await, Verdict::Has(_)));
}

#[tokio::test]
async fn unknown_ordinal_is_asked_for_only_once() {
    let calls = Rc::new(Calls::default());
    let (node, template) = stand_in(CORE_31, &calls);
    node.submit(&template, &solution(), async || None).await;
    assert!(!node.takes_solution_10.get());
}

#[test]
fn duplicate_is_known_but_an_invalid_duplicate_is_not() {
    assert!(is_known("duplicate"));
    assert!(!is_known("duplicate-invalid"));
    assert!(!is_known("inconclusive"));
}
