//! Notifications: how they fare, and a test.

use super::caller::{Caller, caller, is_from_own_page};
use crate::described;
use crate::http::Shown;
use crate::http::api::document::{Endpoint, Needs};
use crate::http::problem::Problem;
use crate::notify::NotifyStatus;
use crate::notify::service::TestOutcome;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use axum::routing::{get, post};
use serde::Serialize;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/notify", get(status)).route("/api/v1/notify/test", post(test))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<NotifyStatus>("/api/v1/notify", "How notifications fare.")
            .needs(Needs::Token)
            .or(404),
        Endpoint::of::<Tested>(
            "post",
            "/api/v1/notify/test",
            "Sends a test to every place, and says what each answered.",
        )
        .needs(Needs::Token)
        .or(404),
    ]
}

described! {
    /// What came of a test.
    #[derive(Clone, Debug, Serialize)]
    pub struct Tested {
        /// At each place.
        pub sinks: Vec<TestOutcome>,
    }
}

/// How notifications fare: for the host alone, since it names places.
pub async fn status(
    State(shown): State<Arc<Shown>>,
    headers: HeaderMap,
) -> Result<Json<NotifyStatus>, Problem> {
    authorised(&shown, &headers)?;
    let notify = shown.desk()?.notify.as_ref().ok_or_else(|| Problem::not_found("this pool tells nobody"))?;
    Ok(Json(notify.status().await))
}

/// Sends a test to every place, and says what each answered.
pub async fn test(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Result<Json<Tested>, Problem> {
    authorised(&shown, &headers)?;
    let notify = shown.desk()?.notify.as_ref().ok_or_else(|| Problem::not_found("this pool tells nobody"))?;
    Ok(Json(Tested { sinks: notify.test().await }))
}

/// Whether these headers are of somebody who may change things through the API: a token, or a
/// session with its CSRF token in `X-CSRF-Token`.
///
/// # Errors
/// What to show instead.
pub fn authorised(shown: &Shown, headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "this is for the host: send `Authorization: Bearer <token>`; `punchbowl token new` makes one",
        )
    };
    match caller(&shown.desk()?.access, headers).ok_or_else(refused)? {
        Caller::Program(_) => Ok(()),
        Caller::Browser { csrf } => {
            let sent = headers.get("x-csrf-token").is_some_and(|sent| sent.as_bytes() == csrf.as_bytes());
            if sent && is_from_own_page(headers) { Ok(()) } else { Err(refused()) }
        }
    }
}
