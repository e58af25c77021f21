//! Takes the host's changes: judges them with the whole configuration, writes them down, and
//! tells the pool.

use super::{EDITABLE, MANAGED, Values, read, settings, values, write};
use crate::config::{self, Config, Loaded, Origin, SettingsLayer, Sources};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;

/// Takes the host's changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SettingsDesk {
    sources: Arc<Sources>,
    folder: PathBuf,
    changes: watch::Sender<u64>,
}

/// One thing that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its key.
    pub key: &'static str,
    /// Its value now; empty where it is not set. Secrets are not shown.
    pub value: String,
    /// Whether it is a secret that is set.
    pub hidden: bool,
    /// Who has the last word on it, where that is not the page.
    pub fixed_by: Option<String>,
}

/// What is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it is written down.
    Made,
    /// The configuration is somebody else's.
    Managed,
    /// These: key, what, and what to do.
    Wrong(Vec<(String, String, String)>),
    /// The file cannot be written.
    Failed(String),
}

impl Change {
    /// What is wrong with it, in words; nothing when it was made.
    pub fn into_wrong(self) -> Vec<String> {
        match self {
            Change::Made => Vec::new(),
            Change::Managed => vec!["The configuration of this pool is made where you installed it.".into()],
            Change::Failed(why) => vec![why],
            Change::Wrong(problems) => {
                problems.into_iter().map(|(key, what, remedy)| format!("{key}: {what}; {remedy}")).collect()
            }
        }
    }
}

impl SettingsDesk {
    /// For the pool that was configured from `sources`, with its data folder.
    pub fn new(sources: Sources, folder: PathBuf) -> SettingsDesk {
        SettingsDesk { sources: Arc::new(sources), folder, changes: watch::Sender::new(0) }
    }

    /// Whether the page may only show.
    pub fn is_managed(&self) -> bool {
        is_managed(&self.sources)
    }

    /// Changes whenever something was written down.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The configuration as it would be loaded now.
    pub fn load(&self) -> Loaded {
        config::load(Sources::clone(&self.sources))
    }

    /// Everything that can be set, as it is now.
    pub fn items(&self) -> Vec<Item> {
        let loaded = self.load();
        let item = |key: &'static str| {
            let setting = loaded.settings.iter().find(|setting| setting.key == key);
            let value = setting.map(|setting| match &setting.value {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Null => String::new(),
                other => other.to_string(),
            });
            let value = value.unwrap_or_default();
            let fixed_by = setting.and_then(|setting| match &setting.origin {
                Origin::Environment(_) | Origin::Flag(_) => Some(setting.origin.to_string()),
                Origin::File { .. } | Origin::Default => None,
            });
            let hidden = config::notify::is_secret(key) && !value.is_empty();
            Item { key, value: if hidden { String::new() } else { value }, hidden, fixed_by }
        };
        EDITABLE.into_iter().map(item).collect()
    }

    /// Makes the changes, all or none. Blocks for the time of a disk sync.
    pub fn change(&self, changed: &Values) -> Change {
        if self.is_managed() {
            return Change::Managed;
        }
        if let Some(key) = changed.keys().find(|key| !EDITABLE.contains(&key.as_str())) {
            let told = ("it cannot be set here".to_owned(), "put it into punchbowl.toml".to_owned());
            return Change::Wrong(vec![(key.clone(), told.0, told.1)]);
        }
        let mut all = match read(&self.folder) {
            Ok(settings) => values(&settings),
            Err(problem) => return Change::Failed(problem.to_string()),
        };
        all.extend(changed.clone());
        let candidate = settings(&all, &self.folder);
        let sources = Sources { settings: SettingsLayer::Given(candidate), ..Sources::clone(&self.sources) };
        let loaded = config::load(sources);
        if !loaded.problems.is_empty() {
            let told = |problem: config::Problem| (problem.key, problem.what, problem.remedy);
            return Change::Wrong(loaded.problems.into_iter().map(told).collect());
        }
        if let Err(error) = write(&self.folder, &all) {
            return Change::Failed(format!(
                "cannot write {} in {}: {error}",
                super::SETTINGS,
                self.folder.display()
            ));
        }
        self.changes.send_modify(|count| *count += 1);
        Change::Made
    }
}

