//! Pages for people: complete without JavaScript, live with it, light and dark, from a
//! phone to a projector.
//!
//! A page is a list of [`Part`]s. They are put into the [`layout`] when the page is asked
//! for, and those that change are sent again to whoever looks ([`live`](super::live)).

pub mod bowl;
pub mod chart;
pub mod check;
pub mod join;
pub mod layout;
pub mod leaderboard;
pub mod member;
pub mod members;
pub mod next_block;
pub mod pool;
pub mod screen;
pub mod words;

use super::Shown;
use super::api::document::{Endpoint, MEMBER, RANGE};
use super::api::pool::Back;
use super::query::Asked;
use crate::history::Range;
use crate::http::markup::{Markup, html};
use crate::view::View;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use layout::Tab;
use std::sync::Arc;

/// A page that changes while it is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// The pool at a glance.
    Pool(Range),
    /// What the next block would pay.
    NextBlock,
    /// Everybody.
    Members,
    /// One member.
    Member(Box<str>, Range),
    /// Who is in front.
    Leaderboard,
    /// For a projector.
    Screen,
    /// How to check the books.
    Check,
}

/// A part of a page.
#[derive(Debug)]
pub struct Part {
    /// Its id in the page.
    pub id: &'static str,
    /// Its classes.
    pub class: &'static str,
    /// What it holds.
    pub body: Markup,
}

impl Part {
    /// A card.
    pub fn card(id: &'static str, body: Markup) -> Part {
        Part { id, class: "card", body }
    }

    /// A card as wide as the page.
    pub fn wide(id: &'static str, body: Markup) -> Part {
        Part { id, class: "card wide", body }
    }

    /// Something as wide as the page, on the bare ground.
    pub fn bare(id: &'static str, body: Markup) -> Part {
        Part { id, class: "wide", body }
    }
}

impl Page {
    /// The page at `path`, with the range of its chart after a comma: `/`, `/members`,
    /// `/members/ann,1d`.
    pub fn parse(text: &str) -> Option<Page> {
        let (path, range) = match text.rsplit_once(',') {
            Some((path, range)) => (path, Range::ALL.into_iter().find(|known| known.name() == range)?),
            None => (text, Range::default()),
        };
        Some(match path {
            "/" => Page::Pool(range),
            "/next-block" => Page::NextBlock,
            "/members" => Page::Members,
            "/leaderboard" => Page::Leaderboard,
            "/screen" => Page::Screen,
            "/check" => Page::Check,
            other => Page::Member(other.strip_prefix("/members/")?.into(), range),
        })
    }

    /// What [`parse`](Self::parse) reads.
    pub fn name(&self) -> String {
        match self {
            Page::Pool(range) => format!("/,{}", range.name()),
            Page::NextBlock => "/next-block".to_owned(),
            Page::Members => "/members".to_owned(),
            Page::Member(name, range) => format!("/members/{name},{}", range.name()),
            Page::Leaderboard => "/leaderboard".to_owned(),
            Page::Screen => "/screen".to_owned(),
            Page::Check => "/check".to_owned(),
        }
    }

    /// Its parts as of `view`; none where there is no such member.
    pub fn parts(&self, view: &View) -> Option<Vec<Part>> {
        Some(match self {
            Page::Pool(range) => pool::parts(view, *range),
            Page::NextBlock => next_block::parts(view),
            Page::Members => members::parts(view),
            Page::Member(name, range) => member::parts(view, view.member(name)?, *range),
            Page::Leaderboard => leaderboard::parts(view),
            Page::Screen => screen::parts(view),
            Page::Check => check::parts(view),
        })
    }

    fn tab(&self) -> Tab {
        match self {
            Page::Pool(_) => Tab::Pool,
            Page::NextBlock => Tab::NextBlock,
            Page::Members | Page::Member(..) => Tab::Members,
            Page::Leaderboard => Tab::Leaderboard,
            Page::Screen => Tab::Screen,
            Page::Check => Tab::Check,
        }
    }

    fn title(&self) -> String {
        match self {
            Page::Pool(_) => "The pool".to_owned(),
            Page::NextBlock => "The next block".to_owned(),
            Page::Members => "Members".to_owned(),
            Page::Member(name, _) => crate::view::members::label(name),
            Page::Leaderboard => "Leaderboard".to_owned(),
            Page::Screen => "Big screen".to_owned(),
            Page::Check => "Check the books".to_owned(),
        }
    }
}

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/", get(|shown, Asked(back): Asked<Back>| show(shown, Page::Pool(back.range))))
        .route("/next-block", get(|shown| show(shown, Page::NextBlock)))
        .route("/members", get(|shown| show(shown, Page::Members)))
        .route(
            "/members/{member}",
            get(|shown, Path(name): Path<Box<str>>, Asked(back): Asked<Back>| {
                show(shown, Page::Member(name, back.range))
            }),
        )
        .route("/leaderboard", get(|shown| show(shown, Page::Leaderboard)))
        .route("/screen", get(|shown| show(shown, Page::Screen)))
        .route("/check", get(|shown| show(shown, Page::Check)))
        .route("/join", get(join))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/", "The pool.").takes(RANGE),
        Endpoint::page("/next-block", "What the next block pays, and to whom."),
        Endpoint::page("/members", "Who mines."),
        Endpoint::page("/members/{member}", "One member.").takes(MEMBER).takes(RANGE),
        Endpoint::page("/leaderboard", "Who is in front."),
        Endpoint::page("/screen", "The big screen."),
        Endpoint::page("/check", "The ledger, and how to check it."),
        Endpoint::page("/join", "How to mine here."),
    ]
}

async fn show(State(shown): State<Arc<Shown>>, page: Page) -> Response {
    let view = shown.view();
    let Some(parts) = page.parts(&view) else { return not_found().into_response() };
    let whole = layout::Whole {
        title: &page.title(),
        tab: page.tab(),
        live: Some(&page.name()),
        network: &view.pool.network,
        version: &view.pool.version,
    };
    Html(whole.of(&parts).into_string()).into_response()
}

async fn join(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Response {
    let view = shown.view();
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    let parts = join::parts(&shown.doors, &view, host);
    let whole = layout::Whole {
        title: "Join",
        tab: Tab::Join,
        live: None,
        network: &view.pool.network,
        version: &view.pool.version,
    };
    Html(whole.of(&parts).into_string()).into_response()
}

/// A page that says that there is no such page.
pub fn not_found() -> impl IntoResponse {
    let body = html! {
        h1 { "Nothing in this bowl" }
        p { "There is no such page, or nobody of that name has mined here in the last week." }
        p { a.button href="/" { "Back to the pool" } }
    };
    let whole = layout::Whole {
        title: "Not found",
        tab: Tab::None,
        live: None,
        network: "",
        version: env!("CARGO_PKG_VERSION"),
    };
    let page = whole.of(&[Part::card("nothing", body)]);
    (StatusCode::NOT_FOUND, Html(page.into_string()))
}
