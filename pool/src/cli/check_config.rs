//! `punchbowl check-config`: what will be used, and everything that is wrong.

use super::config_flags::ConfigFlags;
use super::source;
use crate::config::notify::is_secret;
use crate::config::{Config, Loaded, Origin, PayoutKind, Problem, Setting, TemplateSource};
use crate::data_dir::{AUTHORITY_KEY, LEDGER, NODE_KEY};
use crate::payout::{self, PaidBefore, PayoutDescriptor, used};
use anyhow::Result;
use bitcoin::Address;
use clap::Args;
use ledger::payout::Ppm;
use p2p::identity::id_in_file;
use p2p::key_file::{self, KeyFileError};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

/// Show what is configured and everything that is wrong with it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckConfigArgs {
    /// Print one JSON object: whether it is good, what is wrong, and what follows
    #[arg(long)]
    json: bool,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl check-config --config punchbowl.toml
  punchbowl check-config --config punchbowl.json --json

Nothing is started or changed. The exit code is 0 when a pool could start, else 1.";

/// Prints the configuration to standard output. The exit code says whether it is good.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &CheckConfigArgs) -> Result<ExitCode> {
    let loaded = args.config.load();
    let text = if args.json { verdict(&loaded)? } else { report(&loaded) };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if loaded.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The JSON output. Scripts rely on its fields: add, do not rename.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    good: bool,
    problems: Vec<Wrong<'a>>,
    /// Whom blocks pay, in words; none where something is wrong.
    blocks_pay: Option<String>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
struct Wrong<'a> {
    key: &'a str,
    what: &'a str,
    remedy: &'a str,
    /// The file and line, variable or flag.
    origin: String,
}

fn verdict(loaded: &Loaded) -> Result<String> {
    let good = loaded.problems.is_empty();
    fn wrong(problem: &Problem) -> Wrong<'_> {
        Wrong {
            key: &problem.key,
            what: &problem.what,
            remedy: &problem.remedy,
            origin: problem.origin.to_string(),
        }
    }
    let verdict = Verdict {
        good,
        problems: loaded.problems.iter().map(wrong).collect(),
        blocks_pay: good.then(|| blocks_pay(&loaded.config)),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&verdict)?))
}

// Writing to a String cannot fail.

fn report(loaded: &Loaded) -> String {
    let mut text = String::new();
    for setting in &loaded.settings {
        let value = shown_value(setting, loaded);
        let _ = match &setting.origin {
            Origin::Default => writeln!(text, "{} = {value}", setting.key),
            origin => writeln!(text, "{} = {value}   # {origin}", setting.key),
        };
    }
    let _ = writeln!(text);
    if loaded.problems.is_empty() {
        consequences(&loaded.config, &mut text);
        let _ = writeln!(text, "\nThe configuration is good.");
    } else {
        for problem in &loaded.problems {
            let _ = writeln!(text, "{problem}");
        }
        let count = loaded.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        let _ = writeln!(text, "\n{count} {noun}: a pool will not start with this configuration.");
    }
    text
}

fn shown_value(setting: &Setting, loaded: &Loaded) -> String {
    if setting.value.is_null() {
        return "(not set)".into();
    }
    if is_secret(&setting.key) {
        return "(hidden)".into();
    }
    // A descriptor that was refused might hold a private key.
    let refused = loaded.problems.iter().any(|problem| problem.key == setting.key);
    if setting.key == "payout.descriptor" && refused {
        return "(hidden)".into();
    }
    setting.value.to_string()
}

/// What the configuration comes to on this machine.
fn consequences(config: &Config, text: &mut String) {
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name}: {value}");
    };
    line("Data folder", config.data_dir.to_path().display().to_string());
    line("Authority key", authority_key(config));
    line("Node id", node_id(config));
    for relays in &config.p2p.public_relays {
        let hosts: Vec<String> = relays.hints().iter().map(|relay| relay.host.to_string()).collect();
        line("Public relays", format!("{relays} ({}): {}", hosts.join(", "), relays.reveals()));
    }
    line("Blocks pay", blocks_pay(config));
    if let Some(warning) = used_before(config) {
        line("Note", warning);
    }
    line("Templates", templates(config));
}

