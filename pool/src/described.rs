//! Types that describe themselves as a JSON schema, for the API's OpenAPI document.
//!
//! [`described!`](crate::described) stands around a struct that is handed out as JSON; the
//! comments on its fields become the descriptions, so that code and document are one.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A type whose JSON is described.
pub trait Described {
    /// Its schema; what has a name is put into `schemas` and referred to.
    fn schema(schemas: &mut Schemas) -> Value;
}

/// Schemas by name.
#[derive(Clone, Debug, Default)]
pub struct Schemas(BTreeMap<String, Value>);

/// The fields of an object.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Schemas {
    /// Refers to the schema `name`, which `make` makes if need be.
    pub fn named(&mut self, name: &str, make: impl FnOnce(&mut Schemas) -> Value) -> Value {
        if !self.0.contains_key(name) {
            // One that holds itself finds its name.
            self.0.insert(name.to_owned(), Value::Null);
            let schema = make(self);
            self.0.insert(name.to_owned(), schema);
        }
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    /// All of them.
    pub fn into_value(self) -> Value {
        self.0.into_iter().collect::<Map<String, Value>>().into()
    }
}

impl Fields {
    /// A field with its description.
    pub fn add(&mut self, name: &str, text: &[&str], mut schema: Value) {
        let text: Vec<&str> = text.iter().map(|line| line.trim()).collect();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert("description".to_owned(), text.join(" ").into());
        }
        self.properties.insert(name.to_owned(), schema);
        self.required.push(name.into());
    }

    /// The fields of another object, which stand among these.
    pub fn flatten(&mut self, reference: &Value, schemas: &Schemas) {
        let name = reference["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
        let Some(inner) = name.and_then(|name| schemas.0.get(name)) else { return };
        self.properties.extend(
            inner["properties"].as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())),
        );
        self.required.extend(inner["required"].as_array().into_iter().flatten().cloned());
    }

    /// The schema of the object.
    pub fn into_schema(self) -> Value {
        json!({"type": "object", "properties": self.properties, "required": self.required})
    }
}

/// Makes a struct [`Described`]; it knows serde's `rename` and `flatten`.
#[macro_export]
macro_rules! described {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $text:literal])*
                $(#[serde($($how:tt)*)])?
                pub $field:ident: $type:ty,
            )*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $(
                $(#[doc = $text])*
                $(#[serde($($how)*)])?
                pub $field: $type,
            )*
        }

        impl $crate::described::Described for $name {
            fn schema(schemas: &mut $crate::described::Schemas) -> ::serde_json::Value {
                schemas.named(stringify!($name), |schemas| {
                    let mut fields = $crate::described::Fields::default();
                    $(
                        $crate::described_field!(
                            fields, schemas, $field, $type, &[$($text),*] $(; $($how)*)?
                        );
                    )*
                    fields.into_schema()
                })
            }
        }
    };
}

/// A field of [`described!`](crate::described).
#[macro_export]
#[doc(hidden)]
macro_rules! described_field {
    ($fields:ident, $schemas:ident, $field:ident, $type:ty, $text:expr; flatten) => {
        let inner = <$type as $crate::described::Described>::schema($schemas);
        $fields.flatten(&inner, $schemas);
    };
    ($fields:ident, $schemas:ident, $field:ident, $type:ty, $text:expr; rename = $name:literal) => {
        let inner = <$type as $crate::described::Described>::schema($schemas);
        $fields.add($name, $text, inner);
    };
    ($fields:ident, $schemas:ident, $field:ident, $type:ty, $text:expr) => {
        let inner = <$type as $crate::described::Described>::schema($schemas);
        $fields.add(stringify!($field).trim_start_matches("r#"), $text, inner);
    };
}

macro_rules! simple {
    ($($type:ty = $schema:tt),* $(,)?) => {
        $(impl Described for $type {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }
        })*
    };
}

simple!(
    bool = {"type": "boolean"},
    f64 = {"type": "number"},
    u16 = {"type": "integer", "minimum": 0},
    u32 = {"type": "integer", "minimum": 0},
    u64 = {"type": "integer", "minimum": 0},
    usize = {"type": "integer", "minimum": 0},
    i64 = {"type": "integer"},
    String = {"type": "string"},
    Arc<str> = {"type": "string"},
    &'static str = {"type": "string"},
    Value = {"type": "object"},
);

impl<T: Described> Described for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({"type": "array", "items": T::schema(schemas)})
    }
}

impl<T: Described> Described for Option<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({"oneOf": [{"type": "null"}, T::schema(schemas)]})
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({"type": "object", "additionalProperties": T::schema(schemas)})
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use serde::Serialize;

    described! {
        /// Inside.
        #[derive(Serialize)]
        pub struct Inner {
            /// How many.
            pub count: u64,
        }
    }

    described! {
        /// Outside.
        #[derive(Serialize)]
        pub struct Outer {
            /// The first
            /// minute.
            #[serde(rename = "1m")]
            pub m1: Option<f64>,
            /// All of it.
            #[serde(flatten)]
            pub inner: Inner,
        }
    }

    #[test]
    fn a_schema_has_the_names_that_the_json_has() {
        let mut schemas = Schemas::default();
        let reference = Outer::schema(&mut schemas);
        assert_eq!(reference, json!({"$ref": "#/components/schemas/Outer"}));
        let schema = &schemas.into_value()["Outer"];
        assert_eq!(schema["properties"]["1m"]["description"], "The first minute.");
        let json = serde_json::to_value(Outer { m1: None, inner: Inner { count: 1 } }).unwrap_or_default();
        let names: Vec<&String> = json.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        let mut described: Vec<&String> =
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
        described.sort();
        assert_eq!(names, described);
    }
}
