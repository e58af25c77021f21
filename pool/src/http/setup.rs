//! The first run: while nobody is named to be paid, one page asks for that, and mining starts.
//!
//! Whoever reads the pool's log is its host: the page takes a one-time code from there. The
//! socket stays the same when the pool starts, so that the browser's next request is simply
//! answered by it.

use super::headers;
use super::host::HostSide;
use super::host::caller::{address, is_from_own_page, set_cookie};
use super::host::form::Form;
use super::host::settings::FormOf;
use super::host::sign_in;
use super::pages::Part;
use super::pages::layout::{Tab, Whole};
use super::problem::Problem;
use super::{HttpDoor, assets};
use crate::access::throttle::Throttle;
use crate::config::values::network_name;
use crate::config::{Config, Loaded, PayoutKind};
use crate::http::markup::html;
use crate::settings::Change;
use crate::settings::form::Fields;
use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use rand::Rng;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Whether nobody is named to be paid, on whatever chain.
pub fn is_needed(loaded: &Loaded) -> bool {
    let payout = &loaded.config.payout;
    payout.mode == PayoutKind::Fixed && payout.address.is_none() && payout.descriptor.is_none()
}

/// Asks until it is said who is paid; the configuration with it.
///
/// # Errors
/// When the page cannot be served, or the configuration is no longer good.
pub async fn ask(door: &HttpDoor, config: &Config, host: &HostSide) -> Result<Config> {
    let code = code(&mut rand::rngs::OsRng);
    let stop = CancellationToken::new();
    let setup = Arc::new(Setup {
        host: host.clone(),
        code: code.clone(),
        network: network_name::of(config.network),
        readers: config.http.readers,
        throttle: Mutex::default(),
        done: stop.clone(),
    });
    let server = door.server().context("serving the first-run page")?;
    let url = format!("http://{}/", crate::reach::address(server.address()));
    info!(address = %server.address(), %url, %code, "first run: open this page and enter the code to say who is paid");
    let serving = tokio::spawn(server.serve(routes(setup.clone()), stop.clone()));
    stop.cancelled().await;
    let _ = serving.await;
    info!("it is said who is paid; the pool starts");
    Ok(host.desk.load().into_config()?)
}

#[derive(Debug)]
struct Setup {
    host: HostSide,
    code: String,
    network: &'static str,
    readers: crate::access::readers::Readers,
    throttle: Mutex<Throttle>,
    /// Cancelled when it is said who is paid.
    done: CancellationToken,
}

fn routes(setup: Arc<Setup>) -> Router {
    Router::new()
        .route("/", get(|State(setup): State<Arc<Setup>>| async move { page(&setup, &[], None) }))
        .route("/setup", post(save))
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "no jobs yet: it is not said who is paid\n") }),
        )
        .merge(assets::routes())
        .fallback(|| async { Redirect::to("/") })
        .layer(from_fn_with_state(setup.clone(), pass_on))
        .layer(from_fn(headers::secure))
        .layer(from_fn_with_state(setup.readers, super::readers::admit))
        .with_state(setup)
}

/// Browsers open connections that they may need later: the first request on such a one may come
/// when the pool is about to answer. It is sent there, over a new one.
async fn pass_on(State(setup): State<Arc<Setup>>, request: Request, next: Next) -> Response {
    if !setup.done.is_cancelled() {
        return next.run(request).await;
    }
    let same = request.uri().path_and_query().map_or("/", |same| same.as_str());
    // Two slashes would name another host.
    let is_ours = *request.method() == Method::GET && !same.starts_with("//");
    if is_ours { Redirect::temporary(same).into_response() } else { Redirect::to("/").into_response() }
}

/// Eight letters that are hard to mistake, in two groups.
fn code(random: &mut impl Rng) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
    let mut letters: Vec<char> = (0..8)
        .filter_map(|_| LETTERS.get(random.gen_range(0..LETTERS.len())).map(|letter| char::from(*letter)))
        .collect();
    letters.insert(4, '-');
    letters.into_iter().collect()
}

/// Whether somebody typed the code, however they wrote it.
fn is_code(typed: &str, code: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
    };
    plain(typed) == plain(code)
}

