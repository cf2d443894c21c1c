//! Google Workspace: activities of the Reports API, as the vendor gives them (a list of events in each), as Elastic copies
//! them (one event as an object), and flattened to one event each.
//!
//! Source: Admin SDK Reports API v1, `Activity`, and the event names of its applications (login, user_accounts, admin,
//! token, drive, gmail, groups, mobile, saml, rules).

mod acts;

use std::borrow::Cow;

use super::tree::Value;

use super::act::{category_of, is_mail, kind_of, lane_of, login};
use super::fields::{Fields, path, words};
use super::scopes::reach_far;
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Outcome, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

pub(super) use acts::act;

/// Tells whether a record looks like an activity.
pub(super) fn is_one(record: &Value) -> bool {
    record.get("kind").and_then(Value::as_str) == Some("admin#reports#activity")
        || path(record, "id.applicationName").is_some_and(Value::is_string)
            && ["actor", "events", "name"]
                .iter()
                .any(|field| path(record, field).is_some())
}

/// Reads one activity as one event for each thing that happened in it.
///
/// All of them share the id of the activity; from the second on it is followed by `#` and their number.
pub(super) fn events(record: &Value, events: &mut Vec<Event>) -> Result<(), FieldError> {
    if !record.is_object() {
        return Err(FieldError::Missing("id"));
    }
    match path(record, "events") {
        Some(Value::Array(all)) if !all.is_empty() => {
            for (one, number) in all.iter().zip(1_u32..) {
                let mut event = event(record, one);
                if number > 1 && !event.id.is_empty() {
                    event.id = Untrusted::new(format!("{}#{number}", event.id.raw()));
                }
                events.push(event);
            }
        }
        Some(one @ Value::Object(_)) => events.push(event(record, one)),
        None if path(record, "id").is_some() || path(record, "name").is_some() => {
            events.push(event(record, record));
        }
        _ => return Err(FieldError::Type("events", "a list of events")),
    }
    Ok(())
}

/// The parameters of an event: a map, or a list of names with a value of one of several kinds.
pub(super) struct Parameters<'a>(Option<Cow<'a, Value<'a>>>);

impl<'a> Parameters<'a> {
    fn of(one: &'a Value<'a>) -> Self {
        Self(Fields::of(one).nested(&["parameters"]))
    }

    /// Gives no parameters at all.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Finds the value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'_>> {
        const KINDS: [&str; 7] = [
            "value",
            "multiValue",
            "intValue",
            "multiIntValue",
            "boolValue",
            "messageValue",
            "multiMessageValue",
        ];
        let all = self.0.as_deref()?;
        match all {
            Value::Array(list) => list.iter().find_map(|one| {
                let own = path(one, "name")?.as_str()?;
                let value = || KINDS.iter().find_map(|kind| path(one, kind));
                own.eq_ignore_ascii_case(name).then(value).flatten()
            }),
            _ => path(all, name),
        }
    }

    /// Reads a parameter as text; of several the first.
    pub(super) fn text(&self, name: &str) -> Option<Untrusted> {
        match self.get(name)? {
            Value::Array(all) => all.iter().find_map(words),
            one => words(one),
        }
    }

    /// Reads a parameter as text in small letters, empty where there is none.
    pub(super) fn word(&self, name: &str) -> String {
        self.text(name)
            .map_or_else(String::new, |text| text.raw().to_lowercase())
    }
}

