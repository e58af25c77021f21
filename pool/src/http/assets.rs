//! The style sheet, the script and the sign: small, our own, and part of the binary.
//!
//! Their addresses carry a hash of their bytes, so that a browser keeps them for ever and
//! an update is seen at once.

use super::api::document::{Endpoint, Parameter};
use super::problem::Problem;
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bitcoin::hashes::{Hash, sha256};
use std::sync::LazyLock;

/// A file that pages need.
#[derive(Debug)]
pub struct Asset {
    /// Its name, which changes with its bytes.
    pub name: String,
    kind: &'static str,
    bytes: &'static [u8],
}

/// How pages look.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("punchbowl", "css", "text/css; charset=utf-8", include_bytes!("assets/punchbowl.css"))
});
/// What makes them live.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("live", "js", "text/javascript; charset=utf-8", include_bytes!("assets/live.js"))
});
/// The bowl.
pub static SIGN: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("bowl", "svg", "image/svg+xml", include_bytes!("assets/bowl.svg")));

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/{name}", get(|Path(name): Path<String>| async move { show(&name) }))
        .route("/favicon.ico", get(|| async { SIGN.answer() }))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const NAME: &[Parameter] = &[Parameter {
        name: "name",
        place: "path",
        kind: "string",
        description: "A name that changes with its bytes.",
    }];
    vec![
        Endpoint::other("/assets/{name}", "text/css", "The style sheet, the script and the sign.")
            .takes(NAME)
            .or(404),
        Endpoint::other("/favicon.ico", "image/svg+xml", "The sign."),
    ]
}

fn show(name: &str) -> Response {
    let all: [&Asset; 3] = [&STYLE, &SCRIPT, &SIGN];
    match all.into_iter().find(|asset| asset.name == name) {
        Some(asset) => asset.answer(),
        None => Problem::not_found("there is no such file; reload the page").into_response(),
    }
}

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
        let hash = sha256::Hash::hash(bytes).to_string();
        let short = hash.get(..10).unwrap_or_default();
        Asset { name: format!("{stem}.{short}.{extension}"), kind, bytes }
    }

    /// Where pages find it.
    pub fn address(&self) -> String {
        format!("/assets/{}", self.name)
    }

    fn answer(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.kind),
            (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        ];
        (headers, self.bytes).into_response()
    }
}
