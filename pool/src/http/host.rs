//! What changes something, and so is for the host alone: settings, tests of notifications.
//!
//! A browser shows a session cookie (`HttpOnly`, `SameSite=Strict`) and, in each form, the
//! session's CSRF token; a program shows a bearer token. Requests that come from other pages
//! are refused whatever they show.

pub mod caller;
pub mod form;
pub mod notify;
pub mod settings;
pub mod sign_in;

use super::Shown;
use super::api::document::Endpoint;
use crate::access::Access;
use crate::notify::NotifyHandle;
use crate::settings::SettingsDesk;
use axum::Router;
use std::sync::Arc;

/// What lets the host in, and takes changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HostSide {
    /// Who may change anything.
    pub access: Access,
    /// Takes changes of settings.
    pub desk: SettingsDesk,
}

/// The same with what a running pool adds.
#[derive(Clone, Debug)]
pub struct HostDesk {
    /// Who may change anything.
    pub access: Access,
    /// Takes changes of settings.
    pub settings: SettingsDesk,
    /// Tells the host of news.
    pub notify: Option<NotifyHandle>,
}

/// The routes; where nobody can be let in (`punchbowl demo`), none.
pub(super) fn routes(shown: &Shown) -> Router<Arc<Shown>> {
    if shown.host.is_none() {
        return Router::new();
    }
    Router::new().merge(sign_in::routes()).merge(settings::routes()).merge(notify::routes())
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    [sign_in::endpoints(), settings::endpoints(), notify::endpoints()].concat()
}

impl Shown {
    /// What lets the host in.
    fn desk(&self) -> Result<&HostDesk, super::problem::Problem> {
        self.host.as_ref().ok_or_else(|| super::problem::Problem::not_found("this pool has no host's side"))
    }
}
