//! The settings page.

use super::caller::{Caller, caller, is_from_own_page};
use super::form::Form;
use super::sign_in::{self, from_elsewhere};
use crate::http::Shown;
use crate::http::api::document::{Endpoint, Needs};
use crate::http::markup::{Markup, html};
use crate::http::pages::Part;
use crate::http::pages::layout::{Tab, Whole};
use crate::http::problem::Problem;
use crate::notify::service::{SinkStatus, TestOutcome};
use crate::settings::desk::Item;
use crate::settings::form::Fields;
use crate::settings::{Change, Values};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/settings", get(show))
        .route("/settings/payout", post(save_payout))
        .route("/settings/notifications", post(save_notifications))
        .route("/settings/test", post(test))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const PAYOUT: &[&str] =
        &["csrf", "pay", "address", "descriptor", "window", "window_difficulties", "pool_tag"];
    const NOTIFICATIONS: &[&str] = &["csrf", "ntfy", "ntfy_token", "webhook", "webhook_secret", "forget"];
    vec![
        Endpoint::page("/settings", "What the host may change."),
        Endpoint::form("/settings/payout", PAYOUT, "Changes who is paid.").needs(Needs::Session),
        Endpoint::form("/settings/notifications", NOTIFICATIONS, "Changes who is told.")
            .needs(Needs::Session),
        Endpoint::form("/settings/test", &["csrf"], "Sends a test to every place.").needs(Needs::Session),
    ]
}

async fn show(State(shown): State<Arc<Shown>>, headers: HeaderMap) -> Result<Response, Problem> {
    let desk = shown.desk()?;
    Ok(match caller(&desk.access, &headers) {
        Some(Caller::Browser { csrf }) => page(&shown, &csrf, &Said::Nothing).await?,
        _ => sign_in::page(&shown, None),
    })
}

