//! Putting the layers together: defaults, file, environment, flags.
//!
//! Each setting is tried on its own, so that a mistake is reported against the
//! place where it was made and does not hide the next one.

use super::check::check;
use super::problem::{ConfigError, Origin, Problem};
use super::sections::Config;
use super::setting::Setting;
use super::{environment, file, suggest};
use crate::settings::{self, desk};
use serde_json::Value;
use std::path::PathBuf;

/// Where to look, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables; those that do not concern Punchbowl are passed over.
    pub environment: Vec<(String, String)>,
    /// Settings made by flags.
    pub flags: Vec<Setting>,
    /// What the host has set in the browser: over the file, under the others.
    pub settings: SettingsLayer,
}

/// What the host has set in the browser.
#[derive(Clone, Debug, Default)]
pub enum SettingsLayer {
    /// Nothing.
    #[default]
    Unread,
    /// What stands in the data folder; unless the configuration is managed by others.
    InDataFolder,
    /// This.
    Given(Vec<Setting>),
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, defaults in place of what could not be read.
    pub config: Config,
    /// Every key, its value and who said so, in the order of the keys.
    pub settings: Vec<Setting>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    /// When anything is wrong, with all of it.
    pub fn into_config(self) -> Result<Config, ConfigError> {
        if self.problems.is_empty() { Ok(self.config) } else { Err(ConfigError { problems: self.problems }) }
    }

