//! JSON as firmware writes it: read leniently, within limits, borrowed from the line.
//!
//! Written by hand because of three things that a general parser does not give
//! together: every value keeps its own text (ids are echoed byte for byte), nesting and
//! the number of values are bounded, and control characters in strings are let pass.
//! Trailing commas and comments are no JSON here either.

use std::borrow::Cow;
use thiserror::Error;

/// How deep values may be nested. The deepest that firmware sends is three.
pub const MAX_DEPTH: usize = 8;
/// How many values a line may have; each costs memory while the line is read.
pub const MAX_VALUES: usize = 256;

/// A value and the text that it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Json<'a> {
    /// As it stood in the line.
    pub raw: &'a str,
    /// What it is.
    pub value: Value<'a>,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Anything that is a number.
    Number(f64),
    /// A string, escapes resolved.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Json<'a>>),
    /// An object, in the order of the line.
    Map(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why a line is not JSON that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// Not text.
    #[error("the line is not UTF-8 text")]
    NotText,
    /// Something else than JSON, at this byte.
    #[error("the line is not JSON (byte {0})")]
    Syntax(usize),
    /// Nested deeper than allowed.
    #[error("the line is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More values than allowed.
    #[error("the line has more than {MAX_VALUES} values")]
    TooMany,
}

impl<'a> Json<'a> {
    /// Reads a whole line.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn parse(line: &'a [u8]) -> Result<Json<'a>, JsonError> {
        let text = std::str::from_utf8(line).map_err(|_| JsonError::NotText)?;
        let mut parser = Parser { text, at: 0, values: 0 };
        let json = parser.value(0)?;
        parser.skip_space();
        if parser.at == text.len() { Ok(json) } else { Err(JsonError::Syntax(parser.at)) }
    }

    /// The value of `key` in an object; of duplicates the last, as everywhere.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, json)| json)
    }

    /// The string, or the text of a number: firmware confuses the two.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Number(_) => Some(self.raw),
            _ => None,
        }
    }

    /// The number, or the number in a string.
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// The array's values; none for anything else.
    pub fn list(&self) -> &[Json<'a>] {
        if let Value::List(values) = &self.value { values } else { &[] }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(JsonError::TooMany);
        }
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        let raw = self.text.get(start..self.at).ok_or(JsonError::Syntax(start))?;
        Ok(Json { raw, value })
    }

    fn map(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut entries = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            entries.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Map(entries));
            }
            self.expect(b',')?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, JsonError> {
        self.at += 1;
        let mut values = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(values));
            }
            self.expect(b',')?;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped: Option<String> = None;
        loop {
            let rest = self.text.get(self.at..).ok_or(JsonError::Syntax(self.at))?;
            let stop = rest.find(['"', '\\']).ok_or(JsonError::Syntax(self.text.len()))?;
            let plain = rest.get(..stop).unwrap_or_default();
            self.at += stop;
            if let Some(text) = &mut escaped {
                text.push_str(plain);
            }
            if self.take(b'"') {
                let whole = || self.text.get(start..self.at - 1).unwrap_or_default();
                return Ok(escaped.map_or_else(|| Cow::Borrowed(whole()), Cow::Owned));
            }
            let letter = {
                if escaped.is_none() {
                    escaped = Some(self.text.get(start..self.at).unwrap_or_default().to_owned());
                }
                self.escape()?
            };
            if let Some(text) = &mut escaped {
                text.push(letter);
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.at += 1;
        let letter = self.peek().ok_or(JsonError::Syntax(self.at))?;
        self.at += 1;
        Ok(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(JsonError::Syntax(self.at - 1)),
        })
    }

    /// A `\u` escape or a pair of them; half a pair is replaced.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let high = self.hex4()?;
        if (0xd800..0xdc00).contains(&high) && self.text.get(self.at..self.at + 2) == Some("\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let letter = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(JsonError::Syntax(self.at))?;
        let number = u32::from_str_radix(digits, 16).map_err(|_| JsonError::Syntax(self.at))?;
        self.at += 4;
        Ok(number)
    }

    fn number(&mut self) -> Result<Value<'a>, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let number: f64 = digits.parse().map_err(|_| JsonError::Syntax(start))?;
        if number.is_finite() { Ok(Value::Number(number)) } else { Err(JsonError::Syntax(start)) }
    }

    fn word(&mut self) -> Result<Value<'a>, JsonError> {
        let words = [("null", Value::Null), ("true", Value::Bool(true)), ("false", Value::Bool(false))];
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(JsonError::Syntax(self.at))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(JsonError::Syntax(self.at)) }
    }
}

