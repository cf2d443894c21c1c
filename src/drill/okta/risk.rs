//! The risk of users, as Identity Threat Protection tells and takes it.

use serde_json::{Value, json};

use super::users::{find, missing};
use super::{error, invalid};
use crate::drill::risk::{Risk, State};
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

const LEVELS: [&str; 3] = ["HIGH", "MEDIUM", "LOW"];

fn no_feature() -> Answer {
    let summary = "You do not have permission to access the feature you are requesting";
    error(403, "E0000015", summary)
}

fn body(world: &World, request: &Request, place: usize, (level, reason): (&str, &str)) -> Value {
    let user = format!(
        "{}/api/v1/users/{}",
        request.base, world.directory.people[place].id
    );
    let mut body = json!({
        "riskLevel": level,
        "_links": {
            "self": {"href": format!("{user}/risk"), "hints": {"allow": ["GET", "PUT"]}},
            "user": {"href": user, "hints": {"allow": ["GET"]}},
        },
    });
    if !reason.is_empty() {
        body["reason"] = json!(reason);
    }
    body
}

pub(super) fn get(world: &World, request: &Request, key: &str) -> Answer {
    if !world.keeps_risk {
        return no_feature();
    }
    let Some(place) = find(&world.directory, key) else {
        return missing(key);
    };
    let risk = world.risks.get(&place);
    let told = risk.map_or(("NONE", ""), |risk| (risk.level, risk.reason.as_str()));
    Answer::json(200, body(world, request, place, told))
}

pub(super) fn put(world: &mut World, request: &Request, key: &str, notes: &mut Notes) -> Answer {
    if !world.keeps_risk {
        return no_feature();
    }
    let Some(place) = find(&world.directory, key) else {
        return missing(key);
    };
    let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) else {
        return error(400, "E0000003", "The request body was not well-formed.");
    };
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    let level = LEVELS
        .into_iter()
        .find(|one| field("riskLevel") == Some(one));
    let Some(level) = level else {
        return invalid("riskLevel: must be one of HIGH, MEDIUM, LOW");
    };
    let reason = field("riskReason").unwrap_or("override.by.admin");
    let is_taken =
        |one: char| one.is_ascii_alphanumeric() || one.is_whitespace() || "-,.".contains(one);
    if reason.len() > 500 || !reason.chars().all(is_taken) {
        return invalid("riskReason: has characters that are not allowed");
    }
    let state = match level {
        "HIGH" => State::Confirmed,
        "LOW" => State::Dismissed,
        _ => State::AtRisk,
    };
    let risk = Risk {
        reason: reason.to_owned(),
        busy: 0,
        ..Risk::set(level, state, request.at)
    };
    let is_new = world.set_risk(place, risk, notes);
    Answer::json(
        if is_new { 201 } else { 200 },
        body(world, request, place, (level, reason)),
    )
}
