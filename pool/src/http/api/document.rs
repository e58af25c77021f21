//! The OpenAPI document: what can be asked for, and what the answers look like.

use crate::described::{Described, Schemas};
use crate::http::host::caller::COOKIE;
use crate::http::problem::Problem;
use serde_json::{Map, Value, json};

/// Something that can be asked for.
#[derive(Clone, Debug)]
pub struct Endpoint {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    takes: Vec<Parameter>,
    body: Option<Body>,
    answer: Answer,
    needs: Option<Needs>,
    problems: Vec<u16>,
}

type Schema = fn(&mut Schemas) -> Value;

#[derive(Clone, Copy, Debug)]
enum Body {
    Json(Schema),
    Form(&'static [&'static str]),
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    Json(Schema),
    /// Of this content type.
    Other(&'static str),
    /// To another page.
    Redirect,
}

/// What a request must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// A token of the host's.
    Token,
    /// The session of the host's browser.
    Session,
}

/// What a question takes along.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// What it is called.
    pub name: &'static str,
    /// `path` or `query`.
    pub place: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// What it says.
    pub description: &'static str,
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
        Endpoint::new("get", path, summary, Answer::Json(T::schema))
    }

    /// The same with another method.
    pub fn of<T: Described>(method: &'static str, path: &'static str, summary: &'static str) -> Endpoint {
        Endpoint::new(method, path, summary, Answer::Json(T::schema))
    }

    /// A `GET` that is answered with something of another content type.
    pub fn other(path: &'static str, content_type: &'static str, summary: &'static str) -> Endpoint {
        Endpoint::new("get", path, summary, Answer::Other(content_type))
    }

    /// A page.
    pub fn page(path: &'static str, summary: &'static str) -> Endpoint {
        Endpoint::other(path, "text/html", summary)
    }

    /// A form of a page, which leads to another page.
    pub fn form(path: &'static str, fields: &'static [&'static str], summary: &'static str) -> Endpoint {
        let form = Endpoint::new("post", path, summary, Answer::Redirect);
        Endpoint { body: Some(Body::Form(fields)), ..form }
    }

    fn new(method: &'static str, path: &'static str, summary: &'static str, answer: Answer) -> Endpoint {
        let (takes, problems) = (Vec::new(), Vec::new());
        Endpoint { method, path, summary, takes, body: None, answer, needs: None, problems }
    }

    /// It is sent a `T` as JSON.
    #[must_use]
    pub fn sent<T: Described>(mut self) -> Endpoint {
        self.body = Some(Body::Json(T::schema));
        self
    }

    /// It is for the host alone.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Endpoint {
        self.needs = Some(needs);
        self
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
    let mut paths = Map::new();
    for endpoint in endpoints {
        let described = endpoint.described(&mut schemas);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(endpoint.method.to_owned(), described);
        }
    }
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
        "components": {
            "schemas": schemas.into_value(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the host's (`punchbowl token new`). /api/v1/commitments takes the one \
                        in commitments.token of the data folder.",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Given by POST /sign-in. Forms hold the session's csrf token too.",
                },
            },
        },
    })
}

impl Endpoint {
    fn described(&self, schemas: &mut Schemas) -> Value {
        let (status, answer) = match self.answer {
            Answer::Json(schema) => {
                let content = json!({"application/json": {"schema": schema(schemas)}});
                ("200", json!({"description": self.summary, "content": content}))
            }
            Answer::Other(content_type) => {
                let content = json!({content_type: {"schema": {"type": "string"}}});
                ("200", json!({"description": self.summary, "content": content}))
            }
            Answer::Redirect => ("303", json!({"description": "To the page that shows what came of it."})),
        };
        let mut answers = Map::from_iter([(status.to_owned(), answer)]);
        let refused = self.needs.map(|needs| if needs == Needs::Token { 401 } else { 403 });
        for status in self.problems.iter().copied().chain(refused) {
            let content = json!({"application/problem+json": {"schema": Problem::schema(schemas)}});
            answers
                .insert(status.to_string(), json!({"description": "What went wrong.", "content": content}));
        }
        let parameters: Vec<Value> = self.takes.iter().map(parameter).collect();
        let mut described = json!({"summary": self.summary, "parameters": parameters, "responses": answers});
        let Some(fields) = described.as_object_mut() else { return described };
        if let Some(body) = self.body {
            let (content_type, schema) = match body {
                Body::Json(schema) => ("application/json", schema(schemas)),
                Body::Form(fields) => ("application/x-www-form-urlencoded", form(fields)),
            };
            let body = json!({"required": true, "content": {content_type: {"schema": schema}}});
            fields.insert("requestBody".to_owned(), body);
        }
        if let Some(needs) = self.needs {
            let scheme = if needs == Needs::Token { "token" } else { "session" };
            fields.insert("security".to_owned(), json!([{scheme: []}]));
        }
        described
    }
}

fn form(fields: &[&str]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties})
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
