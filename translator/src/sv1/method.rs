//! What miners ask for: one file for each method, reading its parameters and nothing else.

pub mod authorize;
pub mod configure;
pub mod submit;
pub mod subscribe;
pub mod suggest_difficulty;
pub mod suggest_target;

pub use authorize::Authorize;
pub use configure::Configure;
pub use submit::Submit;
pub use subscribe::Subscribe;

use super::request::Params;
use work::Difficulty;

/// A request, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Method<'a> {
    /// `mining.configure` (BIP310).
    Configure(Configure<'a>),
    /// `mining.subscribe`.
    Subscribe(Subscribe<'a>),
    /// `mining.authorize`.
    Authorize(Authorize<'a>),
    /// `mining.submit`; the error says what cannot be read.
    Submit(Result<Submit<'a>, &'static str>),
    /// `mining.suggest_difficulty` and `mining.suggest_target`; `None` when it is no
    /// difficulty.
    Suggest(Option<Difficulty>),
    /// `mining.extranonce.subscribe`: the miner can be given another extranonce1.
    ExtranonceSubscribe,
    /// `mining.ping`.
    Ping,
    /// `mining.get_version`.
    GetVersion,
    /// Anything else.
    Unknown,
}

impl<'a> Method<'a> {
    /// Reads the parameters of the method `name`.
    pub fn read(name: &str, params: Params<'a>) -> Method<'a> {
        match name.trim() {
            "mining.submit" => Method::Submit(Submit::read(params)),
            "mining.configure" => Method::Configure(Configure::read(params)),
            "mining.subscribe" => Method::Subscribe(Subscribe::read(params)),
            "mining.authorize" => Method::Authorize(Authorize::read(params)),
            "mining.suggest_difficulty" => Method::Suggest(suggest_difficulty::read(params)),
            "mining.suggest_target" => Method::Suggest(suggest_target::read(params)),
            "mining.extranonce.subscribe" => Method::ExtranonceSubscribe,
            "mining.ping" | "client.ping" => Method::Ping,
            "mining.get_version" | "client.get_version" => Method::GetVersion,
            _ => Method::Unknown,
        }
    }
}
