//! Auth0: tenant logs, bare or as a log stream sends them (`data` inside).
//!
//! Source: Auth0 log event type codes; Management API v2 paths for what an API operation did.

mod acts;

use super::tree::Value;

use super::act::{category_of, is_mail, kind_of, lane_of, login};
use super::fields::{Fields, path};
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{
    Act, Category, Event, Geo, Kind, Outcome, Party, Set, Signal,
};
use crate::domain::timeline::lane::Lane;

pub(super) use acts::act;

/// Tells whether a record looks like one.
pub(super) fn is_one(record: &Value) -> bool {
    let own = path(record, "data")
        .filter(|data| data.is_object())
        .unwrap_or(record);
    let has = |name| path(own, name).is_some();
    path(own, "type").is_some_and(Value::is_string)
        && (has("log_id") || path(record, "log_id").is_some() || has("client_id") && has("date"))
        && (has("date") || has("description") || has("details") || has("user_id"))
}

/// Reads one entry as an event.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    let own = path(record, "data")
        .filter(|data| data.is_object())
        .unwrap_or(record);
    let fields = Fields::of(own);
    let action = fields.text(&["type"]).ok_or(FieldError::Missing("type"))?;
    let operation = Operation::of(own);
    let act = act(action.raw(), operation.as_ref());
    let (at, untimed) = time_or_none(own, &["date"]);
    let is_api = operation.is_some();
    let user = user(&fields);
    // Auth0 acted to protect somebody: nobody is named as who tried.
    let (user, warned) = if act == Some(Act::RiskDetected) {
        (Party::default(), Some(user))
    } else {
        (user, None)
    };
    let outcome = outcome(action.raw(), operation.as_ref());
    Ok(Event {
        id: fields
            .text(&["log_id", "_id"])
            .or_else(|| Fields::of(record).text(&["log_id"]))
            .unwrap_or_default(),
        at,
        untimed,
        lane: lane_of(act, lane(action.raw(), is_api)),
        category: category_of(act, &[category(action.raw(), is_api)]),
        kind: kind_of(act, kind(action.raw(), operation.as_ref())),
        outcome,
        target: warned
            .or_else(|| operation.as_ref().map(Operation::target))
            .unwrap_or_default(),
        ip: fields.text(&["ip", "client_ip"]).as_ref().and_then(address),
        geo: geo(&fields),
        network: super::Network {
            number: fields
                .text(&["security_context.asn"])
                .and_then(|number| number.raw().parse().ok()),
            organization: None,
        },
        agent: fields.text(&["user_agent"]),
        session: fields.text(&["session_id", "details.session_id"]),
        provider: Some(Untrusted::new("auth0")),
        object: operation
            .as_ref()
            .map(|operation| Untrusted::new(operation.path.as_str()))
            .or_else(|| fields.text(&["client_name", "connection"])),
        reason: fields.text(&["description", "details.error.message"]),
        signals: if is_api {
            signals("", act, outcome)
        } else {
            signals(action.raw(), act, outcome)
        },
        act,
        action,
        user,
        ..Event::default()
    })
}

/// A call of the Management API.
pub(super) struct Operation<'a> {
    /// In small letters.
    method: String,
    /// Without the version in front.
    path: String,
    /// What Auth0 calls it, in small letters.
    words: String,
    body: Option<&'a Value<'a>>,
    answer: Option<&'a Value<'a>>,
    status: Option<u64>,
}

impl<'a> Operation<'a> {
    fn of(own: &'a Value<'a>) -> Option<Self> {
        let text = |name| path(own, name).and_then(Value::as_str);
        // Nobody's leaked password comes through the dashboard: where an entry says so, the request is what was done.
        let channel = text("details.request.channel").unwrap_or_default();
        let is_managed = channel.starts_with("https://manage.auth0.com");
        match text("type")? {
            "sapi" | "fapi" | "mgmt_api_read" => {}
            code if code.ends_with("pwd_leak") && is_managed => {}
            _ => return None,
        }
        let whole = text("details.request.path")?;
        let bare = whole.strip_prefix("/api").unwrap_or(whole);
        Some(Self {
            method: text("details.request.method")
                .unwrap_or_default()
                .to_lowercase(),
            path: bare.strip_prefix("/v2").unwrap_or(bare).to_owned(),
            words: text("description").unwrap_or_default().to_lowercase(),
            body: path(own, "details.request.body"),
            answer: path(own, "details.response.body"),
            status: path(own, "details.response.statusCode").and_then(Value::as_u64),
        })
    }

    /// Gives the user whose entry the call was about.
    fn target(&self) -> Party {
        let id = self
            .path
            .strip_prefix("/users/")
            .and_then(|rest| rest.split('/').next());
        let id = id
            .filter(|id| !id.is_empty())
            .map(|id| Untrusted::new(id.replace("%7C", "|")));
        let named = self.body.and_then(|body| {
            let one = ["invitee.email", "email"]
                .into_iter()
                .find_map(|name| path(body, name)?.as_str());
            one.or_else(|| path(body, "owners")?.as_array()?.first()?.as_str())
        });
        let named = named
            .filter(|_| self.path.starts_with("/users") || self.path.ends_with("/invitations"));
        login(id, named.map(Untrusted::new))
    }
}