fn event(record: &Value, one: &Value) -> Event {
    let fields = Fields::of(record);
    let app = fields.text(&["id.applicationName"]).unwrap_or_default();
    let app = app.raw();
    let parameters = Parameters::of(one);
    let name = path(one, "name").and_then(words);
    let name = name.or_else(|| path(one, "type").and_then(words).filter(|_| one != record));
    let action = name.unwrap_or_else(|| Untrusted::new(if app.is_empty() { "event" } else { app }));
    let group = path(one, "type").and_then(words).unwrap_or_default();
    let user = actor(record);
    let target = target(&parameters);
    let act = act(app, action.raw(), &parameters, &user, &target);
    let (at, untimed) = time_or_none(record, &["id.time"]);
    let ip = fields.text(&["ipAddress"]);
    Event {
        id: fields.text(&["id.uniqueQualifier"]).unwrap_or_default(),
        at,
        untimed,
        lane: lane_of(act, lane(app, action.raw())),
        category: category_of(act, &[category(app)]),
        kind: kind_of(act, kind(action.raw())),
        outcome: outcome(action.raw(), &parameters),
        ip: ip.as_ref().and_then(address),
        agent: fields.text(&["userAgent"]),
        device: parameters
            .text("DEVICE_ID")
            .or_else(|| parameters.text("device_id")),
        provider: Some(Untrusted::new("google")),
        object: object(&parameters),
        reason: reason(&parameters).or_else(|| Some(group).filter(|group| !group.is_empty())),
        signals: signals(act, action.raw(), &parameters, &user),
        act,
        action,
        user,
        target,
        ..Event::default()
    }
}

fn actor(record: &Value) -> Party {
    let Some(actor) = path(record, "actor") else {
        return Party::default();
    };
    let text = |name| path(actor, name).and_then(words);
    // Keys and applications act too: they have a key, and no address.
    login(text("profileId"), text("email").or_else(|| text("key")))
}

/// Gives whom it was done to: warnings and the acts of administrators name the user in a parameter.
fn target(parameters: &Parameters<'_>) -> Party {
    let name = ["affected_email_address", "USER_EMAIL", "user_email"]
        .into_iter()
        .find_map(|name| parameters.text(name));
    login(None, name)
}

fn lane(app: &str, name: &str) -> Lane {
    match app {
        "login" | "saml" => Lane::SignIn,
        "token" => Lane::OauthGrant,
        "user_accounts" => Lane::AccountChange,
        "admin" if name.contains("USER") => Lane::AccountChange,
        _ => Lane::Sensitive,
    }
}

fn category(app: &str) -> Category {
    match app {
        "login" | "saml" => Category::Authentication,
        "token" | "user_accounts" | "groups" | "groups_enterprise" => Category::Iam,
        "drive" => Category::File,
        "gmail" => Category::Email,
        "mobile" => Category::Host,
        "rules" => Category::Threat,
        _ => Category::Configuration,
    }
}

fn kind(name: &str) -> Set<Kind> {
    let word = name.to_ascii_lowercase();
    let starts = |heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    let mut set = if word == "logout" {
        Set::of(&[Kind::End])
    } else if starts(&["create", "add", "upload", "copy"]) || word.ends_with("_enroll") {
        Set::of(&[Kind::Creation])
    } else if starts(&["delete", "remove", "revoke", "trash"]) || word.ends_with("unenroll") {
        Set::of(&[Kind::Deletion])
    } else if starts(&[
        "change", "edit", "rename", "move", "toggle", "update", "unassign",
    ]) || word.ends_with("_edit")
        || word.ends_with("_change")
    {
        Set::of(&[Kind::Change])
    } else if starts(&["view", "activity", "delivery", "preview", "print"]) {
        Set::of(&[Kind::Access])
    } else {
        Set::of(&[Kind::Info])
    };
    if word.contains("group") {
        set.insert(Kind::Group);
    }
    set
}

/// Only names and parameters that say so: a report of a change does not say more than that it was reported.
fn outcome(name: &str, parameters: &Parameters<'_>) -> Outcome {
    match name {
        "login_success" => Outcome::Success,
        "login_failure" => Outcome::Failure,
        "login_challenge" | "login_verification" => {
            let status = parameters.word("login_challenge_status");
            match status.as_str() {
                word if word.contains("passed") => Outcome::Success,
                word if word.contains("failed") => Outcome::Failure,
                _ => Outcome::Unknown,
            }
        }
        _ => match path_flag(parameters, "event_info", "success") {
            Some(true) => Outcome::Success,
            Some(false) => Outcome::Failure,
            None => Outcome::Unknown,
        },
    }
}

