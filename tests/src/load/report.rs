//! What a run found out, for people and for scripts.

use serde_json::{Map, Number, Value};
use std::fmt;

/// Named figures in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    figures: Vec<(String, f64)>,
}

impl Report {
    /// Adds a figure. The name ends in the unit: `_ms`, `_kib`, `_per_second`.
    pub fn add(&mut self, name: impl Into<String>, value: f64) {
        self.figures.push((name.into(), value));
    }

    /// A figure by its name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// As one JSON object.
    pub fn to_json(&self) -> Value {
        let object: Map<String, Value> = self
            .figures
            .iter()
            .map(|(name, value)| (name.clone(), Number::from_f64(*value).map_or(Value::Null, Value::Number)))
            .collect();
        Value::Object(object)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.figures {
            let decimals = if value.fract() == 0.0 { 0 } else { 2 };
            writeln!(f, "{name:<44} {value:>14.decimals$}")?;
        }
        Ok(())
    }
}

/// Milliseconds of a duration.
pub fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Kibibytes of a number of bytes.
pub fn kib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
