//! Everybody who has mined here in the last week.

use super::bowl::{Colours, bar, dot};
use super::chart::spark;
use super::{Part, words};
use crate::history::Range;
use crate::http::markup::{Markup, html};
use crate::view::View;

/// Members on the page; the API has all.
const LISTED: usize = 200;

pub(super) fn parts(view: &View) -> Vec<Part> {
    vec![
        Part::bare(
            "intro",
            html! {
                h1 { "Members" }
                p.lead { (words::count(view.pool.members)) " mine now with " (words::count(view.pool.workers)) " workers." }
            },
        ),
        Part::wide("list", list(view)),
    ]
}

fn list(view: &View) -> Markup {
    let colours = Colours::of(view);
    let sparks: Vec<Markup> = {
        let known = view.history.known();
        let points = view.members.iter().take(LISTED).map(|member| {
            let tally = known.tally.members.get(&member.name);
            tally.map(|tally| spark(&tally.series.line(view.time, Range::Hour).points)).unwrap_or_default()
        });
        points.collect()
    };
    html! {
        @if view.members.is_empty() {
            p.empty { "Nobody has mined yet. " a href="/join" { "Invite somebody" } "." }
        }
        ul.people {
            @for (member, spark) in view.members.iter().take(LISTED).zip(sparks) {
                li {
                    div.who {
                        (dot(&colours, &member.name))
                        a href=(format!("/members/{}", words::encoded(&member.name))) { (member.label) }
                        @if member.online { span.state.on { "mining" } } @else { span.state.off { "away" } }
                    }
                    div.spark-box { (spark) }
                    dl.facts.row {
                        div { dt { "Hashrate" } dd { (words::hashrate(member.hashrate.h1.hashrate)) } }
                        div { dt { "This round" } dd { (words::percent(member.round_part)) } }
                        div { dt { "Best" } dd { @match &member.best_ever { Some(best) => (words::si(best.difficulty)), None => "–" } } }
                        div { dt { "Workers" } dd { (member.workers.iter().filter(|worker| worker.online).count()) } }
                        div { dt { "Last share" } dd { @match member.last_share { Some(at) => (words::when(view.time, at)), None => "–" } } }
                    }
                    (bar(member.round_part, &colours.class(&member.name)))
                }
            }
        }
    }
}
