//! Asking a pool over HTTP.

use super::answers::Answers;
use crate::config::Config;
use crate::identity_file;
use crate::notify::web::{Web, WebError};
use crate::roots::Roots;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

/// Asks one pool again and again.
#[derive(Clone, Debug)]
pub struct Asker {
    web: Web,
    base: String,
}

/// Why a pool does not answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// Nobody is there.
    #[error(
        "no pool answers at {base}: {source}. Is it running? `punchbowl pool` starts one; --url names \
         another place"
    )]
    Silent {
        /// Where it was looked for.
        base: String,
        /// What happened.
        source: WebError,
    },
    /// Somebody else is there.
    #[error("what answers at {base} is no Punchbowl pool ({why}); name yours with --url")]
    NoPool {
        /// Where it was looked for.
        base: String,
        /// What is odd.
        why: String,
    },
    /// It lets nobody ask.
    #[error("the pool at {base} does not answer this machine (status {status}); see http.readers")]
    Refused {
        /// Where it is.
        base: String,
        /// HTTP's status code.
        status: u16,
    },
    /// HTTP is off.
    #[error("this pool's HTTP is off (http.listen = \"off\"), and so nobody can ask it; give it an address")]
    Off,
    /// There is no client to be had.
    #[error(transparent)]
    Web(#[from] WebError),
}

/// The most that an answer may have.
const LONGEST: usize = 32 * 1024 * 1024;

impl Asker {
    /// Asks the pool at `url`.
    ///
    /// # Errors
    /// When there is no HTTP client to be had.
    pub fn at(url: &str) -> Result<Asker, AskError> {
        let base = url.trim_end_matches('/');
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        // Of one's own pool: this machine's certificates, where it has any, know a home's own.
        let web = Web::new(Roots::System).or_else(|_| Web::new(Roots::Mozilla))?;
        Ok(Asker { web, base })
    }

    /// Asks the pool of this configuration: where its data folder says that it listens, else
    /// where it is to listen.
    ///
    /// # Errors
    /// When its HTTP is off.
    pub fn of_config(config: &Config) -> Result<Asker, AskError> {
        let configured = config.http.listen.address().ok_or(AskError::Off)?;
        // With port 0, only the running pool knows.
        let known = identity_file::http(&config.data_dir.to_path());
        let address = match configured.port() {
            0 => known.unwrap_or(configured),
            _ => configured,
        };
        Asker::at(&format!("http://{}", reachable(address)))
    }

    /// Where it asks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for everything that is shown.
    ///
    /// # Errors
    /// When no pool answers.
    pub async fn ask(&self) -> Result<Answers, AskError> {
        let status = self.get("/api/v1/status").await?.ok_or_else(|| self.no_pool("it has no status"))?;
        if status.get("network").is_none() {
            return Err(self.no_pool("its status names no network"));
        }
        let pool = self.get("/api/v1/pool").await?;
        let members = self.get("/api/v1/members?limit=500").await?;
        Answers::read(status, pool, members).map_err(|error| self.no_pool(&error.to_string()))
    }

    fn no_pool(&self, why: &str) -> AskError {
        AskError::NoPool { base: self.base.clone(), why: why.to_owned() }
    }

    /// What is at `path`, if there is anything.
    async fn get(&self, path: &str) -> Result<Option<Value>, AskError> {
        let silent = |source| AskError::Silent { base: self.base.clone(), source };
        let (status, body) = self.web.get(&format!("{}{path}", self.base), LONGEST).await.map_err(silent)?;
        match status {
            200 => serde_json::from_slice(&body).map(Some).map_err(|error| self.no_pool(&error.to_string())),
            404 => Ok(None),
            401 | 403 => Err(AskError::Refused { base: self.base.clone(), status }),
            other => Err(self.no_pool(&format!("it answers with status {other}"))),
        }
    }
}

/// Where this machine reaches what listens at `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
