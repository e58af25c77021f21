//! Goes through a ledger to its end, and on as it grows if that is wished.

use super::progress::Progress;
use super::{Outlet, VerifyArgs};
use crate::cli::interrupt::Interrupt;
use crate::follow::{Follow, FollowConfig, FollowError, Place, Told};
use crate::upstream::Backoff;
use anyhow::{Context, Result};
use ledger::Reader;
use ledger::audit::{Auditor, Report, audit_further};
use ledger::evidence::{Cursor, Source};
use p2p::Target;
use p2p::iroh::SecretKey;
use std::path::Path;
use std::time::{Duration, Instant};

/// A pool is asked again after so many failures in a row, where it is not followed.
const TRIES: u32 = 5;
/// How often a file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a pool may wait for news.
const WAIT: Duration = Duration::from_secs(10);

/// Audits a file.
pub(super) async fn file(path: &Path, mut auditor: Auditor, mut outlet: Outlet) -> Result<Report> {
    let mut interrupt = Interrupt::listen()?;
    let mut reader = Reader::open(path)?;
    let (mut source, mut progress) = (Source::new(Cursor::START, 1), Progress::new());
    let mut checked = None;
    loop {
        audit_further(&mut source, &mut reader, &mut auditor, |shares| progress.at(shares))
            .with_context(|| format!("cannot read {} to its end", path.display()))?;
        progress.end();
        outlet.found(auditor.found())?;
        if checked.replace(source.cursor()) != Some(source.cursor()) {
            outlet.caught_up(auditor.shares(), auditor.slices(), auditor.discrepancies())?;
        }
        if !outlet.follow {
            return Ok(auditor.finish());
        }
        tokio::select! {
            () = interrupt.received() => return Ok(auditor.finish()),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Audits a running pool.
pub(super) async fn remote(
    args: &VerifyArgs,
    place: Place,
    mut auditor: Auditor,
    mut outlet: Outlet,
) -> Result<Report> {
    let mut interrupt = Interrupt::listen()?;
    // Held to the end: nobody else may run on this key.
    let node_key = args.dialling.node_key()?;
    let looked_for: Vec<Target> = match &place {
        Place::Pool(pool) => vec![pool.clone()],
        Place::Http(_) => Vec::new(),
    };
    let mut follow = Follow::new(FollowConfig {
        place,
        node: None,
        identity: node_key.as_ref().map_or_else(SecretKey::generate, |key| key.secret().clone()),
        lookup: args.dialling.lookup(&looked_for),
        relay_only: args.dialling.relay_only,
        whole_from: 1,
        wait: if outlet.follow { WAIT } else { Duration::ZERO },
    });
    let mut progress = Progress::new();
    let (mut backoff, mut failures, mut checked) = (Backoff::default(), 0, None);
    loop {
        let told = tokio::select! {
            () = interrupt.received() => break,
            told = follow.next() => told,
        };
        match told {
            Ok(Told::Shares(shares)) => {
                failures = 0;
                for share in &shares {
                    auditor.share(share);
                }
                progress.at(auditor.shares());
            }
            Ok(Told::Ledger(ledger)) => auditor.ledger_is(ledger),
            Ok(Told::Evidence(evidence)) => auditor.add(&evidence),
            Ok(Told::CaughtUp) => {
                progress.end();
                outlet.found(auditor.found())?;
                let cursor = follow.cursor();
                if checked.replace(cursor) != Some(cursor) {
                    outlet.caught_up(auditor.shares(), auditor.slices(), auditor.discrepancies())?;
                }
                if !outlet.follow {
                    break;
                }
            }
            Err(fault) => {
                progress.end();
                failures += 1;
                if fault.is_final() || (!outlet.follow && failures >= TRIES) {
                    return Err(give_up(fault, &auditor));
                }
                let wait = backoff.lost(Instant::now(), rand::random());
                eprintln!("{fault}; trying again in {:.1} s", wait.as_secs_f64());
                tokio::select! {
                    () = interrupt.received() => break,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }
    progress.end();
    outlet.found(auditor.found())?;
    follow.close().await;
    Ok(auditor.finish())
}

fn give_up(fault: FollowError, auditor: &Auditor) -> anyhow::Error {
    let context = match auditor.shares() {
        0 => "cannot read the pool's ledger".to_owned(),
        shares => format!("cannot read the pool's ledger on, after {shares} shares"),
    };
    anyhow::Error::from(fault).context(context)
}
