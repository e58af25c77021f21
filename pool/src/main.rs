//! `punchbowl`: see [`pool::cli`] for its commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    pool::cli::run()
}
