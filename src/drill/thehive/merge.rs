//! Merging of cases: one new case takes what belongs to the old ones, which are gone afterwards.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{bad, find_case, missing};
use crate::drill::casebook::{Record, severity_label};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

/// Answers `POST /api/v1/case/_merge/{ids}`; the ids stand in one segment, parted by commas.
pub(super) fn answer(
    world: &mut World,
    request: &Request,
    ids: &str,
    (by, notes): (&str, &mut Notes),
) -> Answer {
    let mut places = Vec::new();
    for id in ids.split(',') {
        match find_case(world, id) {
            Some(place) if !places.contains(&place) => places.push(place),
            Some(_) => {}
            None => return missing("Case"),
        }
    }
    if places.len() < 2 {
        return bad("Merging needs at least two cases");
    }
    let old: Vec<Value> = places
        .iter()
        .map(|place| Value::clone(&world.cases.cases[*place].value))
        .collect();
    let gone: Vec<String> = old.iter().map(|case| text(case, "_id")).collect();
    let id = world.cases.next_id();
    let made = merged(world, &old, &id, (by, request.at.timestamp_millis()));
    let book = &mut world.cases;
    book.cases
        .retain(|case| !gone.iter().any(|id| case.value["_id"] == id.as_str()));
    for kind in [&mut book.alerts, &mut book.tasks, &mut book.comments] {
        for record in kind.iter_mut().filter(|one| gone.contains(&one.parent)) {
            record.parent.clone_from(&id);
            let value = Arc::make_mut(&mut record.value);
            if value.get("caseId").is_some() {
                value["caseId"] = json!(id);
            }
        }
    }
    // What several cases had seen alike is one observable afterwards.
    let mut seen: Vec<(Value, Value)> = Vec::new();
    book.observables.retain_mut(|record| {
        if !gone.contains(&record.parent) {
            return true;
        }
        let what = (
            record.value["dataType"].clone(),
            record.value["data"].clone(),
        );
        let first = !seen.contains(&what);
        seen.push(what);
        record.parent.clone_from(&id);
        first
    });
    let made = Arc::new(made);
    book.cases.push(Record {
        parent: String::new(),
        value: Arc::clone(&made),
    });
    notes.effect("case_merge", id);
    Answer::json(201, Value::clone(&made))
}

fn text(case: &Value, name: &str) -> String {
    case[name].as_str().unwrap_or_default().to_owned()
}

/// Builds the new case: the words of all, the worst severity, the tags and fields of all.
fn merged(world: &World, old: &[Value], id: &str, (by, at): (&str, i64)) -> Value {
    let joined = |name: &str, by: &str| {
        let parts: Vec<String> = old.iter().map(|case| text(case, name)).collect();
        parts.join(by)
    };
    let all = |name: &str| {
        let mut all: Vec<Value> = Vec::new();
        for one in old
            .iter()
            .filter_map(|case| case[name].as_array())
            .flatten()
        {
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        all
    };
    let numbers = world.cases.cases.iter();
    let number = numbers
        .filter_map(|case| case.value["number"].as_i64())
        .max();
    let severity = old
        .iter()
        .filter_map(|case| case["severity"].as_i64())
        .max();
    let mut made = old.first().cloned().unwrap_or_default();
    made["_id"] = json!(id);
    made["_createdAt"] = json!(at);
    made["_createdBy"] = json!(by);
    made["number"] = json!(number.unwrap_or(0) + 1);
    made["title"] = json!(joined("title", " / "));
    made["description"] = json!(joined("description", "\n\n"));
    made["severity"] = json!(severity.unwrap_or(2));
    made["severityLabel"] = json!(severity_label(severity.unwrap_or(2)));
    made["tags"] = json!(all("tags"));
    made["customFields"] = json!(all("customFields"));
    made["newDate"] = json!(at);
    made
}