/// Appends `text` as a JSON string, quotes and all.
pub fn write_text(out: &mut String, text: &str) {
    use std::fmt::Write;
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn same(ours: &Json<'_>, oracle: &serde_json::Value) -> bool {
        use serde_json::Value as Oracle;
        match (&ours.value, oracle) {
            (Value::Null, Oracle::Null) => true,
            (Value::Bool(a), Oracle::Bool(b)) => a == b,
            (Value::Number(a), Oracle::Number(b)) => Some(*a) == b.as_f64(),
            (Value::Text(a), Oracle::String(b)) => a == b,
            (Value::List(a), Oracle::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (Value::Map(_), Oracle::Object(b)) => {
                b.iter().all(|(key, value)| ours.get(key).is_some_and(|found| same(found, value)))
            }
            _ => false,
        }
    }

    #[test]
    fn a_value_keeps_the_text_that_it_was_read_from() {
        let line = br#" {"id": "a\u0041\"" , "n":1e3,"x":[1, {"y" : null}]} "#;
        let json = Json::parse(line).unwrap();
        assert_eq!(json.get("id").unwrap().raw, r#""a\u0041\"""#);
        assert_eq!(json.get("id").unwrap().text(), Some("aA\""));
        assert_eq!(json.get("n").unwrap().raw, "1e3");
        assert_eq!(json.get("x").unwrap().list()[1].raw, r#"{"y" : null}"#);
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_stops_being_it() {
        for (line, at) in [
            ("", 0),
            ("{", 1),
            ("[1,]", 3),
            (r#"{"a":1,}"#, 7),
            ("{'a':1}", 1),
            ("nul", 0),
            ("1 2", 2),
            (r#"{"a" 1}"#, 5),
            (r#""\x""#, 2),
            (r#""abc"#, 4),
            ("--1", 0),
            ("1e999", 0),
            (r#""\ud8"#, 3),
        ] {
            assert_eq!(Json::parse(line.as_bytes()), Err(JsonError::Syntax(at)), "{line}");
        }
        assert_eq!(Json::parse(&[b'"', 0xff, b'"']), Err(JsonError::NotText));
    }

    #[test]
    fn nesting_and_numbers_of_values_are_bounded() {
        let deep = "[".repeat(100_000);
        assert_eq!(Json::parse(deep.as_bytes()), Err(JsonError::TooDeep));
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert_eq!(Json::parse(many.as_bytes()), Err(JsonError::TooMany));
        let objects = format!("{}1{}", r#"{"a":"#.repeat(20), "}".repeat(20));
        assert_eq!(Json::parse(objects.as_bytes()), Err(JsonError::TooDeep));
    }

    #[test]
    fn numbers_and_texts_stand_for_each_other() {
        let json = Json::parse(br#"["0.5", 7, " 12 ", "inf", true]"#).unwrap();
        let numbers: Vec<_> = json.list().iter().map(Json::number).collect();
        assert_eq!(numbers, [Some(0.5), Some(7.0), Some(12.0), None, None]);
        assert_eq!(json.list()[1].text(), Some("7"));
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_read_alike(texts in prop::collection::vec(any::<String>(), 0..8), number: f64, flag: bool) {
            prop_assume!(number.is_finite());
            let value = serde_json::json!({"a": texts, "b": number, "c": [flag, null, {"d": texts.first()}]});
            for line in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let ours = Json::parse(line.as_bytes()).unwrap();
                prop_assert!(same(&ours, &value), "{ours:?}");
            }
        }

        #[test]
        fn arbitrary_bytes_do_not_panic_and_agree_with_serde_json(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let (Ok(ours), Ok(oracle)) = (Json::parse(&bytes), serde_json::from_slice(&bytes)) {
                prop_assert!(same(&ours, &oracle));
            }
        }

        #[test]
        fn json_like_text_does_not_panic(text in r#"[\[\]{}",:\\u0-9a-f.eE+\- tnrl]{0,60}"#) {
            let ours = Json::parse(text.as_bytes());
            if let Ok(oracle) = serde_json::from_str::<serde_json::Value>(&text)
                && !matches!(ours, Err(JsonError::TooDeep))
            {
                prop_assert!(same(&ours.unwrap(), &oracle));
            }
        }

        #[test]
        fn written_text_is_read_as_it_was(text: String) {
            let mut out = String::new();
            write_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text.clone());
            let read = Json::parse(out.as_bytes()).unwrap();
            prop_assert_eq!(read.text(), Some(text.as_str()));
            prop_assert!(!out.contains('\n'));
        }
    }
}
