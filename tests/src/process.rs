//! A child process whose log lines are events.

pub use rustix::process::Signal;

use crate::{Place, within_deadline};
use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, kill_process};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};
use tokio::sync::watch;

/// A running program. Killed by its pid when dropped.
pub struct Process {
    name: String,
    child: Option<Child>,
    log: Log,
}

/// Everything that a process has printed, standard output and error together, line by
/// line. Cheap to clone; stays when the process has gone.
#[derive(Clone)]
pub struct Log {
    lines: Arc<Mutex<Vec<Line>>>,
    seen: watch::Receiver<Seen>,
}

/// A line, and when it was read.
#[derive(Clone, Debug)]
pub struct Line {
    /// Without its end.
    pub text: String,
    /// A moment after the program wrote it.
    pub at: Instant,
}

/// How far the log has come.
#[derive(Clone, Copy, Default)]
struct Seen {
    lines: usize,
    streams_ended: u8,
}

const STREAMS: u8 = 2;

impl Process {
    /// Starts `command` on this machine, with its output captured and its input closed.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(name: &str, command: Command) -> Result<Process> {
        Process::spawn_at(&Place::Here, name, command)
    }

    /// The same, at `place`.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn_at(place: &Place, name: &str, mut command: Command) -> Result<Process> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = format!("cannot start {command:?}");
        let mut child = place.start(command).context(what)?;
        let (progress, seen) = watch::channel(Seen::default());
        let log = Log { lines: Arc::default(), seen };
        let progress = Arc::new(progress);
        if let Some(stdout) = child.stdout.take() {
            log.follow(stdout, &progress);
        }
        if let Some(stderr) = child.stderr.take() {
            log.follow(stderr, &progress);
        }
        Ok(Process { name: name.to_owned(), child: Some(child), log })
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it has been waited for already.
    pub fn pid(&self) -> Result<u32> {
        self.child.as_ref().map(Child::id).ok_or_else(|| anyhow!("{} has ended", self.name))
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has printed.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.exit().await
    }

    /// Ends it on the spot (SIGKILL), as a power cut would.
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.exit().await
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()?).ok().and_then(Pid::from_raw).context("pid out of range")?;
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn exit(&mut self) -> Result<ExitStatus> {
        // Its output ends when it ends; only then is it waited for, so that its pid
        // stays its own as long as someone may signal it.
        let what = format!("{} to end; its last lines:\n{}", self.name, self.log.tail(20));
        within_deadline(&what, self.log.end()).await?;
        let mut child = self.child.take().with_context(|| format!("{} has been waited for", self.name))?;
        Ok(tokio::task::spawn_blocking(move || child.wait()).await??)
    }

    /// Waits for a line that `wanted` accepts and returns it; lines printed before the
    /// call count too.
    ///
    /// # Errors
    /// When the process ends or the deadline passes first.
    pub async fn line(&self, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.log.line_after(0, &self.name, wanted).await
    }

    /// As [`line`](Self::line), but only for lines from number `start` on; see [`Log::mark`].
    ///
    /// # Errors
    /// When the process ends or the deadline passes first.
    pub async fn line_after(&self, start: usize, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.log.line_after(start, &self.name, wanted).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Errors mean that it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Log {
    /// The number of lines so far, to be handed to [`Process::line_after`].
    pub fn mark(&self) -> usize {
        self.lines().len()
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.lines().iter().map(|line| line.text.clone()).collect()
    }

    /// Lines from number `start` on with the moments at which they came.
    pub fn timed(&self, start: usize) -> Vec<Line> {
        self.lines().iter().skip(start).cloned().collect()
    }

    /// Whether a line so far contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.text.contains(text))
    }

    /// The last `count` lines, for messages.
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines
            .iter()
            .skip(lines.len().saturating_sub(count))
            .map(|line| format!("  | {}\n", line.text))
            .collect()
    }

    async fn line_after(&self, start: usize, name: &str, wanted: impl Fn(&str) -> bool) -> Result<String> {
        let mut seen = self.seen.clone();
        let mut next = start;
        let search = async {
            loop {
                let ended = seen.borrow_and_update().streams_ended == STREAMS;
                let found = {
                    let lines = self.lines();
                    let found = lines.iter().skip(next).find(|line| wanted(&line.text));
                    let found = found.map(|line| line.text.clone());
                    next = next.max(lines.len());
                    found
                };
                match found {
                    Some(line) => return Ok(line),
                    None if ended => bail!("{name} ended without the line that was waited for"),
                    None => seen.changed().await.context("the log's reader is gone")?,
                }
            }
        };
        within_deadline(&format!("a log line of {name}"), search)
            .await
            .and_then(|found| found)
            .with_context(|| format!("its last lines:\n{}", self.tail(20)))
    }

    async fn end(&self) {
        // An error means that the readers are gone, which is the end too.
        let _ = self.seen.clone().wait_for(|seen| seen.streams_ended == STREAMS).await;
    }

    fn follow(&self, stream: impl Read + Send + 'static, progress: &Arc<watch::Sender<Seen>>) {
        let (lines, progress) = (Arc::clone(&self.lines), Arc::clone(progress));
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(|line| line.ok()) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(Line { text, at: Instant::now() });
                progress.send_modify(|seen| seen.lines += 1);
            }
            progress.send_modify(|seen| seen.streams_ended += 1);
        });
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn("sh", command).unwrap()
    }

    #[tokio::test]
    async fn a_line_is_an_event_and_the_status_is_handed_back() {
        let mut process = shell("echo first; echo second >&2; exit 3");
        assert_eq!(process.line(|line| line.contains("second")).await.unwrap(), "second");
        assert_eq!(process.exit().await.unwrap().code(), Some(3));
        assert!(process.log().contains("first"));
    }

    #[tokio::test]
    async fn a_line_that_never_comes_is_an_error_when_the_process_ends() {
        let process = shell("echo other");
        let error = process.line(|line| line == "wanted").await.unwrap_err();
        assert!(format!("{error:#}").contains("other"), "{error:#}");
    }

    #[tokio::test]
    async fn a_killed_process_has_ended() {
        let mut process = shell("echo up; exec cat /dev/zero > /dev/null");
        process.line(|line| line == "up").await.unwrap();
        assert!(!process.kill().await.unwrap().success());
        assert!(process.pid().is_err());
    }
}
