//! What was done, by Auth0's codes and by the paths of its Management API.

use crate::connect::logs::tree::Value;

use super::Operation;
use crate::domain::timeline::event::Act;

/// Gives what was done; `None` where the code does not settle it.
pub(in crate::connect::logs) fn act(code: &str, operation: Option<&Operation<'_>>) -> Option<Act> {
    if let Some(operation) = operation {
        return operation.act();
    }
    Some(match code {
        "s" | "f" | "fp" | "fu" | "fco" | "fcoa" | "scoa" | "sepft" | "fepft" => Act::SignIn,
        "gd_send_pn"
        | "gd_send_sms"
        | "gd_send_voice"
        | "gd_send_email"
        | "gd_auth_succeed"
        | "gd_auth_failed"
        | "gd_auth_rejected"
        | "gd_recovery_succeed"
        | "gd_recovery_failed"
        | "gd_otp_rate_limit_exceed"
        | "gd_recovery_rate_limit_exceed"
        | "mfar" => Act::MfaPrompt,
        "gd_enrollment_complete" => Act::MfaAdded,
        "gd_unenroll" => Act::MfaRemoved,
        "scp" | "fcp" => Act::PasswordChanged,
        "scpr" | "fcpr" => Act::PasswordReset,
        "ublkdu" => Act::AccountEnabled,
        "sce" | "fce" | "scpn" | "fcpn" => Act::RecoveryChanged,
        "ss" | "fs" => Act::AccountCreated,
        "sdu" | "fdu" | "du" => Act::AccountDeleted,
        "srrt" => Act::SessionsRevoked,
        "limit_wc" | "limit_mu" | "limit_sul" | "limit_ui" | "pwd_leak" | "signup_pwd_leak"
        | "reset_pwd_leak" => Act::RiskDetected,
        _ => return None,
    })
}

impl Operation<'_> {
    /// Tells whether somebody is invited to administer the tenant.
    fn invites_administrator(&self) -> bool {
        let roles = self.body.and_then(|body| body.get("roles")?.as_array());
        let mut roles = roles.into_iter().flatten().filter_map(Value::as_str);
        self.method == "post"
            && (self.path.ends_with("/tenants/invitations")
                || self.words.starts_with("create tenant invitations"))
            && roles.any(|role| matches!(role, "owner" | "admin"))
    }

    /// Tells whether a protection that stays on only tells from now on, and blocks nobody.
    fn blocks_no_more(&self) -> bool {
        let is_block = |word: &Value| word.as_str() == Some("block");
        match self.answer.and_then(|answer| answer.get("shields")) {
            Some(Value::Array(all)) => !all.iter().any(is_block),
            Some(one @ Value::String(_)) => !is_block(one),
            _ => false,
        }
    }

    fn act(&self) -> Option<Act> {
        let flag = |value: Option<&Value>, name: &str| value?.get(name)?.as_bool();
        let in_body = |name: &str| self.body.and_then(|body| body.get(name));
        let parts: Vec<&str> = self
            .path
            .split('/')
            .filter(|part| !part.is_empty())
            .collect();
        Some(match (self.method.as_str(), parts.as_slice()) {
            ("post", ["users"]) => Act::AccountCreated,
            ("delete", ["users", _]) => Act::AccountDeleted,
            ("patch", ["users", _]) if in_body("password").is_some() => Act::PasswordReset,
            ("patch", ["users", _]) if flag(self.body, "blocked") == Some(true) => {
                Act::AccountDisabled
            }
            ("patch", ["users", _]) if flag(self.body, "blocked") == Some(false) => {
                Act::AccountEnabled
            }
            (
                "post",
                ["users", _, "roles" | "permissions"]
                | ["roles", _, "users"]
                | ["organizations", _, "members", _, "roles"],
            ) => Act::RoleGranted,
            _ if self.invites_administrator() => Act::RoleGranted,
            (
                "delete",
                ["users", _, "multifactor" | "authentication-methods", _]
                | ["guardian", "enrollments", _],
            ) => Act::MfaRemoved,
            ("delete", ["users", _, "authenticators" | "authentication-methods"]) => Act::MfaReset,
            ("post", ["users", _, "authentication-methods"]) => Act::MfaAdded,
            ("delete", ["users", _, "sessions" | "refresh-tokens"]) => Act::SessionsRevoked,
            ("post", ["client-grants" | "grants"]) => Act::OauthGrant,
            ("put", ["guardian", "policies"])
                if self
                    .body
                    .and_then(Value::as_array)
                    .is_some_and(Vec::is_empty) =>
            {
                Act::DefenceWeakened
            }
            (_, ["attack-protection", _])
                if flag(self.answer, "enabled") == Some(false) || self.blocks_no_more() =>
            {
                Act::DefenceWeakened
            }
            (_, ["risk-assessment", "config"])
                if flag(self.body, "AfterAuthentication") == Some(false) =>
            {
                Act::DefenceWeakened
            }
            _ => return None,
        })
    }
}