    /// The configuration, if nothing is wrong with it outside `section`: for a command that
    /// has no use for that one.
    ///
    /// # Errors
    /// When anything else is wrong, with all of it.
    pub fn into_config_without(mut self, section: &str) -> Result<Config, ConfigError> {
        self.problems.retain(|problem| {
            let inside = problem.key.strip_prefix(section);
            !inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        self.into_config()
    }
}

/// Loads and checks the configuration. Never fails: see [`Loaded::problems`].
pub fn load(sources: Sources) -> Loaded {
    let chosen = match &sources.settings {
        SettingsLayer::InDataFolder if !desk::is_managed(&sources) => {
            // Where that is, the other layers say.
            let folder = layered(&sources, Vec::new()).config.data_dir.to_path();
            settings::read(&folder)
        }
        SettingsLayer::Given(settings) => Ok(settings.clone()),
        SettingsLayer::Unread | SettingsLayer::InDataFolder => Ok(Vec::new()),
    };
    match chosen {
        Ok(chosen) => layered(&sources, chosen).finish(),
        Err(problem) => {
            let mut layers = layered(&sources, Vec::new());
            layers.problems.push(problem);
            layers.finish()
        }
    }
}

fn layered(sources: &Sources, chosen: Vec<Setting>) -> Layers {
    let mut layers = Layers::new();
    match sources.file.as_deref().map(file::read) {
        Some(Ok(settings)) => settings.into_iter().for_each(|setting| layers.apply(setting)),
        Some(Err(problem)) => layers.problems.push(problem),
        None => {}
    }
    let stronger = environment::settings(sources.environment.iter().cloned()).into_iter();
    for setting in chosen.into_iter().chain(stronger).chain(sources.flags.iter().cloned()) {
        layers.apply(setting);
    }
    layers
}

/// The defaults with the settings applied so far.
struct Layers {
    config: Config,
    /// `config` as a tree, in which single leaves can be replaced.
    tree: Value,
    /// Every key; the values are those of `tree`.
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Layers {
    fn new() -> Layers {
        let config = Config::default();
        // Nothing in the configuration is a map with other keys than text.
        let tree = serde_json::to_value(&config).unwrap_or_default();
        let mut settings = Vec::new();
        leaves(&tree, "", &mut settings);
        Layers { config, tree, settings, problems: Vec::new() }
    }

    fn apply(&mut self, setting: Setting) {
        let Some(place) = self.settings.iter().position(|known| known.key == setting.key) else {
            let problem = self.unknown(&setting);
            self.problems.push(problem);
            return;
        };
        let mut errors = Vec::new();
        for value in setting.candidates() {
            let mut tree = self.tree.clone();
            replace(&mut tree, &setting.key, value.clone());
            match serde_json::from_value::<Config>(tree.clone()) {
                Ok(config) => {
                    self.config = config;
                    self.tree = tree;
                    if let Some(known) = self.settings.get_mut(place) {
                        *known = Setting { value, ..setting };
                    }
                    return;
                }
                Err(error) => errors.push(error.to_string()),
            }
        }
        let problem = self.unreadable(&setting, errors);
        self.problems.push(problem);
    }

    fn unknown(&self, setting: &Setting) -> Problem {
        let section = format!("{}.", setting.key);
        let keys = || self.settings.iter().map(|known| known.key.as_str());
        let (what, remedy) = if let Some(inside) = keys().find(|key| key.starts_with(&section)) {
            ("this is a section, not a key".to_owned(), format!("set the keys in it, such as {inside}"))
        } else if let Some(near) = suggest::nearest(&setting.key, keys()) {
            ("there is no such key".to_owned(), format!("did you mean {near}?"))
        } else {
            ("there is no such key".to_owned(), "punchbowl.example.toml lists every key".to_owned())
        };
        Problem { origin: setting.origin.clone(), key: setting.key.clone(), what, remedy }
    }

    fn unreadable(&self, setting: &Setting, errors: Vec<String>) -> Problem {
        // An error of a wrong kind says less than one about the content.
        let what = errors.iter().find(|error| !error.starts_with("invalid type")).or(errors.first());
        let default = Layers::new().settings.into_iter().find(|known| known.key == setting.key);
        let remedy = match default.map(|default| default.value) {
            None | Some(Value::Null) => "see this key in punchbowl.example.toml".to_owned(),
            Some(default) => format!("the default is {default}; see this key in punchbowl.example.toml"),
        };
        let what = what.cloned().unwrap_or_default();
        Problem { origin: setting.origin.clone(), key: setting.key.clone(), what, remedy }
    }

    fn finish(mut self) -> Loaded {
        let mut found = Vec::new();
        check(&self.config, &mut |key, what, remedy| found.push((key, what, remedy)));
        for (key, what, remedy) in found {
            // A key that could not be read has its default now: no second complaint.
            if self.problems.iter().any(|problem| problem.key == key) {
                continue;
            }
            let setting = self.settings.iter().find(|setting| setting.key == key);
            let origin = setting.map_or(Origin::Default, |setting| setting.origin.clone());
            self.problems.push(Problem { origin, key: key.to_owned(), what, remedy });
        }
        Loaded { config: self.config, settings: self.settings, problems: self.problems }
    }
}

fn leaves(tree: &Value, above: &str, found: &mut Vec<Setting>) {
    let Value::Object(section) = tree else { return };
    for (name, value) in section {
        let key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if value.is_object() {
            leaves(value, &key, found);
        } else {
            found.push(Setting { key, value: value.clone(), origin: Origin::Default });
        }
    }
}

fn replace(tree: &mut Value, key: &str, value: Value) {
    let pointer = format!("/{}", key.replace('.', "/"));
    if let Some(leaf) = tree.pointer_mut(&pointer) {
        *leaf = value;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::sync::Arc;

    const EXAMPLE: &str = include_str!("../../../punchbowl.example.toml");
    const REGTEST: &str = "network = \"regtest\"\n";

    fn load_text(name: &str, text: &str, environment: &[(&str, &str)], flags: Vec<Setting>) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let environment =
            environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        load(Sources { file: Some(path), environment, flags, ..Sources::default() })
    }

    fn shown(loaded: &Loaded) -> String {
        loaded.problems.iter().map(|problem| format!("{problem}\n")).collect()
    }

    /// The example's lines that show a key, without their comment sign. A default is
    /// written `# key = value`; prose never has that form.
    fn shown_keys(text: &str) -> (String, String) {
        let (mut defaults, mut examples) = (String::new(), String::new());
        for line in text.lines() {
            let bare = line.strip_prefix("# ").unwrap_or(line);
            let is_key = bare.split_once(" = ").is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            });
            let is_section = line.starts_with('[');
            if is_section || (is_key && !bare.contains("(no default)")) {
                defaults += &format!("{bare}\n");
            }
            if is_section || is_key {
                examples += &format!("{bare}\n");
            }
        }
        (defaults, examples)
    }

    #[test]
    fn the_example_file_parses_as_it_stands() {
        let loaded = load_text("punchbowl.toml", EXAMPLE, &[], Vec::new());
        let keys: Vec<&str> = loaded.problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["payout.address"], "only the address is missing: {}", shown(&loaded));
    }

    #[test]
    fn the_example_file_shows_every_key_once_and_no_other() {
        let (_, examples) = shown_keys(EXAMPLE);
        let shown = file::parse(&examples, &Arc::new("punchbowl.toml".into())).unwrap();
        let mut shown: Vec<String> = shown.into_iter().map(|setting| setting.key).collect();
        let mut known: Vec<String> = Layers::new().settings.into_iter().map(|setting| setting.key).collect();
        shown.sort();
        known.sort();
        assert_eq!(shown, known);
    }

    #[test]
    fn the_example_file_shows_the_true_defaults() {
        let (defaults, _) = shown_keys(EXAMPLE);
        let mut layers = Layers::new();
        for setting in file::parse(&defaults, &Arc::new("punchbowl.toml".into())).unwrap() {
            layers.apply(setting);
        }
        assert_eq!(layers.problems, []);
        let unset: Vec<&Setting> = layers.settings.iter().filter(|s| s.origin == Origin::Default).collect();
        assert!(unset.iter().all(|setting| setting.value.is_null()), "defaults not shown: {unset:?}");
        assert_eq!(layers.config, Config::default());
    }

