//! One value of one key, and who said so: what the layers of a configuration are
//! made of.

use super::problem::Origin;
use serde_json::Value;

/// One value of one key.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key, dots between its parts (`payout.address`).
    pub key: String,
    /// The value as it was written.
    pub value: Value,
    /// Who said so.
    pub origin: Origin,
}

impl Setting {
    /// A value given as text, by the environment or a flag.
    ///
    /// Text says nothing of its type, so [`candidates`](Self::candidates) offers
    /// every reading and the key takes the first that fits.
    pub fn from_text(key: impl Into<String>, text: impl Into<String>, origin: Origin) -> Setting {
        Setting { key: key.into(), value: Value::String(text.into()), origin }
    }

    /// The ways in which the value can be read, best first. A value from a file is
    /// what it is; text from the environment or a flag may also be a number, a
    /// truth value, a TOML list or a list with commas.
    pub fn candidates(&self) -> Vec<Value> {
        let mut readings = vec![self.value.clone()];
        if let (Value::String(text), Origin::Environment(_) | Origin::Flag(_)) = (&self.value, &self.origin) {
            readings.extend(super::file::toml_value(text.trim()));
            let items: Vec<&str> = text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
            readings.push(items.iter().map(|item| Value::from(*item)).collect());
            readings.extend(
                items
                    .iter()
                    .map(|item| super::file::toml_value(item))
                    .collect::<Option<Vec<Value>>>()
                    .map(Value::Array),
            );
        }
        readings
    }
}