async fn save_payout(
    state: State<Arc<Shown>>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Problem> {
    let chosen = fields.payout().map(|payout| payout.into_iter().chain(fields.pool_tag()).collect());
    save(state, headers, fields, chosen).await
}

async fn save_notifications(
    state: State<Arc<Shown>>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Problem> {
    let chosen = Ok(fields.notifications());
    save(state, headers, fields, chosen).await
}

async fn save(
    State(shown): State<Arc<Shown>>,
    headers: HeaderMap,
    fields: Fields,
    chosen: Result<Values, String>,
) -> Result<Response, Problem> {
    let csrf = match admitted(&shown, &headers, &fields)? {
        Ok(csrf) => csrf,
        Err(answer) => return Ok(answer),
    };
    let wrong = match chosen {
        Err(what) => vec![what],
        Ok(values) => {
            let desk = shown.desk()?.settings.clone();
            let made = tokio::task::spawn_blocking(move || desk.change(&values)).await;
            made.unwrap_or_else(|_| Change::Failed("the pool stops".into())).into_wrong()
        }
    };
    if wrong.is_empty() {
        // A page that is loaded again sends nothing again.
        return Ok(Redirect::to("/settings?saved").into_response());
    }
    page(&shown, &csrf, &Said::Wrong(wrong)).await
}

async fn test(
    State(shown): State<Arc<Shown>>,
    headers: HeaderMap,
    Form(fields): Form,
) -> Result<Response, Problem> {
    let csrf = match admitted(&shown, &headers, &fields)? {
        Ok(csrf) => csrf,
        Err(answer) => return Ok(answer),
    };
    let outcomes = match &shown.desk()?.notify {
        Some(notify) => notify.test().await,
        None => Vec::new(),
    };
    page(&shown, &csrf, &Said::Tested(outcomes)).await
}

/// The session's CSRF token, when this form is the host's; else what to show instead.
fn admitted(
    shown: &Shown,
    headers: &HeaderMap,
    fields: &Fields,
) -> Result<Result<String, Response>, Problem> {
    if !is_from_own_page(headers) {
        return Err(from_elsewhere());
    }
    Ok(match caller(&shown.desk()?.access, headers) {
        Some(Caller::Browser { csrf }) if fields.raw("csrf") == csrf => Ok(csrf),
        Some(Caller::Browser { .. }) => return Err(from_elsewhere()),
        _ => Err(sign_in::page(shown, Some("You are not signed in any more; nothing was changed."))),
    })
}

/// What the page says of what was done.
enum Said {
    Nothing,
    Wrong(Vec<String>),
    Tested(Vec<TestOutcome>),
}

async fn page(shown: &Shown, csrf: &str, said: &Said) -> Result<Response, Problem> {
    let desk = shown.desk()?;
    let settings = desk.settings.clone();
    let items = tokio::task::spawn_blocking(move || settings.items()).await.unwrap_or_default();
    let sinks = match &desk.notify {
        Some(notify) => notify.status().await.sinks,
        None => Vec::new(),
    };
    let managed = desk.settings.is_managed();
    let form = FormOf { csrf, items: &items, managed };
    let parts = [
        Part::bare("intro", intro(csrf, managed, said)),
        Part::card("payout", form.payout()),
        Part::card("notifications", form.notifications(&sinks)),
    ];
    let view = shown.view();
    let whole = Whole {
        title: "Settings",
        tab: Tab::None,
        live: None,
        network: &view.pool.network,
        version: &view.pool.version,
    };
    let status =
        if matches!(said, Said::Wrong(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, Html(whole.of(&parts).into_string())).into_response())
}

fn intro(csrf: &str, managed: bool, said: &Said) -> Markup {
    html! {
        h1 { "Settings" }
        @if managed {
            p.trouble { "These settings are made where you installed Punchbowl. Here they are only shown." }
        }
        @match said {
            Said::Nothing => {}
            Said::Wrong(wrong) => div.trouble role="alert" {
                p { "Nothing was changed:" }
                ul { @for what in wrong { li { (what) } } }
            },
            Said::Tested(outcomes) => div role="status" {
                @if outcomes.is_empty() { p { "There is nobody to be told: name a place first." } }
                ul {
                    @for outcome in outcomes {
                        li {
                            (outcome.name) " (" (outcome.host) "): "
                            @match &outcome.error { None => "taken", Some(error) => { strong { "not taken: " } (error) } }
                        }
                    }
                }
            }
        }
        form method="post" action="/sign-out" {
            input type="hidden" name="csrf" value=(csrf);
            button.button type="submit" { "Sign out" }
        }
    }
}

/// The fields of a form with their present values.
#[derive(Clone, Copy)]
pub(in crate::http) struct FormOf<'a> {
    pub(in crate::http) csrf: &'a str,
    pub(in crate::http) items: &'a [Item],
    pub(in crate::http) managed: bool,
}

impl FormOf<'_> {
    fn value(&self, key: &str) -> &str {
        self.items.iter().find(|item| item.key == key).map_or("", |item| item.value.as_str())
    }

    fn fixed_by(&self, key: &str) -> Option<&str> {
        self.items.iter().find(|item| item.key == key)?.fixed_by.as_deref()
    }

    fn payout(&self) -> Markup {
        html! {
            h2 { "Who is paid" }
            form.stack method="post" action="/settings/payout" {
                input type="hidden" name="csrf" value=(self.csrf);
                fieldset disabled=[self.managed.then_some("")] {
                    (self.payout_fields())
                    button.button type="submit" { "Save" }
                }
            }
            p.note { "The pool starts anew with it: miners come back by themselves, within seconds." }
        }
    }

    /// The choice of who is paid, and the pool's name.
    pub(in crate::http) fn payout_fields(&self) -> Markup {
        let mode = self.value("payout.mode");
        let (solo, shared) = (mode == "solo", mode == "shared");
        let descriptor = mode == "fixed" && !self.value("payout.descriptor").is_empty();
        let address = mode == "fixed" && !descriptor;
        let recent = self.value("payout.window") == "recent";
        html! {
            (self.fixed("payout.mode"))
            (choice("address", address, " Every block pays one address"))
            (self.payee("address", "The address, of a wallet of yours", "bc1q..."))
            (choice("descriptor", descriptor, " Every block pays the next address of a descriptor"))
            (self.payee("descriptor", "The descriptor, without private keys", "wpkh([...]xpub.../0/*)"))
            (choice("shared", shared, " Each block pays all who worked, at the addresses in their user names"))
            label for="window" { "Which work counts then" }
            select id="window" name="window" {
                option value="round" selected=[(!recent).then_some("")] { "all that no block has paid yet" }
                option value="recent" selected=[recent.then_some("")] { "the newest, up to this many blocks' worth:" }
            }
            input name="window_difficulties" aria-label="Blocks' worth of work" inputmode="decimal" value=(self.value("payout.window_difficulties")) placeholder="2";
            (self.fixed("payout.window"))
            (choice("solo", solo, " Each block pays the miner that finds it, at the address in its user name"))
            label for="pool_tag" { "The pool's name, written into its blocks for all to see (or nothing)" }
            input id="pool_tag" name="pool_tag" value=(self.value("payout.pool_tag")) maxlength="40" autocomplete="off";
            (self.fixed("payout.pool_tag"))
        }
    }

    /// Where all blocks are paid, as one of two kinds of text.
    fn payee(&self, name: &str, label: &str, example: &str) -> Markup {
        let key = format!("payout.{name}");
        html! {
            label for=(name) { (label) }
            input id=(name) name=(name) value=(self.value(&key)) autocomplete="off" spellcheck="false" placeholder=(example);
            (self.fixed(&key))
        }
    }

    fn notifications(&self, sinks: &[SinkStatus]) -> Markup {
        let is_set = |key: &str| self.items.iter().any(|item| item.key == key && item.hidden);
        let secret = |key: &str| if is_set(key) { "set; empty leaves it" } else { "none" };
        html! {
            h2 { "Notifications" }
            @for sink in sinks {
                p {
                    (sink.name) " at " (sink.host) ": " (sink.delivered) " delivered, " (sink.waiting) " waiting"
                    @if let Some(trouble) = &sink.trouble { ". " strong { "Trouble: " } (trouble) }
                }
            }
            form.stack method="post" action="/settings/notifications" {
                input type="hidden" name="csrf" value=(self.csrf);
                fieldset disabled=[self.managed.then_some("")] {
                    label for="ntfy" { "ntfy topic, for your telephone" }
                    input id="ntfy" name="ntfy" type="url" value=(self.value("notify.ntfy")) autocomplete="off" placeholder="https://ntfy.example/a-topic-that-nobody-guesses";
                    (self.fixed("notify.ntfy"))
                    label for="ntfy_token" { "Its access token (" (secret("notify.ntfy_token")) ")" }
                    input id="ntfy_token" name="ntfy_token" type="password" autocomplete="off";
                    label for="webhook" { "Webhook, for a program" }
                    input id="webhook" name="webhook" type="url" value=(self.value("notify.webhook")) autocomplete="off";
                    (self.fixed("notify.webhook"))
                    label for="webhook_secret" { "The secret that signs it (" (secret("notify.webhook_secret")) ")" }
                    input id="webhook_secret" name="webhook_secret" type="password" autocomplete="off";
                    label.choice { input type="checkbox" name="forget"; " Forget token and secret" }
                    button.button type="submit" { "Save" }
                }
            }
            form method="post" action="/settings/test" {
                input type="hidden" name="csrf" value=(self.csrf);
                button.button type="submit" { "Send a test" }
            }
        }
    }

    /// Where somebody else has the last word.
    fn fixed(&self, key: &str) -> Markup {
        html! { @if let Some(by) = self.fixed_by(key) { p.note { "Set by " (by) ", which wins over this page." } } }
    }
}

/// One of the ways to pay.
fn choice(value: &str, is_chosen: bool, label: &str) -> Markup {
    html! {
        label.choice {
            input type="radio" name="pay" value=(value) checked=[is_chosen.then_some("")];
            (label)
        }
    }
}
