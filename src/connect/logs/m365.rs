//! Microsoft 365 unified audit log: the records of the Management Activity API, the `OfficeActivity` columns of Log Analytics,
//! and exports that hold the record as text in `AuditData`.
//!
//! Source: Office 365 Management Activity API schema (common, Exchange, SharePoint, Azure Active Directory).

use super::tree::Value;

use super::act::lane_of;
use super::fields::{Fields, pair, path, words};
use super::scopes::changes_reach_far;
use super::{address, time_or_none};
use crate::connect::decode::FieldError;
use crate::domain::text::Untrusted;
use crate::domain::timeline::event::{Act, Category, Event, Kind, Outcome, Party, Set, Signal};
use crate::domain::timeline::lane::Lane;

/// Tells whether a record looks like one.
pub(super) fn is_one(record: &Value) -> bool {
    let fields = Fields::of(record);
    fields.nested(&["AuditData"]).is_some()
        || fields.get(&["Operation"]).is_some()
            && fields
                .get(&["Workload", "OfficeWorkload", "RecordType"])
                .is_some()
            && fields
                .get(&["CreationTime", "TimeGenerated", "UserId"])
                .is_some()
}

/// Reads one record as an event.
pub(super) fn event(record: &Value) -> Result<Event, FieldError> {
    let inner = Fields::of(record).nested(&["AuditData"]);
    let own = inner.as_deref().unwrap_or(record);
    let fields = Fields::of(own);
    let action = fields
        .text(&["Operation"])
        .ok_or(FieldError::Missing("Operation"))?;
    let word = action.raw().trim().trim_end_matches('.');
    let more = fields.nested(&["ExtendedProperties"]);
    let parameters = fields
        .nested(&["Parameters"])
        .or_else(|| fields.nested(&["OperationProperties"]));
    let extended = |name| more.as_deref().and_then(|list| pair(list, name));
    let parameter = |name| parameters.as_deref().and_then(|list| pair(list, name));
    let act = act_with(word, &fields, &parameter);
    let (at, untimed) = time_or_none(
        own,
        &[
            "CreationTime",
            "creationtime",
            "Start_Time",
            "TimeGenerated",
        ],
    );
    let error = fields
        .text(&["LogonError", "ErrorNumber"])
        .filter(|text| text.raw() != "0");
    Ok(Event {
        id: fields
            .text(&["Id", "OfficeId", "SourceRecordId"])
            .unwrap_or_default(),
        at,
        untimed,
        act,
        lane: lane(word, act, &fields),
        category: category(word, act),
        kind: kind(word),
        outcome: outcome(word, fields.text(&["ResultStatus"]), error.is_some()),
        user: user(&fields),
        target: target(&fields, &parameter),
        ip: fields
            .text(&[
                "ClientIP",
                "ClientIPAddress",
                "Client_IPAddress",
                "ActorIpAddress",
            ])
            .as_ref()
            .and_then(address)
            .filter(|ip| ip.raw() != "0.0.0.0"),
        agent: extended("UserAgent").or_else(|| fields.text(&["UserAgent", "ClientInfoString"])),
        device: fields
            .nested(&["DeviceProperties"])
            .and_then(|list| pair(&list, "Id")),
        session: fields.text(&["SessionId", "AppAccessContext.AADSessionId"]),
        provider: Some(Untrusted::new("m365")),
        object: parameter("Name")
            .filter(|_| act == Some(Act::InboxRule))
            .or_else(|| fields.text(&["SourceFileName", "ItemName", "ObjectId", "OfficeObjectId"])),
        reason: error.or_else(|| forwarding(&parameter)),
        signals: signals(act, &fields, &parameter),
        action: Untrusted::new(word),
        ..Event::default()
    })
}

/// Where mail goes to, out of the parameters of a rule or a mailbox.
fn forwarding(parameter: &dyn Fn(&'static str) -> Option<Untrusted>) -> Option<Untrusted> {
    [
        "ForwardingSmtpAddress",
        "ForwardingAddress",
        "ForwardTo",
        "ForwardAsAttachmentTo",
        "RedirectTo",
    ]
    .into_iter()
    .find_map(parameter)
}

fn user(fields: &Fields<'_>) -> Party {
    let name = fields.text(&["UserId", "UserId_"]);
    let key = fields
        .text(&["UserKey"])
        .filter(|key| !key.raw().eq_ignore_ascii_case("not available"));
    Party {
        id: key.filter(|key| Some(key) != name.as_ref()),
        email: name
            .clone()
            .filter(|name| name.raw().contains('@') && !name.raw().contains(' ')),
        name,
    }
}

/// Gives whose account or mailbox it is done to.
fn target(fields: &Fields<'_>, parameter: &dyn Fn(&'static str) -> Option<Untrusted>) -> Party {
    let login =
        |text: &Untrusted| text.raw().contains('@') && !text.raw().contains([' ', '/', '\\']);
    // Directory records list the target with the login as type 5.
    let listed = fields.nested(&["Target"]).and_then(|list| {
        list.as_array()?
            .iter()
            .filter(|one| path(one, "Type").and_then(Value::as_u64) == Some(5))
            .find_map(|one| words(path(one, "ID")?))
    });
    let name = listed
        .filter(login)
        .or_else(|| fields.text(&["MailboxOwnerUPN", "TargetUserOrGroupName"]))
        .or_else(|| parameter("Identity").filter(login))
        .or_else(|| {
            let directory = fields.text(&["Workload", "OfficeWorkload"]);
            fields
                .text(&["ObjectId"])
                .filter(login)
                .filter(|_| directory.is_some_and(|word| word.raw() == "AzureActiveDirectory"))
        });
    Party {
        id: None,
        email: name.clone().filter(login),
        name,
    }
}

