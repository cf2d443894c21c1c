//! The case system: the part of TheHive 5's API that a responder uses.
//!
//! Times are epoch milliseconds, ids look like `~123`, a write of a record answers 204 without a body.

mod filter;
mod merge;
mod query;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::casebook::{Record, User, merge, severity_label};
use super::wire::{Answer, Notes, Request};
use super::world::World;

/// The secret of the console's key.
pub(crate) const TOKEN: &str = "drill-cases-key-5f2a9c0e7b41";

/// The secret of a colleague's key: the second person of the drill.
pub(crate) const SECOND: &str = "drill-cases-key-90c4de1b7a36";

/// The secret of a key that several people share.
pub(crate) const SHARED: &str = "drill-cases-key-c1d7704be258";

const ORGANISATION: &str = "acme";

/// Tells whether a request only reads.
pub(crate) fn reads(request: &Request) -> bool {
    request.method == "GET" || request.path.ends_with("/query")
}

/// Builds an error body of the vendor.
pub(crate) fn error(status: u16, kind: &str, message: &str) -> Answer {
    Answer::json(status, json!({"type": kind, "message": message}))
}

fn bad(message: &str) -> Answer {
    error(400, "BadRequest", message)
}

fn missing(what: &str) -> Answer {
    error(404, "NotFoundError", &format!("{what} not found"))
}

/// Answers one request.
pub(crate) fn answer(world: &mut World, request: &Request, notes: &mut Notes) -> Answer {
    let parts = request.parts();
    let rest = parts.strip_prefix(&["api", "v1"]).unwrap_or_default();
    if let ("GET", ["status", "public"]) = (request.method.as_str(), rest) {
        let body = json!({
            "version": "5.6.2-1", "sso": false, "ssoProviders": [],
            "imports": {"mitreCatalog": "16.1"},
        });
        return Answer::json(200, body);
    }
    let key = request.authorization.strip_prefix("Bearer ");
    let Some(user) = world.cases.users.iter().find(|user| Some(user.key) == key) else {
        return error(401, "AuthenticationError", "Authentication failure");
    };
    let user = user.clone();
    if request.method == "GET" {
        return match rest {
            ["user", "current"] => Answer::json(200, user_record(world, &user)),
            ["case", key] => one(find_case(world, key).map(|i| &world.cases.cases[i]), "Case"),
            ["alert", id] => one(by_id(&world.cases.alerts, id), "Alert"),
            ["task", id] => one(by_id(&world.cases.tasks, id), "Task"),
            _ => missing(&request.path),
        };
    }
    // The only call without a body.
    if let ("POST", ["case", "_merge", ids]) = (request.method.as_str(), rest) {
        return merge::answer(world, request, ids, (&user.login, notes));
    }
    if let ("DELETE", ["comment", id]) = (request.method.as_str(), rest) {
        return delete_comment(world, id, notes);
    }
    let body = match serde_json::from_slice::<Value>(&request.body) {
        Ok(Value::Object(body)) => body,
        Ok(_) => return bad("Expected a JSON object"),
        Err(cause) => return bad(&format!("Invalid Json: {cause}")),
    };
    match (request.method.as_str(), rest) {
        ("POST", ["query"]) => query::answer(world, &body),
        ("PATCH", ["case", key]) => patch_case(world, request, key, &body, (&user.login, notes)),
        ("POST", [kind @ ("case" | "alert"), key, "comment"]) => {
            comment(world, request, (kind, key), &body, (&user.login, notes))
        }
        ("PATCH", ["comment", id]) => patch_comment(world, request, id, &body, (&user, notes)),
        ("POST", ["case", key, "task"]) => create_task(world, request, key, &body, notes),
        ("PATCH", ["task", id]) => patch_task(world, request, id, &body, notes),
        ("POST", ["task", id, "log"]) => create_log(world, request, id, &body, notes),
        _ => missing(&request.path),
    }
}

