//! Administrator roles and who has them.

use serde_json::{Value, json};

use super::{find, no_user, page};
use crate::drill::company::Person;
use crate::drill::wire::{Answer, Request};
use crate::drill::world::World;

/// The role that comes by a group above.
const INHERITED: &str = "2810573489152005";
const ABOVE: &str = "03cqmetx1drillgroup";

/// Gives the number of a role.
fn number(role: &str) -> &'static str {
    match role {
        "SUPER_ADMIN" => "2810573489152001",
        "APP_ADMIN" => "2810573489152002",
        "READ_ONLY_ADMIN" => "2810573489152003",
        _ => "2810573489152004",
    }
}

/// Tells whether a person is a super administrator.
pub(super) fn is_super(person: &Person) -> bool {
    person.roles.iter().any(|(role, _)| *role == "SUPER_ADMIN")
}

fn assignment(place: usize, role: &str, (to, kind): (&str, &str)) -> Value {
    json!({
        "kind": "admin#directory#roleAssignment", "etag": "\"drill\"",
        "roleAssignmentId": format!("{}", 77_000_000_000_000 + place),
        "roleId": role, "assignedTo": to, "assigneeType": kind, "scopeType": "CUSTOMER",
    })
}

pub(super) fn assignments(world: &World, request: &Request) -> Answer {
    let people = &world.directory.people;
    let of = match request.query("userKey") {
        None => None,
        Some(key) => match find(&world.directory, key) {
            Some(place) => Some(place),
            None => return no_user(),
        },
    };
    let indirect = request.query("includeIndirectRoleAssignments") == Some("true");
    let wanted = request.query("roleId");
    let mut rows = Vec::new();
    for (place, person) in people.iter().enumerate() {
        if of.is_some_and(|of| of != place) {
            continue;
        }
        let direct = person.roles.iter().map(|(role, _)| number(role));
        let mut all: Vec<Value> = direct
            .map(|role| assignment(place, role, (&person.id, "user")))
            .collect();
        // Those by a group are told for one user only.
        if indirect && of.is_some() && !person.inherited.is_empty() {
            all.push(assignment(place, INHERITED, (ABOVE, "group")));
        }
        rows.extend(all);
    }
    rows.retain(|row| wanted.is_none_or(|wanted| row["roleId"] == wanted));
    page(
        request,
        ("admin#directory#roleAssignments", "items"),
        rows,
        200,
    )
}
