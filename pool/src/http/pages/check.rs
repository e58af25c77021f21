//! How anybody checks the pool's books.

use super::{Part, words};
use crate::http::markup::{Markup, html};
use crate::view::View;

pub(super) fn parts(view: &View) -> Vec<Part> {
    vec![
        Part::bare(
            "intro",
            html! {
                h1 { "Check the books" }
                p.lead { "Trust is good; here it is not needed. Every share that was accepted is in a ledger, and anybody can compute again what it is worth." }
            },
        ),
        Part::card("head", head(view)),
        Part::card("how", how(view)),
        Part::wide("what", what()),
    ]
}

fn head(view: &View) -> Markup {
    html! {
        h2 { "The ledger now" }
        @match &view.check.head {
            Some(head) => {
                p.big { "slice " (words::count(head.slice)) }
                p.note { "signed by the pool " (words::when(view.time, head.closed)) ", the last of " (words::count(view.check.last_share)) " shares is " (words::count(head.first_share + head.shares.saturating_sub(1))) }
                dl.facts.tall {
                    div { dt { "Head" } dd { code { (head.hash) } } }
                    div { dt { "Head before" } dd { code { (head.previous) } } }
                    div { dt { "Root of shares" } dd { code { (head.shares_root) } } }
                    div { dt { "Root of members" } dd { code { (head.members_root) } } }
                    div { dt { "Signature" } dd { code { (head.signature) } } }
                }
                p.note { "Write a head down, or photograph it: if the pool ever changes anything before it, yours no longer fits, and proves it." }
            }
            None => p.empty { "No slice has ended yet; the first one does after ten minutes of mining, or with the next block." },
        }
    }
}

fn how(view: &View) -> Markup {
    html! {
        h2 { "How to check" }
        ol.steps {
            li { "Ask the host for a copy of the ledger: the file " code { "ledger.sqlite" } " of the pool's data folder." }
            li {
                "Compute everything again on a computer of your own:"
                pre { code { "punchbowl verify ledger.sqlite \\\n  --authority " (view.check.authority) } }
            }
            li { "Compare the head that it prints with the one on this page, and with one that you wrote down earlier." }
        }
        p { "The pool's key:" }
        p { code.address { (view.check.authority) } }
        @if let Some(ledger) = &view.check.ledger { p.note { "Ledger " code { (ledger) } } }
    }
}

fn what() -> Markup {
    html! {
        h2 { "What is checked" }
        ul.ticks {
            li { "Each share's proof of work, from the bytes that the miner sent." }
            li { "That no share is missing, none is there twice and none was invented." }
            li { "Each slice's roots and the signature over them, and that each head names the one before." }
            li { "What each member worked, and with it what each block owed to whom." }
            li { "The coinbase of each block: it pays what the ledger says, to the satoshi." }
        }
    }
}