pub(crate) fn template(request: &Request) -> &'static str {
    match request.parts().strip_prefix(&["api", "v1"]) {
        Some(["query"]) => "/api/v1/query",
        Some(["case", _]) => "/api/v1/case/{idOrName}",
        Some(["case", "_merge", _]) => "/api/v1/case/_merge/{ids}",
        Some(["case", _, "comment"]) => "/api/v1/case/{caseId}/comment",
        Some(["alert", _, "comment"]) => "/api/v1/alert/{alertId}/comment",
        Some(["case", _, "task"]) => "/api/v1/case/{caseId}/task",
        Some(["comment", _]) => "/api/v1/comment/{commentId}",
        Some(["task", _]) => "/api/v1/task/{taskId}",
        Some(["task", _, "log"]) => "/api/v1/task/{taskId}/log",
        Some(["alert", _]) => "/api/v1/alert/{alertId}",
        Some(["user", "current"]) => "/api/v1/user/current",
        Some(["status", "public"]) => "/api/v1/status/public",
        _ => "unknown",
    }
}

fn by_id<'a>(records: &'a [Record], id: &str) -> Option<&'a Record> {
    records.iter().find(|record| record.value["_id"] == id)
}

/// Finds a case by id or number.
fn find_case(world: &World, key: &str) -> Option<usize> {
    let number = key.parse::<i64>().ok();
    world.cases.cases.iter().position(|case| {
        case.value["_id"] == key || (number.is_some() && case.value["number"].as_i64() == number)
    })
}

fn one(record: Option<&Record>, kind: &str) -> Answer {
    match record {
        Some(record) => Answer::json(200, Value::clone(&record.value)),
        None => missing(kind),
    }
}

/// Builds a user in the vendor's own shape.
fn user_record(world: &World, user: &User) -> Value {
    json!({
        "_id": user.id, "_createdBy": "system@acme.example",
        "_createdAt": (world.start - chrono::TimeDelta::days(400)).timestamp_millis(),
        "login": user.login, "name": user.name, "email": user.login,
        "hasKey": true, "hasPassword": true, "hasMFA": true, "locked": false, "profile": "analyst",
        "permissions": [
            "manageCase/update", "manageCase/merge", "manageComment", "manageTask", "manageObservable",
        ],
        "organisation": ORGANISATION, "type": user.kind, "defaultOrganisation": ORGANISATION,
        "organisations": [
            {"organisationId": "~4144", "organisation": ORGANISATION, "profile": "analyst"}
        ],
        "extraData": {},
    })
}

/// Refuses names that the vendor's schema does not have.
fn unknown_name(body: &Map<String, Value>, known: &[&str]) -> Option<String> {
    body.keys()
        .find(|name| !known.contains(&name.as_str()))
        .map(|name| format!("Invalid field: {name}"))
}

const CASE_FIELDS: [&str; 18] = [
    "title",
    "description",
    "severity",
    "startDate",
    "endDate",
    "tags",
    "flag",
    "tlp",
    "pap",
    "status",
    "summary",
    "assignee",
    "impactStatus",
    "customFields",
    "taskRule",
    "observableRule",
    "addTags",
    "removeTags",
];

/// Statuses of an organisation that has no words of its own.
const STATUSES: [&str; 7] = [
    "New",
    "InProgress",
    "Indeterminate",
    "FalsePositive",
    "TruePositive",
    "Other",
    "Duplicated",
];
const IMPACTS: [&str; 3] = ["NotApplicable", "WithImpact", "NoImpact"];

/// Refuses an owner that is nobody, a status and an impact that the organisation does not have.
fn wrong_value(world: &World, body: &Map<String, Value>) -> Option<String> {
    let among = |name: &str, known: &[&str]| {
        let value = body.get(name)?;
        let good = value.as_str().is_some_and(|value| known.contains(&value));
        (!good).then(|| format!("Invalid value for {name}: {value}"))
    };
    let people = &world.directory.people;
    let known = |login: &str| {
        let users = &world.cases.users;
        users.iter().any(|user| user.login == login) || people.iter().any(|one| one.login == login)
    };
    let assignee = body.get("assignee").and_then(|value| {
        let good = value.as_str().is_some_and(known);
        (!good).then(|| format!("Invalid value for assignee: {value}"))
    });
    assignee
        .or_else(|| among("status", &STATUSES))
        .or_else(|| among("impactStatus", &IMPACTS))
}

