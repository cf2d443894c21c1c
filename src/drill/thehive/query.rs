//! The query API: a pipeline of steps over the records.

use serde_json::{Map, Value, json};

use crate::drill::casebook::{Casebook, Record};
use crate::drill::wire::Answer;
use crate::drill::world::World;

use super::{bad, filter, find_case, missing};

/// What the steps so far have selected.
enum Selection {
    Rows(Vec<Record>),
    Number(usize),
}

/// Answers `POST /api/v1/query`.
pub(super) fn answer(world: &World, body: &Map<String, Value>) -> Answer {
    let Some(steps) = body.get("query").and_then(Value::as_array) else {
        return bad("Missing field: query");
    };
    if let Some(name) = body
        .keys()
        .find(|name| !matches!(name.as_str(), "query" | "excludeFields"))
    {
        return bad(&format!("Invalid field: {name}"));
    }
    let mut selection = match steps.first().map(|step| source(world, step)) {
        Some(Ok(Some(rows))) => Selection::Rows(rows),
        Some(Ok(None)) => return missing("Case"),
        Some(Err(text)) => return bad(&text),
        None => return bad("the query has no step"),
    };
    let mut extra = Vec::new();
    for step in steps.iter().skip(1) {
        selection = match run(&world.cases, selection, step, &mut extra) {
            Ok(next) => next,
            Err(text) => return bad(&text),
        };
    }
    let excluded: Vec<&str> = body
        .get("excludeFields")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let body = match selection {
        Selection::Number(count) => json!(count),
        Selection::Rows(rows) => rows
            .iter()
            .map(|row| finish(&world.cases, row, &extra, &excluded))
            .collect(),
    };
    Answer::json(200, body)
}

fn name(step: &Value) -> Result<&str, String> {
    step.get("_name")
        .and_then(Value::as_str)
        .ok_or_else(|| "a step needs _name".to_owned())
}

/// Runs the first step; `None` stands for a record that is not there.
fn source(world: &World, step: &Value) -> Result<Option<Vec<Record>>, String> {
    let key = || {
        let key = step.get("idOrName").ok_or("the step needs idOrName")?;
        Ok::<String, String>(key.as_str().map_or_else(|| key.to_string(), str::to_owned))
    };
    let book = &world.cases;
    Ok(match name(step)? {
        "listCase" => Some(book.cases.clone()),
        "listAlert" => Some(book.alerts.clone()),
        "listTask" => Some(book.tasks.clone()),
        "listComment" => Some(book.comments.clone()),
        "listObservable" => Some(book.observables.clone()),
        "listUser" => Some(
            book.users
                .iter()
                .map(|user| Record {
                    parent: String::new(),
                    value: std::sync::Arc::new(super::user_record(world, user)),
                })
                .collect(),
        ),
        "getCase" => find_case(world, &key()?).map(|index| vec![book.cases[index].clone()]),
        "getAlert" => super::by_id(&book.alerts, &key()?).map(|record| vec![record.clone()]),
        "getTask" => super::by_id(&book.tasks, &key()?).map(|record| vec![record.clone()]),
        other => return Err(format!("Unknown operation: {other}")),
    })
}

fn run(
    book: &Casebook,
    selection: Selection,
    step: &Value,
    extra: &mut Vec<String>,
) -> Result<Selection, String> {
    let Selection::Rows(mut rows) = selection else {
        return Err("nothing may follow count".to_owned());
    };
    let children = |all: &[Record]| {
        let ids: Vec<&str> = rows
            .iter()
            .filter_map(|row| row.value["_id"].as_str())
            .collect();
        all.iter()
            .filter(|record| ids.contains(&record.parent.as_str()))
            .cloned()
            .collect()
    };
    Ok(Selection::Rows(match name(step)? {
        "count" => return Ok(Selection::Number(rows.len())),
        "tasks" => children(&book.tasks),
        "observables" => children(&book.observables),
        "comments" => children(&book.comments),
        "alerts" => children(&book.alerts),
        "logs" => children(&book.logs),
        "case" => {
            let parents: Vec<&str> = rows.iter().map(|row| row.parent.as_str()).collect();
            let own = |case: &&Record| {
                case.value["_id"]
                    .as_str()
                    .is_some_and(|id| parents.contains(&id))
            };
            book.cases.iter().filter(own).cloned().collect()
        }
        "similarCasesLight" => similar(book, &rows),
        "filter" => {
            let mut kept = Vec::new();
            for row in rows {
                if filter::passes(&row.value, step, 0)? {
                    kept.push(row);
                }
            }
            kept
        }
        "sort" => {
            sort(&mut rows, step)?;
            rows
        }
        "page" => page(rows, step, extra)?,
        other => return Err(format!("Unknown operation: {other}")),
    }))
}

