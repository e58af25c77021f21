//! The pool at a glance: whether all is well, who mines, and how far the round is.

use super::bowl::{Colours, bar, bowl, dot};
use super::{Part, chart, words};
use crate::history::Range;
use crate::http::markup::{Markup, html};
use crate::status::LedgerCheck;
use crate::view::View;

/// Members and blocks that are listed here; all of them have pages of their own.
const LISTED: usize = 8;

pub(super) fn parts(view: &View, range: Range) -> Vec<Part> {
    vec![
        Part::bare("health", health(view)),
        Part { id: "round", class: "card hero", body: round(view) },
        Part::card("now", now(view)),
        Part::card("members", members(view)),
        Part::wide("chart", history(view, range)),
        Part::wide("node", node(view)),
        Part::wide("blocks", blocks(view)),
    ]
}

/// One line that says whether all is well.
fn health(view: &View) -> Markup {
    let troubles = troubles(view);
    html! {
        h1.quiet { "The pool" }
        @if troubles.is_empty() {
            p.well { span.tick aria-hidden="true" { "✓" } " All is well: miners have work, shares are on disk." }
        } @else {
            @for trouble in troubles {
                p.trouble role="alert" { strong { "Look here: " } (trouble) }
            }
        }
    }
}

/// What a host should look at.
fn troubles(view: &View) -> Vec<String> {
    const OLD: f64 = 600.0;
    let mut troubles = Vec::new();
    if !view.pool.serving {
        let source = &view.status.source;
        let why = source.detail.clone().unwrap_or_else(|| format!("the template source is {}", source.state));
        troubles.push(format!("miners have no work yet: {why}"));
    } else if view.status.source.state != "serving" {
        let why = view.status.source.detail.as_deref().unwrap_or("it does not answer");
        troubles.push(format!("Bitcoin Core is away ({why}); miners go on with the last template"));
    } else if view.template.as_ref().is_some_and(|template| template.age_seconds > OLD) {
        troubles.push("the template is more than ten minutes old; is Bitcoin Core well?".to_owned());
    }
    if let Some(detail) = &view.check.detail {
        troubles.push(detail.clone());
    }
    troubles.extend(view.check.last_check.as_ref().and_then(LedgerCheck::trouble));
    if view.pool.serving && view.pool.connections == 0 {
        troubles.push("nobody is connected; the page Join says how".to_owned());
    }
    troubles
}

fn round(view: &View) -> Markup {
    let (round, odds) = (&view.pool.round, &view.pool.odds);
    html! {
        h2 { "This round" }
        (bowl(view))
        dl.facts {
            div { dt { "Work" } dd { (words::si(round.work)) small { " of " (words::si(round.network_difficulty)) } } }
            div { dt { "Shares" } dd { (words::count(round.shares)) } }
            div { dt { "Since" } dd { @match round.since { Some(since) => (words::when(view.time, since)), None => "no share yet" } } }
            div { dt { "Luckier rounds" } dd title="So many of a hundred rounds end before so much work" { (words::percent(round.luckier)) } }
        }
        h3 { "Chances of a block" }
        dl.facts.three {
            div { dt { "a day" } dd { (words::percent(odds.day)) } }
            div { dt { "a month" } dd { (words::percent(odds.month)) } }
            div { dt { "a year" } dd { (words::percent(odds.year)) } }
        }
        p.note {
            @match odds.mean_seconds {
                Some(mean) => {
                    "At the last hour's pace a block takes " strong { (words::duration(mean)) }
                    " on average. It may come at once or take several times as long: what has been worked so far makes the next hash no luckier."
                }
                None => "Without hashrate there is no chance of a block.",
            }
        }
    }
}

fn now(view: &View) -> Markup {
    let pool = &view.pool;
    let refused = pool.shares_rejected;
    let all = pool.shares_accepted + refused;
    html! {
        h2 { "Now" }
        p.big { (words::hashrate(pool.hashrate.m5.hashrate)) }
        p.note {
            "between " (words::hashrate(pool.hashrate.m5.low)) " and " (words::hashrate(pool.hashrate.m5.high))
            ", counted over five minutes"
        }
        dl.facts {
            div { dt { "Members" } dd { (words::count(pool.members)) } }
            div { dt { "Workers" } dd { (words::count(pool.workers)) } }
            div { dt { "Blocks found" } dd { (words::count(pool.blocks_found)) } }
            div {
                dt { "Luck" }
                dd title="Work per block found against the average; less than 100 % is lucky" {
                    @match pool.luck { Some(luck) => { (words::percent(luck)) small { " of the work" } }, None => "no block yet" }
                }
            }
            div {
                dt { "Best share" }
                dd {
                    @match &pool.best {
                        Some(best) => { (words::si(best.best.difficulty)) small { " by " (crate::view::members::label(&best.member)) } }
                        None => "none yet"
                    }
                }
            }
            div {
                dt { "Refused" }
                dd { (words::percent(if all > 0 { refused as f64 / all as f64 } else { 0.0 })) small { " of " (words::count(all)) " shares" } }
            }
        }
        table.windows {
            caption { "Hashrate by window" }
            tbody {
                @for (name, rate) in pool.hashrate.named() {
                    tr { th scope="row" { (name) } td { (words::hashrate(rate.hashrate)) } td.soft { "± " (words::percent(spread(&rate))) } }
                }
            }
        }
    }
}

