//! Setting what the coinbase commits to, for programs on this machine.
//!
//! | request | what |
//! |---|---|
//! | `GET /api/v1/commitments` | what is committed to |
//! | `PUT /api/v1/commitments/{name}` | `{"data": "<hexadecimal>", "seconds": 600}`: commits to it for so long |
//! | `DELETE /api/v1/commitments/{name}` | ends it |
//!
//! Every one needs `Authorization: Bearer <token>`, the token of `commitments.token` in the
//! data folder.

use super::api::document::{Endpoint, Needs, Parameter};
use crate::commitments::{Commitments, Payload, SetError, Standing, Token};
use crate::described;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, put};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// The requests above, for whoever has `token`.
pub fn routes(commitments: Commitments, token: Token) -> Router {
    const LARGEST_BODY: usize = 1_024;
    Router::new()
        .route("/api/v1/commitments", get(list))
        .route("/api/v1/commitments/{name}", put(set).delete(remove))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::new(token), authorised))
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

async fn authorised(State(token): State<Arc<Token>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.is_some_and(|given| token.is_in(given)) {
        return next.run(request).await;
    }
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
    let words = "this needs the token of commitments.token in the pool's data folder, as in \
                 Authorization: Bearer <token>\n";
    (StatusCode::UNAUTHORIZED, challenge, words).into_response()
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
        Err(fault) => return (StatusCode::BAD_REQUEST, format!("{fault}\n")).into_response(),
    };
    match commitments.set(&name, payload, Duration::from_secs(wanted.seconds)).await {
        Ok(standing) => Json(standing).into_response(),
        Err(fault) => {
            let code = match fault {
                SetError::NoRoom { .. } => StatusCode::CONFLICT,
                SetError::Name | SetError::Lifetime => StatusCode::BAD_REQUEST,
                SetError::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            };
            (code, format!("{fault}\n")).into_response()
        }
    }
}

async fn remove(State(commitments): State<Commitments>, Path(name): Path<String>) -> Response {
    if commitments.remove(&name).await {
        return Json(commitments.standing()).into_response();
    }
    (StatusCode::NOT_FOUND, format!("there is no commitment {name}\n")).into_response()
}
