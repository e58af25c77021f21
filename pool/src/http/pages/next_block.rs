//! What the next block would pay: the coinbases that miners work on, read back.

use super::bowl::{Colours, bar};
use super::{Part, words};
use crate::http::markup::{Markup, html};
use crate::view::{CoinbaseView, View};

pub(super) fn parts(view: &View) -> Vec<Part> {
    vec![
        Part::bare(
            "intro",
            html! {
                h1 { "The next block" }
                p.lead { "Decoded from the very bytes that miners work on at this moment: what a block found now would pay, to whom, and why." }
            },
        ),
        Part::wide("template", template(view)),
        Part::bare("coinbases", coinbases(view)),
    ]
}

fn template(view: &View) -> Markup {
    html! {
        h2 { "Template" }
        @match &view.template {
            Some(template) => {
                dl.facts.many {
                    div { dt { "Height" } dd { (words::count(template.height.into())) } }
                    div { dt { "Subsidy" } dd { (words::coins(template.subsidy)) } }
                    div { dt { "Fees" } dd { (words::sat(template.fees)) } }
                    div { dt { "Transactions" } dd { (words::count(template.transactions)) } }
                    div { dt { "Age" } dd { (words::duration(template.age_seconds)) } }
                    div { dt { "Builds on" } dd { (words::short_hash(&template.prev_hash)) } }
                }
            }
            None => p.empty { "There is no template yet." },
        }
        @if let Some(rules) = &view.pool.rules {
            h3 { "How it is divided" }
            dl.facts.many {
                div { dt { "Work that counts" } dd { (rules.window) } }
                div { dt { "Window filled" } dd { (words::percent(rules.fullness)) } }
                div { dt { "Host's fee" } dd { (words::percent(rules.host_fee)) } }
                div { dt { "Finder's bonus" } dd { (words::percent(rules.finder_bonus)) } }
                div { dt { "Least payout" } dd { (words::sat(rules.min_payout)) small { ", below it is a credit" } } }
            }
            @if let Some(warning) = &rules.warning { p.note { (warning) } }
        }
    }
}

fn coinbases(view: &View) -> Markup {
    html! {
        @if view.coinbases.is_empty() {
            div.card {
                h2 { "Nobody mines yet" }
                p.empty { "As soon as a miner is connected, the coinbase that it works on stands here." }
            }
        }
        @for coinbase in &view.coinbases { div.card { (self::coinbase(view, coinbase)) } }
    }
}

fn coinbase(view: &View, coinbase: &CoinbaseView) -> Markup {
    let colours = Colours::of(view);
    html! {
        h2 { (coinbase.class) }
        p.note { (coinbase.note) }
        p.big { (words::coins(coinbase.value)) }
        ul.outputs {
            @for output in &coinbase.outputs {
                li {
                    div.output-head {
                        strong {
                            @match &output.owner {
                                Some(owner) => @if view.member(owner).is_some() {
                                    a href=(format!("/members/{}", words::encoded(owner))) { (crate::view::members::label(owner)) }
                                } @else { (owner) },
                                None => "nobody: data",
                            }
                        }
                        span.number { (words::sat(output.value)) " · " (words::percent(output.part)) }
                    }
                    @if output.value > 0 {
                        (bar(output.part, &output.owner.as_deref().map(|owner| colours.class(owner)).unwrap_or_default()))
                    }
                    code.address { (output.address.as_deref().unwrap_or(&output.script)) }
                    p.note { (output.why) }
                }
            }
        }
        details {
            summary { "More of this coinbase" }
            dl.facts {
                div { dt { "Size" } dd { (words::count(coinbase.bytes)) small { " bytes" } } }
                div { dt { "Fees in it" } dd { (words::sat(coinbase.fees)) } }
                div { dt { "Merkle path" } dd { (coinbase.merkle_path) small { " hashes" } } }
                div { dt { "Text" } dd { @if coinbase.tag.is_empty() { "none" } @else { code { (coinbase.tag) } } } }
            }
        }
    }
}
