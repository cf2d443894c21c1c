//! What decoders make of records that vendors document and the corpus does not have: the act and the outcome.

use quell::connect::logs::read_log;
use quell::domain::text::Untrusted;
use quell::domain::timeline::event::Term;
use rstest::rstest;
use serde_json::{Value, json};

fn entra_audit(activity: &str) -> Value {
    json!({"id": "1", "category": "UserManagement", "activityDisplayName": activity, "operationName": activity,
           "activityDateTime": "2026-11-20T01:00:00Z", "result": "success",
           "initiatedBy": {"user": {"id": "a", "userPrincipalName": "admin@example.com"}},
           "targetResources": [{"type": "User", "id": "u", "userPrincipalName": "mara@example.com"}]})
}

fn entra_sign_in(code: u32) -> Value {
    json!({"id": "1", "category": "SignInLogs", "createdDateTime": "2026-11-20T01:00:00Z", "userId": "u",
           "userPrincipalName": "mara@example.com", "clientAppUsed": "Browser", "status": {"errorCode": code}})
}

fn m365(operation: &str) -> Value {
    json!({"Id": "1", "CreationTime": "2026-11-20T01:00:00", "Operation": operation, "RecordType": 8,
           "Workload": "AzureActiveDirectory", "ResultStatus": "Success", "UserId": "admin@example.com",
           "ObjectId": "mara@example.com"})
}

fn google(application: &str, name: &str) -> Value {
    json!({"kind": "admin#reports#activity", "actor": {"email": "mara@example.com", "profileId": "1"},
           "id": {"applicationName": application, "time": "2026-11-20T01:00:00.000Z", "uniqueQualifier": "1"},
           "events": [{"name": name, "type": "x"}]})
}

fn auth0(code: &str) -> Value {
    json!({"log_id": "1", "date": "2026-11-20T01:00:00.000Z", "type": code, "user_id": "auth0|1",
           "user_name": "mara@example.com", "ip": "198.51.100.7"})
}

fn okta(kind: &str, reason: &str) -> Value {
    json!({"uuid": "1", "published": "2026-11-20T01:00:00Z", "eventType": kind,
           "outcome": {"result": "SUCCESS", "reason": reason}, "actor": {"id": "1", "alternateId": "mara@example.com"}})
}

fn duo(action: &str) -> Value {
    json!({"action": action, "username": "Mara", "isotimestamp": "2026-11-20T01:00:00Z", "object": "Global Policy",
           "description": "{\"allow_factor_sms\": false}"})
}

fn cloudtrail(name: &str, asked: &Value) -> Value {
    json!({"eventVersion": "1.08", "eventID": "1", "eventTime": "2026-11-20T01:00:00Z", "eventName": name,
           "eventSource": "x.amazonaws.com", "sourceIPAddress": "198.51.100.7", "requestParameters": asked,
           "userIdentity": {"type": "IAMUser", "principalId": "A", "userName": "mara",
                            "arn": "arn:aws:iam::1:user/mara", "accountId": "1"}})
}

