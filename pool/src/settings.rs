//! Settings that the host makes in the browser: `settings.toml` in the data folder.
//!
//! A file of its own, so that the host's own `punchbowl.toml` is never rewritten: it wins over
//! that file, and the environment and flags win over it. Only a few keys may stand in it
//! ([`EDITABLE`]). An empty text means "not set", also where `punchbowl.toml` says otherwise.
//! Where the configuration is somebody else's (`PUNCHBOWL_CONFIG_MANAGED`: StartOS, a container
//! with its own), the file is not read and the page is read only.

pub mod desk;
pub mod form;

pub use desk::{Change, SettingsDesk, is_live};

use crate::access::password::replace;
use crate::config::{Origin, Problem, Setting, file};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file in a data folder.
pub const SETTINGS: &str = "settings.toml";

/// The variable that says that the configuration is somebody else's.
pub const MANAGED: &str = "PUNCHBOWL_CONFIG_MANAGED";

/// The keys that may stand in it.
pub const EDITABLE: [&str; 10] = [
    "payout.mode",
    "payout.address",
    "payout.descriptor",
    "payout.window",
    "payout.window_difficulties",
    "payout.pool_tag",
    "notify.ntfy",
    "notify.ntfy_token",
    "notify.webhook",
    "notify.webhook_secret",
];

/// Those of them that are numbers.
const NUMBERS: [&str; 1] = ["payout.window_difficulties"];

/// Those of them that need not be set.
const OPTIONAL: [&str; 7] = [
    "payout.address",
    "payout.descriptor",
    "payout.window_difficulties",
    "notify.ntfy",
    "notify.ntfy_token",
    "notify.webhook",
    "notify.webhook_secret",
];

/// Keys and values, as they stand in the file.
pub type Values = BTreeMap<String, String>;

/// What the file in the data folder `folder` says; nothing where there is none.
///
/// # Errors
/// When it cannot be read, or another key stands in it.
pub fn read(folder: &Path) -> Result<Vec<Setting>, Problem> {
    let path = folder.join(SETTINGS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut settings = file::read(&path)?;
    for setting in &mut settings {
        let refused = |what: &str| Problem {
            origin: setting.origin.clone(),
            key: setting.key.clone(),
            what: what.to_owned(),
            remedy: "this file is written by the settings page; put it into punchbowl.toml".into(),
        };
        if !EDITABLE.contains(&setting.key.as_str()) {
            return Err(refused("this key is not one that the settings page sets"));
        }
        match &setting.value {
            Value::String(text) if text.is_empty() && OPTIONAL.contains(&setting.key.as_str()) => {
                setting.value = Value::Null;
            }
            Value::String(_) => {}
            Value::Number(_) if NUMBERS.contains(&setting.key.as_str()) => {}
            _ => return Err(refused("this is no text")),
        }
    }
    Ok(settings)
}

/// The same as texts.
pub fn values(settings: &[Setting]) -> Values {
    let text = |setting: &Setting| match &setting.value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    settings.iter().map(|setting| (setting.key.clone(), text(setting))).collect()
}

/// The settings that a file with these values would make.
pub fn settings(values: &Values, folder: &Path) -> Vec<Setting> {
    let path = std::sync::Arc::new(folder.join(SETTINGS));
    let value = |key: &str, text: &String| match number(key, text) {
        Some(number) => Value::from(number),
        None if text.is_empty() && OPTIONAL.contains(&key) => Value::Null,
        None => Value::String(text.clone()),
    };
    let origin = Origin::File { path, line: 1 };
    let setting = |(key, text): (&String, &String)| Setting {
        key: key.clone(),
        value: value(key, text),
        origin: origin.clone(),
    };
    values.iter().map(setting).collect()
}

/// Writes the file, for its owner alone (it may hold tokens), in place of the one before.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(folder: &Path, values: &Values) -> io::Result<PathBuf> {
    let mut text = String::from(
        "# Written by the settings page of this pool. It wins over punchbowl.toml; environment\n\
         # variables and flags win over it. Delete it to go back to punchbowl.toml.\n",
    );
    for (key, value) in values.iter().filter(|(key, _)| EDITABLE.contains(&key.as_str())) {
        let value = number(key, value).map_or_else(|| quoted(value), |number| format!("{number:?}"));
        text += &format!("{key} = {value}\n");
    }
    let path = folder.join(SETTINGS);
    replace(&path, &text)?;
    Ok(path)
}

/// The number that `text` is, where `key` wants one.
fn number(key: &str, text: &str) -> Option<f64> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.filter(|_| NUMBERS.contains(&key))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted += &format!("\\u{:04X}", u32::from(control)),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_written_is_read_and_an_empty_text_is_not_set() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), []);
        let values = Values::from([
            ("payout.mode".to_owned(), "solo".to_owned()),
            ("payout.address".to_owned(), String::new()),
            ("payout.pool_tag".to_owned(), String::new()),
            ("payout.window_difficulties".to_owned(), "2.5".to_owned()),
        ]);
        write(folder.path(), &values).unwrap();
        let settings = read(folder.path()).unwrap();
        let found: Vec<(&str, Value)> =
            settings.iter().map(|setting| (setting.key.as_str(), setting.value.clone())).collect();
        let expected = [
            ("payout.address", Value::Null),
            ("payout.mode", "solo".into()),
            ("payout.pool_tag", "".into()),
            ("payout.window_difficulties", 2.5.into()),
        ];
        assert_eq!(found, expected);
        assert_eq!(super::values(&settings), values);
    }

    #[test]
    fn other_keys_have_no_place_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["network = \"regtest\"", "payout.mode = 7"] {
            std::fs::write(folder.path().join(SETTINGS), text).unwrap();
            let problem = read(folder.path()).unwrap_err();
            assert!(problem.to_string().contains("settings.toml:1"), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(text in any::<String>()) {
            let folder = tempfile::tempdir().unwrap();
            let values = Values::from([("payout.pool_tag".to_owned(), text)]);
            write(folder.path(), &values).unwrap();
            prop_assert_eq!(super::values(&read(folder.path()).unwrap()), values);
        }
    }
}