fn page(setup: &Setup, wrong: &[String], fields: Option<&Fields>) -> Response {
    let mut items = setup.host.desk.items();
    if let Some(fields) = fields {
        // What was typed is not to be typed again.
        for item in &mut items {
            let name = item.key.rsplit('.').next().unwrap_or_default();
            if matches!(name, "address" | "descriptor" | "pool_tag") {
                item.value = fields.get(name).to_owned();
            }
        }
    }
    let form = FormOf { csrf: "", items: &items, managed: false };
    let managed = setup.host.desk.is_managed();
    let body = html! {
        h1 { "Welcome to your pool" }
        @if !wrong.is_empty() {
            div.trouble role="alert" { ul { @for what in wrong { li { (what) } } } }
        }
        @if managed {
            p.trouble { "The configuration of this pool is made where you installed it: say there who is paid." }
        } @else {
            p { "One thing is missing before it can mine: who is paid when it finds a block." }
            form.stack method="post" action="/setup" {
                label for="code" { "The code from the pool's log" }
                input id="code" name="code" value=(fields.map_or("", |fields| fields.get("code"))) required autocomplete="off" spellcheck="false" autofocus;
                (form.payout_fields())
                label for="password" { "A password for changing settings later: eight letters or more (or nothing)" }
                input id="password" name="password" type="password" autocomplete="new-password";
                button.button type="submit" { "Start mining" }
            }
            p.note { "Nothing is paid anywhere by default: no fee, no donation. All of it can be changed later." }
        }
    };
    let whole = Whole {
        title: "First run",
        tab: Tab::None,
        live: None,
        network: setup.network,
        version: env!("CARGO_PKG_VERSION"),
    };
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, Html(whole.of(&[Part::card("setup", body)]).into_string())).into_response()
}

async fn save(
    State(setup): State<Arc<Setup>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Problem> {
    if !is_from_own_page(&headers) {
        return Err(sign_in::from_elsewhere());
    }
    if let Err(wrong) = setup.check_code(peer, fields.get("code")) {
        return Ok(page(&setup, &[wrong], Some(&fields)));
    }
    let wrong = setup.make(&fields).await;
    if !wrong.is_empty() {
        return Ok(page(&setup, &wrong, Some(&fields)));
    }
    let opened = setup.host.access.open_session();
    setup.done.cancel();
    let cookie = set_cookie(&opened.cookie, &headers);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/join")).into_response())
}

impl Setup {
    fn check_code(&self, peer: SocketAddr, typed: &str) -> Result<(), String> {
        let mut throttle = self.throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let (from, now) = (address(peer), Instant::now());
        throttle
            .admit(from, now)
            .map_err(|wait| format!("Too many wrong codes; try again in {} s.", wait.as_secs().max(1)))?;
        if is_code(typed, &self.code) {
            return Ok(());
        }
        throttle.failed(from, now);
        Err("That is not the code that stands in the pool's log (it changes at every start).".into())
    }

    /// Writes down what was chosen. Returns what is wrong with it.
    async fn make(&self, fields: &Fields) -> Vec<String> {
        let mut values = match fields.payout() {
            Ok(values) => values,
            Err(what) => return vec![what],
        };
        values.extend(fields.pool_tag());
        let password = fields.raw("password").to_owned();
        // First, because it may be too short, and then nothing is written.
        if !password.is_empty()
            && let Err(error) = self.host.access.set_password(password).await
        {
            return vec![error.to_string()];
        }
        let desk = self.host.desk.clone();
        let made = tokio::task::spawn_blocking(move || desk.change(&values)).await;
        made.unwrap_or_else(|_| Change::Failed("the pool stops".into())).into_wrong()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_code_may_be_typed_as_people_type() {
        let code = code(&mut rand::thread_rng());
        assert_eq!(code.len(), 9);
        assert!(
            is_code(&code, &code) && is_code(&format!(" {} ", code.to_lowercase().replace('-', " ")), &code)
        );
        assert!(!is_code("", &code) && !is_code(&code[..8], &code));
    }
}