fn patch_case(
    world: &mut World,
    request: &Request,
    key: &str,
    body: &Map<String, Value>,
    (by, notes): (&str, &mut Notes),
) -> Answer {
    if let Some(text) = unknown_name(body, &CASE_FIELDS).or_else(|| wrong_value(world, body)) {
        return bad(&text);
    }
    let Some(index) = find_case(world, key) else {
        return missing("Case");
    };
    let case = Arc::make_mut(&mut world.cases.cases[index].value);
    let at = request.at.timestamp_millis();
    for (name, value) in body {
        match name.as_str() {
            "addTags" | "removeTags" => change_tags(case, name, value),
            "customFields" => custom_fields(case, value),
            _ => case[name.as_str()] = value.clone(),
        }
    }
    if let Some(severity) = body.get("severity").and_then(Value::as_i64) {
        case["severityLabel"] = json!(severity_label(severity));
    }
    if let Some(status) = body.get("status").and_then(Value::as_str) {
        if let Some(date) = ended_at(status, body, at) {
            case["endDate"] = date;
        }
        let (stage, date) = match status {
            "New" => ("New", "newDate"),
            "InProgress" => ("InProgress", "inProgressDate"),
            _ => ("Closed", "closedDate"),
        };
        case["stage"] = json!(stage);
        case[date] = json!(at);
    }
    case["_updatedAt"] = json!(at);
    case["_updatedBy"] = json!(by);
    let id = case["_id"].as_str().unwrap_or_default().to_owned();
    notes.effect("case_patch", id);
    Answer::empty(204)
}

/// A case that is closed has ended; who gives no time for that means now.
fn ended_at(status: &str, body: &Map<String, Value>, at: i64) -> Option<Value> {
    let closed = !matches!(status, "New" | "InProgress");
    (closed && !body.contains_key("endDate")).then(|| json!(at))
}

fn change_tags(case: &mut Value, name: &str, change: &Value) {
    let Value::Array(change) = change else { return };
    let Some(Value::Array(tags)) = case.get_mut("tags") else {
        return;
    };
    tags.retain(|tag| !change.contains(tag));
    if name == "addTags" {
        tags.extend(change.iter().cloned());
    }
}

/// Custom fields come as `{name: value}` or as a list of `{name, value}`.
fn custom_fields(case: &mut Value, change: &Value) {
    let pairs: Vec<(String, Value)> = match change {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        Value::Array(list) => list
            .iter()
            .filter_map(|item| {
                Some((
                    item.get("name")?.as_str()?.to_owned(),
                    item.get("value")?.clone(),
                ))
            })
            .collect(),
        _ => Vec::new(),
    };
    let Some(Value::Array(fields)) = case.get_mut("customFields") else {
        return;
    };
    for (name, value) in pairs {
        fields.retain(|field| field["name"] != name.as_str());
        let order = fields.len();
        fields.push(json!({
            "_id": format!("~cf-{name}"), "name": name, "type": "string", "value": value, "order": order,
        }));
    }
}

fn comment(
    world: &mut World,
    request: &Request,
    (kind, key): (&str, &str),
    body: &Map<String, Value>,
    (by, notes): (&str, &mut Notes),
) -> Answer {
    let parent = if kind == "case" {
        find_case(world, key).map(|index| &world.cases.cases[index])
    } else {
        by_id(&world.cases.alerts, key)
    };
    let parent = parent
        .and_then(|record| record.value["_id"].as_str())
        .map(str::to_owned);
    let Some(parent) = parent else {
        return missing(kind);
    };
    if let Some(text) = unknown_name(body, &["message", "external"]) {
        return bad(&text);
    }
    let Some(message) = body.get("message").and_then(Value::as_str) else {
        return bad("Missing field: message");
    };
    let made = world
        .cases
        .add_comment(&parent, message, by, request.at.timestamp_millis());
    notes.effect("comment", parent);
    Answer::json(201, Value::clone(&made))
}

