//! What stands after the question mark of an address.

use super::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Names and values, as they were given.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

/// What can be read from a query.
pub trait Read: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`Problem`] that says what was expected.
    fn read(query: &Query) -> Result<Self, Problem>;
}

/// A `T` from the query of a request.
#[derive(Clone, Copy, Debug)]
pub struct Asked<T>(pub T);

impl Query {
    /// From the text after the question mark.
    pub fn parse(text: &str) -> Query {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Query(pairs.collect())
    }

    /// All of them.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`, which is a whole number.
    ///
    /// # Errors
    /// [`Problem`] when it is none.
    pub fn number(&self, name: &str) -> Result<Option<usize>, Problem> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| Problem::bad_request(format!("{name} is a whole number, as in {name}=10")))
        };
        self.get(name).map(number).transpose()
    }
}

impl Read for Query {
    fn read(query: &Query) -> Result<Query, Problem> {
        Ok(query.clone())
    }
}

impl<S: Sync, T: Read> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Problem> {
        T::read(&Query::parse(parts.uri.query().unwrap_or_default())).map(Asked)
    }
}

/// Percent and plus signs taken for what they stand for; what is no UTF-8 then is replaced.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(ahead.next()), digit(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                        rest = ahead;
                    }
                    _ => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_found_by_name() {
        let query = Query::parse("page=%2Fmembers%2F%C3%A4nn%2C1d&limit=10&odd=100%&empty");
        assert_eq!(query.get("page"), Some("/members/änn,1d"));
        assert_eq!((query.number("limit").ok(), query.get("odd")), (Some(Some(10)), Some("100%")));
        assert_eq!((query.get("empty"), query.get("none")), (Some(""), None));
        assert!(query.number("page").is_err());
    }
}