fn spread(rate: &crate::history::Rate) -> f64 {
    if rate.hashrate > 0.0 { (rate.high - rate.low) / 2.0 / rate.hashrate } else { 0.0 }
}

fn history(view: &View, range: Range) -> Markup {
    let line = view.history.known().tally.pool.line(view.time, range);
    chart::chart(&line, range, view.time, "/")
}

fn members(view: &View) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { "In the bowl" }
        @if view.members.is_empty() {
            p.empty { "Nobody has mined yet. " a href="/join" { "Invite somebody" } "." }
        } @else {
            table.list {
                thead { tr { th scope="col" { "Member" } th.number scope="col" { "Hashrate" } th.number scope="col" { "Part" } } }
                tbody {
                    @for member in view.members.iter().take(LISTED) {
                        tr {
                            td { (dot(&colours, &member.name)) a href=(format!("/members/{}", words::encoded(&member.name))) { (member.label) } }
                            td.number { (words::hashrate(member.hashrate.m5.hashrate)) }
                            td.number { (words::percent(member.round_part)) (bar(member.round_part, &colours.class(&member.name))) }
                        }
                    }
                }
            }
            @if view.members.len() > LISTED {
                p { a href="/members" { "All " (view.members.len()) " members" } }
            }
        }
    }
}

fn node(view: &View) -> Markup {
    html! {
        h2 { "Bitcoin node" }
        @match &view.template {
            Some(template) => dl.facts.many {
                div { dt { "Next height" } dd { (words::count(template.height.into())) } }
                div { dt { "Template" } dd { (words::duration(template.age_seconds)) small { " old" } } }
                div { dt { "Fees" } dd { (words::sat(template.fees)) } }
                div { dt { "Transactions" } dd { (words::count(template.transactions)) } }
                div { dt { "Difficulty" } dd { (words::si(template.network_difficulty)) } }
                div { dt { "Source" } dd { (template.source) } }
            },
            None => p.empty { "There is no template yet." },
        }
        @if let Some(ledger) = &view.status.ledger {
            h3 { "Ledger" }
            dl.facts.many {
                div { dt { "On disk" } dd { (words::count(ledger.last_share)) small { " shares" } } }
                div { dt { "Slowest commit" } dd { (format!("{:.0} ms", ledger.slowest_commit_seconds * 1e3)) } }
            }
        }
        h3 { "Ways in" }
        p {
            @for (path, count) in &view.status.connection_counts.paths {
                span.chip { (words::count(*count)) " × " (way(path)) } " "
            }
            @if view.status.connection_counts.paths.is_empty() { "nobody is connected" }
        }
    }
}

/// A kind of path in words.
pub(super) fn way(path: &str) -> &str {
    match path {
        "tcp" => "TCP",
        "iroh-lan" => "Iroh, same network",
        "iroh-direct" => "Iroh, direct",
        "iroh-relayed" => "Iroh, by relay",
        "iroh-unknown" => "Iroh",
        other => other,
    }
}

fn blocks(view: &View) -> Markup {
    html! {
        h2 { "Blocks found" }
        @if view.blocks.is_empty() {
            p.empty { "None yet. When one comes, it stands here, with what it paid and how lucky it was." }
        } @else {
            div.scroll {
                table.list {
                    thead {
                        tr {
                            th scope="col" { "Height" } th scope="col" { "When" } th scope="col" { "Finder" }
                            th.number scope="col" { "Paid out" } th.number scope="col" { "Effort" }
                            th scope="col" { "State" } th scope="col" { "Hash" }
                        }
                    }
                    tbody {
                        @for block in view.blocks.iter().take(LISTED) {
                            tr {
                                td { (words::count(block.height.into())) }
                                td { (words::when(view.time, block.time)) }
                                td { a href=(format!("/members/{}", words::encoded(&block.member))) { (crate::view::members::label(&block.member)) } }
                                td.number { (words::coins(block.value)) }
                                td.number { @match block.effort { Some(effort) => (words::percent(effort)), None => "–" } }
                                td { span.state.(block.state) { (state(&block.state)) } }
                                td { (words::short_hash(&block.hash)) }
                            }
                        }
                    }
                }
            }
            p.note { "Effort is the work of the round against the average: 100 % is average, less was lucky." }
        }
    }
}

fn state(state: &str) -> &str {
    match state {
        "candidate" => "found",
        "submitted" => "sent to the node",
        "in-chain" => "in the chain",
        other => other,
    }
}
