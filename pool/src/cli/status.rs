//! `punchbowl status`: the pool at a glance, live.

use super::config_flags::ConfigFlags;
use super::in_runtime;
use super::interrupt::Interrupt;
use crate::glance::screen::{Look, draw};
use crate::glance::{Answers, AskError, Asker, Trouble, verdict};
use crate::notify::courier::unix_time;
use anyhow::Result;
use clap::Args;
use std::io::{IsTerminal, Write, stdout};
use std::process::ExitCode;
use std::time::Duration;

/// See at a glance whether your pool is well.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Print it once, instead of showing it live
    #[arg(long)]
    once: bool,
    /// Print one JSON object with all of it
    #[arg(long)]
    json: bool,
    /// Where the pool's HTTP is [default: that of the configuration]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl status                                 live, until Ctrl-C
  punchbowl status --once                          one look, plain where that is not a terminal
  punchbowl status --json | jq .well               for scripts
  punchbowl status --url http://192.168.1.4:8080   a pool on another machine

With --once and --json the exit code is 0 when all is well, else 1.";

/// Shows the pool.
///
/// # Errors
/// When none answers (live: at the first look), or the configuration is wrong.
pub fn run(args: &StatusArgs) -> Result<ExitCode> {
    let asker = match &args.url {
        Some(url) => Asker::at(url)?,
        // Whom blocks pay is of no concern here.
        None => Asker::of_config(&args.config.load().into_config_without("payout")?)?,
    };
    let live = !args.once && !args.json && stdout().is_terminal();
    in_runtime(async {
        let first = asker.ask().await?;
        if live {
            watch(&asker, first, Duration::from_secs(args.interval)).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let troubles = verdict(&first);
        if args.json {
            print_json(&asker, &first, &troubles)?;
        } else {
            let look = Look { width: columns(), height: None, colour: stdout().is_terminal() };
            print_lines(&draw(asker.base(), &first, &troubles, unix_time(), look))?;
        }
        Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

fn print_json(asker: &Asker, answers: &Answers, troubles: &[Trouble]) -> Result<()> {
    let mut object = serde_json::json!({
        "well": troubles.is_empty(),
        "troubles": troubles,
        "url": asker.base(),
    });
    if let (Some(object), Some(raw)) = (object.as_object_mut(), answers.raw.as_object()) {
        object.extend(raw.clone());
    }
    Ok(writeln!(stdout(), "{object}")?)
}

fn print_lines(lines: &[String]) -> Result<()> {
    Ok(writeln!(stdout(), "{}", lines.join("\n"))?)
}

/// Shows it anew every `interval`, until Ctrl-C. A pool that goes away is waited for.
async fn watch(asker: &Asker, first: Answers, interval: Duration) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let screen = Screen::enter()?;
    let mut shown = first;
    let mut silent: Option<AskError> = None;
    let mut looks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    loop {
        let (rows, look) = terminal();
        let mut lines = Vec::new();
        if let Some(silent) = &silent {
            let text = format!("  The pool does not answer; this is what it said last. ({silent})");
            lines.push(text.chars().take(look.width).collect());
        }
        let troubles = verdict(&shown);
        lines.extend(draw(asker.base(), &shown, &troubles, unix_time(), look));
        lines.truncate(rows);
        screen.show(&lines)?;
        tokio::select! {
            () = interrupt.received() => return Ok(()),
            _ = looks.tick() => {}
        }
        tokio::select! {
            () = interrupt.received() => return Ok(()),
            answers = asker.ask() => match answers {
                Ok(answers) => (shown, silent) = (answers, None),
                Err(error) => silent = Some(error),
            },
        }
    }
}

/// The terminal's other screen, left when this is dropped.
struct Screen;

impl Screen {
    fn enter() -> Result<Screen> {
        // The other screen, and no cursor.
        write!(stdout(), "\u{1b}[?1049h\u{1b}[?25l")?;
        Ok(Screen)
    }

    fn show(&self, lines: &[String]) -> Result<()> {
        // From the top; each line clears what it leaves, the last all below it.
        let mut text = String::from("\u{1b}[H");
        for line in lines {
            text += line;
            text += "\u{1b}[K\r\n";
        }
        text += "\u{1b}[J";
        let mut out = stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = stdout();
        // Nobody is left to tell.
        let _ = write!(out, "\u{1b}[?25h\u{1b}[?1049l");
        let _ = out.flush();
    }
}

/// The terminal's lines, and how to draw on it.
fn terminal() -> (usize, Look) {
    let size = rustix::termios::tcgetwinsize(stdout()).ok().filter(|size| size.ws_row > 0 && size.ws_col > 0);
    let (rows, width) = size.map_or((24, 80), |size| (size.ws_row.into(), size.ws_col.into()));
    // One line stays free for the cursor.
    let rows = usize::saturating_sub(rows, 1);
    (rows, Look { width, height: Some(rows), colour: std::env::var_os("NO_COLOR").is_none() })
}

fn columns() -> usize {
    if stdout().is_terminal() { terminal().1.width } else { 200 }
}
