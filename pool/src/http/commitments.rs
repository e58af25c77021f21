//! Setting what the coinbase commits to, for programs on this machine.
//!
//! | request | what |
//! |---|---|
//! | `GET /api/v1/commitments` | what is committed to |
//! | `PUT /api/v1/commitments/{name}` | `{"data": "<hexadecimal>", "seconds": 600}`: commits to it for so long |
//! | `DELETE /api/v1/commitments/{name}` | ends it |
//!
//! Every one needs `Authorization: Bearer <token>`, with a token of `punchbowl token new`.

use super::api::document::{Endpoint, Needs, Parameter};
use super::host::caller::{Caller, caller};
use super::problem::Problem;
use crate::access::Access;
use crate::commitments::{Commitments, Payload, SetError, Standing};
use crate::described;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, put};
use serde::Deserialize;
use std::time::Duration;

/// The requests above, for the host's programs.
pub fn routes(commitments: Commitments, access: Access) -> Router {
    const LARGEST_BODY: usize = 1_024;
    Router::new()
        .route("/api/v1/commitments", get(list))
        .route("/api/v1/commitments/{name}", put(set).delete(remove))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(access, authorised))
        .with_state(commitments)
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const NAME: &[Parameter] =
        &[Parameter { name: "name", place: "path", kind: "string", description: "What it is called." }];
    const ONE: &str = "/api/v1/commitments/{name}";
    vec![
        Endpoint::get::<Standing>("/api/v1/commitments", "What blocks commit to besides the payouts.")
            .needs(Needs::Token),
        Endpoint::of::<Standing>("put", ONE, "Commits to these bytes for so long.")
            .takes(NAME)
            .sent::<Wanted>()
            .needs(Needs::Token),
        Endpoint::of::<Standing>("delete", ONE, "Ends a commitment.").takes(NAME).needs(Needs::Token),
    ]
}

described! {
    /// What is to be committed to.
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Wanted {
        /// The bytes, in hexadecimal.
        pub data: String,
        /// For how long.
        pub seconds: u64,
    }
}

async fn authorised(State(access): State<Access>, request: Request, next: Next) -> Response {
    // Not a browser's session: no page sends these requests.
    if let Some(Caller::Program(_)) = caller(&access, request.headers()) {
        return next.run(request).await;
    }
    let words = "this is for the host's programs: send `Authorization: Bearer <token>`; `punchbowl token new` \
                 makes one";
    Problem::new(StatusCode::UNAUTHORIZED, words).into_response()
}

async fn list(State(commitments): State<Commitments>) -> Response {
    Json(commitments.standing()).into_response()
}

async fn set(
    State(commitments): State<Commitments>,
    Path(name): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Response {
    let payload: Payload = match wanted.data.parse() {
        Ok(payload) => payload,
        Err(fault) => return Problem::bad_request(fault.to_string()).into_response(),
    };
    match commitments.set(&name, payload, Duration::from_secs(wanted.seconds)).await {
        Ok(standing) => Json(standing).into_response(),
        Err(fault) => {
            let code = match fault {
                SetError::NoRoom { .. } => StatusCode::CONFLICT,
                SetError::Name | SetError::Lifetime => StatusCode::BAD_REQUEST,
                SetError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            };
            Problem::new(code, fault.to_string()).into_response()
        }
    }
}

async fn remove(State(commitments): State<Commitments>, Path(name): Path<String>) -> Response {
    if commitments.remove(&name).await {
        return Json(commitments.standing()).into_response();
    }
    Problem::not_found(&format!("there is no commitment {name}")).into_response()
}