fn outcome(operation: &str, status: Option<Untrusted>, failed: bool) -> Outcome {
    // A failed sign-in has the status of the request, which was answered well.
    if failed || operation.ends_with("Failed") {
        return Outcome::Failure;
    }
    match status
        .map(|word| word.raw().to_ascii_lowercase())
        .as_deref()
    {
        Some("true" | "success" | "succeeded" | "partiallysucceeded") => Outcome::Success,
        Some("false" | "failed" | "failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Gives what was done by the name of an operation alone.
pub(super) fn act(operation: &str) -> Option<Act> {
    act_with(operation, &Fields::of(&Value::Null), &|_| None)
}

fn act_with(
    operation: &str,
    fields: &Fields<'_>,
    parameter: &dyn Fn(&'static str) -> Option<Untrusted>,
) -> Option<Act> {
    let word = operation.to_ascii_lowercase();
    Some(match word.as_str() {
        "userloggedin" | "userloginfailed" | "mailboxlogin" | "teamssessionstarted" => Act::SignIn,
        "set-mailbox" | "set-remotemailbox" if forwarding(parameter).is_some() => Act::Forwarding,
        "set-transportrule" | "new-transportrule" if forwarding(parameter).is_some() => {
            Act::Forwarding
        }
        "new-inboxrule" | "set-inboxrule" | "updateinboxrules" | "enable-inboxrule" => {
            Act::InboxRule
        }
        "add-mailboxpermission"
        | "add-recipientpermission"
        | "add-mailboxfolderpermission"
        | "adddelegate"
        | "updatecalendardelegation" => Act::Delegate,
        "filedownloaded" | "filesyncdownloadedfull" | "searchexported" => Act::Download,
        "anonymouslinkcreated"
        | "sharingset"
        | "sharinginvitationcreated"
        | "addedtosecurelink"
        | "companylinkcreated"
        | "securelinkcreated"
        | "sharinglinkcreated" => Act::Share,
        "mailitemsaccessed" => Act::SensitiveAccess,
        "set-adminauditlogconfig"
        | "set-mailboxauditbypassassociation"
        | "disable-antiphishrule"
        | "remove-antiphishrule"
        | "remove-antiphishpolicy"
        | "disable-malwarefilterrule"
        | "remove-malwarefilterrule"
        | "disable-safelinksrule"
        | "remove-safelinksrule"
        | "disable-safeattachmentrule"
        | "remove-safeattachmentrule" => Act::DefenceWeakened,
        "update user" => strong_authentication(fields)?,
        "reset user password" | "set force change user password" => Act::PasswordReset,
        "change user password" => Act::PasswordChanged,
        "add member to role"
        | "add eligible member to role"
        | "add-rolegroupmember"
        | "new-managementroleassignment" => Act::RoleGranted,
        "consent to application"
        | "add delegated permission grant"
        | "add oauth2permissiongrant"
        | "add app role assignment to service principal" => Act::OauthGrant,
        "add user" => Act::AccountCreated,
        "delete user" | "hard delete user" => Act::AccountDeleted,
        "disable account" => Act::AccountDisabled,
        "enable account" | "restore user" => Act::AccountEnabled,
        "update stsrefreshtokenvalidfrom timestamp" => Act::SessionsRevoked,
        "disable strong authentication" => Act::MfaRemoved,
        "enable strong authentication" => Act::MfaAdded,
        _ if word.contains("service principal credentials")
            || word.contains("certificates and secrets") =>
        {
            Act::AccessKey
        }
        _ => return None,
    })
}

/// A change of the factors of a user: fewer than before is a removal.
fn strong_authentication(fields: &Fields<'_>) -> Option<Act> {
    let changes = fields.nested(&["ModifiedProperties"])?;
    let change = changes.as_array()?.iter().find(|one| {
        path(one, "Name").and_then(Value::as_str) == Some("StrongAuthenticationMethod")
    })?;
    let count = |side| {
        let list = super::fields::unpacked(path(change, side)?)?;
        list.as_array().map(Vec::len)
    };
    let (new, old) = (count("NewValue")?, count("OldValue")?);
    Some(if new < old {
        Act::MfaRemoved
    } else {
        Act::MfaAdded
    })
}

fn lane(operation: &str, act: Option<Act>, fields: &Fields<'_>) -> Lane {
    let directory = fields
        .text(&["Workload", "OfficeWorkload"])
        .is_some_and(|word| word.raw() == "AzureActiveDirectory");
    let otherwise = if directory || operation.contains("Mailbox") {
        Lane::AccountChange
    } else {
        Lane::Sensitive
    };
    lane_of(act, otherwise)
}

fn category(operation: &str, act: Option<Act>) -> Set<Category> {
    match act {
        Some(Act::SignIn) => Set::of(&[Category::Authentication]),
        Some(Act::InboxRule | Act::Forwarding | Act::Delegate) => {
            Set::of(&[Category::Email, Category::Configuration])
        }
        Some(Act::Download | Act::Share) => Set::of(&[Category::File]),
        Some(Act::SensitiveAccess) => Set::of(&[Category::Email]),
        Some(Act::DefenceWeakened) => Set::of(&[Category::Configuration]),
        Some(_) => Set::of(&[Category::Iam]),
        None if operation.starts_with("File") || operation.starts_with("Folder") => {
            Set::of(&[Category::File])
        }
        None if operation.contains("User") || operation.contains("user") => {
            Set::of(&[Category::Iam])
        }
        None if operation.contains('-') => Set::of(&[Category::Configuration]),
        None => Set::default(),
    }
}

fn kind(operation: &str) -> Set<Kind> {
    let word = operation.to_ascii_lowercase();
    let starts = |heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    if starts(&["userlog", "mailboxlogin"]) {
        Set::of(&[Kind::Start])
    } else if starts(&["new-", "add", "enable-", "install-"]) || word.ends_with("created") {
        Set::of(&[Kind::Creation])
    } else if starts(&["remove", "delete", "disable"]) || word.ends_with("deleted") {
        Set::of(&[Kind::Deletion])
    } else if starts(&["set-", "update", "change", "reset"]) || word.ends_with("modified") {
        Set::of(&[Kind::Change])
    } else {
        Set::of(&[Kind::Access])
    }
}

fn signals(
    act: Option<Act>,
    fields: &Fields<'_>,
    parameter: &dyn Fn(&'static str) -> Option<Untrusted>,
) -> Set<Signal> {
    let mut set = Set::default();
    let to = forwarding(parameter).map(|to| to.raw().to_ascii_lowercase());
    let own = fields
        .text(&["UserId"])
        .and_then(|user| Some(user.raw().split_once('@')?.1.to_ascii_lowercase()));
    let own_tenant = fields
        .text(&["OrganizationName"])
        .map(|name| name.raw().to_ascii_lowercase());
    if let Some(to) = to.as_deref().and_then(|to| Some(to.rsplit_once('@')?.1)) {
        let inside = [own.as_deref(), own_tenant.as_deref()]
            .into_iter()
            .flatten()
            .any(|own| to == own || to.ends_with(&format!(".{own}")) || same_company(to, own));
        if !inside {
            set.insert(Signal::External);
        }
    }
    let guest = fields
        .text(&["TargetUserOrGroupType"])
        .is_some_and(|kind| kind.raw() == "Guest");
    let open = fields
        .text(&["Operation"])
        .is_some_and(|word| word.raw() == "AnonymousLinkCreated");
    if act == Some(Act::Share) && (guest || open) {
        set.insert(Signal::External);
    }
    let changes = fields.nested(&["ModifiedProperties"]);
    let grants_far = || changes.as_deref().is_some_and(changes_reach_far);
    if act == Some(Act::RoleGranted) || act == Some(Act::OauthGrant) && grants_far() {
        set.insert(Signal::Privileged);
    }
    let agent = fields.text(&["ClientInfoString", "UserAgent"]);
    let old = ["POP3", "IMAP4", "SMTP", "ActiveSync"];
    if agent.is_some_and(|agent| old.iter().any(|word| agent.raw().contains(word))) {
        set.insert(Signal::LegacyProtocol);
    }
    set
}

/// `acme.com` and the tenant `acme.onmicrosoft.com` are one company.
fn same_company(domain: &str, tenant: &str) -> bool {
    let head = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    (tenant.ends_with(".onmicrosoft.com") || domain.ends_with(".onmicrosoft.com"))
        && head(domain) == head(tenant)
}
