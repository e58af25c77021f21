//! Pages that change while they are looked at: the parts that have changed are sent as they
//! would stand in the page.
//!
//! A part is drawn once for all who look at its page, and so are the bytes of the event.

use super::api::document::{Endpoint, Parameter};
use super::pages::Page;
use super::problem::Problem;
use super::query::{Asked, Query};
use super::{Shown, stream};
use crate::view::View;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What has been drawn of each page that somebody looks at.
#[derive(Debug, Default)]
pub struct Drawn(Mutex<HashMap<Page, Arc<Drawing>>>);

/// A page at one moment.
#[derive(Debug)]
struct Drawing {
    /// Of which view.
    number: u64,
    /// Its parts: their ids and what they hold.
    parts: Vec<(&'static str, String)>,
    /// All parts as an event.
    whole: Bytes,
    /// Of which view it tells the changes, and these; none where there are none.
    since: Option<(u64, Option<Bytes>)>,
}

/// Pages drawn at the same time; each is some kilobytes.
const PAGES: usize = 256;
/// Views between two events; a page need not flicker.
const EVERY: u64 = 2;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/live", get(look))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const PAGE: &[Parameter] = &[Parameter {
        name: "page",
        place: "query",
        kind: "string",
        description: "The page's address, as the page itself names it.",
    }];
    let parts = "The parts of a page that change (server-sent events).";
    vec![Endpoint::other("/live", "text/event-stream", parts).takes(PAGE).or(404).or(503)]
}

async fn look(State(shown): State<Arc<Shown>>, Asked(query): Asked<Query>) -> Response {
    let Some(page) = query.get("page").and_then(Page::parse) else {
        return Problem::not_found("there is no such page; reload it").into_response();
    };
    let drawn = shown.clone();
    let mut last: Option<u64> = None;
    stream::answer(&shown, move |view| {
        let drawing = drawn.drawn.of(&page, view)?;
        let known = last.replace(drawing.number);
        match (known, &drawing.since) {
            (Some(known), _) if known == drawing.number => None,
            (Some(known), Some((since, changes))) if known == *since => changes.clone(),
            _ => Some(drawing.whole.clone()),
        }
    })
}

impl Drawn {
    /// The page in this view, or in one of a moment ago; none where it has gone, as a member
    /// that is forgotten.
    fn of(&self, page: &Page, view: &Arc<View>) -> Option<Arc<Drawing>> {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = drawn.get(page).cloned();
        // All that look at a page are told at the same views, so that all are told the same.
        let every = if *page == Page::Screen { 1 } else { EVERY };
        let is_due = |known: &Arc<Drawing>| view.number / every > known.number / every;
        if let Some(known) = before.as_ref().filter(|known| !is_due(known)) {
            return Some(known.clone());
        }
        let drawing = Arc::new(Drawing::new(page, view, before.as_deref())?);
        if drawn.len() >= PAGES {
            // Those that nobody has looked at for a while.
            drawn.retain(|_, drawing| drawing.number + 2 * EVERY >= view.number);
        }
        if drawn.len() < PAGES {
            drawn.insert(page.clone(), drawing.clone());
        }
        Some(drawing)
    }
}

impl Drawing {
    fn new(page: &Page, view: &View, before: Option<&Drawing>) -> Option<Drawing> {
        let parts = page.parts(view)?;
        let parts: Vec<(&str, String)> =
            parts.into_iter().map(|part| (part.id, part.body.into_string())).collect();
        let since = before.map(|before| {
            let changed: Vec<_> = parts.iter().filter(|part| !before.parts.contains(part)).collect();
            (before.number, (!changed.is_empty()).then(|| event(&changed)))
        });
        let whole = event(&parts.iter().collect::<Vec<_>>());
        Some(Drawing { number: view.number, whole, since, parts })
    }
}

fn event(parts: &[&(&'static str, String)]) -> Bytes {
    let parts: HashMap<&str, &str> = parts.iter().map(|(id, body)| (*id, body.as_str())).collect();
    // Texts always serialise.
    let data = serde_json::to_string(&parts).unwrap_or_default();
    stream::event("parts", &data).into()
}
