//! Who is in front.

use super::bowl::{Colours, dot};
use super::{Part, words};
use crate::http::markup::{Markup, html};
use crate::view::{Entry, View};

pub(super) fn parts(view: &View) -> Vec<Part> {
    let board = &view.leaderboard;
    let mut parts = vec![Part::bare(
        "intro",
        html! {
            h1 { "Leaderboard" }
            p.lead { "Work earns. A best share earns nothing but fame, until it is a block." }
        },
    )];
    if let Some(event) = &board.event {
        let when = format!("{} to {}", words::utc(event.from), words::utc(event.to));
        parts.push(Part::card(
            "work-event",
            list(view, "Most work in the event", &when, &event.work, words::si),
        ));
        parts.push(Part::card(
            "best-event",
            list(view, "Best share of the event", "difficulty of its hash", &event.best, words::si),
        ));
    }
    parts.extend([
        Part::card(
            "work-round",
            list(view, "Most work this round", "since the last block", &board.work_round, words::si),
        ),
        Part::card(
            "best-round",
            list(view, "Best share this round", "difficulty of its hash", &board.best_round, words::si),
        ),
        Part::card(
            "best-ever",
            list(view, "Best share of all time", "difficulty of its hash", &board.best_ever, words::si),
        ),
        Part::card(
            "work-week",
            list(view, "Strongest this week", "hashrate over seven days", &board.work_week, words::hashrate),
        ),
        Part::card(
            "work-ever",
            list(view, "Most work of all time", "since the ledger began", &board.work_ever, words::si),
        ),
    ]);
    parts
}

/// Places on the page; the API has more.
const LISTED: usize = 10;

pub(super) fn list(
    view: &View,
    title: &str,
    by: &str,
    entries: &[Entry],
    value: fn(f64) -> String,
) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { (title) }
        p.note { (by) }
        @if entries.is_empty() { p.empty { "Nobody yet." } }
        ol.board {
            @for entry in entries.iter().take(LISTED) {
                li {
                    (dot(&colours, &entry.member))
                    a href=(format!("/members/{}", words::encoded(&entry.member))) { (entry.label) }
                    span.number { (value(entry.value)) }
                    @if let Some(best) = &entry.best {
                        small { @if !best.worker.is_empty() { (best.worker) ", " } (words::when(view.time, best.time)) }
                    }
                }
            }
        }
    }
}
