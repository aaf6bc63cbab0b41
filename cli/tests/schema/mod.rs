//! What the command prints for programs, held against `docs/report.schema.json`.
//!
//! This is as much of JSON Schema (2020-12) as that file uses. A keyword that is not known here is an error, so the
//! schema cannot ask for what nobody checks.

#![allow(dead_code, reason = "each test file is a crate that uses its own part")]

use serde_json::{Map, Value};

/// # Panics
/// If the document is not what the schema calls by this name.
pub(crate) fn assert_fits(name: &str, document: &Value) {
    let faults = faults(name, document);
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// Where a document differs from what the schema calls by this name.
pub(crate) fn faults(name: &str, document: &Value) -> Vec<String> {
    let schema = include_str!("../../../docs/report.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    let names = schema["$defs"].as_object().expect("it has definitions");
    let mut check = Check {
        names,
        faults: Vec::new(),
    };
    check.value(&names[name], document, "");
    check.faults
}

/// That the schema sees each field of a report: without it, as a number below zero, or with one more beside it, no
/// report fits. Names of what is a map, and of what may be left out, are given. Gives the paths of the fields.
///
/// # Panics
/// If one of these changes is not seen.
pub(crate) fn assert_strict(
    name: &str,
    report: &Value,
    maps: &[&str],
    optional: &[&str],
) -> Vec<String> {
    let mut paths = Vec::new();
    fields(report, "", maps, &mut paths);
    for (record, field) in &paths {
        let mut changes = vec![
            (field.as_str(), Some(Value::from(-1))),
            ("surprise", Some(Value::from(true))),
        ];
        if !optional.contains(&field.as_str()) {
            changes.push((field, None));
        }
        for (field, value) in changes {
            let mut other = report.clone();
            let record = other.pointer_mut(record).and_then(Value::as_object_mut);
            let record = record.expect("a path of this report");
            match value.clone() {
                Some(value) => record.insert(field.to_owned(), value),
                None => record.remove(field),
            };
            assert!(
                !faults(name, &other).is_empty(),
                "{field} as {value:?} is not seen"
            );
        }
    }
    paths
        .iter()
        .map(|(record, field)| format!("{record}/{field}"))
        .collect()
}

/// Every field of every record in a value, by the record's path.
fn fields(value: &Value, path: &str, maps: &[&str], found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(record) => {
            for (name, field) in record {
                found.push((path.to_owned(), name.clone()));
                if !maps.contains(&name.as_str()) {
                    fields(field, &format!("{path}/{name}"), maps, found);
                }
            }
        }
        Value::Array(items) => {
            for (nth, item) in items.iter().enumerate() {
                fields(item, &format!("{path}/{nth}"), maps, found);
            }
        }
        _ => {}
    }
}

struct Check<'a> {
    names: &'a Map<String, Value>,
    faults: Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let Some(rules) = schema.as_object() else {
            let allowed = schema
                .as_bool()
                .expect("a schema is an object or a boolean");
            return self.must(allowed, at, "must not be there");
        };
        for (keyword, rule) in rules {
            self.keyword(rules, keyword, rule, value, at);
        }
    }

    fn keyword(
        &mut self,
        rules: &Map<String, Value>,
        keyword: &str,
        rule: &Value,
        value: &Value,
        at: &str,
    ) {
        match keyword {
            "description" | "format" => {}
            "$ref" => {
                let name = rule.as_str().and_then(|name| name.strip_prefix("#/$defs/"));
                let names = self.names;
                self.value(
                    &names[name.expect("references stay in the file")],
                    value,
                    at,
                );
            }
            "type" => {
                let is = |name: &Value| is_of_type(name.as_str().expect("a name"), value);
                let fits = rule
                    .as_array()
                    .map_or_else(|| is(rule), |names| names.iter().any(is));
                self.must(fits, at, &format!("is no {rule}: {value}"));
            }
            "const" => self.must(value == rule, at, &format!("is not {rule}: {value}")),
            "enum" => {
                let known = list(rule).contains(value);
                self.must(known, at, &format!("is none of {rule}: {value}"));
            }
            "minimum" => {
                let fits = value
                    .as_i64()
                    .is_none_or(|value| Some(value) >= rule.as_i64());
                self.must(fits, at, &format!("is below {rule}: {value}"));
            }
            "required" => {
                for name in list(rule).iter().filter_map(Value::as_str) {
                    self.must(value.get(name).is_some(), at, &format!("lacks {name}"));
                }
            }
            "properties" | "additionalProperties" | "propertyNames" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    let at = format!("{at}/{name}");
                    let own = rules.get("properties").and_then(|own| own.get(name));
                    match (keyword, own) {
                        ("properties", Some(own)) => self.value(own, field, &at),
                        ("additionalProperties", None) => self.value(rule, field, &at),
                        ("propertyNames", _) => self.value(rule, &Value::from(name.as_str()), &at),
                        _ => {}
                    }
                }
            }
            "minItems" => {
                let length = value.as_array().map(|items| items.len() as u64);
                let fits = length.is_none_or(|length| Some(length) >= rule.as_u64());
                self.must(fits, at, &format!("has less than {rule} items"));
            }
            "prefixItems" | "items" => {
                let first = rules.get("prefixItems").map_or(&[][..], list);
                for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
                    let at = format!("{at}/{nth}");
                    match (keyword, first.get(nth)) {
                        ("prefixItems", Some(own)) => self.value(own, item, &at),
                        ("items", None) => self.value(rule, item, &at),
                        _ => {}
                    }
                }
            }
            "oneOf" => {
                let fitting = list(rule).iter().filter(|one| {
                    let names = self.names;
                    let mut alone = Check {
                        names,
                        faults: Vec::new(),
                    };
                    alone.value(one, value, at);
                    alone.faults.is_empty()
                });
                let count = fitting.count();
                self.must(
                    count == 1,
                    at,
                    &format!("fits {count} of the alternatives: {value}"),
                );
            }
            other => panic!("the schema asks for {other}, which is not checked here"),
        }
    }

    fn must(&mut self, holds: bool, at: &str, otherwise: &str) {
        if !holds {
            self.faults.push(format!("{at} {otherwise}"));
        }
    }
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().expect("this keyword has a list")
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("there is no type {other}"),
    }
}