fn authority_key(config: &Config) -> String {
    let in_data_dir = || config.data_dir.to_path().join(AUTHORITY_KEY);
    let configured = config.authority.key_file.as_ref().map(|file| file.to_path());
    let made_at_start = configured.is_none();
    let loaded = key_file::load(&configured.unwrap_or_else(in_data_dir));
    shown_key(loaded.map(|key| key.public_key().to_string()), made_at_start)
}

fn node_id(config: &Config) -> String {
    if !config.p2p.enabled {
        return "none, because p2p.enabled is false".into();
    }
    let in_data_dir = || config.data_dir.to_path().join(NODE_KEY);
    let configured = config.p2p.identity.as_ref().map(|file| file.to_path());
    let loaded = id_in_file(&configured.unwrap_or_else(in_data_dir));
    shown_key(loaded.map(|id| id.to_z32()), true)
}

fn shown_key(loaded: Result<String, KeyFileError>, made_at_start: bool) -> String {
    match loaded {
        Ok(key) => key,
        Err(KeyFileError::Missing(_)) if made_at_start => "none yet; it is made on the first start".into(),
        Err(error) => format!("not usable: {error}"),
    }
}

fn blocks_pay(config: &Config) -> String {
    let fee = config.payout.host_fee_ppm;
    let whose = match config.payout.mode {
        PayoutKind::Fixed => return destination(config),
        PayoutKind::Solo => "each miner that finds one, at the address in its user name".to_owned(),
        PayoutKind::Shared => {
            let rules = config.payout.rules();
            let bonus = match config.payout.finder_bonus_ppm {
                0 => String::new(),
                _ => format!(", and {} of it its finder", rules.finder_bonus),
            };
            format!("all members, each at the address in its user name, by {}{bonus}", rules.window)
        }
    };
    if fee == 0 { whose } else { format!("{whose}; {} to {}", Ppm(fee), destination(config)) }
}

fn destination(config: &Config) -> String {
    if let Some(address) = &config.payout.address {
        return address.clone();
    }
    let Some(descriptor) = &config.payout.descriptor else {
        let address = payout::default_address(config.network).unwrap_or_default();
        return format!("{address}, to which NOBODY HAS A KEY (regtest only); set payout.address");
    };
    let first = PayoutDescriptor::parse(descriptor, config.network)
        .and_then(|descriptor| descriptor.script_at(0))
        .ok()
        .and_then(|script| Address::from_script(&script, config.network).ok());
    first.map_or_else(String::new, |first| format!("the descriptor, whose first address is {first}"))
}

/// Whether a block of this data folder's ledger paid the address before.
fn used_before(config: &Config) -> Option<String> {
    let (address, script) = match (&config.payout.address, &config.payout.descriptor) {
        _ if config.payout.mode != PayoutKind::Fixed => return None,
        (Some(text), _) => {
            let address = payout::address::parse(text, config.network).ok()?;
            (address.text, address.script)
        }
        (None, Some(text)) => {
            let descriptor = PayoutDescriptor::parse(text, config.network).ok()?;
            // A ranged one moves on by itself.
            let script = descriptor.script_at(0).ok().filter(|_| !descriptor.is_ranged())?;
            (Address::from_script(&script, config.network).ok()?.to_string(), script)
        }
        (None, None) => return None,
    };
    let paid = PaidBefore::read(&config.data_dir.to_path().join(LEDGER)).ok()?;
    used::warning(&address, paid.blocks(&script))
}

