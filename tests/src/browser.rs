//! A headless Chromium, driven through chromedriver (WebDriver over HTTP on loopback, and
//! the DevTools commands that chromedriver passes on).

mod find;
mod look;
mod tab;

pub use look::screenshots;
pub use tab::{Tab, Visit};

use crate::Process;
use anyhow::{Context, Result, bail, ensure};
use find::Programs;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// A browser with a new and empty profile. Ended when dropped.
pub struct Browser {
    session: String,
    driver: SocketAddr,
    // After its session, before its folder.
    _process: Process,
    _profile: TempDir,
}

/// How long a command may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(180);

impl Browser {
    /// Starts one. `None`, said aloud, where there is no Chromium on this machine, unless
    /// `BROWSER_TESTS=required` makes that an error.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Option<Browser>> {
        let required = std::env::var("BROWSER_TESTS").is_ok_and(|value| value == "required");
        match Programs::find() {
            Ok(programs) => Browser::launch(&programs).await.map(Some),
            Err(reason) if required => Err(reason.context("BROWSER_TESTS=required, but there is no browser")),
            Err(reason) => {
                eprintln!("SKIPPED: no browser on this machine: {reason:#}");
                Ok(None)
            }
        }
    }

    async fn launch(programs: &Programs) -> Result<Browser> {
        let profile = tempfile::Builder::new().prefix("pb-browser-").tempdir()?;
        let mut command = Command::new(&programs.driver);
        command.arg("--port=0").env("HOME", profile.path());
        let process = Process::spawn("chromedriver", command)?;
        let ready = process.line(|line| line.contains("started successfully on port")).await?;
        let port = ready.trim_end_matches('.').rsplit(' ').next().unwrap_or_default();
        let port: u16 = port.parse().with_context(|| format!("no port in {ready:?}"))?;
        let driver = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let folder = profile.path().join("profile");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--lang=en-US",
            &format!("--user-data-dir={}", folder.display()),
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": programs.browser, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let answer = ask(driver, "POST", "/session", &capabilities).await?;
        let session = answer.get("sessionId").and_then(Value::as_str).context("no session")?.to_owned();
        Ok(Browser { session, driver, _process: process, _profile: profile })
    }

    /// Its one tab.
    pub fn tab(&self) -> Tab<'_> {
        Tab::of(self)
    }

    /// A WebDriver command of the session.
    async fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        ask(self.driver, method, &format!("/session/{}/{path}", self.session), body).await
    }

    /// A DevTools command.
    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let body = json!({"cmd": command, "params": parameters});
        self.command("POST", "goog/cdp/execute", &body).await.with_context(|| command.to_owned())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser; killed, it would leave it behind.
        let _ = end(self.driver, &self.session);
    }
}

fn end(driver: SocketAddr, session: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&driver, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    // Its first word comes when the browser has ended.
    stream.read(&mut [0; 256]).map(drop)
}

/// The body of the answer. chromedriver keeps a connection open whatever it is told, so that
/// only the length says where it ends.
async fn exchange(driver: SocketAddr, request: &str) -> Result<Vec<u8>> {
    let mut stream = BufReader::new(tokio::net::TcpStream::connect(driver).await?);
    stream.write_all(request.as_bytes()).await?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(stream.read_line(&mut line).await? > 0, "chromedriver has hung up");
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

async fn ask(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value> {
    let body = if method == "GET" { String::new() } else { body.to_string() };
    let headers = "Content-Type: application/json; charset=utf-8\r\n";
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // A browser takes long to start on a busy machine.
    let asking = tokio::time::timeout(PATIENCE, exchange(driver, &request));
    let answer = asking.await.with_context(|| format!("chromedriver does not answer to {path}"))??;
    let answer: Value = serde_json::from_slice(&answer).context("chromedriver's answer is no JSON")?;
    let value = answer.get("value").cloned().unwrap_or_default();
    if let Some(error) = value.get("error").and_then(Value::as_str) {
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default();
        bail!("{error}: {message:.600}");
    }
    Ok(value)
}
