//! Whether an answer is what an OpenAPI document says: as much of JSON Schema as such
//! documents of ours use.

use serde_json::Value;

/// What `value` has that `schema` does not allow, or lacks; each with where it is.
/// `document` resolves references.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(document, schema, value, "", &mut faults);
    faults
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        match document.pointer(reference.trim_start_matches('#')) {
            Some(schema) => check(document, schema, value, at, faults),
            None => faults.push(format!("{at}: {reference} is not in the document")),
        }
        return;
    }
    if let Some(all) = schema["allOf"].as_array() {
        // Each part describes some of the fields; together all of them.
        let whole = merged(document, all);
        return check(document, &whole, value, at, faults);
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(schemas) = schema[alternatives].as_array() {
            let tries: Vec<_> = schemas.iter().map(|schema| self::faults(document, schema, value)).collect();
            if tries.iter().all(|faults| !faults.is_empty()) {
                faults.push(format!("{at}: fits none of {}: {tries:?}", schemas.len()));
            }
            return;
        }
    }
    if let Some(values) = schema["enum"].as_array()
        && !values.contains(value)
    {
        faults.push(format!("{at}: {value} is none of {values:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(some) => some.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    if !types.iter().any(|name| is(name, value)) {
        faults.push(format!("{at}: {value:.80} is not {types:?}"));
        return;
    }
    if let Some(least) = schema["minimum"].as_f64()
        && value.as_f64().is_some_and(|number| number < least)
    {
        faults.push(format!("{at}: {value} is less than {least}"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        check(document, &schema["items"], item, &format!("{at}/{place}"), faults);
    }
    let Some(fields) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            faults.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, value) in fields {
        let at = format!("{at}/{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(schema), _) => check(document, schema, value, &at, faults),
            (None, rest @ Value::Object(_)) => check(document, rest, value, &at, faults),
            (None, Value::Null) if schema["properties"].is_null() => {}
            (None, _) => faults.push(format!("{at}: is not described")),
        }
    }
}

fn merged(document: &Value, parts: &[Value]) -> Value {
    let mut whole = serde_json::json!({"type": "object", "properties": {}, "required": []});
    for part in parts {
        let part = match part["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(part),
            None => part,
        };
        for (name, schema) in part["properties"].as_object().into_iter().flatten() {
            whole["properties"][name] = schema.clone();
        }
        if let (Some(all), Some(more)) = (whole["required"].as_array_mut(), part["required"].as_array()) {
            all.extend(more.iter().cloned());
        }
    }
    whole
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_wrong_or_not_described_is_found() {
        let document = json!({"components": {"schemas": {"Name": {"type": "string"}}}});
        let schema = json!({
            "type": "object",
            "required": ["name", "count"],
            "properties": {
                "name": {"$ref": "#/components/schemas/Name"},
                "count": {"type": "integer", "minimum": 0},
                "more": {"oneOf": [{"type": "null"}, {"type": "array", "items": {"type": "number"}}]},
            },
        });
        assert!(faults(&document, &schema, &json!({"name": "ann", "count": 1, "more": [1.5]})).is_empty());
        for wrong in [
            json!({"name": "ann"}),
            json!({"name": 1, "count": 1}),
            json!({"name": "ann", "count": -1}),
            json!({"name": "ann", "count": 1, "more": ["x"]}),
            json!({"name": "ann", "count": 1, "secret": 1}),
            json!([]),
        ] {
            assert_eq!(faults(&document, &schema, &wrong).len(), 1, "{wrong}");
        }
    }
}
