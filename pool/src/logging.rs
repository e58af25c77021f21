//! Logs: to standard error, so that standard output is free for results.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Libraries that are not heard unless `RUST_LOG` asks for them: they call errors what is
/// none (every endpoint that closes, say), and `p2p` tells what matters. Names also stand
/// for those that begin with them.
const LIBRARIES: [&str; 7] =
    ["iroh", "noq", "portmapper", "netwatch", "n0_mainline", "swarm_discovery", "acto"];

/// Starts logging. `RUST_LOG` chooses what is logged (`RUST_LOG=pool=debug`); without
/// it, everything of Punchbowl's own from `default_level` on.
///
/// # Errors
/// When `RUST_LOG` cannot be understood, or logging was started before.
pub fn start(format: LogFormat, default_level: &str) -> anyhow::Result<()> {
    let chosen = std::env::var("RUST_LOG").ok().filter(|chosen| !chosen.is_empty());
    let chosen = chosen.unwrap_or_else(|| by_default(default_level));
    let filter = EnvFilter::try_new(chosen).map_err(|error| {
        anyhow::anyhow!("RUST_LOG cannot be understood ({error}); write a level such as debug, or pool=debug")
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(lines.with_ansi(colours).with_target(false)).try_init()?;
        }
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
    }
    Ok(())
}

fn by_default(level: &str) -> String {
    LIBRARIES.iter().fold(level.to_owned(), |filter, library| format!("{filter},{library}=off"))
}
