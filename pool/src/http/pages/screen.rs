//! For a projector: the bowl, live shares, who is in front, and a feast when a block is
//! found.

use super::bowl::{Colours, bowl, dot};
use super::{Part, words};
use crate::http::markup::{Markup, html};
use crate::view::{BlockView, View};

/// Seconds for which a block is feasted.
const FEAST: u64 = 15;
const PLACES: usize = 5;
const SHARES: usize = 11;

pub(super) fn parts(view: &View) -> Vec<Part> {
    vec![
        Part { id: "feast", class: "feast-box", body: feast(view) },
        Part { id: "bowl", class: "screen-bowl", body: html! { h1.sr { "Big screen" } (bowl(view)) } },
        Part { id: "figures", class: "screen-figures", body: figures(view) },
        Part { id: "shares", class: "card screen-shares", body: shares(view) },
        Part { id: "board", class: "card screen-board", body: board(view) },
        Part { id: "stars", class: "card screen-stars", body: stars(view) },
    ]
}

fn figures(view: &View) -> Markup {
    let pool = &view.pool;
    html! {
        dl {
            div { dt { "Hashrate" } dd { (words::hashrate(pool.hashrate.m5.hashrate)) } }
            div { dt { "Members" } dd { (words::count(pool.members)) } }
            div { dt { "Workers" } dd { (words::count(pool.workers)) } }
            div { dt { "Blocks" } dd { (words::count(pool.blocks_found)) } }
            div { dt { "Next height" } dd { @match &view.template { Some(template) => (words::count(template.height.into())), None => "–" } } }
            div { dt { "Chance a day" } dd { (words::percent(pool.odds.day)) } }
        }
    }
}

fn shares(view: &View) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { "Shares, live" }
        ol.feed {
            @for share in view.feed.iter().take(SHARES) {
                li {
                    (dot(&colours, &share.member))
                    span.who { (crate::view::members::label(&share.member)) @if !share.worker.is_empty() { small { " " (share.worker) } } }
                    span.number { @if share.shares > 1 { (words::count(share.shares)) " × " } (words::si(share.difficulty)) }
                    span.soft { (words::ago(view.time, share.time)) }
                }
            }
        }
        @if view.feed.is_empty() { p.empty { "Waiting for the first share." } }
    }
}

fn board(view: &View) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { "In the bowl" }
        ol.board {
            @for member in view.members.iter().filter(|member| member.round_part > 0.0).take(PLACES) {
                li {
                    (dot(&colours, &member.name))
                    span.who { (member.label) }
                    span.number { (words::percent(member.round_part)) }
                }
            }
        }
    }
}

fn stars(view: &View) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { "Best shares this round" }
        ol.board {
            @for entry in view.leaderboard.best_round.iter().take(PLACES) {
                li {
                    (dot(&colours, &entry.member))
                    span.who { (entry.label) }
                    span.number { (words::si(entry.value)) }
                }
            }
        }
        @if let Some(best) = &view.pool.best {
            p.note { "All time: " strong { (words::si(best.best.difficulty)) } " by " (crate::view::members::label(&best.member)) }
        }
    }
}

/// A block that was found a moment ago, if there is one.
fn feast(view: &View) -> Markup {
    let block = view.blocks.first().filter(|block| is_fresh(block, view.time));
    html! {
        @if let Some(block) = block {
            div.feast role="status" {
                div.fizz aria-hidden="true" { @for number in 0..18 { i.(format!("f{number}")) {} } }
                p.feast-word { "Block!" }
                p.feast-height { "height " (words::count(block.height.into())) }
                p.feast-who { "found by " strong { (crate::view::members::label(&block.member)) } }
                p.feast-value { (words::coins(block.value)) }
            }
        }
    }
}

fn is_fresh(block: &BlockView, now: u64) -> bool {
    block.state != "orphaned" && now.saturating_sub(block.time) < FEAST
}
