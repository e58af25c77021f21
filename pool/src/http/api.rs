//! The API: JSON under `/api/v1/`, described by `/api/v1/openapi.json`.
//!
//! Names carry their unit, amounts are in satoshi, hashrates in hashes a second, times in
//! seconds since the Unix epoch. What is there stays: fields are added, not renamed. A room
//! has `routes` and `endpoints`, which say the same to axum and to those who read; a test holds
//! them together, whatever room a route is in.

pub mod blocks;
pub mod check;
pub mod document;
pub mod list;
pub mod members;
pub mod next_block;
pub mod pool;
pub mod status;

use super::{Shown, assets, audit, commitments, events, health, host, live, metrics, pages, shims};
use axum::Router;
use axum::response::Json;
use axum::routing::get;
use document::Endpoint;
use serde_json::Value;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/api/v1/openapi.json", get(|| async { Json(document::document(endpoints())) }))
        .merge(status::routes())
        .merge(pool::routes())
        .merge(blocks::routes())
        .merge(members::routes())
        .merge(next_block::routes())
        .merge(check::routes())
}

/// Everything that can be asked for.
fn endpoints() -> Vec<Endpoint> {
    [
        status::endpoints(),
        pool::endpoints(),
        blocks::endpoints(),
        members::endpoints(),
        next_block::endpoints(),
        check::endpoints(),
        vec![Endpoint::get::<Value>("/api/v1/openapi.json", "This document.")],
        events::endpoints(),
        audit::endpoints(),
        commitments::endpoints(),
        host::endpoints(),
        shims::endpoints(),
        health::endpoints(),
        metrics::endpoints(),
        pages::endpoints(),
        live::endpoints(),
        assets::endpoints(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    const METHODS: [&str; 5] = ["get", "post", "put", "delete", "patch"];

    /// Method and path of every route in the sources of `folder`.
    fn routes(folder: &Path, found: &mut BTreeSet<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                routes(&entry, found);
            } else if entry.extension().is_some_and(|kind| kind == "rs") && !entry.ends_with("http/setup.rs")
            {
                let source = std::fs::read_to_string(&entry).unwrap();
                let source: String = source.split_whitespace().collect();
                for route in source.split(".route(\"").skip(1) {
                    let (path, rest) = route.split_once('"').unwrap();
                    let rest = rest.split(".route(").next().unwrap();
                    let rest = rest.split("fn").next().unwrap();
                    for method in METHODS {
                        if rest.contains(&format!(",{method}(")) || rest.contains(&format!(").{method}(")) {
                            found.insert((method.to_owned(), path.to_owned()));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_route_is_in_the_document_and_everything_in_the_document_is_a_route() {
        let mut found = BTreeSet::new();
        routes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut found);
        let document = document::document(endpoints());
        let mut described = BTreeSet::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            described
                .extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
        }
        assert!(found.len() > 40, "{found:?}");
        let lacking: Vec<_> = found.difference(&described).collect();
        let invented: Vec<_> = described.difference(&found).collect();
        assert!(lacking.is_empty() && invented.is_empty(), "lacking: {lacking:?}, invented: {invented:?}");
    }
}
