//! The flags with which every command that reads the configuration can change it.

use crate::config::{self, Loaded, Origin, Setting, SettingsLayer, Sources, environment};
use clap::Args;
use std::path::{Path, PathBuf};

/// Where the configuration is, and flags over it.
#[derive(Clone, Debug, Default, Args)]
#[command(
    next_help_heading = "Configuration (flags win over PUNCHBOWL_* variables, which win over the file)"
)]
pub struct ConfigFlags {
    /// The configuration file [default: PUNCHBOWL_CONFIG, else punchbowl.toml if there is one]
    #[arg(long, short, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// mainnet, testnet4, signet or regtest
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Folder for the pool's key and solved blocks
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Where miners connect; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Vec<String>,
    /// Where status and metrics are, or off
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<String>,
    /// Where templates come from: bitcoin-core or embedded
    #[arg(long, value_name = "SOURCE")]
    template_source: Option<String>,
    /// Bitcoin Core's data directory
    #[arg(long, value_name = "FOLDER")]
    bitcoin_datadir: Option<String>,
    /// Bitcoin Core's socket, when it is not in its data directory
    #[arg(long, value_name = "SOCKET")]
    ipc_socket: Option<String>,
    /// fixed (pay one destination), solo (pay the finder) or shared (pay all who worked)
    #[arg(long, value_name = "MODE")]
    payout_mode: Option<String>,
    /// The address that every block pays, or the host's fee
    #[arg(long, value_name = "ADDRESS")]
    payout_address: Option<String>,
    /// Any other key: --set vardiff.shares_per_minute=18
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    set: Vec<(String, String)>,
}

const DEFAULT_FILE: &str = "punchbowl.toml";

impl ConfigFlags {
    /// Loads the configuration with these flags over it and this process's environment.
    pub fn load(&self) -> Loaded {
        config::load(self.sources_of_process())
    }

    /// Where the configuration comes from, with these flags and this process's environment.
    pub fn sources_of_process(&self) -> Sources {
        let sources = self.sources(environment::of_process(), Path::new(DEFAULT_FILE));
        Sources { settings: SettingsLayer::InDataFolder, ..sources }
    }

    fn sources(&self, environment: Vec<(String, String)>, default_file: &Path) -> Sources {
        let named = environment.iter().find(|(name, file)| name == "PUNCHBOWL_CONFIG" && !file.is_empty());
        let file = self
            .config
            .clone()
            .or_else(|| named.map(|(_, file)| file.into()))
            .or_else(|| default_file.exists().then(|| default_file.to_owned()));
        Sources { file, environment, flags: self.settings(), ..Sources::default() }
    }

    fn settings(&self) -> Vec<Setting> {
        let listen = (!self.listen.is_empty()).then(|| self.listen.join(","));
        let flags = [
            ("network", "--network", &self.network),
            ("data_dir", "--data-dir", &self.data_dir),
            ("listen.tcp", "--listen", &listen),
            ("http.listen", "--http", &self.http),
            ("template.source", "--template-source", &self.template_source),
            ("template.bitcoin_datadir", "--bitcoin-datadir", &self.bitcoin_datadir),
            ("template.ipc_socket", "--ipc-socket", &self.ipc_socket),
            ("payout.mode", "--payout-mode", &self.payout_mode),
            ("payout.address", "--payout-address", &self.payout_address),
        ];
        let named = flags.into_iter().filter_map(|(key, flag, text)| Some((key, flag, text.as_deref()?)));
        let set = self.set.iter().map(|(key, text)| (key.as_str(), "--set", text.as_str()));
        named
            .chain(set)
            .map(|(key, flag, text)| Setting::from_text(key, text, Origin::Flag(flag.into())))
            .collect()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as vardiff.shares_per_minute=18")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: ConfigFlags,
    }

    fn flags(line: &str) -> ConfigFlags {
        Line::try_parse_from(format!("x {line}").split_whitespace()).unwrap().flags
    }

    #[test]
    fn every_flag_sets_a_key_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let line = "--network regtest --data-dir /d --listen 127.0.0.1:0 --listen [::1]:0 --http off \
                    --template-source embedded --bitcoin-datadir /b --ipc-socket /s --payout-mode fixed \
                    --payout-address bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202 --set limits.connections=7";
        let line =
            line.replace("bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202", crate::payout::REGTEST_BURN_ADDRESS);
        let sources = flags(&line).sources(Vec::new(), &folder.path().join("none"));
        assert_eq!(sources.flags.len(), 10);
        let config = config::load(sources).into_config().unwrap();
        assert_eq!((config.listen.tcp.len(), config.limits.connections), (2, 7));
    }

    #[test]
    fn the_file_is_the_named_one_else_the_variables_else_the_one_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let at_hand = folder.path().join("punchbowl.toml");
        let variable = vec![("PUNCHBOWL_CONFIG".to_owned(), "v.toml".to_owned())];
        assert_eq!(flags("").sources(Vec::new(), &at_hand).file, None);
        std::fs::write(&at_hand, "").unwrap();
        assert_eq!(flags("").sources(Vec::new(), &at_hand).file, Some(at_hand.clone()));
        assert_eq!(flags("").sources(variable.clone(), &at_hand).file, Some("v.toml".into()));
        assert_eq!(flags("-c f.toml").sources(variable, &at_hand).file, Some("f.toml".into()));
    }

    #[test]
    fn a_wrong_flag_is_complained_of_by_its_name() {
        let sources = flags("--network mainnet2").sources(Vec::new(), Path::new("/nowhere/none"));
        let error = config::load(sources).into_config().unwrap_err().to_string();
        assert!(error.contains("--network: network: `mainnet2` is not one of"), "{error}");
    }
}
