//! What was done, by the names of Google's events.

use super::{Parameters, is_outside};
use crate::domain::timeline::event::{Act, Party};

/// Gives what was done; `None` where the name and the parameters do not settle it.
pub(in crate::connect::logs) fn act(
    app: &str,
    name: &str,
    parameters: &Parameters<'_>,
    user: &Party,
    target: &Party,
) -> Option<Act> {
    match app {
        "admin" => admin(name, parameters, user, target),
        "drive" => drive(name, parameters, user),
        "token" => (name == "authorize").then_some(Act::OauthGrant),
        "mobile" => match name {
            "SUSPICIOUS_ACTIVITY_EVENT" => Some(Act::RiskDetected),
            "DEVICE_COMPROMISED_EVENT"
                if parameters.word("DEVICE_COMPROMISED_STATE") == "compromised" =>
            {
                Some(Act::RiskDetected)
            }
            _ => None,
        },
        "rules" | "alertcenter" => None,
        "takeout" | "data_export" => name.contains("takeout").then_some(Act::Download),
        _ => account(name),
    }
}

/// Events of `login`, `saml` and `user_accounts`.
fn account(name: &str) -> Option<Act> {
    Some(match name {
        "login_success" | "login_failure" => Act::SignIn,
        "login_challenge" | "login_verification" => Act::MfaPrompt,
        "2sv_enroll" | "passkey_enrolled" => Act::MfaAdded,
        "2sv_disable" | "passkey_removed" => Act::MfaRemoved,
        "password_edit" => Act::PasswordChanged,
        "recovery_email_edit" | "recovery_phone_edit" | "recovery_secret_qa_edit" => {
            Act::RecoveryChanged
        }
        // Leaves the Advanced Protection Program, which asks for security keys.
        "titanium_unenroll" => Act::DefenceWeakened,
        "email_forwarding_out_of_domain" => Act::Forwarding,
        "account_disabled_password_leak"
        | "account_disabled_generic"
        | "account_disabled_spamming"
        | "account_disabled_spamming_through_relay"
        | "account_disabled_hijacked" => Act::AccountDisabled,
        "suspicious_login"
        | "suspicious_login_less_secure_app"
        | "suspicious_programmatic_login"
        | "user_signed_out_due_to_suspicious_session_cookie"
        | "gov_attack_warning"
        | "risky_sensitive_action_blocked" => Act::RiskDetected,
        _ => return None,
    })
}

fn admin(name: &str, parameters: &Parameters<'_>, user: &Party, target: &Party) -> Option<Act> {
    let own = user.name.is_some() && user.name == target.name;
    let new = parameters.word("NEW_VALUE");
    Some(match name {
        "CREATE_USER" => Act::AccountCreated,
        "DELETE_USER" => Act::AccountDeleted,
        "SUSPEND_USER" | "ARCHIVE_USER" => Act::AccountDisabled,
        "UNSUSPEND_USER" | "UNDELETE_USER" | "UNARCHIVE_USER" => Act::AccountEnabled,
        "CHANGE_PASSWORD" if own => Act::PasswordChanged,
        "CHANGE_PASSWORD" => Act::PasswordReset,
        "CHANGE_RECOVERY_EMAIL" | "CHANGE_RECOVERY_PHONE" => Act::RecoveryChanged,
        "TURN_OFF_2_STEP_VERIFICATION" | "REVOKE_SECURITY_KEY" => Act::MfaRemoved,
        "GENERATE_2SV_SCRATCH_CODES" | "SECURITY_KEY_REGISTERED_FOR_USER" => Act::MfaAdded,
        "RESET_SIGNIN_COOKIES" | "REVOKE_3LO_TOKEN" | "REVOKE_3LO_DEVICE_TOKENS" => {
            Act::SessionsRevoked
        }
        "GRANT_ADMIN_PRIVILEGE" | "GRANT_DELEGATED_ADMIN_PRIVILEGES" | "ASSIGN_ROLE" => {
            Act::RoleGranted
        }
        "AUTHORIZE_API_CLIENT_ACCESS" => Act::OauthGrant,
        "CREATE_EMAIL_MONITOR" => Act::Forwarding,
        "CUSTOMER_TAKEOUT_CREATED" | "CUSTOMER_TAKEOUT_SUCCEEDED" => Act::Download,
        "ENFORCE_STRONG_AUTHENTICATION" | "ALLOW_STRONG_AUTHENTICATION"
            if matches!(new.as_str(), "false" | "off") =>
        {
            Act::DefenceWeakened
        }
        "CHANGE_CALENDAR_SETTING"
            if parameters.word("SETTING_NAME") == "sharing_outside_domain" =>
        {
            if openness(&new) > openness(&parameters.word("OLD_VALUE")) {
                Act::DefenceWeakened
            } else {
                Act::ProtectionChanged
            }
        }
        // Which applications may be installed, and how mail is routed, goes either way.
        "CHANGE_EMAIL_SETTING"
            if parameters.word("SETTING_NAME") == "enable_g_suite_marketplace" =>
        {
            Act::ProtectionChanged
        }
        "CREATE_GMAIL_SETTING" | "CHANGE_GMAIL_SETTING" | "DELETE_GMAIL_SETTING"
            if parameters.word("SETTING_NAME") == "message_security_rule" =>
        {
            Act::ProtectionChanged
        }
        "CHANGE_APPLICATION_SETTING" | "CREATE_APPLICATION_SETTING"
            if is_weaker(&parameters.word("SETTING_NAME"), &new) =>
        {
            Act::DefenceWeakened
        }
        _ => return None,
    })
}

/// Ranks what people outside may do with calendars; less than reading them counts as nothing.
fn openness(access: &str) -> u8 {
    match access {
        "read_only_access" => 1,
        "read_write_access" => 2,
        "manage_access" => 3,
        _ => 0,
    }
}

/// Settings whose name says that one of their values is the weaker one.
fn is_weaker(setting: &str, new: &str) -> bool {
    let on = matches!(new, "true" | "on" | "enabled");
    let off = matches!(new, "false" | "off" | "disabled");
    setting.contains("deep_scanning_enabled") && off
        || setting.contains("enable password reuse") && on
        || setting.contains("enable user enrollment") && off
}

fn drive(name: &str, parameters: &Parameters<'_>, user: &Party) -> Option<Act> {
    match name {
        "download" | "export" => Some(Act::Download),
        "change_owner" => is_outside(parameters, user).then_some(Act::Share),
        "change_user_access"
        | "change_document_visibility"
        | "change_document_access_scope"
        | "change_acl_editors"
        | "publish_change"
        | "shared_drive_membership_change"
        | "team_drive_membership_change" => {
            let new = parameters.word("new_value");
            let narrower = matches!(new.as_str(), "private" | "none" | "")
                || parameters.word("visibility_change") == "internal";
            (!narrower).then_some(Act::Share)
        }
        _ => None,
    }
}
