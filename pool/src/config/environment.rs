//! `PUNCHBOWL_*` variables: `PUNCHBOWL_PAYOUT__ADDRESS` is `payout.address`.

use super::problem::Origin;
use super::setting::Setting;

const PREFIX: &str = "PUNCHBOWL_";

/// Variables with the prefix that are not keys of the configuration.
const NOT_KEYS: [&str; 2] = ["PUNCHBOWL_CONFIG", crate::settings::MANAGED];

/// The settings among `variables`; a double underscore stands for the dot. An empty
/// variable counts as not set.
pub fn settings(variables: impl IntoIterator<Item = (String, String)>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = variables
        .into_iter()
        .filter(|(name, _)| !NOT_KEYS.contains(&name.as_str()) && !name.starts_with("PUNCHBOWL_TEST_"))
        .filter(|(_, text)| !text.is_empty())
        .filter_map(|(name, text)| {
            let key = name.strip_prefix(PREFIX)?.to_lowercase().replace("__", ".");
            Some(Setting::from_text(key, text, Origin::Environment(name)))
        })
        .collect();
    settings.sort_by(|a, b| a.key.cmp(&b.key));
    settings
}

/// The variables of this process that are text.
pub fn of_process() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_double_underscore_nests_and_a_single_one_does_not() {
        let variables = [
            ("PUNCHBOWL_PAYOUT__POOL_TAG", "/hi/"),
            ("PUNCHBOWL_CONFIG", "x.toml"),
            ("HOME", "/root"),
            ("PUNCHBOWL_DATA_DIR", "/srv"),
        ];
        let found = settings(variables.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let keys: Vec<&str> = found.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, ["data_dir", "payout.pool_tag"]);
    }
}
