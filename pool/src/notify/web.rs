//! The HTTP client: posts notifications, and asks a pool for its state.
//!
//! No redirects are followed (they would carry a secret elsewhere) and no proxy is taken from the
//! environment. Which certificates are believed is the host's choice.

use crate::roots::{Roots, RootsError};
use std::time::Duration;
use thiserror::Error;

/// Sends requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Web {
    client: reqwest::Client,
}

/// What is to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub url: String,
    /// Beside the content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP's status code.
    pub status: u16,
    /// The beginning of the answer.
    pub start: String,
}

/// Why nothing came back.
#[derive(Debug, Error)]
pub enum WebError {
    /// Certificates.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// It did not get there, or no answer came back.
    #[error("{0}")]
    Failed(String),
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of an answer is looked at.
const START: usize = 512;

impl Web {
    /// A client that believes these certificates.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(roots: Roots) -> Result<Web, WebError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(roots.client()?)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(PATIENCE / 2)
            .user_agent(concat!("punchbowl/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .map_err(failed)?;
        Ok(Web { client })
    }

    /// Posts `request`.
    ///
    /// # Errors
    /// When no answer comes back in time.
    pub async fn post(&self, request: Request) -> Result<Answer, WebError> {
        let mut post = self.client.post(&request.url).header("Content-Type", "application/json");
        for (name, value) in request.headers {
            post = post.header(name, value);
        }
        let mut answer = post.body(request.body).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut start = Vec::new();
        while start.len() < START {
            match answer.chunk().await {
                Ok(Some(chunk)) => start.extend_from_slice(&chunk),
                // The status has come; the rest is for messages only.
                Ok(None) | Err(_) => break,
            }
        }
        start.truncate(START);
        Ok(Answer { status, start: String::from_utf8_lossy(&start).into_owned() })
    }
}

impl Web {
    /// Gets what is at `url`: the status code and at most `longest` bytes of the answer.
    ///
    /// # Errors
    /// When no answer comes back in time, or one that is longer.
    pub async fn get(&self, url: &str, longest: usize) -> Result<(u16, Vec<u8>), WebError> {
        let mut answer = self.client.get(url).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > longest {
                return Err(WebError::Failed(format!("the answer is longer than {longest} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}

/// What led to it, without the address, which may be a secret.
fn failed(error: reqwest::Error) -> WebError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    WebError::Failed(text)
}
