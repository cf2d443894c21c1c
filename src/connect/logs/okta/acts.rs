//! What was done, by Okta's event types.
//!
//! Source: Okta's catalogue of event types.

use crate::domain::text::Untrusted;
use crate::domain::timeline::event::Act;

/// Gives what was done by the type and the reason: a reset of a factor has the type of its removal.
pub(super) fn act_of(kind: &str, reason: Option<&Untrusted>) -> Option<Act> {
    let act = act(kind);
    let is_reset = || reason.is_some_and(|reason| reason.raw().starts_with("User reset"));
    act.map(|act| match act {
        Act::MfaRemoved if is_reset() => Act::MfaReset,
        act => act,
    })
}

/// Gives what was done; `None` where the type does not settle it.
pub(in crate::connect::logs) fn act(kind: &str) -> Option<Act> {
    let starts = |head: &str| kind.starts_with(head);
    Some(match kind {
        "user.session.start"
        | "user.authentication.sso"
        | "user.authentication.authenticate"
        | "user.authentication.verify"
        | "app.generic.unauth_app_access_attempt" => Act::SignIn,
        "user.authentication.auth_via_mfa" => Act::MfaPrompt,
        "user.mfa.factor.activate" | "user.mfa.factor.unsuspend" => Act::MfaAdded,
        "user.mfa.factor.deactivate" | "user.mfa.factor.suspend" => Act::MfaRemoved,
        "user.mfa.factor.reset_all" => Act::MfaReset,
        "user.account.update_password" => Act::PasswordChanged,
        "user.account.reset_password"
        | "user.account.expire_password"
        | "user.credential.forgot_password" => Act::PasswordReset,
        "user.account.update_primary_email"
        | "user.account.update_secondary_email"
        | "user.account.update_phone"
        | "user.account.update_user_security_question" => Act::RecoveryChanged,
        "user.lifecycle.create" => Act::AccountCreated,
        "user.lifecycle.activate"
        | "user.lifecycle.reactivate"
        | "user.lifecycle.unsuspend"
        | "user.account.unlock"
        | "user.account.unlock_by_admin" => Act::AccountEnabled,
        "user.lifecycle.deactivate"
        | "user.lifecycle.suspend"
        | "user.account.lock"
        | "user.account.lock.limit" => Act::AccountDisabled,
        "user.lifecycle.delete.initiated"
        | "user.lifecycle.delete.completed"
        | "user.lifecycle.delete" => Act::AccountDeleted,
        "user.session.clear" | "user.authentication.universal_logout" => Act::SessionsRevoked,
        "user.session.impersonation.initiate" => Act::LateralMovement,
        "user.session.impersonation.grant" | "user.session.impersonation.extend" => Act::Delegate,
        "user.account.privilege.grant" | "group.privilege.grant" => Act::RoleGranted,
        "system.api_token.create" | "app.oauth2.client.credentials.lifecycle.create" => {
            Act::AccessKey
        }
        "user.account.report_suspicious_activity_by_enduser"
        | "security.threat.detected"
        | "security.breached_credential.detected"
        | "user.risk.detect" => Act::RiskDetected,
        "policy.lifecycle.deactivate"
        | "policy.lifecycle.delete"
        | "policy.rule.deactivate"
        | "policy.rule.delete"
        | "zone.deactivate"
        | "zone.delete"
        | "system.log_stream.lifecycle.deactivate"
        | "system.log_stream.lifecycle.delete" => Act::DefenceWeakened,
        "analytics.reports.export.download" => Act::Download,
        "mail.inbox_rule.create" => Act::InboxRule,
        // A token that was used before comes again: somebody else has it too.
        _ if kind.ends_with(".token.detect_reuse") => Act::RiskDetected,
        _ if starts("app.oauth2.") && kind.ends_with("consent.grant") => Act::OauthGrant,
        _ if starts("user.authentication.auth_via_") => Act::SignIn,
        _ if starts("user.mfa.okta_verify.deny_push") || kind == "user.mfa.attempt_bypass" => {
            Act::MfaPrompt
        }
        _ if is_prompt(kind) => Act::MfaPrompt,
        _ => return None,
    })
}

/// Tells whether a second factor was sent to somebody.
pub(super) fn is_prompt(kind: &str) -> bool {
    matches!(
        kind,
        "system.push.send_factor_verify_push"
            | "system.sms.send_factor_verify_message"
            | "system.voice.send_mfa_challenge_call"
            | "system.email.send_factor_verify_message"
    )
}
