//! How anybody checks the pool's books.

use super::{Part, words};
use crate::http::markup::{Markup, html};
use crate::status::LedgerCheck;
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
        Part::wide("verified", verified(view)),
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

fn verified(view: &View) -> Markup {
    html! {
        h2 { "Last verification" }
        @match &view.check.last_check {
            Some(check) => { (outcome(check)) p.note { "by the pool itself, " (words::when(view.time, check.at)) "; every ten minutes. It is no proof to you: your own check is." } }
            None => p.empty { "The pool has not checked its ledger yet since it was started." },
        }
    }
}

fn outcome(check: &LedgerCheck) -> Markup {
    html! {
        @if !check.is_clean() {
            p.trouble role="alert" { strong { (words::count(check.wrong)) " wrong: " } "the ledger is not what it says." }
            ul { @for what in &check.found { li { (what) } } }
        } @else if check.slices == 0 {
            p.well { "Nothing to check yet: no slice has ended." }
        } @else {
            p.well { span.tick aria-hidden="true" { "✓" } " Nothing is wrong." }
        }
        dl.facts {
            div { dt { "Slices" } dd { (words::count(check.slices)) } }
            div { dt { "Newest shares" } dd { (words::count(check.shares)) } }
            div { dt { "Their jobs" } dd { (words::count(check.jobs)) } }
        }
        @if let Some(detail) = &check.detail { p.note { (detail) } }
    }
}

fn how(view: &View) -> Markup {
    html! {
        h2 { "How to check" }
        ol.steps {
            li {
                "On a computer of your own, with the invite from the page " a href="/join" { "Join" } ", compute everything again:"
                pre { code { "punchbowl verify '<invite>'" } }
            }
            li {
                "Or ask the host for a copy of the ledger, the file " code { "ledger.sqlite" } " of the pool's data folder:"
                pre { code { "punchbowl verify ledger.sqlite \\\n  --authority " (view.check.authority) } }
            }
            li { "Keep that copy, or the heads that " code { "punchbowl join" } " notes: " code { "--against" } " finds a pool that tells another story later." }
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
