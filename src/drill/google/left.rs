//! What an attacker may have left in an account: backup codes, aliases and mobile devices.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::users::listed;
use super::{error, find, no_user, page};
use crate::drill::company::VICTIM;
use crate::drill::wire::{Answer, Notes, Request, iso};
use crate::drill::world::World;

/// How many backup codes the victim has.
const CODES: u32 = 8;

/// Lists the backup codes, which are secrets.
pub(super) fn codes(world: &World, key: &str) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let has = place == VICTIM && !world.google.codes_gone;
    let rows = (0..if has { CODES } else { 0 }).map(|number| {
        json!({
            "kind": "admin#directory#verificationCode", "etag": "\"drill\"",
            "userId": world.directory.people[place].id,
            "verificationCode": format!("{:08}", 70_336_121 + number),
        })
    });
    listed("admin#directory#verificationCodesList", rows.collect())
}

/// Makes the backup codes void; of somebody who has none, nothing.
pub(super) fn invalidate(world: &mut World, key: &str, notes: &mut Notes) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    if place == VICTIM && !world.google.codes_gone {
        world.google.codes_gone = true;
        notes.effect("void_codes", world.directory.people[place].id.clone());
    }
    Answer::empty(204)
}

pub(super) fn aliases(world: &World, key: &str) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let person = &world.directory.people[place];
    let all = super::aliases(&world.directory, place).into_iter();
    let rows: Vec<Value> = all
        .map(|alias| {
            json!({
                "kind": "admin#directory#alias", "etag": "\"drill\"", "id": person.id,
                "alias": alias, "primaryEmail": person.login,
            })
        })
        .collect();
    let mut body = json!({"kind": "admin#directory#aliases", "etag": "\"drill\""});
    if !rows.is_empty() {
        body["aliases"] = Value::Array(rows);
    }
    Answer::json(200, body)
}

pub(super) fn remove_alias(
    world: &mut World,
    (key, alias): (&str, &str),
    notes: &mut Notes,
) -> Answer {
    let Some(place) = find(&world.directory, key) else {
        return no_user();
    };
    let all = super::aliases(&world.directory, place);
    if !all.iter().any(|one| one == alias) {
        return error(404, "notFound", "Resource Not Found: alias");
    }
    let person = &mut world.directory.people[place];
    person.gone_aliases.push(alias.to_owned());
    notes.effect("remove_alias", format!("{}/{alias}", person.id));
    Answer::empty(204)
}

/// Lists mobile devices: the victim's own, and the attacker's since it was enrolled.
pub(super) fn devices(world: &World, request: &Request) -> Answer {
    let victim = &world.directory.people[VICTIM];
    let device = |(number, model, os): (u32, &str, &str), since| {
        json!({
            "kind": "admin#directory#mobiledevice", "etag": "\"drill\"",
            "resourceId": format!("AFiQxQ8drill{number}"), "deviceId": format!("{:016x}", 0xa15 + number),
            "model": model, "os": os, "type": "ANDROID", "status": "APPROVED",
            "email": [victim.login], "name": [victim.name()],
            "firstSync": iso(since), "lastSync": iso(world.start),
        })
    };
    let all = [
        device((1, "Pixel 8", "Android 15"), victim.created),
        device(
            (2, "Galaxy A15", "Android 14"),
            world.start - TimeDelta::minutes(28),
        ),
    ];
    let wanted = request.query("query");
    let wanted = wanted.map(|query| query.strip_prefix("email:").unwrap_or_default());
    let is_wanted = wanted.is_none_or(|mail| mail.eq_ignore_ascii_case(&victim.login));
    let rows = if is_wanted { all.to_vec() } else { Vec::new() };
    let names = ("admin#directory#mobiledevices", "mobiledevices");
    page(request, names, rows, 100)
}
