//! `mining.authorize`: who is credited.

use crate::sv1::request::Params;

/// Who wants to mine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authorize<'a> {
    /// `address.worker`, `alias.worker` or less; as sent.
    pub name: &'a str,
    /// Nobody checks it; people write wishes into it (`d=1024`).
    pub password: &'a str,
}

impl<'a> Authorize<'a> {
    /// Whatever is missing is empty: the pool says what it thinks of that.
    pub fn read(params: Params<'a>) -> Authorize<'a> {
        Authorize {
            name: params.text(0, &["username", "user", "worker", "name"]).unwrap_or_default(),
            password: params.text(1, &["password", "pass"]).unwrap_or_default(),
        }
    }
}
