//! Forms, as a browser sends them.

use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::settings::form::Fields;
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;

/// The fields of a form.
pub struct Form(pub Fields);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Form, Problem> {
        const LONGEST: usize = 64 * 1024;
        let body = to_bytes(request.into_body(), LONGEST).await;
        let body = body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "this form is too long"))?;
        let query = Query::parse(&String::from_utf8_lossy(&body));
        Ok(Form(Fields::new(query.into_pairs())))
    }
}
