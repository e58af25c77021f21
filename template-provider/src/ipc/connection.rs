//! Getting on speaking terms with a Bitcoin Core, and taking leave of it.

use super::IpcConfig;
use super::error::NodeError;
use super::json_rpc::Answer;
use super::node::{Node, Threads, limited, on, sense};
use crate::Network;
use crate::init_capnp::init;
use crate::proxy_capnp::{thread, thread_map};
use crate::rpc_capnp::rpc;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{Disconnector, RpcSystem, twoparty};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{BufReader, BufWriter};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};
use tracing::debug;

/// A peer that does not say a word in this time is none.
const HELLO_LIMIT: Duration = Duration::from_secs(30);

/// A live connection; [`close`](Self::close) it.
pub(super) struct Connection {
    pub(super) node: Rc<Node>,
    disconnector: Disconnector<Side>,
    driver: JoinHandle<Result<(), capnp::Error>>,
}

impl Connection {
    /// Connects, and makes sure that the node is new enough and on the right chain.
    ///
    /// Waits as long as it takes for a node that is still loading its chain;
    /// `loading` is called when it comes to that.
    pub(super) async fn open(config: &IpcConfig, loading: impl FnOnce()) -> Result<Connection, NodeError> {
        let stream =
            UnixStream::connect(&config.socket).await.map_err(|error| socket_error(&config.socket, error))?;
        let (reader, writer) = stream.into_split();
        let network = twoparty::VatNetwork::new(
            BufReader::new(reader).compat(),
            BufWriter::new(writer).compat_write(),
            Side::Client,
            Default::default(),
        );
        let mut system = RpcSystem::new(Box::new(network), None);
        let init: init::Client = system.bootstrap(Side::Server);
        let disconnector = system.get_disconnector();
        let driver = tokio::task::spawn_local(system);
        match greet(&init, loading).await {
            Ok(node) => {
                let connection = Connection { node: Rc::new(node), disconnector, driver };
                match check_network(&connection.node, config.network).await {
                    Ok(()) => Ok(connection),
                    Err(error) => {
                        connection.close().await;
                        Err(error)
                    }
                }
            }
            Err(error) => {
                driver.abort();
                Err(error)
            }
        }
    }

    /// Says goodbye: Core then frees what this connection held.
    pub(super) async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(2);
        drop(self.node);
        let mut driver = self.driver;
        let goodbye = async {
            let _ = self.disconnector.await;
            let _ = (&mut driver).await;
        };
        if tokio::time::timeout(PATIENCE, goodbye).await.is_err() {
            debug!("Bitcoin Core did not see us off in time");
            driver.abort();
        }
    }
}

async fn greet(init: &init::Client, loading: impl FnOnce()) -> Result<Node, NodeError> {
    const CONSTRUCT: &str = "construct";
    let not_core = |error: NodeError| match error {
        NodeError::Disconnected(_)
        | NodeError::Silent { .. }
        | NodeError::Answer { .. }
        | NodeError::Unimplemented(_)
        | NodeError::Call { .. } => NodeError::NotBitcoinCore(error.to_string()),
        other => other,
    };
    let reply =
        limited(CONSTRUCT, HELLO_LIMIT, init.construct_request().send().promise).await.map_err(not_core)?;
    let map = sense(CONSTRUCT, reply.get().and_then(|result| result.get_thread_map())).map_err(not_core)?;
    let (tip, fees, calls, blocks, solutions) = tokio::try_join!(
        make_thread(&map, "punchbowl-tip"),
        make_thread(&map, "punchbowl-fees"),
        make_thread(&map, "punchbowl-calls"),
        make_thread(&map, "punchbowl-blocks"),
        make_thread(&map, "punchbowl-solutions"),
    )
    .map_err(not_core)?;
    let threads = Threads { tip, fees, calls, blocks, solutions };
    let mining = make_mining(init, &threads.calls, loading).await?;
    let rpc = make_rpc(init, &threads.calls).await?;
    Ok(Node { mining, rpc, threads, takes_solution_10: Cell::new(true) })
}

async fn make_thread(map: &thread_map::Client, name: &str) -> Result<thread::Client, NodeError> {
    const CALL: &str = "makeThread";
    let mut request = map.make_thread_request();
    request.get().set_name(name);
    let reply = limited(CALL, HELLO_LIMIT, request.send().promise).await?;
    sense(CALL, sense(CALL, reply.get())?.get_result())
}

/// A node answers this only after it has loaded its chain, which may take minutes.
async fn make_mining(
    init: &init::Client,
    thread: &thread::Client,
    loading: impl FnOnce(),
) -> Result<crate::mining_capnp::mining::Client, NodeError> {
    const CALL: &str = "makeMining";
    const SHORT: Duration = Duration::from_secs(1);
    let mut request = init.make_mining_request();
    on(request.get().init_context(), thread);
    let mut reply = request.send().promise;
    let reply = match tokio::time::timeout(SHORT, &mut reply).await {
        Ok(reply) => reply,
        Err(_) => {
            loading();
            reply.await
        }
    };
    match reply {
        Ok(reply) => sense(CALL, sense(CALL, reply.get())?.get_result()),
        Err(error) if error.kind == capnp::ErrorKind::Unimplemented => Err(NodeError::TooOld(error.extra)),
        Err(error) => Err(NodeError::from_capnp(CALL, &error)),
    }
}

/// `None` where the node does not offer it.
async fn make_rpc(init: &init::Client, thread: &thread::Client) -> Result<Option<rpc::Client>, NodeError> {
    const CALL: &str = "makeRpc";
    let mut request = init.make_rpc_request();
    on(request.get().init_context(), thread);
    match limited(CALL, HELLO_LIMIT, request.send().promise).await {
        Ok(reply) => sense(CALL, sense(CALL, reply.get())?.get_result()).map(Some),
        Err(NodeError::Unimplemented(_) | NodeError::Call { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// By the genesis block where the node can be asked for it; else only main chain
/// and test chains can be told apart.
async fn check_network(node: &Node, wanted: Network) -> Result<(), NodeError> {
    let is_test_chain = node.is_test_chain().await?;
    if is_test_chain != (wanted != Network::Bitcoin) {
        let found = if is_test_chain { "a test chain" } else { "the main chain" }.to_owned();
        return Err(NodeError::WrongNetwork { found, wanted });
    }
    match genesis_network(node).await? {
        Some(found) if found != wanted => {
            Err(NodeError::WrongNetwork { found: found.to_core_arg().to_owned(), wanted })
        }
        _ => Ok(()),
    }
}

/// The network whose genesis block the node has; `None` when it cannot be asked.
async fn genesis_network(node: &Node) -> Result<Option<Network>, NodeError> {
    const NETWORKS: [Network; 5] =
        [Network::Bitcoin, Network::Testnet, Network::Testnet4, Network::Signet, Network::Regtest];
    let Answer::Result(genesis) = node.json_rpc("getblockhash", serde_json::json!([0])).await? else {
        return Ok(None);
    };
    let is_genesis_of = |network: &Network| {
        let hash = bitcoin::constants::genesis_block(*network).block_hash().to_string();
        genesis.as_str() == Some(&hash)
    };
    Ok(NETWORKS.into_iter().find(is_genesis_of))
}

fn socket_error(path: &Path, source: io::Error) -> NodeError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => NodeError::NoSocket(path),
        io::ErrorKind::PermissionDenied => NodeError::Permission(path),
        io::ErrorKind::ConnectionRefused => NodeError::NobodyListens(path),
        _ => NodeError::Socket { path, source },
    }
}
