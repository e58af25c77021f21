//! What every page has around it.

use super::Part;
use crate::http::assets::{SCRIPT, SIGN, STYLE};
use crate::http::markup::{DOCTYPE, Markup, html};

/// What a page is put into.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// Of the page.
    pub title: &'a str,
    /// Which tab is open.
    pub tab: Tab,
    /// What is said to [`live`](crate::http::live) to be kept up to date; none for a page
    /// that does not change.
    pub live: Option<&'a str>,
    /// The chain, which is named where it is not mainnet.
    pub network: &'a str,
    /// Punchbowl's version.
    pub version: &'a str,
}

/// The pages that all others lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// None of them.
    None,
    /// `/`
    Pool,
    /// `/next-block`
    NextBlock,
    /// `/members`
    Members,
    /// `/leaderboard`
    Leaderboard,
    /// `/join`
    Join,
    /// `/check`
    Check,
    /// `/screen`
    Screen,
}

const TABS: [(Tab, &str, &str); 7] = [
    (Tab::Pool, "/", "Pool"),
    (Tab::NextBlock, "/next-block", "Next block"),
    (Tab::Members, "/members", "Members"),
    (Tab::Leaderboard, "/leaderboard", "Leaders"),
    (Tab::Join, "/join", "Join"),
    (Tab::Check, "/check", "Check"),
    (Tab::Screen, "/screen", "Screen"),
];

impl Whole<'_> {
    /// The page with these parts.
    pub fn of(&self, parts: &[Part]) -> Markup {
        let is_screen = self.tab == Tab::Screen;
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (self.title) " · Punchbowl" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" type="image/svg+xml" href=(SIGN.address());
                    link rel="stylesheet" href=(STYLE.address());
                    @if self.live.is_some() {
                        script src=(SCRIPT.address()) defer {}
                        noscript { meta http-equiv="refresh" content="30"; }
                    } @else {
                        script src=(SCRIPT.address()) defer {}
                    }
                }
                body class=(if is_screen { "screen" } else { "page" }) data-live=[self.live] {
                    a.skip href="#main" { "To the content" }
                    (self.top())
                    main id="main" {
                        @for part in parts {
                            section id=(part.id) class=(part.class) { (part.body) }
                        }
                    }
                    @if !is_screen { (self.foot()) }
                }
            }
        }
    }

    fn top(&self) -> Markup {
        html! {
            header.top {
                a.brand href="/" {
                    img src=(SIGN.address()) alt="" width="36" height="36";
                    span { "Punchbowl" }
                }
                @if !self.network.is_empty() && self.network != "mainnet" {
                    span.chip title="Coins of this chain are worth nothing" { (self.network) }
                }
                @if self.live.is_some() {
                    span.live id="live" hidden { "live" }
                }
                nav aria-label="Pages" {
                    @for (tab, address, name) in TABS {
                        @if tab == self.tab {
                            a href=(address) aria-current="page" { (name) }
                        } @else {
                            a href=(address) { (name) }
                        }
                    }
                }
            }
        }
    }

    fn foot(&self) -> Markup {
        html! {
            footer {
                p {
                    "Punchbowl " (self.version) " · "
                    a href="/api/v1/openapi.json" { "API" } " · "
                    a href="/metrics" { "metrics" } " · "
                    a href="/settings" { "settings" } " · "
                    "every share is in a ledger that you can " a href="/check" { "check" }
                }
            }
        }
    }
}
