//! AWS CloudTrail: records as delivered to a bucket, and as `LookupEvents` gives them (`CloudTrailEvent` as text).
//!
//! Source: CloudTrail user guide, record contents, `userIdentity` element, console sign-in events.

mod acts;
mod identity;

use std::borrow::Cow;

use super::tree::Value;

use super::act::{category_of, kind_of, lane_of, login};
use super::{address, time_or_none, with_keys};
use crate::connect::decode::{FieldError, at, need_text, text};
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Outcome, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

pub(super) use acts::act;

/// Fields that some exports write in lower case.
const KEYS: [&str; 11] = [
    "eventName",
    "eventSource",
    "eventTime",
    "eventID",
    "userIdentity",
    "sourceIPAddress",
    "userAgent",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "errorCode",
];

/// What a request was about, the most telling parameter first.
const OBJECTS: [&str; 22] = [
    "roleArn",
    "policyArn",
    "secretId",
    "key",
    "bucketName",
    "instancesSet.items.instanceId",
    "instanceId",
    "groupName",
    "roleName",
    "policyName",
    "accessKeyId",
    "serialNumber",
    "functionName",
    "tableName",
    "dBInstanceIdentifier",
    "snapshotId",
    "detectorId",
    "name",
    "Name",
    "keyId",
    "documentName",
    "userName",
];

/// Tells whether a record looks like one.
pub(super) fn is_one(record: &Value) -> bool {
    let has = |name: &str| {
        record
            .get(name)
            .or_else(|| record.get(&name.to_ascii_lowercase()))
            .is_some_and(|value| !value.is_null())
    };
    has("CloudTrailEvent")
        || has("eventName") && (has("eventSource") || has("userIdentity") || has("awsRegion"))
}

/// Gives the record itself out of an answer of `LookupEvents`.
fn unwrapped<'a>(record: &'a Value<'a>) -> Cow<'a, Value<'a>> {
    let inner = record
        .get("CloudTrailEvent")
        .and_then(super::fields::unpacked);
    with_keys(inner.unwrap_or(Cow::Borrowed(record)), &KEYS)
}

/// Reads one record as an event.
pub(super) fn event(whole: &Value) -> Result<Event, FieldError> {
    let record = &*unwrapped(whole);
    let action = need_text(record, "eventName")?;
    let service = text(record, "eventSource");
    let service = service.as_ref().map_or("", Untrusted::raw);
    let user = identity::actor(record);
    let target = target(record, action.raw(), service);
    let (time, untimed) = time_or_none(record, &["eventTime"]);
    let kind_of_user = text(record, "userIdentity.type").unwrap_or_default();
    let outcome = outcome(record);
    let act = act(record, action.raw(), kind_of_user.raw(), &user, &target);
    Ok(Event {
        id: text(record, "eventID").unwrap_or_default(),
        at: time,
        untimed,
        lane: lane_of(act, lane(service)),
        category: category_of(act, &[category(service)]),
        kind: kind(record, action.raw(), act),
        outcome,
        // `AWS Internal` is what a console of AWS itself gives.
        ip: text(record, "sourceIPAddress").as_ref().and_then(address),
        agent: text(record, "userAgent"),
        session: text(record, "userIdentity.accessKeyId"),
        provider: Some(Untrusted::new(if service.is_empty() {
            "cloudtrail"
        } else {
            service
        })),
        object: object(record),
        reason: text(record, "errorMessage").or_else(|| text(record, "errorCode")),
        signals: signals(record, action.raw(), act, outcome),
        act,
        action,
        user,
        target,
        ..Event::default()
    })
}

/// Gives the user a request was about: most of IAM's name it in `userName`, an answer that made one in `user`.
fn target(record: &Value, action: &str, service: &str) -> Party {
    if !matches!(
        service,
        "iam.amazonaws.com" | "signin.amazonaws.com" | "identitystore.amazonaws.com" | ""
    ) {
        return Party::default();
    }
    let named = text(record, "requestParameters.userName");
    let made = || text(record, "responseElements.user.userName");
    let id = text(record, "responseElements.user.userId");
    let own = || {
        text(record, "responseElements.accessKey.userName").filter(|_| action == "CreateAccessKey")
    };
    login(id, named.or_else(made).or_else(own))
}

/// Answers that say `Success` or `Failure`.
const ANSWERS: [&str; 6] = [
    "responseElements.ConsoleLogin",
    "responseElements.CheckMfa",
    "responseElements.SwitchRole",
    "responseElements.PasswordRecoveryRequested",
    "responseElements.PasswordRecoveryCompleted",
    "responseElements.PasswordUpdated",
];

