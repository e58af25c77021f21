//! `mining.configure` (BIP310): extensions, of which version rolling is the one that pays.

use crate::sv1::json::{Json, Value, write_text};
use crate::sv1::quantity::{VersionBits, VersionMask};
use crate::sv1::request::Params;
use work::Difficulty;

/// The extensions that a miner asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configure<'a> {
    /// Version rolling.
    pub version_rolling: Option<VersionRolling>,
    /// The least difficulty that it takes.
    pub minimum_difficulty: Option<Difficulty>,
    /// It can be given another extranonce1.
    pub subscribe_extranonce: bool,
    /// All of them, for the answer.
    names: Vec<&'a str>,
}

/// What a miner asks of version rolling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRolling {
    /// The bits that it can roll.
    pub mask: VersionMask,
    /// How many it needs; with fewer it would rather roll none.
    pub min_bits: u32,
}

/// Extensions answered at most.
const MAX_NAMES: usize = 16;

impl<'a> Configure<'a> {
    /// The names come first and the options second, but both are told by what they are.
    /// An option without its name counts as asked for.
    pub fn read(params: Params<'a>) -> Configure<'a> {
        let find = |wanted: fn(&Value<'a>) -> bool| params.list().iter().find(|json| wanted(&json.value));
        let names = find(|value| matches!(value, Value::List(_))).map(Json::list).unwrap_or_default();
        let options = find(|value| matches!(value, Value::Map(_)));
        let option = |name: &str| options.and_then(|options| options.get(name));
        let names: Vec<&str> = names.iter().filter_map(Json::text).take(MAX_NAMES).collect();
        let asks = |name: &str| names.contains(&name);

        let rolls = asks("version-rolling") || option("version-rolling.mask").is_some();
        let version_rolling = rolls.then(|| VersionRolling {
            mask: option("version-rolling.mask")
                .and_then(Json::text)
                .and_then(|text| VersionMask::parse(text).ok())
                .unwrap_or(VersionMask(u32::MAX)),
            min_bits: option("version-rolling.min-bit-count").map_or(0, bit_count),
        });
        let minimum = option("minimum-difficulty.value").and_then(Json::number);
        Configure {
            version_rolling,
            minimum_difficulty: minimum.filter(|number| *number > 0.0).map(Difficulty),
            subscribe_extranonce: asks("subscribe-extranonce"),
            names,
        }
    }

    /// The result that grants it all, version rolling with `mask`; without one, it is
    /// refused. What nobody knows is refused too, by name.
    pub fn answer(&self, mask: Option<VersionMask>) -> String {
        let mut out = String::from("{");
        if self.version_rolling.is_some() {
            match mask {
                Some(mask) => {
                    out.push_str(&format!(r#""version-rolling":true,"version-rolling.mask":"{mask}""#));
                }
                None => out.push_str(r#""version-rolling":false"#),
            }
        }
        for name in self.names.iter().filter(|name| **name != "version-rolling") {
            if out.len() > 1 {
                out.push(',');
            }
            write_text(&mut out, name);
            let granted = matches!(*name, "minimum-difficulty" | "subscribe-extranonce" | "info");
            out.push_str(if granted { ":true" } else { ":false" });
        }
        out.push('}');
        out
    }
}

/// A number, or hexadecimal digits: firmware sends either.
fn bit_count(json: &Json<'_>) -> u32 {
    match &json.value {
        // A float to integer cast saturates.
        Value::Number(number) => *number as u32,
        Value::Text(text) => VersionBits::parse(text).map_or(0, |bits| bits.0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sv1::request::request;

    fn read<T>(params: &str, look: impl FnOnce(Configure<'_>) -> T) -> T {
        let line = format!(r#"{{"id":1,"method":"mining.configure","params":{params}}}"#);
        let json = Json::parse(line.as_bytes()).unwrap();
        look(Configure::read(request(&json).unwrap().unwrap().params))
    }

    fn rolling(mask: u32, min_bits: u32) -> Option<VersionRolling> {
        Some(VersionRolling { mask: VersionMask(mask), min_bits })
    }

    #[test]
    fn version_rolling_is_read_in_all_its_spellings() {
        for (params, expected) in [
            (
                r#"[["version-rolling"],{"version-rolling.mask":"1fffe000","version-rolling.min-bit-count":2}]"#,
                rolling(0x1fff_e000, 2),
            ),
            (r#"[["version-rolling"],{"version-rolling.mask":"ffffffff"}]"#, rolling(u32::MAX, 0)),
            (
                r#"[["version-rolling"],{"version-rolling.mask":"0x00c00000","version-rolling.min-bit-count":"02"}]"#,
                rolling(0x00c0_0000, 2),
            ),
            (r#"[["version-rolling"]]"#, rolling(u32::MAX, 0)),
            (r#"[{"version-rolling.mask":"1fffe000"}]"#, rolling(0x1fff_e000, 0)),
            ("[]", None),
            (r#"[[],{}]"#, None),
        ] {
            assert_eq!(read(params, |configure| configure.version_rolling), expected, "{params}");
        }
    }

    #[test]
    fn each_extension_is_answered_by_its_name() {
        let params = r#"[["minimum-difficulty","version-rolling","info","x\"y","subscribe-extranonce"],
            {"minimum-difficulty.value":2048,"version-rolling.mask":"ffffffff"}]"#;
        read(params, |configure| {
            assert_eq!(configure.minimum_difficulty, Some(Difficulty(2048.0)));
            assert!(configure.subscribe_extranonce);
            assert_eq!(
                configure.answer(Some(VersionMask::BIP320)),
                r#"{"version-rolling":true,"version-rolling.mask":"1fffe000","minimum-difficulty":true,"info":true,"x\"y":false,"subscribe-extranonce":true}"#
            );
            let refused: serde_json::Value = serde_json::from_str(&configure.answer(None)).unwrap();
            assert_eq!(refused.get("version-rolling"), Some(&serde_json::Value::Bool(false)));
        });
        read("[]", |configure| assert_eq!(configure.answer(None), "{}"));
    }
}
