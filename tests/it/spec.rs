//! The vendors' published specifications as judges of every request sent and every answer given.
//!
//! The specifications are read from ../shared and lowered once to JSON Schema 2020-12; validators are kept by operation.
//! What a specification leaves open on purpose (the two query languages, some error answers) has a schema of its own here.

mod languages;
mod laws;
mod lower;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use languages::{search_schema, steps_schema};
use lower::{amend, lower};

/// The specification files by the vendor's name in the configuration.
const FILES: [(&str, &str); 10] = [
    ("entra", "msgraph.openapi.json"),
    ("keycloak", "keycloak.openapi.json"),
    ("token", "oauth-token.openapi.yaml"),
    ("google-directory", "google-directory.openapi.json"),
    ("google-reports", "google-reports.openapi.json"),
    ("google-gmail", "google-gmail-settings.openapi.json"),
    ("google-alerts", "google-alertcenter.openapi.json"),
    ("okta", "okta.openapi.yaml"),
    ("thehive", "thehive.openapi.json"),
    ("elasticsearch", "elasticsearch.openapi.json"),
];

/// A loaded and lowered specification.
struct Spec {
    vendor: String,
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// An operation with the parameters that its path and itself declare.
struct Operation<'a> {
    template: &'a str,
    value: &'a Value,
    parameters: Vec<&'a Value>,
}

/// Tells where the specifications are, or says that the test did not run.
pub fn specifications(test: &str) -> bool {
    crate::harness::shared(test).is_some()
}

/// Judges one request; `headers` are pairs of lower-case name and value.
///
/// Strict: an unknown query name, an unknown top-level field, a missing required part or a foreign way to
/// authenticate is an error.
pub fn check_request(
    vendor: &str,
    method: &str,
    path_and_query: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<(), String> {
    let spec = load(vendor)?;
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    let operation = spec.operation(method, path)?;
    spec.check_query(&operation, query)?;
    if vendor != "token" {
        check_headers(vendor, operation.template, headers, body)?;
    }
    let declared = operation
        .value
        .get("requestBody")
        .map(|body| spec.follow(body));
    let Some(declared) = declared else {
        return if body.is_empty() {
            Ok(())
        } else {
            Err(format!("{path}: a body where none is declared"))
        };
    };
    if body.is_empty() {
        let required = declared["required"] == true;
        return if required {
            Err(format!("{path}: the body is missing"))
        } else {
            Ok(())
        };
    }
    if let Some(schema) = declared.pointer("/content/application~1x-www-form-urlencoded/schema") {
        let form = url::form_urlencoded::parse(body).into_owned();
        let fields: Value = form.map(|(name, text)| (name, json!(text))).collect();
        return spec.validate(&format!("form {path}"), schema, true, &fields);
    }
    let schema = json_schema(declared).ok_or(format!("{path}: no JSON body is declared"))?;
    let body: Value = serde_json::from_slice(body).map_err(|cause| format!("{path}: {cause}"))?;
    let key = format!("request {method} {}", operation.template);
    spec.validate(&key, schema, true, &body)?;
    match (vendor, operation.template) {
        ("thehive", "/api/v1/query") => own(&spec, "thehive query", &steps_schema(), &body),
        ("elasticsearch", "/_search") => own(&spec, "elastic search", &search_schema(), &body),
        _ => Ok(()),
    }
}

/// Judges one answer by its status and body.
pub fn check_answer(
    vendor: &str,
    method: &str,
    path: &str,
    status: u16,
    body: &[u8],
) -> Result<(), String> {
    let spec = load(vendor)?;
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let operation = spec.operation(method, path)?;
    let exact = status.to_string();
    let family = format!("{}XX", status / 100);
    let responses = &operation.value["responses"];
    let declared = [exact.as_str(), &family, "default"]
        .iter()
        .find_map(|key| responses.get(*key));
    let what = format!("{method} {} {status}", operation.template);
    // Keycloak declares its refusals without a body, and sends one.
    let is_undeclared = vendor == "keycloak" && status >= 400;
    let Some(declared) = declared.filter(|_| !is_undeclared) else {
        return exception(&spec, &what, status, body);
    };
    let Some(schema) = json_schema(spec.follow(declared)) else {
        return if body.is_empty() {
            Ok(())
        } else {
            Err(format!("{what}: a body where none is declared"))
        };
    };
    let body: Value = serde_json::from_slice(body).map_err(|cause| format!("{what}: {cause}"))?;
    spec.validate(&what, schema, false, &body)?;
    if vendor == "thehive" && operation.template == "/api/v1/query" && status == 200 {
        return check_records(&spec, &body);
    }
    Ok(())
}

/// Statuses that a vendor sends although its specification does not list them.
fn exception(spec: &Spec, what: &str, status: u16, body: &[u8]) -> Result<(), String> {
    let schema = match (spec.vendor.as_str(), status) {
        ("okta", 411) if body.is_empty() => return Ok(()),
        ("okta", 400 | 401 | 404 | 405 | 500) => json!({
            "allOf": [{"$ref": "#/components/schemas/Error"}],
            "required": ["errorCode", "errorSummary", "errorId", "errorCauses"],
        }),
        ("keycloak", 400..=500) => json!({
            "type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"],
        }),
        ("thehive", 429) => json!({"$ref": "#/components/schemas/Query_API_400_response"}),
        ("elasticsearch", 404) if what.starts_with("DELETE /_pit") => json!({
            "type": "object", "required": ["succeeded", "num_freed"],
        }),
        ("elasticsearch", 400 | 401 | 403 | 404 | 429 | 500) => json!({
            "type": "object", "required": ["error", "status"], "additionalProperties": false,
            "properties": {
                "status": {"const": status},
                "error": {
                    "allOf": [{"$ref": "#/components/schemas/_types.ErrorCause"}],
                    "required": ["type", "reason", "root_cause"],
                },
            },
        }),
        _ => return Err(format!("{what}: the specification has no such status")),
    };
    let body: Value = serde_json::from_slice(body).map_err(|cause| format!("{what}: {cause}"))?;
    spec.validate(&format!("exception {what}"), &schema, false, &body)
}

