//! Reading the configuration file into settings that know their line.

use super::json_lines;
use super::problem::{Origin, Problem};
use super::setting::Setting;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// The settings in the file at `path`: JSON when its name ends in `.json`, else TOML.
///
/// # Errors
/// When the file cannot be read or is not well formed.
pub fn read(path: &Path) -> Result<Vec<Setting>, Problem> {
    let name = Arc::new(path.to_path_buf());
    let text = std::fs::read_to_string(path).map_err(|error| Problem {
        origin: Origin::Default,
        key: String::new(),
        what: format!("cannot read the configuration file {}: {error}", path.display()),
        remedy: "copy punchbowl.example.toml there, or name another file with --config".into(),
    })?;
    parse(&text, &name)
}

/// The settings in `text`, said to come from the file `path`.
///
/// # Errors
/// When `text` is not well formed.
pub fn parse(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Setting>, Problem> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        parse_json(text, path)
    } else {
        parse_toml(text, path)
    }
}

/// A single TOML value, if `text` is one.
pub(super) fn toml_value(text: &str) -> Option<Value> {
    DeValue::parse(text).ok().map(|value| from_toml(value.get_ref()))
}

fn parse_toml(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Setting>, Problem> {
    let document = DeTable::parse(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        malformed(path, line, error.message(), "TOML")
    })?;
    let mut settings = Vec::new();
    collect_toml(document.get_ref(), "", &mut |key, offset, value| {
        let origin = Origin::File { path: path.clone(), line: line_at(text, offset) };
        settings.push(Setting { key, value, origin });
    });
    settings.sort_by_key(|setting| line_of(&setting.origin));
    Ok(settings)
}

fn collect_toml(table: &DeTable<'_>, above: &str, found: &mut dyn FnMut(String, usize, Value)) {
    for (name, value) in table {
        let key = join(above, name.get_ref());
        match value.get_ref() {
            // A table is a section; an empty one says nothing.
            DeValue::Table(section) => collect_toml(section, &key, found),
            other => found(key, name.span().start, from_toml(other)),
        }
    }
}

fn from_toml(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(integer) => {
            i64::from_str_radix(integer.as_str(), integer.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(float) => float.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(time) => Value::from(time.to_string()),
        DeValue::Array(items) => items.iter().map(|item| from_toml(item.get_ref())).collect(),
        DeValue::Table(table) => Value::Object(
            table
                .iter()
                .map(|(name, value)| (name.get_ref().to_string(), from_toml(value.get_ref())))
                .collect(),
        ),
    }
}

fn parse_json(text: &str, path: &Arc<PathBuf>) -> Result<Vec<Setting>, Problem> {
    let document: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| malformed(path, error.line(), &error.to_string(), "JSON"))?;
    let lines = json_lines::lines_of_keys(text);
    let mut settings = Vec::new();
    collect_json(document, "", &mut |key, value| {
        let line = lines.get(&key).copied().unwrap_or(1);
        settings.push(Setting { key, value, origin: Origin::File { path: path.clone(), line } });
    });
    settings.sort_by_key(|setting| line_of(&setting.origin));
    Ok(settings)
}

fn collect_json(object: Map<String, Value>, above: &str, found: &mut dyn FnMut(String, Value)) {
    for (name, value) in object {
        let key = join(above, &name);
        match value {
            Value::Object(section) => collect_json(section, &key, found),
            other => found(key, other),
        }
    }
}

fn malformed(path: &Arc<PathBuf>, line: usize, what: &str, kind: &str) -> Problem {
    Problem {
        origin: Origin::File { path: path.clone(), line },
        key: String::new(),
        what: format!("not valid {kind}: {what}"),
        remedy: "text stands in double quotes, one `key = value` a line; see punchbowl.example.toml".into(),
    }
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn line_of(origin: &Origin) -> usize {
    if let Origin::File { line, .. } = origin { *line } else { 0 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str, name: &str) -> Vec<(String, usize)> {
        parse(text, &Arc::new(name.into()))
            .unwrap()
            .into_iter()
            .map(|setting| (setting.key, line_of(&setting.origin)))
            .collect()
    }

    #[test]
    fn every_setting_of_a_toml_file_knows_its_line() {
        let text =
            "network = \"regtest\"\n\n[payout]\n# who\nmode = \"solo\"\n[template.embedded]\nnbits = \"1\"";
        let expected = [("network", 1), ("payout.mode", 5), ("template.embedded.nbits", 7)];
        assert_eq!(lines(text, "a.toml"), expected.map(|(key, line)| (key.to_owned(), line)));
    }

    #[test]
    fn every_setting_of_a_json_file_knows_its_line() {
        let text = "{\n \"network\": \"regtest\",\n \"payout\": {\n  \"mode\": \"solo\" } }";
        let expected = [("network", 2), ("payout.mode", 4)];
        assert_eq!(lines(text, "a.json"), expected.map(|(key, line)| (key.to_owned(), line)));
    }

    #[test]
    fn a_malformed_file_is_reported_with_its_line() {
        for (name, text) in [("a.toml", "network = \"regtest\"\nx = = 1\n"), ("a.json", "{\n\"x\": }")] {
            let problem = parse(text, &Arc::new(name.into())).unwrap_err();
            assert_eq!(line_of(&problem.origin), 2, "{problem}");
        }
    }

    #[test]
    fn hexadecimal_and_grouped_numbers_are_read() {
        assert_eq!(toml_value("[0x0002, 1_000]"), Some(serde_json::json!([2, 1000])));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = parse(&text, &Arc::new("a.toml".into()));
            let _ = parse(&text, &Arc::new("a.json".into()));
        }
    }
}