#[rstest]
#[case(entra_audit("Self-service password reset flow activity progress"), "-")]
#[case(entra_audit("Reset password (self-service)"), "password_reset")]
#[case(entra_audit("Set force change user password"), "password_reset")]
#[case(entra_audit("Change password (self-service)"), "password_changed")]
#[case(
    entra_audit("Add member to role completed (PIM activation)"),
    "role_granted"
)]
#[case(entra_audit("Add member to role request denied (PIM activation)"), "-")]
#[case(entra_audit("Add member to role canceled (PIM activation)"), "-")]
#[case(entra_audit("Add Windows Hello for Business credential"), "mfa_added")]
#[case(
    entra_audit("Delete passwordless phone sign-in credential"),
    "mfa_removed"
)]
#[case(entra_audit("Hard Delete user"), "account_deleted")]
#[case(entra_audit("Restore user"), "account_enabled")]
#[case(entra_audit("Unlock user account (self-service)"), "account_enabled")]
#[case(entra_audit("Suspicious activity reported"), "risk_detected")]
#[case(m365("Update StsRefreshTokenValidFrom Timestamp."), "sessions_revoked")]
#[case(m365("Add member to role."), "role_granted")]
#[case(m365("Add-RoleGroupMember"), "role_granted")]
#[case(m365("Hard Delete user."), "account_deleted")]
#[case(m365("Set force change user password."), "password_reset")]
#[case(google("user_accounts", "passkey_enrolled"), "mfa_added")]
#[case(google("user_accounts", "passkey_removed"), "mfa_removed")]
#[case(auth0("scpr"), "password_reset")]
#[case(auth0("ublkdu"), "account_enabled")]
#[case(auth0("fepft"), "sign_in")]
#[case(auth0("gd_recovery_failed"), "mfa_prompt")]
#[case(cloudtrail("GetParameters", &json!({"withDecryption": true})), "sensitive_access")]
#[case(cloudtrail("GetParameters", &json!({"withDecryption": false})), "-")]
#[case(cloudtrail("DeleteLogGroup", &json!({"logGroupName": "x"})), "defence_weakened")]
#[case(cloudtrail("UpdateDetector", &json!({"enable": false})), "defence_weakened")]
#[case(cloudtrail("UpdateDetector", &json!({"enable": true})), "-")]
#[case(cloudtrail("UpdateFindings", &json!({})), "protection_changed")]
#[case(entra_audit("Update conditional access policy"), "defence_weakened")]
#[case(entra_audit("Add conditional access policy"), "-")]
#[case(
    okta("user.mfa.factor.deactivate", "User reset FIDO_WEBAUTHN factor"),
    "mfa_reset"
)]
#[case(okta("user.mfa.factor.deactivate", ""), "mfa_removed")]
#[case(okta("app.oauth2.as.token.detect_reuse", ""), "risk_detected")]
#[case(duo("policy_update"), "protection_changed")]
fn acts(#[case] record: Value, #[case] expected: &str) {
    let log = read_log(record.to_string().as_bytes(), None);
    assert!(log.faults.is_empty(), "{:?}", log.faults);
    let act = log.events[0].act.map_or("-", |act| act.key());
    assert_eq!(act, expected, "{record}");
}

/// What is known beside the act.
#[rstest]
#[case::reaching_far(token(&["https://mail.google.com/"]), "privileged")]
#[case::near(token(&["https://www.googleapis.com/auth/calendar"]), "")]
#[case::consent(consent("Scope: Mail.Read offline_access"), "privileged")]
#[case::plain_consent(consent("Scope: User.Read"), "")]
#[case::kept(set_by_another(false), "lasting")]
#[case::asked_anew(set_by_another(true), "")]
#[case::wrong_code(console("Yes"), "mfa_denied")]
#[case::wrong_password(console("No"), "no_mfa")]
#[case::risk(risky("high", "atRisk"), "risk_high")]
#[case::looked_at(risky("high", "dismissed"), "")]
#[case::support(support("unknown"), "external")]
#[case::by_itself(support("Wx1"), "")]
fn signals(#[case] record: Value, #[case] expected: &str) {
    let log = read_log(record.to_string().as_bytes(), None);
    assert!(log.faults.is_empty(), "{:?}", log.faults);
    let words: Vec<&str> = log.events[0].signals.iter().map(Term::key).collect();
    assert_eq!(words.join(","), expected, "{record}");
}

fn token(scopes: &[&str]) -> Value {
    let mut record = google("token", "authorize");
    record["events"][0]["parameters"] =
        json!([{"name": "app_name", "value": "x"}, {"name": "scope", "multiValue": scopes}]);
    record
}

fn consent(rights: &str) -> Value {
    let mut record = entra_audit("Consent to application");
    record["targetResources"] = json!([{"type": "ServicePrincipal", "id": "p", "displayName": "x", "modifiedProperties": [
        {"displayName": "ConsentAction.Permissions", "oldValue": "", "newValue": format!("[] => [[{rights}]]")}]}]);
    record
}

