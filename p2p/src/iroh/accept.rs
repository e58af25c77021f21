//! Letting peers in: each attempt has a task of its own, so that no peer waits for
//! another one's silence.

use super::{
    IrohNode, RELAY_OFFER,
    gate::{Gate, Outcome, Verdict},
    offer::Desk,
    stream::IrohStream,
};
use crate::admission::Permit;
use iroh::endpoint::{Connection, Incoming, VarInt};
use std::{fmt::Display, sync::Arc, time::Instant};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::AbortHandle,
    time::timeout,
};
use tracing::debug;

/// Hands out the streams of those who are let in.
#[derive(Debug)]
pub struct IrohAcceptor {
    admitted: mpsc::Receiver<(IrohStream, Permit)>,
    gate: Arc<Gate>,
    listening: AbortHandle,
}

/// Streams let in that nobody has taken yet.
const WAITING: usize = 64;
/// Application close codes of QUIC, for peers that are turned away; the reason stands
/// beside in words.
const NOT_MEMBER: VarInt = VarInt::from_u32(1);
const FULL: VarInt = VarInt::from_u32(2);
const SILENT: VarInt = VarInt::from_u32(3);

pub(super) fn start(node: IrohNode, gate: Arc<Gate>) -> IrohAcceptor {
    let (sender, admitted) = mpsc::channel(WAITING);
    let listening = tokio::spawn(listen(node, Arc::clone(&gate), sender)).abort_handle();
    IrohAcceptor { admitted, gate, listening }
}

impl IrohAcceptor {
    /// The next peer that is let in, with its place in the pool: keep the [`Permit`] as
    /// long as the stream. `None` when the node is closed. Cancel-safe.
    pub async fn accept(&mut self) -> Option<(IrohStream, Permit)> {
        self.admitted.recv().await
    }

    /// Who decides; to change the policy and to read the counters.
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate)
    }
}

impl Drop for IrohAcceptor {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(node: IrohNode, gate: Arc<Gate>, admitted: mpsc::Sender<(IrohStream, Permit)>) {
    let desk = Desk::new(node.relays.clone(), Arc::clone(&gate), node.accept_relays);
    while let Some(incoming) = node.endpoint.accept().await {
        match gate.judge(&incoming.remote_addr(), incoming.remote_addr_validated(), Instant::now()) {
            Verdict::Proceed(slot) => {
                let (node, gate, admitted) = (node.clone(), Arc::clone(&gate), admitted.clone());
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    match shake_hands(incoming, slot, &node, &gate).await {
                        Some((stream, permit)) if stream.protocol() == RELAY_OFFER => {
                            desk.serve(stream, permit).await;
                        }
                        // Fails only when the acceptor is gone.
                        Some(peer) => drop(admitted.send(peer).await),
                        None => {}
                    }
                });
            }
            // It fails for attempts that have been retried, which are not judged so.
            Verdict::Retry => drop(incoming.retry()),
            Verdict::Refuse => incoming.refuse(),
            Verdict::Ignore => incoming.ignore(),
        }
    }
}

/// QUIC's handshake, the decision on the proved id, and the peer's first byte.
async fn shake_hands(
    incoming: Incoming,
    slot: OwnedSemaphorePermit,
    node: &IrohNode,
    gate: &Gate,
) -> Option<(IrohStream, Permit)> {
    let from = incoming.remote_addr();
    let failed = |what: &str, why: &dyn Display| {
        debug!(?from, %why, "{what}");
        gate.count(Outcome::Failed);
    };
    let connection = match timeout(gate.limits.handshake, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            failed("QUIC handshake failed", &error);
            return None;
        }
        Err(late) => {
            failed("QUIC handshake took too long", &late);
            return None;
        }
    };
    drop(slot);
    let peer = connection.remote_id();
    if !gate.allows(peer) {
        debug!(%peer, ?from, "not a member");
        gate.count(Outcome::NotMember);
        connection.close(NOT_MEMBER, b"this node is not a member of the pool");
        return None;
    }
    let permit = gate.admit(peer).inspect_err(|refusal| turn_away(&connection, refusal)).ok()?;
    let Some(_silence) = gate.silence() else {
        turn_away(&connection, &"too many connections are silent");
        return None;
    };
    // A QUIC stream exists for us when its first byte is here.
    match timeout(gate.limits.first_byte, connection.accept_bi()).await {
        Ok(Ok(halves)) => {
            gate.count(Outcome::Admitted);
            Some((IrohStream::new(connection, halves, node.lingering.clone(), None), permit))
        }
        Ok(Err(error)) => {
            failed("the peer left before it said anything", &error);
            None
        }
        Err(late) => {
            failed("the peer said nothing", &late);
            connection.close(SILENT, b"nothing was said in time");
            None
        }
    }
}

fn turn_away(connection: &Connection, why: &dyn Display) {
    let why = why.to_string();
    debug!(peer = %connection.remote_id(), why, "connection refused");
    connection.close(FULL, why.as_bytes());
}