/// The answer of the query API has an open schema; each record says what it is.
fn check_records(spec: &Spec, body: &Value) -> Result<(), String> {
    let Value::Array(records) = body else {
        return if body.is_number() {
            Ok(())
        } else {
            Err("a query answers a list or a number".to_owned())
        };
    };
    for record in records {
        let kind = record["_type"].as_str().ok_or("a record without _type")?;
        let schema = json!({"$ref": format!("#/components/schemas/Output{kind}")});
        spec.validate(&format!("record {kind}"), &schema, false, record)?;
    }
    Ok(())
}

fn own(spec: &Spec, key: &str, schema: &Value, body: &Value) -> Result<(), String> {
    spec.validate(key, schema, false, body)
}

fn check_headers(
    vendor: &str,
    template: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<(), String> {
    let header = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    if !body.is_empty() && !header("content-type").is_some_and(|kind| kind.contains("json")) {
        return Err(format!("{template}: a body without a JSON content-type"));
    }
    let words: &[&str] = match vendor {
        "okta" => &["SSWS ", "Bearer "],
        "thehive" | "keycloak" | "entra" | "google-directory" | "google-reports"
        | "google-gmail" | "google-alerts" => &["Bearer "],
        _ => &["ApiKey "],
    };
    let open = template == "/api/v1/status/public";
    let known =
        header("authorization").is_some_and(|text| words.iter().any(|word| text.starts_with(word)));
    if open || known {
        Ok(())
    } else {
        Err(format!(
            "{template}: the vendor does not know this authorization"
        ))
    }
}

fn load(vendor: &str) -> Result<Arc<Spec>, String> {
    static LOADED: OnceLock<Mutex<BTreeMap<String, Arc<Spec>>>> = OnceLock::new();
    let loaded = LOADED.get_or_init(Mutex::default);
    let mut loaded = loaded
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(spec) = loaded.get(vendor) {
        return Ok(Arc::clone(spec));
    }
    let file = FILES
        .iter()
        .find(|(name, _)| *name == vendor)
        .map(|(_, file)| *file);
    let file = file.ok_or(format!("no specification for {vendor:?}"))?;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/contracts")
        .join(file);
    let text =
        std::fs::read_to_string(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let mut document: Value = if file.ends_with("yaml") {
        yaml_serde::from_str(&text).map_err(|cause| format!("{file}: {cause}"))?
    } else {
        serde_json::from_str(&text).map_err(|cause| format!("{file}: {cause}"))?
    };
    lower(&mut document, false);
    amend(vendor, &mut document);
    let spec = Arc::new(Spec {
        vendor: vendor.to_owned(),
        document,
        validators: Mutex::default(),
    });
    loaded.insert(vendor.to_owned(), Arc::clone(&spec));
    Ok(spec)
}

fn json_schema(value: &Value) -> Option<&Value> {
    let content = value.get("content")?.as_object()?;
    content
        .iter()
        .find(|(kind, _)| kind.contains("json"))
        .and_then(|(_, media)| media.get("schema"))
}

impl Spec {
    fn follow<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|link| link.strip_prefix('#'));
        target
            .and_then(|pointer| self.document.pointer(pointer))
            .unwrap_or(value)
    }

    /// Finds the operation; a literal segment beats a parameter.
    fn operation(&self, method: &str, path: &str) -> Result<Operation<'_>, String> {
        let wanted: Vec<&str> = path.split('/').collect();
        let paths = self.document["paths"]
            .as_object()
            .ok_or("the specification has no paths")?;
        let fits = |template: &str| -> Option<usize> {
            let parts: Vec<&str> = template.split('/').collect();
            let same = parts.len() == wanted.len()
                && parts.iter().zip(&wanted).all(|(part, segment)| {
                    part == segment || (part.starts_with('{') && !segment.is_empty())
                });
            same.then(|| parts.iter().filter(|part| part.starts_with('{')).count())
        };
        let best = paths
            .iter()
            .filter_map(|(template, item)| Some((fits(template)?, template, item)))
            .min_by_key(|(parameters, _, _)| *parameters);
        let (_, template, item) = best.ok_or(format!("{path}: the vendor has no such path"))?;
        let value = item.get(method.to_ascii_lowercase());
        let value = value.ok_or(format!("{path}: the vendor has no {method} there"))?;
        let parameters = [item.get("parameters"), value.get("parameters")]
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .map(|parameter| self.follow(parameter))
            .collect();
        Ok(Operation {
            template,
            value,
            parameters,
        })
    }

    fn check_query(&self, operation: &Operation<'_>, query: &str) -> Result<(), String> {
        let template = operation.template;
        let declared: Vec<&&Value> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query")
            .collect();
        let sent: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        for (name, text) in &sent {
            let parameter = declared
                .iter()
                .find(|parameter| parameter["name"] == name.as_str());
            let parameter = parameter.ok_or(format!("{template}: unknown query name {name:?}"))?;
            let schema = parameter.get("schema").cloned().unwrap_or_default();
            let value = coerce(self.follow(&schema), text);
            self.validate(&format!("query {template} {name}"), &schema, false, &value)?;
        }
        for parameter in declared
            .iter()
            .filter(|parameter| parameter["required"] == true)
        {
            if !sent
                .iter()
                .any(|(name, _)| parameter["name"] == name.as_str())
            {
                return Err(format!("{template}: the query lacks {}", parameter["name"]));
            }
        }
        Ok(())
    }

    /// Validates a value, with the validator kept under `key`.
    fn validate(
        &self,
        key: &str,
        schema: &Value,
        strict: bool,
        value: &Value,
    ) -> Result<(), String> {
        let mut validators = self
            .validators
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = validators.get(key).map(Arc::clone);
        let validator = if let Some(validator) = kept {
            validator
        } else {
            let built = self.build(schema, strict);
            let built = Arc::new(built.map_err(|cause| format!("{key}: {cause}"))?);
            validators.insert(key.to_owned(), Arc::clone(&built));
            built
        };
        drop(validators);
        let faults: Vec<String> = validator
            .iter_errors(value)
            .take(5)
            .map(|fault| format!("{} at {:?}", fault, fault.instance_path().to_string()))
            .collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(format!("{key}: {}", faults.join("; ")))
        }
    }

    fn build(&self, schema: &Value, strict: bool) -> Result<Validator, String> {
        let mut schema = schema.clone();
        let map = schema
            .as_object_mut()
            .ok_or("the schema is not an object")?;
        map.insert("components".to_owned(), self.document["components"].clone());
        if strict {
            map.insert("unevaluatedProperties".to_owned(), json!(false));
        }
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .offline()
            .should_validate_formats(true);
        if self.vendor == "okta" {
            // The vendor sends an empty address where there is none.
            options = options.with_format("email", |_: &str| true);
        }
        options.build(&schema).map_err(|cause| cause.to_string())
    }
}

/// Reads the text of a query parameter as its schema's type.
fn coerce(schema: &Value, text: &str) -> Value {
    let number = || {
        text.parse::<i64>()
            .map_or_else(|_| json!(text), |number| json!(number))
    };
    match schema["type"].as_str() {
        Some("integer" | "number") => number(),
        Some("boolean") => text
            .parse::<bool>()
            .map_or_else(|_| json!(text), |flag| json!(flag)),
        Some("array") => text.split(',').map(|part| json!(part)).collect(),
        _ => json!(text),
    }
}
