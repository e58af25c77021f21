//! Waiting for what a pool, or `punchbowl join`, says of itself on its status page.

use crate::{Punchbowl, within_deadline};
use anyhow::{Context, Result};
use serde_json::Value;
use std::time::Duration;

impl Punchbowl {
    /// Asks for the status until `wanted` accepts it.
    ///
    /// # Errors
    /// When it does not within the deadline; the message holds the last status.
    pub async fn until_status(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until_status(|| self.status(), wanted).await
    }

    /// Waits until so many connections were closed for `reason` (`malformed`, `protocol`,
    /// `timeout`, ...).
    ///
    /// # Errors
    /// When it is not so within the deadline.
    pub async fn until_closed(&self, reason: &str, count: u64) -> Result<()> {
        self.until_status(|status| status["connection_counts"]["closed"][reason] == count).await?;
        Ok(())
    }
}

/// Calls `status` until `wanted` accepts what it gives.
///
/// # Errors
/// When it does not within the deadline; the message holds the last answer.
pub async fn until_status<F>(status: impl Fn() -> F, wanted: impl Fn(&Value) -> bool) -> Result<Value>
where
    F: Future<Output = Result<Value>>,
{
    /// The status page is asked, not listened to: there is no event to wait for.
    const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);
    let mut last = Value::Null;
    let asked = within_deadline("a status", async {
        loop {
            last = status().await?;
            if wanted(&last) {
                return anyhow::Ok(());
            }
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    });
    let asked = asked.await.and_then(|asked| asked);
    asked.with_context(|| format!("the last status was {last:#}"))?;
    Ok(last)
}