fn set_by_another(asks_anew: bool) -> Value {
    let asked = json!({"userName": "ben", "passwordResetRequired": asks_anew});
    let mut record = cloudtrail("UpdateLoginProfile", &asked);
    record["eventSource"] = json!("iam.amazonaws.com");
    record
}

fn console(used: &str) -> Value {
    let mut record = cloudtrail("ConsoleLogin", &Value::Null);
    record["responseElements"] = json!({"ConsoleLogin": "Failure"});
    record["additionalEventData"] = json!({"MFAUsed": used});
    record
}

fn risky(level: &str, state: &str) -> Value {
    let mut record = entra_sign_in(0);
    // The one level may be none where the other is not.
    record["riskLevelDuringSignIn"] = json!("none");
    record["riskLevelAggregated"] = json!(level);
    record["riskState"] = json!(state);
    record
}

fn support(transaction: &str) -> Value {
    let mut record = okta("user.account.reset_password", "");
    record["actor"]["alternateId"] = json!("system@okta.com");
    record["transaction"] = json!({"id": transaction});
    record
}

/// A sign-in that asks for more, or a session at its end, is no failed sign-in.
#[rstest]
#[case(0, "success")]
#[case(50_126, "failure")]
#[case(50_053, "failure")]
#[case(50_140, "unknown")]
#[case(50_058, "unknown")]
#[case(50_097, "unknown")]
#[case(70_044, "unknown")]
fn sign_ins(#[case] code: u32, #[case] expected: &str) {
    let log = read_log(entra_sign_in(code).to_string().as_bytes(), None);
    assert_eq!(log.events[0].outcome.key(), expected);
}

/// Elastic's integrations name the one who asked in several ways.
#[rstest]
#[case(json!({"client": {"ip": "198.51.100.7", "user": {"id": "1", "full_name": "Mara"}, "geo": {"city_name": "Lagos"}}}), "Mara", "")]
#[case(json!({"user": {"name": "mara", "id": "1"}, "source": {"ip": "198.51.100.7", "user": {"email": "mara@example.com"}}}), "mara", "mara@example.com")]
#[case(json!({"source": {"ip": "198.51.100.7", "user": {"name": "mara"}}}), "mara", "")]
fn who_asked(#[case] mut record: Value, #[case] name: &str, #[case] email: &str) {
    record["@timestamp"] = json!("2026-11-20T01:00:00Z");
    record["event"] = json!({"action": "x"});
    let log = read_log(record.to_string().as_bytes(), None);
    let event = &log.events[0];
    let raw =
        |text: Option<&Untrusted>| text.map_or_else(String::new, |text| text.raw().to_owned());
    assert_eq!(
        (
            raw(event.user.name.as_ref()),
            raw(event.user.email.as_ref())
        ),
        (name.to_owned(), email.to_owned())
    );
    assert_eq!(raw(event.ip.as_ref()), "198.51.100.7");
}

/// A rule of a mailbox is known by Exchange's word in any integration; that it leads outside, by the address in it.
#[rstest]
#[case("forward all to drop@mailbox.example, then delete", "external")]
#[case("forward all to ben@example.com", "")]
#[case("forward all to ben@mail.example.com.", "")]
#[case("move to Archive", "")]
fn inbox_rules_of_other_integrations(#[case] rule: &str, #[case] signal: &str) {
    let record = json!({"@timestamp": "2026-11-20T01:00:00Z", "user": {"name": "mara", "email": "mara@example.com"},
        "event": {"action": "New-InboxRule", "dataset": "mail.audit", "category": ["configuration"], "type": ["creation"]},
        "rule": {"name": ".", "description": rule}});
    let log = read_log(record.to_string().as_bytes(), None);
    let event = &log.events[0];
    assert_eq!(event.act.map(Term::key), Some("inbox_rule"));
    let signals: Vec<&str> = event.signals.iter().map(Term::key).collect();
    assert_eq!(signals.join(","), signal);
    assert_eq!(event.lane.key(), "account_change");
}
