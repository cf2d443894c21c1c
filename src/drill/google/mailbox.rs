//! The mailbox of the victim: a filter, forwarding and its address, all of them the attacker's.

use serde_json::{Value, json};

use super::{error, find, no_user};
use crate::drill::company::VICTIM;
use crate::drill::wire::{Answer, Notes, Request};
use crate::drill::world::World;

const DROP: &str = "drop@mailbox.example";
const FILTER: &str = "ANe1BmgQ8drill";

/// What is gone of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone {
    filter: bool,
    forwarding: bool,
    address: bool,
    /// Characters that the filter looks for beside all mail; an attacker chooses them.
    pub words: usize,
}

/// Gives what the filter looks for: characters that take one, two and three bytes, or four.
fn query(words: usize) -> String {
    let hostile = ["\"", "\u{e9}", "\u{202e}", "\u{1f600}"];
    let more: String = hostile.iter().copied().cycle().take(words).collect();
    format!("in:anywhere {more}").trim_end().to_owned()
}

impl Gone {
    /// Says that nothing of it is left.
    pub fn all() -> Self {
        Self {
            filter: true,
            forwarding: true,
            address: true,
            words: 0,
        }
    }
}

pub(super) fn answer(
    world: &mut World,
    request: &Request,
    (user, rest): (&str, &[&str]),
    notes: &mut Notes,
) -> Answer {
    let Some(place) = find(&world.directory, user) else {
        return no_user();
    };
    let id = world.directory.people[place].id.clone();
    let is_victim = place == VICTIM;
    let gone = &mut world.google.mailbox;
    let has_filter = is_victim && !gone.filter;
    let has_forwarding = is_victim && !gone.forwarding;
    let has_address = is_victim && !gone.address;
    let none = || error(404, "notFound", "Not Found");
    match (request.method.as_str(), rest) {
        ("GET", ["filters"]) => {
            let filter = json!({
                "id": FILTER, "criteria": {"query": query(gone.words)},
                "action": {"forward": DROP, "addLabelIds": ["TRASH"]},
            });
            listed("filter", has_filter.then_some(filter))
        }
        ("GET", ["autoForwarding"]) => Answer::json(200, forwarding(has_forwarding)),
        ("GET", ["forwardingAddresses"]) => {
            let one = json!({"forwardingEmail": DROP, "verificationStatus": "accepted"});
            listed("forwardingAddresses", has_address.then_some(one))
        }
        ("GET", ["delegates"]) => listed("delegates", None),
        ("DELETE", ["filters", FILTER]) if has_filter => {
            gone.filter = true;
            notes.effect("remove_filter", id);
            Answer::empty(204)
        }
        ("DELETE", ["forwardingAddresses", DROP]) if has_address => {
            gone.address = true;
            gone.forwarding = true;
            notes.effect("remove_forwarding_address", id);
            Answer::empty(204)
        }
        ("PUT", ["autoForwarding"]) if request.body == br#"{"enabled":false}"# => {
            gone.forwarding |= is_victim;
            notes.effect("stop_forwarding", id);
            Answer::json(200, forwarding(false))
        }
        _ => none(),
    }
}

fn forwarding(enabled: bool) -> Value {
    if enabled {
        json!({"enabled": true, "emailAddress": DROP, "disposition": "trash"})
    } else {
        json!({"enabled": false})
    }
}

fn listed(field: &str, one: Option<Value>) -> Answer {
    let mut body = json!({});
    if let Some(one) = one {
        body[field] = json!([one]);
    }
    Answer::json(200, body)
}