fn patch_comment(
    world: &mut World,
    request: &Request,
    id: &str,
    body: &Map<String, Value>,
    (user, notes): (&User, &mut Notes),
) -> Answer {
    if let Some(text) = unknown_name(body, &["message"]) {
        return bad(&text);
    }
    let mut comments = world.cases.comments.iter_mut();
    let Some(comment) = comments.find(|comment| comment.value["_id"] == id) else {
        return missing("Comment");
    };
    let comment = Arc::make_mut(&mut comment.value);
    merge(comment, body);
    comment["isEdited"] = json!(true);
    comment["updatedAt"] = json!(request.at.timestamp_millis());
    comment["updatedBy"] = json!(user.login);
    notes.effect("comment_patch", id);
    Answer::empty(204)
}

fn delete_comment(world: &mut World, id: &str, notes: &mut Notes) -> Answer {
    let comments = &mut world.cases.comments;
    let Some(place) = comments
        .iter()
        .position(|comment| comment.value["_id"] == id)
    else {
        return missing("Comment");
    };
    comments.remove(place);
    notes.effect("comment_delete", id);
    Answer::empty(204)
}

const TASK_FIELDS: [&str; 11] = [
    "title",
    "group",
    "description",
    "status",
    "flag",
    "startDate",
    "endDate",
    "order",
    "dueDate",
    "assignee",
    "mandatory",
];

fn create_task(
    world: &mut World,
    request: &Request,
    key: &str,
    body: &Map<String, Value>,
    notes: &mut Notes,
) -> Answer {
    if let Some(text) = unknown_name(body, &TASK_FIELDS) {
        return bad(&text);
    }
    if !body.get("title").is_some_and(Value::is_string) {
        return bad("Missing field: title");
    }
    let Some(index) = find_case(world, key) else {
        return missing("Case");
    };
    let case = world.cases.cases[index].value["_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let owner = world.cases.owner.clone();
    let made = world
        .cases
        .add_task(&case, body, &owner, request.at.timestamp_millis());
    notes.effect("task_create", made["_id"].as_str().unwrap_or_default());
    Answer::json(201, Value::clone(&made))
}

fn patch_task(
    world: &mut World,
    request: &Request,
    id: &str,
    body: &Map<String, Value>,
    notes: &mut Notes,
) -> Answer {
    if let Some(text) = unknown_name(body, &TASK_FIELDS) {
        return bad(&text);
    }
    let owner = world.cases.owner.clone();
    let Some(task) = world
        .cases
        .tasks
        .iter_mut()
        .find(|task| task.value["_id"] == id)
    else {
        return missing("Task");
    };
    let task = Arc::make_mut(&mut task.value);
    merge(task, body);
    task["_updatedAt"] = json!(request.at.timestamp_millis());
    task["_updatedBy"] = json!(owner);
    notes.effect("task_patch", id);
    Answer::empty(204)
}

fn create_log(
    world: &mut World,
    request: &Request,
    id: &str,
    body: &Map<String, Value>,
    notes: &mut Notes,
) -> Answer {
    if let Some(text) = unknown_name(
        body,
        &["message", "startDate", "includeInTimeline", "attachments"],
    ) {
        return bad(&text);
    }
    if by_id(&world.cases.tasks, id).is_none() {
        return missing("Task");
    }
    let Some(message) = body.get("message").and_then(Value::as_str) else {
        return bad("Missing field: message");
    };
    let owner = world.cases.owner.clone();
    let made = world
        .cases
        .add_log(id, message, &owner, request.at.timestamp_millis());
    notes.effect("task_log", id);
    Answer::json(201, Value::clone(&made))
}
