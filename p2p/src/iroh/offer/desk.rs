//! Where a pool takes offers.

use super::{
    LONGEST_OFFER, PATIENCE,
    book::{Book, Lease, Refusal},
    line::Lines,
    serves,
};
use crate::{
    NodeId, Permit, RelayHint,
    iroh::{Gate, IrohStream, IrohWrite, Policy, relays::Relays},
};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{debug, info};

/// Takes offers, no more than its host wants.
#[derive(Debug)]
pub(in crate::iroh) struct Desk {
    relays: Relays,
    gate: Arc<Gate>,
    most: usize,
    book: Mutex<Book>,
}

/// How long an offer stands without its connection: a relay that starts anew, a member whose
/// line drops.
const GRACE: Duration = Duration::from_secs(20);
/// How often is looked whether others are let in by now.
const LOOK: Duration = Duration::from_secs(5);
/// How long one line may take to leave.
const WRITE: Duration = Duration::from_secs(10);

impl Desk {
    pub(in crate::iroh) fn new(relays: Relays, gate: Arc<Gate>, most: usize) -> Arc<Desk> {
        Arc::new(Desk { relays, gate, most, book: Mutex::default() })
    }

    /// Serves one offer from its first line to its end.
    pub(in crate::iroh) async fn serve(&self, stream: IrohStream, permit: Permit) {
        let peer = stream.peer();
        let (read, mut write) = stream.into_split();
        let mut lines = Lines::new(read, LONGEST_OFFER);
        let first = timeout(PATIENCE, lines.next()).await;
        let offered = match first {
            Ok(Ok(Some(line))) => {
                line.strip_prefix("relay ").and_then(|relay| relay.parse::<RelayHint>().ok())
            }
            _ => None,
        };
        let taken = match offered {
            Some(relay) => self.take(peer, relay),
            None => Err(Refusal::NoOffer),
        };
        let (relay, lease) = match taken {
            Ok(taken) => taken,
            Err(refusal) => {
                debug!(peer = peer.to_z32(), %refusal, "a relay was offered and not taken");
                let _ = say(&mut write, &format!("no {refusal}")).await;
                return;
            }
        };
        info!(%relay, "a member offers its relay");
        if let Some(before) = &lease.instead_of {
            self.relays.leave(before).await;
        }
        if self.relays.wait_at(relay.clone()).await {
            let reason = tokio::select! {
                ended = self.tell(&relay, &mut write) => ended.err(),
                ended = hear(&mut lines) => ended.err(),
                () = lease.replaced.cancelled() => None,
            };
            debug!(%relay, reason = reason.map(|error| error.to_string()), "the offer's connection has ended");
        } else {
            let _ = say(&mut write, &format!("no {}", Refusal::Full)).await;
        }
        drop((write, lines, permit));
        tokio::select! {
            () = lease.replaced.cancelled() => {}
            () = self.relays.closed() => {}
            () = sleep(GRACE) => {}
        }
        let ended = self.book().end(peer, &lease);
        if let Some(relay) = ended {
            info!(%relay, "a member's relay is offered no longer");
            self.relays.leave(&relay).await;
        }
    }

    fn take(&self, peer: NodeId, relay: RelayHint) -> Result<(RelayHint, Lease), Refusal> {
        let known: Vec<RelayHint> =
            self.relays.reports().borrow().iter().map(|report| report.relay.clone()).collect();
        let lease = self.book().take(peer, relay.clone(), self.most, &known)?;
        Ok((relay, lease))
    }

    /// Tells how the relay is used, for as long as it can be told.
    async fn tell(&self, relay: &RelayHint, write: &mut IrohWrite) -> io::Result<()> {
        say(write, "taken").await?;
        let mut told: Option<Policy> = None;
        let mut naming: Option<String> = None;
        let mut reports = self.relays.reports();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let policy = self.gate.policy();
            if told.as_ref() != Some(&policy) {
                say(write, &serves(&policy)).await?;
                told = Some(policy);
            }
            let now =
                reports.borrow_and_update().iter().find(|report| report.relay == *relay).map(|report| {
                    match report.named {
                        true => "named".to_owned(),
                        false => format!("unnamed {}", report.reason.as_deref().unwrap_or("not reached yet")),
                    }
                });
            if now.is_some() && now != naming {
                say(write, now.as_deref().unwrap_or_default()).await?;
                naming = now;
            }
            tokio::select! {
                _ = look.tick() => {}
                changed = reports.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the other side ends it. What else it says is passed over.
async fn hear(lines: &mut Lines<crate::iroh::IrohRead>) -> io::Result<()> {
    while lines.next().await?.is_some() {}
    Ok(())
}

async fn say(write: &mut IrohWrite, line: &str) -> io::Result<()> {
    // A reason from elsewhere must not become a line of its own.
    let line = format!("{}\n", line.replace(['\n', '\r'], " "));
    let said = async {
        write.write_all(line.as_bytes()).await?;
        write.flush().await
    };
    timeout(WRITE, said).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