    #[test]
    fn flags_win_over_the_environment_which_wins_over_the_file() {
        let text = "network = \"regtest\"\n[vardiff]\nshares_per_minute = 7\nmin_difficulty = 2\n";
        let environment =
            [("PUNCHBOWL_VARDIFF__SHARES_PER_MINUTE", "8"), ("PUNCHBOWL_VARDIFF__ENABLED", "false")];
        let flag = Setting::from_text("vardiff.shares_per_minute", "9.5", Origin::Flag("--set".into()));
        let config = load_text("a.toml", text, &environment, vec![flag]).into_config().unwrap();
        assert_eq!(config.vardiff.shares_per_minute, 9.5);
        assert_eq!(config.vardiff.min_difficulty, 2.0);
        assert!(!config.vardiff.enabled);
    }

    #[test]
    fn a_list_in_the_environment_may_be_toml_or_have_commas() {
        for text in ["127.0.0.1:0, [::1]:0", "[\"127.0.0.1:0\", \"[::1]:0\"]"] {
            let loaded = load_text("a.toml", REGTEST, &[("PUNCHBOWL_LISTEN__TCP", text)], Vec::new());
            assert_eq!(loaded.into_config().unwrap().listen.tcp.len(), 2);
        }
        let loaded = load_text("a.toml", REGTEST, &[("PUNCHBOWL_EXTENSIONS__REQUIRED", "1,2")], Vec::new());
        assert_eq!(loaded.into_config().unwrap().extensions.required, [1, 2]);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let loaded = load_text("a.toml", REGTEST, &[("PUNCHBOWL_PAYOUT__ADDRESS", "")], Vec::new());
        assert_eq!(loaded.into_config().unwrap().payout.address, None);
    }

    #[test]
    fn a_misspelt_key_is_refused_with_the_right_one() {
        let loaded =
            load_text("a.toml", "network = \"regtest\"\n[payout]\nadress = \"x\"\n", &[], Vec::new());
        let shown = shown(&loaded);
        assert!(shown.contains("a.toml:3: payout.adress: there is no such key"), "{shown}");
        assert!(shown.contains("did you mean payout.address?"), "{shown}");
    }

    #[test]
    fn a_misspelt_variable_is_refused_by_its_name() {
        let loaded = load_text("a.toml", REGTEST, &[("PUNCHBOWL_PAYOUT_ADDRESS", "x")], Vec::new());
        let shown = shown(&loaded);
        assert!(shown.contains("environment variable PUNCHBOWL_PAYOUT_ADDRESS"), "{shown}");
        assert!(shown.contains("did you mean payout.address?"), "{shown}");
    }

    #[test]
    fn a_section_used_as_a_key_is_refused() {
        let loaded = load_text("a.toml", "network = \"regtest\"\nlisten = \"0.0.0.0:1\"\n", &[], Vec::new());
        assert!(shown(&loaded).contains("such as listen."), "{}", shown(&loaded));
    }

    #[test]
    fn every_problem_is_reported_with_its_own_place() {
        let text =
            "network = \"regtest\"\n[listen]\ntcp = [\"localhost:1\"]\n[vardiff]\nshares_per_minute = 0\n";
        let environment = [("PUNCHBOWL_LIMITS__CONNECTIONS", "many")];
        let shown = shown(&load_text("a.toml", text, &environment, Vec::new()));
        assert!(shown.contains("a.toml:3: listen.tcp: `localhost:1` is not an IP address"), "{shown}");
        assert!(shown.contains("a.toml:5: vardiff.shares_per_minute"), "{shown}");
        assert!(shown.contains("environment variable PUNCHBOWL_LIMITS__CONNECTIONS"), "{shown}");
        assert!(shown.contains("the default is 10000"), "{shown}");
    }

    #[test]
    fn json_is_as_good_as_toml() {
        let text = "{\n \"network\": \"regtest\",\n \"limits\": {\n  \"connections\": 5,\n  \"conections\": 6\n }\n}";
        let loaded = load_text("a.json", text, &[], Vec::new());
        assert_eq!(loaded.config.limits.connections, 5);
        assert!(shown(&loaded).contains("a.json:5: limits.conections"), "{}", shown(&loaded));
    }

    #[test]
    fn a_missing_file_is_said_to_be_missing() {
        let sources = Sources { file: Some("/nowhere/punchbowl.toml".into()), ..Sources::default() };
        assert!(shown(&load(sources)).contains("/nowhere/punchbowl.toml"));
    }
}
