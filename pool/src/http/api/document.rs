//! The OpenAPI document: what can be asked for, and what the answers look like.

use crate::described::{Described, Schemas};
use crate::http::problem::Problem;
use serde_json::{Map, Value, json};

/// Something that can be asked for.
#[derive(Clone, Debug)]
pub struct Endpoint {
    path: &'static str,
    summary: &'static str,
    takes: Vec<Parameter>,
    answer: fn(&mut Schemas) -> Value,
    problems: Vec<u16>,
}

/// What a question takes along.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    name: &'static str,
    /// `path` or `query`.
    place: &'static str,
    kind: &'static str,
    description: &'static str,
}

/// A member, in the path.
pub const MEMBER: &[Parameter] = &[Parameter {
    name: "member",
    place: "path",
    kind: "string",
    description: "What stands before the first dot of their user name.",
}];
/// A block, in the path.
pub const HASH: &[Parameter] =
    &[Parameter { name: "hash", place: "path", kind: "string", description: "Its hash, display order." }];
/// A piece of a list.
pub const PIECE: &[Parameter] = &[
    Parameter { name: "offset", place: "query", kind: "integer", description: "Entries to pass over." },
    Parameter {
        name: "limit",
        place: "query",
        kind: "integer",
        description: "Entries wanted, 1 to 500; 100 where nothing is said.",
    },
];
/// How far back.
pub const RANGE: &[Parameter] = &[Parameter {
    name: "range",
    place: "query",
    kind: "string",
    description: "1h, 1d or 7d; 1h where nothing is said.",
}];

impl Endpoint {
    /// A `GET` that is answered with a `T` as JSON.
    pub fn get<T: Described>(path: &'static str, summary: &'static str) -> Endpoint {
        Endpoint { path, summary, takes: Vec::new(), answer: T::schema, problems: Vec::new() }
    }

    /// It takes these along too.
    #[must_use]
    pub fn takes(mut self, parameters: &[Parameter]) -> Endpoint {
        self.takes.extend_from_slice(parameters);
        self
    }

    /// It may be answered with a problem of this status.
    #[must_use]
    pub fn or(mut self, status: u16) -> Endpoint {
        self.problems.push(status);
        self
    }
}

/// The document (OpenAPI 3.1).
pub fn document(endpoints: Vec<Endpoint>) -> Value {
    let mut schemas = Schemas::default();
    let problem = Problem::schema(&mut schemas);
    let mut paths = Map::new();
    for endpoint in endpoints {
        let mut answers = Map::new();
        let schema = (endpoint.answer)(&mut schemas);
        answers.insert(
            "200".to_owned(),
            json!({"description": endpoint.summary, "content": {"application/json": {"schema": schema}}}),
        );
        for status in endpoint.problems {
            let content = json!({"application/problem+json": {"schema": problem}});
            answers
                .insert(status.to_string(), json!({"description": "What went wrong.", "content": content}));
        }
        let parameters: Vec<Value> = endpoint.takes.iter().map(parameter).collect();
        let get = json!({"summary": endpoint.summary, "parameters": parameters, "responses": answers});
        paths.insert(endpoint.path.to_owned(), json!({"get": get}));
    }
    let stream = json!({"text/event-stream": {"schema": {"type": "string"}}});
    let events = "What happens, as it happens (server-sent events): pool, share, block, best.";
    paths.insert(
        "/api/v1/events".to_owned(),
        json!({"get": {"summary": events, "responses": {"200": {"description": events, "content": stream}}}}),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Punchbowl",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A Bitcoin mining pool at home. Reading needs no password; what \
                changes something, and /api/v1/notify, need a token (`punchbowl token new`). Amounts are in \
                satoshi, hashrates in hashes a second, work in shares of difficulty 1, times in seconds \
                since the Unix epoch. Errors are application/problem+json (RFC 9457).",
        },
        "paths": paths,
        "components": {"schemas": schemas.into_value()},
    })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": {"type": parameter.kind},
    })
}
