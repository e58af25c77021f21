//! Signing in and out.

use super::caller::{address, clear_cookie, is_from_own_page, session_cookie, set_cookie};
use super::form::Form;
use crate::access::Denied;
use crate::http::Shown;
use crate::http::api::document::Endpoint;
use crate::http::markup::html;
use crate::http::pages::Part;
use crate::http::pages::layout::{Tab, Whole};
use crate::http::problem::Problem;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/sign-in", get(|state: State<Arc<Shown>>| async move { page(&state, None) }).post(sign_in))
        .route("/sign-out", post(sign_out))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/sign-in", "Asks for the host's password."),
        Endpoint::form("/sign-in", &["password"], "Signs the host in.").or(403),
        Endpoint::form("/sign-out", &["csrf"], "Signs the host out.").or(403),
    ]
}

/// The page that asks for the password.
pub(super) fn page(shown: &Shown, wrong: Option<&str>) -> Response {
    let has_password = shown.desk().is_ok_and(|desk| desk.access.has_password());
    let body = html! {
        h1 { "Host" }
        @if let Some(wrong) = wrong { p.trouble role="alert" { (wrong) } }
        @if has_password {
            p { "Everybody here may look; changing something is for the host." }
            form.stack method="post" action="/sign-in" {
                label for="password" { "The host's password" }
                input id="password" name="password" type="password" autocomplete="current-password" required autofocus;
                button.button type="submit" { "Sign in" }
            }
        } @else {
            p { "There is no host's password yet. Set one on the machine that the pool runs on:" }
            p { code { "punchbowl password" } }
        }
    };
    let view = shown.view();
    let whole = Whole {
        title: "Host",
        tab: Tab::None,
        live: None,
        network: &view.pool.network,
        version: &view.pool.version,
    };
    let page = Html(whole.of(&[Part::card("sign-in", body)]).into_string());
    let status = if wrong.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    (status, page).into_response()
}

async fn sign_in(
    State(shown): State<Arc<Shown>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Problem> {
    if !is_from_own_page(&headers) {
        return Err(from_elsewhere());
    }
    let desk = shown.desk()?;
    let password = fields.raw("password").to_owned();
    match desk.access.sign_in(address(peer), password).await {
        Ok(opened) => {
            let cookie = set_cookie(&opened.cookie, &headers);
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/settings")).into_response())
        }
        Err(denied @ Denied::Wait(_)) => {
            let mut answer = page(&shown, Some(&denied.to_string()));
            *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            Ok(answer)
        }
        Err(denied) => Ok(page(&shown, Some(&denied.to_string()))),
    }
}

async fn sign_out(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Result<Response, Problem> {
    if !is_from_own_page(&headers) {
        return Err(from_elsewhere());
    }
    if let Some(cookie) = session_cookie(&headers) {
        shown.desk()?.access.sign_out(&cookie);
    }
    Ok(([(header::SET_COOKIE, clear_cookie())], Redirect::to("/")).into_response())
}

/// A form that a page of somebody else's sent.
pub(in crate::http) fn from_elsewhere() -> Problem {
    Problem::new(
        StatusCode::FORBIDDEN,
        "this form was sent from another page; open the pool's own page and send it there",
    )
}
