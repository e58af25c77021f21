//! Prometheus text. Labels come from fixed sets only (no names, no addresses; node ids of
//! a fixed number of members), so that the number of series is bounded whatever miners do.

use super::Shown;
use super::api::document::Endpoint;
use crate::status::books::LedgerSnapshot;
use crate::status::{StatusSnapshot, relays};
use crate::view::View;
use crate::view::pool::PoolBest;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::Instant;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/metrics", get(show))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::other("/metrics", "text/plain", "Prometheus text, of bounded size.")]
}

async fn show(State(shown): State<Arc<Shown>>) -> Response {
    let mut text = render(&shown.observed.snapshot(Instant::now(), 0));
    text += &render_view(&shown.view());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// The metrics in Prometheus' text format 0.0.4.
pub fn render(status: &StatusSnapshot) -> String {
    let mut page = Page::default();
    page.one("info", "gauge", "Version and network of the pool.", || {
        format!("{{version=\"{}\",network=\"{}\"}} 1", status.version, status.network)
    });
    page.number("uptime_seconds", "gauge", "Seconds since the pool started.", status.uptime_seconds);
    page.number("serving", "gauge", "1 while miners are given jobs.", u8::from(status.serving));
    page.one("source_state", "gauge", "State of the template source.", || {
        format!("{{state=\"{}\"}} 1", status.source.state)
    });
    if let Some(template) = &status.template {
        page.number("template_height", "gauge", "Height of the block to be found.", template.height);
        page.number(
            "template_age_seconds",
            "gauge",
            "Seconds since the template came.",
            template.age_seconds,
        );
        page.number("template_fees_sat", "gauge", "Fees in the template in satoshi.", template.fees);
        page.number("template_transactions", "gauge", "Transactions in the template.", template.transactions);
    }
    let connections = &status.connection_counts;
    page.by("connections", "gauge", "Open connections by kind of path.", "path", &connections.paths);
    page.head("node_rtt_seconds", "gauge", "Time to a member's node and back, of the first few.");
    for one in &connections.nodes {
        let seconds = one.rtt_milliseconds / 1e3;
        page.line("node_rtt_seconds", &format!("{{node=\"{}\",path=\"{}\"}} {seconds}", one.node, one.path));
    }
    page.number("channels", "gauge", "Open channels.", connections.channels);
    page.number("connections_opened_total", "counter", "Connections opened.", connections.opened);
    let help = "Connections closed otherwise than by the peer's leaving.";
    page.by("connections_closed_total", "counter", help, "reason", &connections.closed);
    page.by(
        "connections_refused_total",
        "counter",
        "Connections not let in.",
        "reason",
        &connections.refused,
    );
    let outages = status.outages;
    page.number(
        "parked_channels",
        "gauge",
        "Channels that wait for their client after an outage.",
        outages.parked_channels,
    );
    let fates = BTreeMap::from([
        ("parked", outages.parked),
        ("resumed", outages.resumed),
        ("expired", outages.expired),
        ("no-room", outages.no_room),
    ]);
    page.by("outage_channels_total", "counter", "Channels whose connection died.", "fate", &fates);
    page.number(
        "sessions_taken_over_total",
        "counter",
        "Connections still open when their client came back by another one.",
        outages.taken_over,
    );
    page.number(
        "resume_tokens_unknown_total",
        "counter",
        "Requests to resume channels that were not there.",
        outages.unknown_tokens,
    );
    let states = relays::by_state(&status.relays);
    page.by("relays", "gauge", "Relays at which the pool waits for members.", "state", &states);
    if let Some(relay) = &status.own_relay {
        page.number("own_relay_clients", "gauge", "Connections to the pool's own relay.", relay.clients);
        page.number("own_relay_waiting", "gauge", "Connections that say nothing yet.", relay.waiting);
        page.number("own_relay_bytes_total", "counter", "Bytes passed on.", relay.bytes);
        page.number("own_relay_told_total", "counter", "Addresses told to members.", relay.told_address);
        let refused = BTreeMap::from([
            ("denied", relay.refused.denied),
            ("hurried", relay.refused.hurried),
            ("late", relay.refused.late),
            ("askers", relay.refused.askers),
        ]);
        page.by("own_relay_refused_total", "counter", "Connections not let in.", "reason", &refused);
    }
    page.number("shares_accepted_total", "counter", "Accepted shares.", status.shares.accepted);
    page.number(
        "shares_difficulty_total",
        "counter",
        "Sum of the credited share difficulties.",
        status.shares.difficulty,
    );
    page.by("shares_rejected_total", "counter", "Refused shares.", "reason", &status.shares.rejected);
    if let Some(ledger) = &status.ledger {
        ledger_metrics(&mut page, ledger);
    }
    let blocks = status.block_counts;
    page.number("blocks_submitted_total", "counter", "Blocks found and submitted.", blocks.submitted);
    page.number("blocks_accepted_total", "counter", "Blocks that the node took.", blocks.accepted);
    page.number("blocks_late_total", "counter", "Good blocks that came too late.", blocks.late);
    page.number("blocks_refused_total", "counter", "Blocks that the node refused.", blocks.refused);
    page.number("channels_refused_total", "counter", "Channels refused.", status.channels_refused);
    page.number("unknown_messages_total", "counter", "Messages ignored as unknown.", status.unknown_messages);
    page.0
}

/// What is computed from the ledger: hashrate, round and chances. By window and reason only:
/// members and workers are for the API, or the number of series would grow with them.
pub fn render_view(view: &View) -> String {
    let mut page = Page::default();
    let pool = &view.pool;
    page.head("hashrate_hashes_per_second", "gauge", "Hashrate over a window, counted from shares.");
    for (window, rate) in pool.hashrate.named() {
        page.line("hashrate_hashes_per_second", &format!("{{window=\"{window}\"}} {}", rate.hashrate));
    }
    page.number("members", "gauge", "Members that mine, or did in the last ten minutes.", pool.members);
    page.number("workers", "gauge", "Workers with an open connection.", pool.workers);
    page.number("round_shares", "gauge", "Shares since the last block.", pool.round.shares);
    page.number(
        "round_difficulty",
        "gauge",
        "Their work, as the sum of their difficulties.",
        pool.round.work,
    );
    page.number(
        "round_effort_ratio",
        "gauge",
        "Work against what a block takes on average.",
        pool.round.effort,
    );
    page.number("network_difficulty", "gauge", "Difficulty of the network.", pool.round.network_difficulty);
    let best = |best: &Option<PoolBest>| best.as_ref().map_or(0.0, |best| best.best.difficulty);
    page.number(
        "best_share_round_difficulty",
        "gauge",
        "Best share since the last block.",
        best(&pool.round.best),
    );
    page.number("best_share_ever_difficulty", "gauge", "Best share of all time.", best(&pool.best));
    page.number("blocks_found", "gauge", "Blocks in the chain.", pool.blocks_found);
    if let Some(template) = &view.template {
        page.number("template_subsidy_sat", "gauge", "Subsidy in satoshi.", template.subsidy);
    }
    page.0
}

fn ledger_metrics(page: &mut Page, ledger: &LedgerSnapshot) {
    if let Some(check) = &ledger.check {
        let wrong = "What the pool's last check of its own ledger found wrong.";
        page.number("ledger_check_discrepancies", "gauge", wrong, check.wrong);
        let at = "When that check ended, seconds since the Unix epoch.";
        page.number("ledger_check_timestamp_seconds", "gauge", at, check.at);
    }
    let working = u8::from(ledger.state == "working");
    page.number("ledger_working", "gauge", "1 while shares are written down.", working);
    page.number("ledger_last_share", "gauge", "Number of the last share on disk.", ledger.last_share);
    page.number("ledger_last_slice", "gauge", "Number of the last slice that has ended.", ledger.last_slice);
    page.number("ledger_shares_total", "counter", "Shares written since the start.", ledger.shares_written);
    page.number("ledger_commits_total", "counter", "Commits since the start.", ledger.commits);
    page.number(
        "ledger_commit_seconds_total",
        "counter",
        "Time that all commits took together.",
        ledger.commit_seconds,
    );
    page.number(
        "ledger_committing_seconds",
        "gauge",
        "Time that the present commit has taken.",
        ledger.committing_seconds,
    );
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn number(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.one(name, kind, help, || format!(" {value}"));
    }

    fn by(&mut self, name: &str, kind: &str, help: &str, label: &str, values: &BTreeMap<&'static str, u64>) {
        self.head(name, kind, help);
        for (key, value) in values {
            self.line(name, &format!("{{{label}=\"{key}\"}} {value}"));
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, rest: impl FnOnce() -> String) {
        self.head(name, kind, help);
        self.line(name, &rest());
    }

    // Writing to a String cannot fail.

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP punchbowl_{name} {help}\n# TYPE punchbowl_{name} {kind}");
    }

    fn line(&mut self, name: &str, rest: &str) {
        let _ = writeln!(self.0, "punchbowl_{name}{rest}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::status::snapshot::fake;
    use crate::status::{ChannelInfo, Path};
    use std::time::Instant;

    fn page(connections: u16) -> String {
        let now = Instant::now();
        let (observed, _) = fake::observed(now);
        let guards: Vec<_> = (0..connections)
            .map(|port| {
                let guard =
                    observed.status.connections.opened_at(Path::Tcp(([127, 0, 0, 1], port).into()), now);
                guard.set_agent(&format!("agent\n{port}"));
                let member = format!("member{port}").into();
                guard.channel_opened(ChannelInfo {
                    id: 1,
                    kind: "standard",
                    member,
                    worker: "w".into(),
                    class: None,
                });
                guard
            })
            .collect();
        let page = render(&observed.snapshot(now, 0));
        drop(guards);
        page
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample_with_a_number() {
        for line in page(2).lines().filter(|line| !line.starts_with("# ")) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with("punchbowl_"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }

    #[test]
    fn the_number_of_series_does_not_grow_with_miners() {
        assert_eq!(page(1).lines().count(), page(500).lines().count());
    }
}