/// Finds the cases that share an observable with a case of the selection, most shared first.
fn similar(book: &Casebook, rows: &[Record]) -> Vec<Record> {
    let own: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.value["_id"].as_str())
        .collect();
    let mine: Vec<&Record> = book
        .observables
        .iter()
        .filter(|one| own.contains(&one.parent.as_str()))
        .collect();
    let mut found: Vec<(usize, Record)> = Vec::new();
    for case in &book.cases {
        let id = case.value["_id"].as_str().unwrap_or_default();
        let shared: Vec<&str> = book
            .observables
            .iter()
            .filter(|one| one.parent == id)
            .filter(|one| {
                let same = |other: &&Record| {
                    other.value["dataType"] == one.value["dataType"]
                        && other.value["data"] == one.value["data"]
                };
                mine.iter().any(same)
            })
            .filter_map(|one| one.value["dataType"].as_str())
            .collect();
        if shared.is_empty() || own.contains(&id) {
            continue;
        }
        let mut kinds = Map::new();
        for kind in &shared {
            let count = kinds.get(*kind).and_then(Value::as_u64).unwrap_or(0);
            kinds.insert((*kind).to_owned(), json!(count + 1));
        }
        let value = json!({"case": Value::clone(&case.value), "observables": kinds});
        let record = Record {
            parent: String::new(),
            value: std::sync::Arc::new(value),
        };
        found.push((shared.len(), record));
    }
    found.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    found.into_iter().map(|(_, record)| record).collect()
}

fn sort(rows: &mut [Record], step: &Value) -> Result<(), String> {
    let keys = step
        .get("_fields")
        .and_then(Value::as_array)
        .ok_or("sort needs _fields")?;
    let mut order = Vec::new();
    for key in keys {
        let (name, way) = key
            .as_object()
            .and_then(|key| key.iter().next())
            .ok_or("a sort key is {field: way}")?;
        match way.as_str() {
            Some("asc") => order.push((name, false)),
            Some("desc") => order.push((name, true)),
            _ => return Err(format!("sort order must be asc or desc, not {way}")),
        }
    }
    rows.sort_by(|left, right| {
        order
            .iter()
            .map(|(name, down)| {
                let way = filter::by_field(&left.value, &right.value, name);
                if *down { way.reverse() } else { way }
            })
            .find(|way| way.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(())
}

fn page(rows: Vec<Record>, step: &Value, extra: &mut Vec<String>) -> Result<Vec<Record>, String> {
    let bound = |name: &str| {
        step.get(name)
            .and_then(Value::as_u64)
            .and_then(|bound| usize::try_from(bound).ok())
            .ok_or(format!("page needs {name}"))
    };
    let (from, to) = (bound("from")?, bound("to")?);
    if let Some(names) = step.get("extraData").and_then(Value::as_array) {
        extra.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    Ok(rows
        .into_iter()
        .skip(from)
        .take(to.saturating_sub(from))
        .collect())
}

/// Adds the extra data that was asked for and takes the excluded fields away.
fn finish(book: &Casebook, row: &Record, extra: &[String], excluded: &[&str]) -> Value {
    let mut value = Value::clone(&row.value);
    let id = value["_id"].as_str().unwrap_or_default().to_owned();
    for name in extra {
        let count = |records: &[Record], test: &dyn Fn(&Value) -> bool| {
            records
                .iter()
                .filter(|r| r.parent == id && test(&r.value))
                .count()
        };
        let parent = || {
            let case = book
                .cases
                .iter()
                .find(|case| case.value["_id"] == row.parent.as_str());
            case.map_or(Value::Null, |case| Value::clone(&case.value))
        };
        value["extraData"][name] = match name.as_str() {
            "taskStats" => json!({
                "total": count(&book.tasks, &|_| true),
                "completed": count(&book.tasks, &|task| task["status"] == "Completed"),
            }),
            "observableStats" => json!({"total": count(&book.observables, &|_| true)}),
            "alertCount" => json!(count(&book.alerts, &|_| true)),
            "commentCount" => json!(count(&book.comments, &|_| true)),
            "case" => parent(),
            "caseId" => json!(row.parent),
            _ => Value::Null,
        };
    }
    if let Value::Object(map) = &mut value {
        map.retain(|name, _| !excluded.contains(&name.as_str()));
    }
    value
}
