//! One line from a miner: a request, or the answer to one of ours.

use super::json::{Json, JsonError, Value};
use thiserror::Error;

/// The longest id that is echoed, in bytes of JSON.
const MAX_ID: usize = 128;

/// The id of a request, as the JSON that it was: answers carry it byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id(Box<str>);

impl Id {
    /// The id of a request that has none, and of what we say unasked.
    pub fn null() -> Id {
        Id("null".into())
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<'a> {
    /// To be echoed; [`Id::null`] where the miner sent none.
    pub id: Id,
    /// What is asked for.
    pub method: &'a str,
    /// With what.
    pub params: Params<'a>,
}

/// The parameters of a request: an array, or an object with names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Params<'a>(Option<&'a Json<'a>>);

/// Why a line is nothing that can be answered by what it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but no object with a method.
    #[error("the line is JSON but names no method")]
    NoMethod,
    /// The id is longer than what is echoed.
    #[error("the id is longer than {MAX_ID} bytes")]
    IdTooLong,
}

/// Reads the request that `json` is; `None` for the answer to something that we asked.
///
/// # Errors
/// [`RequestError`].
pub fn request<'a>(json: &'a Json<'a>) -> Result<Option<Request<'a>>, RequestError> {
    let Some(method) = json.get("method").and_then(Json::text) else {
        let is_answer = json.get("result").is_some() || json.get("error").is_some();
        return if is_answer { Ok(None) } else { Err(RequestError::NoMethod) };
    };
    let id = match json.get("id") {
        None => Id::null(),
        Some(id) if id.raw.len() <= MAX_ID => Id(id.raw.into()),
        Some(_) => return Err(RequestError::IdTooLong),
    };
    Ok(Some(Request { id, method, params: Params(json.get("params")) }))
}

impl<'a> Params<'a> {
    /// The parameter at `index`, or by one of its `names` where they come as an object.
    /// `null` is as if it were not there.
    pub fn get(&self, index: usize, names: &[&str]) -> Option<&'a Json<'a>> {
        let json = self.0?;
        let found = match &json.value {
            Value::List(values) => values.get(index),
            Value::Map(_) => names.iter().find_map(|name| json.get(name)),
            // A single parameter without its brackets.
            _ if index == 0 => Some(json),
            _ => None,
        };
        found.filter(|json| json.value != Value::Null)
    }

    /// The text at `index`, or by one of its `names`.
    pub fn text(&self, index: usize, names: &[&str]) -> Option<&'a str> {
        self.get(index, names)?.text()
    }

    /// The parameters, where they come as an array.
    pub fn list(&self) -> &'a [Json<'a>] {
        self.0.map(Json::list).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn with<T>(line: &str, look: impl FnOnce(Request<'_>) -> T) -> T {
        let json = Json::parse(line.as_bytes()).unwrap();
        look(request(&json).unwrap().unwrap())
    }

    #[test]
    fn ids_of_any_type_are_kept_byte_for_byte() {
        for id in ["1", "\"x\\u0041\"", "null", "1.50", "[1, 2]", "{\"a\":1}", "true", "18446744073709551616"]
        {
            let line = format!(r#"{{"method":"mining.ping","id":{id}}}"#);
            assert_eq!(with(&line, |request| request.id.as_str().to_owned()), id);
        }
        assert_eq!(with(r#"{"method":"mining.ping"}"#, |request| request.id), Id::null());
    }

    #[test]
    fn parameters_come_as_array_as_object_or_bare() {
        let first = |line: &str| {
            with(line, |request| request.params.text(0, &["user", "username"]).map(str::to_owned))
        };
        let alice = Some("alice".to_owned());
        assert_eq!(first(r#"{"method":"m","params":["alice","x"]}"#), alice);
        assert_eq!(first(r#"{"method":"m","params":{"username":"alice"}}"#), alice);
        assert_eq!(first(r#"{"method":"m","params":"alice"}"#), alice);
        for none in
            [r#"{"method":"m","params":[]}"#, r#"{"method":"m","params":[null]}"#, r#"{"method":"m"}"#]
        {
            assert_eq!(first(none), None, "{none}");
        }
    }

    #[test]
    fn an_answer_to_us_is_no_request_and_nonsense_is_said_to_be() {
        let parse = |line: &str| {
            let json = Json::parse(line.as_bytes()).unwrap();
            request(&json).map(|request| request.is_some())
        };
        assert_eq!(parse(r#"{"id":5,"result":"cgminer/4.9","error":null}"#), Ok(false));
        assert_eq!(parse(r#"{"id":5}"#), Err(RequestError::NoMethod));
        assert_eq!(parse("[1]"), Err(RequestError::NoMethod));
        let long = format!(r#"{{"method":"m","id":"{}"}}"#, "x".repeat(MAX_ID));
        assert_eq!(parse(&long), Err(RequestError::IdTooLong));
    }
}