fn outcome(record: &Value) -> Outcome {
    let failed = text(record, "errorCode").is_some() || text(record, "errorMessage").is_some();
    let answer = ANSWERS.iter().find_map(|field| text(record, field));
    match answer.as_ref().map(Untrusted::raw) {
        Some("Failure") => Outcome::Failure,
        // A record without an error is of a request that was done.
        _ if !failed => Outcome::Success,
        _ => Outcome::Failure,
    }
}

fn lane(service: &str) -> Lane {
    match service {
        "signin.amazonaws.com" => Lane::SignIn,
        _ => Lane::Sensitive,
    }
}

fn category(service: &str) -> Category {
    match service {
        "signin.amazonaws.com" => Category::Authentication,
        "iam.amazonaws.com"
        | "sts.amazonaws.com"
        | "sso.amazonaws.com"
        | "identitystore.amazonaws.com"
        | "organizations.amazonaws.com" => Category::Iam,
        "s3.amazonaws.com" => Category::File,
        _ => Category::Api,
    }
}

fn kind(record: &Value, action: &str, act: Option<Act>) -> Set<Kind> {
    let starts = |heads: &[&str]| heads.iter().any(|head| action.starts_with(head));
    let reads =
        at(record, "readOnly").is_some_and(|flag| flag.as_bool() == Some(true) || flag == "true");
    let plain = if reads || starts(&["Get", "List", "Describe", "Head", "Lookup", "BatchGet"]) {
        Set::of(&[Kind::Access])
    } else if starts(&[
        "Create", "Add", "Attach", "Enable", "Upload", "Run", "Register",
    ]) {
        Set::of(&[Kind::Creation])
    } else if starts(&[
        "Delete",
        "Remove",
        "Detach",
        "Deactivate",
        "Disable",
        "Terminate",
    ]) {
        Set::of(&[Kind::Deletion])
    } else if starts(&[
        "Put", "Update", "Modify", "Set", "Change", "Stop", "Start", "Leave",
    ]) {
        Set::of(&[Kind::Change])
    } else {
        Set::of(&[Kind::Info])
    };
    let mut set = kind_of(act, plain);
    let code = text(record, "errorCode").unwrap_or_default();
    if code.raw().contains("AccessDenied") || code.raw().contains("Unauthorized") {
        set.insert(Kind::Denied);
    }
    set
}

fn object(record: &Value) -> Option<Untrusted> {
    let asked = at(record, "requestParameters")?;
    let first_instance = || {
        let all = at(asked, "instancesSet.items")?.as_array()?;
        text(all.first()?, "instanceId")
    };
    let resource = || {
        let all = at(record, "resources")?.as_array()?;
        text(all.first()?, "ARN").or_else(|| text(all.first()?, "arn"))
    };
    OBJECTS
        .iter()
        .find_map(|field| text(asked, field))
        .or_else(first_instance)
        .or_else(resource)
}

fn signals(record: &Value, action: &str, act: Option<Act>, outcome: Outcome) -> Set<Signal> {
    let mut set = Set::default();
    let used = text(record, "additionalEventData.MFAUsed");
    // Whoever comes from an identity provider gave the second factor there.
    let federated = text(record, "additionalEventData.SamlProviderArn").is_some();
    match used.as_ref().map(Untrusted::raw) {
        Some("Yes") if outcome == Outcome::Success => set.insert(Signal::MfaPassed),
        Some("Yes") if outcome == Outcome::Failure => set.insert(Signal::MfaDenied),
        Some("No") if action == "ConsoleLogin" && !federated => set.insert(Signal::NoMfa),
        _ => {}
    }
    if action == "CheckMfa" {
        set.insert(Signal::MfaChallenge);
        match outcome {
            Outcome::Success => set.insert(Signal::MfaPassed),
            Outcome::Failure => set.insert(Signal::MfaDenied),
            Outcome::Unknown => {}
        }
    }
    if act == Some(Act::RoleGranted) {
        set.insert(Signal::Privileged);
    }
    if act == Some(Act::Share) {
        set.insert(Signal::External);
    }
    let asks_anew = text(record, "requestParameters.passwordResetRequired");
    if act == Some(Act::PasswordReset) && asks_anew.is_some_and(|word| word.raw() == "false") {
        set.insert(Signal::Lasting);
    }
    set
}