/// Whether the configuration is somebody else's.
pub fn is_managed(sources: &Sources) -> bool {
    let value = sources.environment.iter().find(|(name, _)| name == MANAGED).map(|(_, value)| value.as_str());
    value.is_some_and(|value| !matches!(value, "" | "0" | "false" | "no"))
}

/// Whether `new` differs from `old` in nothing but what a running pool takes up by itself.
pub fn is_live(old: &Config, new: &Config) -> bool {
    let same = Config { notify: old.notify.clone(), ..new.clone() };
    same == *old
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const ADDRESS: &str = crate::payout::REGTEST_BURN_ADDRESS;

    fn desk(folder: &std::path::Path, more: &[(&str, &str)]) -> SettingsDesk {
        let own = [("PUNCHBOWL_NETWORK", "regtest"), ("PUNCHBOWL_DATA_DIR", folder.to_str().unwrap())];
        let environment = own.iter().chain(more).map(|(name, text)| ((*name).into(), (*text).into()));
        let sources = Sources {
            environment: environment.collect(),
            settings: SettingsLayer::InDataFolder,
            ..Sources::default()
        };
        SettingsDesk::new(sources, folder.to_owned())
    }

    fn changed(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_good_change_is_written_told_of_and_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[]);
        let changes = desk.changes();
        assert_eq!(
            desk.change(&changed(&[("payout.address", ADDRESS), ("payout.pool_tag", "/hi/")])),
            Change::Made
        );
        assert!(changes.has_changed().unwrap());
        let config = desk.load().into_config().unwrap();
        assert_eq!(
            (config.payout.address.as_deref(), config.payout.pool_tag.as_str()),
            (Some(ADDRESS), "/hi/")
        );
        // What is not mentioned stays as it is.
        assert_eq!(desk.change(&changed(&[("payout.mode", "solo"), ("payout.address", "")])), Change::Made);
        assert_eq!(desk.load().into_config().unwrap().payout.pool_tag, "/hi/");
    }

    #[test]
    fn a_change_that_makes_no_sense_changes_nothing_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[]);
        desk.change(&changed(&[("payout.address", ADDRESS)]));
        let Change::Wrong(why) = desk.change(&changed(&[("payout.address", "bc1nonsense")])) else {
            panic!()
        };
        assert_eq!(why[0].0, "payout.address");
        let foreign = desk.change(&changed(&[("network", "mainnet")]));
        assert!(matches!(foreign, Change::Wrong(_)), "{foreign:?}");
        assert_eq!(desk.load().into_config().unwrap().payout.address.as_deref(), Some(ADDRESS));
    }

    #[test]
    fn what_the_environment_says_cannot_be_changed_and_shows_who_said_it() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[("PUNCHBOWL_PAYOUT__POOL_TAG", "/env/")]);
        desk.change(&changed(&[("payout.pool_tag", "/page/"), ("payout.address", ADDRESS)]));
        let items = desk.items();
        let tag = items.iter().find(|item| item.key == "payout.pool_tag").unwrap();
        assert_eq!(tag.value, "/env/");
        assert_eq!(tag.fixed_by.as_deref(), Some("environment variable PUNCHBOWL_PAYOUT__POOL_TAG"));
    }

    #[test]
    fn where_the_configuration_is_managed_nothing_is_changed_or_read() {
        let folder = tempfile::tempdir().unwrap();
        desk(folder.path(), &[]).change(&changed(&[("payout.address", ADDRESS)]));
        let managed = desk(folder.path(), &[(MANAGED, "1")]);
        assert_eq!(managed.change(&changed(&[("payout.pool_tag", "x")])), Change::Managed);
        assert_eq!(managed.load().into_config().unwrap().payout.address, None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let desk = desk(folder.path(), &[]);
        desk.change(&changed(&[("notify.ntfy_token", "tk_1"), ("notify.ntfy", "https://ntfy.example/x")]));
        let items = desk.items();
        let token = items.iter().find(|item| item.key == "notify.ntfy_token").unwrap();
        assert_eq!((token.value.as_str(), token.hidden), ("", true));
    }

    #[test]
    fn notifications_change_while_the_pool_runs_and_payouts_do_not() {
        let old = Config::default();
        let mut new = old.clone();
        new.notify.per_hour = 3;
        assert!(is_live(&old, &new));
        new.payout.pool_tag = "x".into();
        assert!(!is_live(&old, &new));
    }
}