fn path_flag(parameters: &Parameters<'_>, name: &str, field: &str) -> Option<bool> {
    path(parameters.get(name)?, field)?.as_bool()
}

fn object(parameters: &Parameters<'_>) -> Option<Untrusted> {
    const NAMES: [&str; 13] = [
        "doc_title",
        "app_name",
        "SETTING_NAME",
        "ROLE_NAME",
        "GROUP_EMAIL",
        "group_email",
        "application_name",
        "APPLICATION_NAME",
        "API_CLIENT_NAME",
        "MOBILE_APP_PACKAGE_ID",
        "rule_name",
        "doc_id",
        "ROLE_ID",
    ];
    let message = || words(path(parameters.get("message_info")?, "subject")?);
    NAMES
        .into_iter()
        .find_map(|name| parameters.text(name))
        .or_else(message)
}

fn reason(parameters: &Parameters<'_>) -> Option<Untrusted> {
    if let Some(Value::Array(scopes)) = parameters.get("scope") {
        let all: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        return (!all.is_empty()).then(|| Untrusted::new(all.join(" ")));
    }
    [
        "login_failure_type",
        "email_forwarding_destination_address",
        "target_user",
        "new_owner",
        "NEW_VALUE",
        "login_challenge_status",
        "scope",
        "DEVICE_COMPROMISED_STATE",
        "severity",
    ]
    .into_iter()
    .find_map(|name| parameters.text(name))
}

fn signals(act: Option<Act>, name: &str, parameters: &Parameters<'_>, user: &Party) -> Set<Signal> {
    let mut set = Set::default();
    // Google gives no level: a strange sign-in is a medium one, an attack by a government a high one.
    if parameters.get("is_suspicious").and_then(Value::as_bool) == Some(true) {
        set.insert(Signal::RiskMedium);
    }
    match name {
        "gov_attack_warning" | "account_disabled_hijacked" => set.insert(Signal::RiskHigh),
        _ if act == Some(Act::RiskDetected) => set.insert(Signal::RiskMedium),
        _ => {}
    }
    if name == "suspicious_login_less_secure_app" {
        set.insert(Signal::LegacyProtocol);
    }
    if matches!(name, "login_challenge" | "login_verification") {
        set.insert(Signal::MfaChallenge);
        match outcome(name, parameters) {
            Outcome::Success => set.insert(Signal::MfaPassed),
            Outcome::Failure => set.insert(Signal::MfaDenied),
            Outcome::Unknown => {}
        }
    }
    if act == Some(Act::RoleGranted) || act == Some(Act::OauthGrant) && grants_far(parameters) {
        set.insert(Signal::Privileged);
    }
    if name == "email_forwarding_out_of_domain"
        || act == Some(Act::Share) && is_outside(parameters, user)
    {
        set.insert(Signal::External);
    }
    set
}

/// Tells whether the rights that an application was given reach far.
fn grants_far(parameters: &Parameters<'_>) -> bool {
    ["scope", "API_SCOPES"]
        .iter()
        .any(|name| match parameters.get(name) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).any(reach_far),
            Some(one) => one.as_str().is_some_and(reach_far),
            None => false,
        })
}

/// Tells whether a share reaches people outside, as Google says or as the domains say.
pub(super) fn is_outside(parameters: &Parameters<'_>, user: &Party) -> bool {
    let domain = |text: &Untrusted| {
        let (_, host) = text.raw().rsplit_once('@')?;
        Some(host.to_ascii_lowercase())
    };
    let own = user.email.as_ref().and_then(domain);
    let owner = parameters.text("new_owner").filter(is_mail);
    let owner = owner.as_ref().and_then(domain);
    parameters.word("visibility_change") == "external"
        || parameters.word("visibility") == "shared_externally"
        || owner.is_some() && own.is_some() && owner != own
}