fn user(fields: &Fields<'_>) -> Party {
    let who = "details.request.auth.user";
    let mail = format!("{who}.email");
    let id = format!("{who}.user_id");
    let name = fields.text(&["user_name", mail.as_str()]);
    Party {
        id: fields.text(&["user_id", id.as_str()]),
        email: name.clone().filter(is_mail),
        name,
    }
}

fn geo(fields: &Fields<'_>) -> Geo {
    let degrees = |name: &str| fields.get(&[name]).and_then(Value::as_f64);
    Geo {
        city: fields.text(&["location_info.city_name"]),
        region: None,
        country: fields.text(&["location_info.country_name"]),
        country_iso: fields.text(&["location_info.country_code"]),
        point: degrees("location_info.latitude")
            .zip(degrees("location_info.longitude"))
            .and_then(|(latitude, longitude)| Geo::at(latitude, longitude)),
        ..Geo::default()
    }
}

/// The codes begin with `s` where something worked and with `f` where it did not; the rest is by name.
fn outcome(code: &str, operation: Option<&Operation<'_>>) -> Outcome {
    if let Some(status) = operation.and_then(|operation| operation.status) {
        return if status < 400 {
            Outcome::Success
        } else {
            Outcome::Failure
        };
    }
    match code {
        "gd_auth_succeed"
        | "gd_enrollment_complete"
        | "gd_unenroll"
        | "gd_recovery_succeed"
        | "sapi"
        | "gd_user_delete"
        | "srrt"
        | "s"
        | "ss"
        | "scp"
        | "sce"
        | "scu"
        | "scpn"
        | "sv"
        | "slo"
        | "sdu"
        | "ssa"
        | "scoa"
        | "si"
        | "sd" => Outcome::Success,
        // With the rules of Auth0 that stopped something.
        "gd_auth_failed"
        | "gd_auth_rejected"
        | "gd_recovery_failed"
        | "w"
        | "limit_wc"
        | "limit_mu"
        | "limit_sul"
        | "limit_ui"
        | "pwd_leak"
        | "signup_pwd_leak"
        | "reset_pwd_leak"
        | "gd_otp_rate_limit_exceed"
        | "gd_recovery_rate_limit_exceed"
        | "f"
        | "fp"
        | "fu"
        | "fco"
        | "fcoa"
        | "fs"
        | "fcp"
        | "fce"
        | "fcu"
        | "fcpn"
        | "fv"
        | "flo"
        | "fdu"
        | "fsa"
        | "fapi"
        | "fi"
        | "fd"
        | "fn" => Outcome::Failure,
        _ if code.starts_with("se") => Outcome::Success,
        _ if code.starts_with("fe") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

fn lane(code: &str, is_api: bool) -> Lane {
    if is_api || matches!(code, "sapi" | "fapi") {
        Lane::Sensitive
    } else if ["gd_", "limit_", "se", "fe"]
        .iter()
        .any(|head| code.starts_with(head))
        || matches!(code, "slo" | "flo" | "ssa" | "fsa")
    {
        Lane::SignIn
    } else {
        Lane::AccountChange
    }
}

fn category(code: &str, is_api: bool) -> Category {
    match lane(code, is_api) {
        Lane::SignIn => Category::Authentication,
        Lane::AccountChange => Category::Iam,
        _ => Category::Configuration,
    }
}

fn kind(code: &str, operation: Option<&Operation<'_>>) -> Set<Kind> {
    let kind = match operation.map(|operation| operation.method.as_str()) {
        Some("post") => Kind::Creation,
        Some("put" | "patch") => Kind::Change,
        Some("delete") => Kind::Deletion,
        Some("get") => Kind::Access,
        _ if code == "slo" => Kind::End,
        _ if code.starts_with("limit_") => Kind::Denied,
        _ => Kind::Info,
    };
    Set::of(&[kind])
}

fn signals(code: &str, act: Option<Act>, outcome: Outcome) -> Set<Signal> {
    let mut set = Set::default();
    match code {
        "gd_send_pn" | "gd_send_sms" | "gd_send_voice" | "gd_send_email" | "gd_start_auth"
        | "mfar" => set.insert(Signal::MfaChallenge),
        "gd_auth_rejected" => set.insert(Signal::MfaDenied),
        "gd_auth_succeed" => set.insert(Signal::MfaPassed),
        "pwd_leak" | "signup_pwd_leak" | "reset_pwd_leak" => set.insert(Signal::RiskHigh),
        _ => {}
    }
    if act == Some(Act::RoleGranted) && outcome != Outcome::Failure {
        set.insert(Signal::Privileged);
    }
    set
}
