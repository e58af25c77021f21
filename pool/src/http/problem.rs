//! What went wrong, for programs: RFC 9457, `application/problem+json`.

use crate::described;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

described! {
    /// An error as the API tells it.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Problem {
        /// The kind of problem; `about:blank` where the status says it all.
        pub r#type: String,
        /// The HTTP status code.
        pub status: u16,
        /// What the status means.
        pub title: String,
        /// What happened, to what, and what to do.
        pub detail: String,
    }
}

impl Problem {
    /// Any problem.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            r#type: "about:blank".to_owned(),
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("error").to_owned(),
            detail: detail.into(),
        }
    }

    /// There is no such thing.
    pub fn not_found(detail: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    /// The request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Four texts and a number always serialise.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
