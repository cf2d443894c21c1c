//! Schemas of the two query languages that the specifications leave open.

use serde_json::{Value, json};

/// The steps of the query API that the console may send.
pub(super) fn steps_schema() -> Value {
    let text = json!({"type": "string"});
    let compare = json!({
        "type": "object", "required": ["_field", "_value"], "additionalProperties": false,
        "properties": {"_field": text, "_value": {}},
    });
    let many = json!({"type": "array", "items": {"$ref": "#/$defs/filter"}});
    let mut operators = json!({
        "_and": many, "_or": many, "_not": {"$ref": "#/$defs/filter"},
        "_between": {
            "type": "object", "required": ["_field", "_from", "_to"], "additionalProperties": false,
            "properties": {"_field": text, "_from": {}, "_to": {}},
        },
        "_in": {
            "type": "object", "required": ["_field", "_values"], "additionalProperties": false,
            "properties": {"_field": text, "_values": {"type": "array"}},
        },
    });
    for name in [
        "_eq",
        "_ne",
        "_lt",
        "_gt",
        "_lte",
        "_gte",
        "_like",
        "_match",
        "_startsWith",
        "_endsWith",
    ] {
        operators[name] = compare.clone();
    }
    let mut filter_step = operators.clone();
    filter_step["_name"] = json!({"const": "filter"});
    let plain = [
        "listCase",
        "listAlert",
        "count",
        "tasks",
        "observables",
        "comments",
        // Named by the text of the specification among the queries on cases.
        "similarCasesLight",
        "alerts",
        "case",
        "logs",
    ];
    let way = json!({"type": "object", "minProperties": 1, "maxProperties": 1,
        "additionalProperties": {"enum": ["asc", "desc"]}});
    json!({
        "$defs": {
            "filter": {
                "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
                "properties": operators,
            },
        },
        "type": "object",
        "required": ["query"],
        "properties": {"query": {"type": "array", "minItems": 1, "items": {"anyOf": [
            {"type": "object", "required": ["_name"], "additionalProperties": false,
             "properties": {"_name": {"enum": plain}}},
            {"type": "object", "required": ["_name", "idOrName"], "additionalProperties": false,
             "properties": {"_name": {"enum": ["getCase", "getAlert", "getTask"]}, "idOrName": text}},
            {"type": "object", "required": ["_name"], "additionalProperties": false, "minProperties": 2,
             "maxProperties": 2, "properties": filter_step},
            {"type": "object", "required": ["_name", "_fields"], "additionalProperties": false,
             "properties": {"_name": {"const": "sort"}, "_fields": {"type": "array", "minItems": 1, "items": way}}},
            {"type": "object", "required": ["_name", "from", "to"], "additionalProperties": false,
             "properties": {"_name": {"const": "page"}, "from": {"type": "integer", "minimum": 0},
                "to": {"type": "integer", "minimum": 0}, "extraData": {"type": "array", "items": text}}},
        ]}}},
    })
}

/// The part of the query language that the console may send.
pub(super) fn search_schema() -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    let one = |value: &Value| json!({"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": value});
    let many = json!({"anyOf": [
        {"$ref": "#/$defs/query"}, {"type": "array", "items": {"$ref": "#/$defs/query"}},
    ]});
    let valued = json!({"anyOf": [scalar, {
        "type": "object", "required": ["value"], "additionalProperties": false,
        "properties": {"value": scalar, "case_insensitive": {"type": "boolean"}},
    }]});
    let queried = json!({"anyOf": [{"type": "string"}, {
        "type": "object", "required": ["query"], "additionalProperties": false,
        "properties": {"query": {"type": "string"}},
    }]});
    let range = json!({
        "type": "object", "minProperties": 1, "additionalProperties": false,
        "properties": {"gte": scalar, "gt": scalar, "lte": scalar, "lt": scalar,
            "format": {"type": "string"}, "time_zone": {"type": "string"}},
    });
    let key = json!({"anyOf": [{"enum": ["asc", "desc"]}, {
        "type": "object", "additionalProperties": false,
        "properties": {"order": {"enum": ["asc", "desc"]}, "format": {"type": "string"},
            "missing": {"type": "string"}, "unmapped_type": {"type": "string"}, "numeric_type": {"type": "string"}},
    }]});
    json!({
        "$defs": {"query": {
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
            "properties": {
                "match_all": {"type": "object", "maxProperties": 0},
                "bool": {"type": "object", "additionalProperties": false, "properties": {
                    "must": many, "filter": many, "should": many, "must_not": many,
                    "minimum_should_match": {"type": ["integer", "string"]},
                }},
                "term": one(&valued), "prefix": one(&valued), "wildcard": one(&valued),
                "terms": one(&json!({"type": "array", "items": scalar})),
                "match_phrase": one(&queried), "range": one(&range),
                "exists": {"type": "object", "required": ["field"], "additionalProperties": false,
                    "properties": {"field": {"type": "string"}}},
                "ids": {"type": "object", "required": ["values"], "additionalProperties": false,
                    "properties": {"values": {"type": "array", "items": {"type": "string"}}}},
            },
        }},
        "type": "object",
        "properties": {
            "query": {"$ref": "#/$defs/query"},
            "pit": {"type": "object", "required": ["id"], "additionalProperties": false,
                "properties": {"id": {"type": "string"}, "keep_alive": {"type": "string"}}},
            "sort": {"type": "array", "items": {"anyOf": [{"type": "string"}, one(&key)]}},
            "search_after": {"type": "array", "items": {"type": ["string", "number", "boolean", "null"]}},
        },
    })
}
