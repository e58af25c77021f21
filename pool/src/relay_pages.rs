//! The pool's web pages at its relay's port, where the host wants both there
//! (`p2p.relay.dashboard`).

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use p2p::relay::Pages;
use std::sync::{Arc, OnceLock};
use tower_service::Service;

/// What the relay shows to browsers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct RelayPages(Arc<OnceLock<Router>>);

impl RelayPages {
    /// For the relay, which starts before there is anything to show.
    pub fn pages(&self) -> Pages {
        let shown = self.0.clone();
        Arc::new(move |request| {
            let router = shown.get().cloned();
            Box::pin(async move {
                let answer = match router {
                    Some(mut router) => router.call(request).await.unwrap_or_else(|never| match never {}),
                    None => (StatusCode::SERVICE_UNAVAILABLE, "the pool is starting\n").into_response(),
                };
                answer.map(|body| body.map_err(Into::into).boxed_unsync())
            })
        })
    }

    /// Shows these pages from now on.
    pub fn show(&self, router: Router) {
        // A second time would change nothing.
        let _ = self.0.set(router);
    }
}
