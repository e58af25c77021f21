//! One member: what they see on their phone.

use super::bowl::{Colours, dot};
use super::pool::way;
use super::{Part, chart, words};
use crate::history::{Best, Range};
use crate::http::markup::{Markup, html};
use crate::view::{MemberView, View, WorkerView};

pub(super) fn parts(view: &View, member: &MemberView, range: Range) -> Vec<Part> {
    vec![
        Part::bare("who", who(view, member)),
        Part::card("now", now(member)),
        Part::card("pay", pay(view, member)),
        Part::wide("chart", history(view, member, range)),
        Part::wide("workers", workers(view, member)),
        Part::card("refused", refused(member)),
        Part::card("proof", proof(view, member)),
    ]
}

fn who(view: &View, member: &MemberView) -> Markup {
    let colours = Colours::of(view);
    html! {
        h1 { (dot(&colours, &member.name)) (member.label) }
        p.lead {
            @if member.online { span.state.on { "mining" } } @else { span.state.off { "away" } }
            @if let Some(last) = member.last_share { " last share " (words::when(view.time, last)) }
        }
        @if member.label != *member.name { p { code.address { (member.name) } } }
    }
}

fn now(member: &MemberView) -> Markup {
    html! {
        h2 { "Hashrate" }
        p.big { (words::hashrate(member.hashrate.h1.hashrate)) }
        p.note {
            "over an hour; with 95 % certainty between " (words::hashrate(member.hashrate.h1.low))
            " and " (words::hashrate(member.hashrate.h1.high))
        }
        table.windows {
            tbody {
                @for (name, rate) in member.hashrate.named() {
                    tr { th scope="row" { (name) } td { (words::hashrate(rate.hashrate)) } td.soft { (words::count(rate.shares)) " shares" } }
                }
            }
        }
    }
}

fn pay(view: &View, member: &MemberView) -> Markup {
    html! {
        h2 { "This round" }
        p.big { (words::percent(member.round_part)) }
        p.note { "of all work since the last block" }
        dl.facts {
            div { dt { "Shares" } dd { (words::count(member.round_shares)) } }
            div { dt { "Work" } dd { (words::si(member.round_work)) } }
            div { dt { "Best this round" } dd { (best(view, member.best_round.as_ref())) } }
            div { dt { "Best ever" } dd { (best(view, member.best_ever.as_ref())) } }
            div {
                dt { "A block now pays" }
                dd {
                    @match member.payout_now {
                        Some(paid) => (words::coins(paid)),
                        None => @match view.pool.payout_mode.as_str() {
                            "solo" => "all, if they find it",
                            "fixed" => { "the host" }
                            _ => "nothing yet",
                        },
                    }
                }
            }
            div {
                dt { "Unpaid credit" }
                dd { @if member.credit < 0 { "− " } (words::sat(member.credit.unsigned_abs())) }
            }
        }
    }
}

fn best(view: &View, best: Option<&Best>) -> Markup {
    html! {
        @match best {
            Some(best) => { span title=(best.hash) { (words::si(best.difficulty)) } small { " " (words::when(view.time, best.time)) } }
            None => "–",
        }
    }
}

fn history(view: &View, member: &MemberView, range: Range) -> Markup {
    let known = view.history.known();
    let line = known.tally.members.get(&member.name).map(|tally| tally.series.line(view.time, range));
    drop(known);
    let address = format!("/members/{}", words::encoded(&member.name));
    chart::chart(&line.unwrap_or_default(), range, view.time, &address)
}

fn workers(view: &View, member: &MemberView) -> Markup {
    html! {
        h2 { "Workers" }
        ul.people {
            @for worker in &member.workers { li { (self::worker(view, worker)) } }
        }
    }
}

fn worker(view: &View, worker: &WorkerView) -> Markup {
    let all = worker.accepted + worker.refused();
    html! {
        div.who {
            strong { @if worker.name.is_empty() { "(no name)" } @else { (worker.name) } }
            @if worker.online { span.state.on { "mining" } } @else { span.state.off { "away" } }
        }
        dl.facts.row {
            div { dt { "1 min" } dd { (words::hashrate(worker.hashrate.m1.hashrate)) } }
            div { dt { "1 hour" } dd { (words::hashrate(worker.hashrate.h1.hashrate)) } }
            div { dt { "1 day" } dd { (words::hashrate(worker.hashrate.d1.hashrate)) } }
            div { dt { "Difficulty" } dd { @match worker.difficulty { Some(difficulty) => (words::si(difficulty)), None => "–" } } }
            div { dt { "Best" } dd { @match &worker.best_ever { Some(best) => (words::si(best.difficulty)), None => "–" } } }
            div {
                dt { "Refused" }
                dd { (words::percent(if all > 0 { worker.refused() as f64 / all as f64 } else { 0.0 })) small { " of " (words::count(all)) } }
            }
            div { dt { "Last share" } dd { @match worker.last_share { Some(at) => (words::when(view.time, at)), None => "–" } } }
        }
        @for connection in &worker.connections {
            p.chips {
                span.chip { (if connection.agent.is_empty() { "unknown miner" } else { &connection.agent }) }
                span.chip { (if connection.protocol == "sv1" { "Stratum V1" } else { "Stratum V2" }) }
                span.chip { (way(&connection.path)) @if let Some(rtt) = connection.rtt_milliseconds { (format!(", {rtt:.0} ms")) } }
                @if let Some(class) = &connection.class { span.chip title="How large a coinbase its firmware takes" { "class " (class) } }
                span.chip { "up " (words::duration(connection.age_seconds as f64)) }
            }
        }
    }
}

fn refused(member: &MemberView) -> Markup {
    html! {
        h2 { "Refused shares" }
        @if member.rejected.is_empty() {
            p.empty { "None since the pool was started." }
        } @else {
            table.list {
                thead { tr { th scope="col" { "Reason" } th scope="col" { "Worker" } th.number scope="col" { "Shares" } } }
                tbody {
                    @for worker in &member.workers {
                        @for (reason, count) in &worker.rejected {
                            tr { td { (why(reason)) } td { (worker.name) } td.number { (words::count(*count)) } }
                        }
                    }
                }
            }
        }
    }
}

/// An SV2 error code in words.
fn why(reason: &str) -> &str {
    match reason {
        "stale-share" => "too late: the block before was found meanwhile",
        "difficulty-too-low" => "easier than its target",
        "duplicate-share" => "sent before",
        "invalid-job-id" => "an unknown job",
        "invalid-channel-id" => "an unknown channel",
        other => other,
    }
}

fn proof(view: &View, member: &MemberView) -> Markup {
    html! {
        h2 { "Does it add up?" }
        p {
            "Each accepted share was in the pool's ledger before the miner heard of it. The ledger holds "
            strong { (words::count(view.check.last_share)) } " shares so far"
            @if let Some(head) = &view.check.head { "; slice " (words::count(head.slice)) " is signed" }
            "."
        }
        p { a.button href="/check" { "How to check" } }
        p.note { "The same as JSON: " a href=(format!("/api/v1/members/{}", words::encoded(&member.name))) { "API" } }
    }
}