fn templates(config: &Config) -> String {
    match config.template.source {
        TemplateSource::Embedded => "a regtest chain inside Punchbowl".into(),
        TemplateSource::BitcoinCore => {
            let socket = source::socket(config);
            let found = if socket.exists() {
                ""
            } else {
                " (not there now: is bitcoin-node running, with -ipcbind=unix, as a user whose files this one may read?)"
            };
            format!("Bitcoin Core at {}{found}", socket.display())
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::config::{self, Sources};

    fn report_of(variables: &[(&str, &str)]) -> String {
        let environment =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        report(&config::load(Sources { environment, ..Sources::default() }))
    }

    #[test]
    fn every_problem_is_shown_not_only_the_first() {
        let text = report_of(&[("PUNCHBOWL_LIMITS__CONNECTIONS", "0"), ("PUNCHBOWL_NETWROK", "regtest")]);
        assert!(text.contains("did you mean network?"), "{text}");
        assert!(text.contains("limits.connections: 0 is not from 1"), "{text}");
        assert!(text.contains("payout.address: nobody is named to be paid"), "{text}");
        assert!(text.contains("3 problems"), "{text}");
    }

    #[test]
    fn for_programs_each_problem_has_its_key_place_and_remedy() {
        let json = |variables: &[(&str, &str)]| -> serde_json::Value {
            let environment =
                variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            let loaded = config::load(Sources { environment, ..Sources::default() });
            serde_json::from_str(&verdict(&loaded).unwrap()).unwrap()
        };
        let wrong = json(&[("PUNCHBOWL_PAYOUT__ADDRESS", "bc1qnonsense")]);
        assert_eq!((&wrong["good"], &wrong["blocks_pay"]), (&false.into(), &serde_json::Value::Null));
        let problem = &wrong["problems"][0];
        assert_eq!(problem["key"], "payout.address");
        assert_eq!(problem["origin"], "environment variable PUNCHBOWL_PAYOUT__ADDRESS");
        assert!(problem["remedy"].as_str().unwrap().contains("your own wallet"), "{problem}");
        let good = json(&[("PUNCHBOWL_PAYOUT__MODE", "solo")]);
        assert_eq!((&good["good"], &good["problems"]), (&true.into(), &serde_json::json!([])));
        assert!(good["blocks_pay"].as_str().unwrap().contains("each miner that finds one"), "{good}");
    }

    #[test]
    fn a_good_configuration_says_where_each_value_comes_from_and_what_follows() {
        let text = report_of(&[("PUNCHBOWL_NETWORK", "regtest"), ("PUNCHBOWL_DATA_DIR", "/nowhere/x")]);
        assert!(text.contains("network = \"regtest\"   # environment variable PUNCHBOWL_NETWORK"), "{text}");
        assert!(text.contains("NOBODY HAS A KEY"), "{text}");
        assert!(text.contains("/regtest/node.sock"), "{text}");
        assert!(text.contains("Node id: none yet"), "{text}");
        assert!(text.contains("The configuration is good."), "{text}");
    }

    #[test]
    fn public_relays_are_named_with_what_they_reveal() {
        let regtest = ("PUNCHBOWL_NETWORK", "regtest");
        assert!(!report_of(&[regtest]).contains("Public relays"));
        let text = report_of(&[regtest, ("PUNCHBOWL_P2P__PUBLIC_RELAYS", "n0")]);
        assert!(
            text.contains("Public relays: n0 (") && text.contains("learns this machine's address"),
            "{text}"
        );
        let text = report_of(&[regtest, ("PUNCHBOWL_P2P__PUBLIC_RELAYS", "cloudflare")]);
        assert!(text.contains("no public relays go by the name \"cloudflare\""), "{text}");
    }

    #[test]
    fn a_descriptor_with_a_private_key_is_not_shown() {
        // BIP32 test vector 1, chain m.
        let secret = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
        let descriptor = format!("wpkh({secret}/0/*)");
        let text = report_of(&[("PUNCHBOWL_PAYOUT__DESCRIPTOR", &descriptor)]);
        assert!(!text.contains(&secret[..12]), "{text}");
        assert!(text.contains("private key"), "{text}");
    }

    #[test]
    fn tokens_and_passwords_are_not_shown_and_the_files_that_hold_them_are() {
        let text = report_of(&[
            ("PUNCHBOWL_NOTIFY__NTFY_TOKEN", "tk_12345"),
            ("PUNCHBOWL_HOME_ASSISTANT__PASSWORD", "hunter2"),
            ("PUNCHBOWL_NOTIFY__WEBHOOK_SECRET_FILE", "/run/secret"),
        ]);
        assert!(!text.contains("tk_12345") && !text.contains("hunter2"), "{text}");
        assert!(text.contains("notify.webhook_secret_file = \"/run/secret\""), "{text}");
    }

    #[test]
    fn a_ranged_descriptor_is_shown_by_its_first_address() {
        // BIP84's test vector.
        let descriptor = "wpkh(xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V/0/*)";
        let text = report_of(&[("PUNCHBOWL_PAYOUT__DESCRIPTOR", descriptor)]);
        assert!(text.contains("bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu"), "{text}");
    }
}
