//! What the demo shows: a line for each block, or one JSON summary at the end.

use super::member::Member;
use crate::miner::{MinerEvent, MinerKind};
use crate::status::BlockRecord;
use p2p::{Invite, PoolUri};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Gathers what happens and shows it.
pub struct Report {
    json: bool,
    /// Whose each address is.
    names: BTreeMap<String, String>,
    summary: Summary,
}

/// The JSON summary. Scripts rely on its fields: add, do not rename.
#[derive(Debug, Default, Serialize)]
struct Summary {
    network: &'static str,
    /// The node id that the members dial.
    node: String,
    blocks: Vec<Block>,
    shares: Shares,
    connections: Vec<Connection>,
}

#[derive(Debug, Serialize)]
struct Block {
    height: u32,
    hash: String,
    /// Who found it.
    member: String,
    /// Of the largest payout.
    address: String,
    /// The same.
    paid_sat: u64,
    /// Everybody it pays, as the outputs stand in its coinbase.
    paid: Vec<Paid>,
    accepted: bool,
    detail: String,
}

#[derive(Debug, Serialize)]
struct Paid {
    /// None for somebody who mines along.
    member: Option<String>,
    address: String,
    paid_sat: u64,
}

#[derive(Debug, Default, Serialize)]
struct Shares {
    accepted: u64,
    rejected: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Connection {
    member: String,
    channel: &'static str,
    path: &'static str,
    shares_accepted: u64,
    reconnects: u64,
}

impl Report {
    /// Nothing has happened yet.
    pub fn new(members: &[Member], json: bool) -> Report {
        let connections = members.iter().map(|member| Connection {
            member: member.name.clone(),
            channel: match member.kind {
                MinerKind::Standard => "standard",
                MinerKind::Extended => "extended",
            },
            path: "none",
            shares_accepted: 0,
            reconnects: 0,
        });
        let summary =
            Summary { network: "regtest", connections: connections.collect(), ..Summary::default() };
        let names = members.iter().map(|member| (member.address.clone(), member.name.clone())).collect();
        Report { json, names, summary }
    }

    /// The pool is up.
    pub fn started(&mut self, uri: &PoolUri, invite: &Invite, http: Option<SocketAddr>) {
        self.summary.node = invite.node.to_z32();
        let members: Vec<&str> =
            self.summary.connections.iter().map(|member| member.member.as_str()).collect();
        self.say(&format!(
            "A pool, its members ({}) and a regtest chain, all in this process. The members dial \
             the pool by its node id, over Iroh:\n  {}\n\n  \
             mine along   punchbowl miner '{invite}' --user <regtest address>.<name>\n  \
             or over TCP  punchbowl miner {uri} --user <regtest address>.<name>",
            members.join(", "),
            self.summary.node,
        ));
        if let Some(address) = http {
            self.say(&format!("  look inside  http://{address}/"));
        }
        self.say("  stop         Ctrl-C\n");
    }

    /// A block was found and has its verdict.
    pub fn block(&mut self, block: &BlockRecord) {
        let paid: Vec<Paid> = block
            .paid
            .iter()
            .map(|(address, paid_sat)| Paid {
                member: self.names.get(address).cloned(),
                address: address.clone(),
                paid_sat: *paid_sat,
            })
            .collect();
        if block.accepted {
            let amounts: Vec<String> = paid.iter().map(Paid::shown).collect();
            self.say(&format!(
                "  block {:>5}  found by {:<8} {}\n               pays {} BTC",
                block.height,
                block.worker,
                block.hash,
                amounts.join(", ")
            ));
        } else {
            // Two members found a block at the same height; one of them was first.
            self.say(&format!("  too late     {:<8} {}  {}", block.worker, block.hash, block.detail));
        }
        let (address, paid_sat) = block.paid.first().cloned().unwrap_or_default();
        self.summary.blocks.push(Block {
            height: block.height,
            hash: block.hash.clone(),
            member: block.worker.clone(),
            address,
            paid_sat,
            paid,
            accepted: block.accepted,
            detail: block.detail.clone(),
        });
    }

    /// Something happened to a member's miner.
    pub fn event(&mut self, member: usize, event: &MinerEvent) {
        let Some(connection) = self.summary.connections.get_mut(member) else { return };
        match event {
            MinerEvent::Accepted { shares, .. } => {
                connection.shares_accepted += shares;
                self.summary.shares.accepted += shares;
            }
            MinerEvent::Path(kind) => connection.path = kind,
            MinerEvent::Rejected { code, .. } => {
                *self.summary.shares.rejected.entry(code.clone()).or_default() += 1;
            }
            MinerEvent::Disconnected { reason, retry_in } => {
                connection.reconnects += 1;
                let line = lost(&connection.member, reason, *retry_in);
                self.say(&line);
            }
            MinerEvent::Lost { shares, reason } => {
                let line = format!("  {} lost {shares} shares: {reason}", connection.member);
                self.say(&line);
            }
            MinerEvent::Connected { .. }
            | MinerEvent::Found(_)
            | MinerEvent::Checked(_)
            | MinerEvent::Resumed { .. }
            | MinerEvent::Job { .. }
            | MinerEvent::NewTarget(_)
            | MinerEvent::Ended { .. } => {}
        }
    }

    /// Blocks that the chain took.
    pub fn accepted_blocks(&self) -> u64 {
        self.summary.blocks.iter().filter(|block| block.accepted).count() as u64
    }

    /// The end.
    pub fn finished(&self) {
        if self.json {
            // Every type of the summary serialises, so there is always a text.
            println!("{}", serde_json::to_string_pretty(&self.summary).unwrap_or_default());
            return;
        }
        let rejected: u64 = self.summary.shares.rejected.values().sum();
        self.say(&format!(
            "\n{} blocks, {} shares accepted, {rejected} refused",
            self.accepted_blocks(),
            self.summary.shares.accepted
        ));
    }

    fn say(&self, line: &str) {
        if !self.json {
            println!("{line}");
        }
    }
}

impl Paid {
    /// `ann 20.50000000`
    fn shown(&self) -> String {
        let whole = bitcoin::Amount::from_sat(self.paid_sat);
        let name = self.member.as_ref().unwrap_or(&self.address);
        format!("{name} {}", whole.display_in(bitcoin::Denomination::Bitcoin))
    }
}

fn lost(member: &str, reason: &str, retry_in: Duration) -> String {
    format!("  {member} lost the pool ({reason}); trying again in {:.1} s", retry_in.as_secs_f64())
}
