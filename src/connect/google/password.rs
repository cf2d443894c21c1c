//! Passwords: a new one that its holder must change, or a new one asked for at the next sign-in.
//!
//! The request that is shown, confirmed and recorded carries a word in place of the password; the password itself is put in
//! when it is sent. Google tells nobody when a password was set: the log of administrators does.
//!
//! What must not live here: making passwords, when to read again.

use serde_json::{Value, json};

use super::evidence::reading;
use super::{Google, log, proof, wire};
use crate::connect::capability::{ConnectError, Lacking, ProofQuery, Reading};
use crate::domain::account::Account;
use crate::domain::containment::kind::ActionKind;

/// What stands in the confirmed request where the password will be.
pub(super) const PLACE: &str = "made when it is sent";

/// Gives the body that sets a password.
pub(super) fn body(password: &str) -> Value {
    json!({"password": password, "changePasswordAtNextLogin": true})
}

/// Tells whether the next sign-in asks for a new password; `None` where Google does not say.
fn must_change(account: &Account) -> Option<bool> {
    let required = account.required.as_deref()?;
    Some(required.iter().any(|one| one.raw() == wire::CHANGE))
}

/// Tells why the kinds of a plan are not sent for an account, if so.
pub(super) fn refusal(kinds: &[ActionKind], account: &Account) -> Option<(ActionKind, Lacking)> {
    let kind = ActionKind::ExpirePassword;
    let reason = match must_change(account) {
        _ if !kinds.contains(&kind) => return None,
        Some(false) => return None,
        Some(true) => "it has to choose a new password already",
        None => "what its next sign-in requires could not be read",
    };
    Some((
        kind,
        Lacking {
            reason: reason.into(),
        },
    ))
}

impl Google {
    /// Reads once whether another password is asked for, and of a new one what the log says.
    pub(super) async fn read_password(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let account = match self.read_user(query).await? {
            Ok(account) => account,
            Err(reading) => return Ok(reading),
        };
        let flag = match must_change(&account) {
            None => "Google does not say whether the next sign-in asks for a new password",
            Some(true) => "changePasswordAtNextLogin is true",
            Some(false) => "changePasswordAtNextLogin is false",
        };
        if query.kind == ActionKind::ExpirePassword {
            return Ok(reading(must_change(&account), flag));
        }
        let Some(entry) = self.entry(query, proof::PASSWORD, &account).await? else {
            // Both come in one request: without the one the other did not happen. With it the log may only be late.
            let why = "no entry of the log of administrators yet that shows our new password";
            let matches = must_change(&account).filter(|must| !must);
            return Ok(reading(matches, format!("{flag}; {why}")));
        };
        let read = told_by_log(entry, must_change(&account), flag);
        Ok(Reading {
            server_date: account.server_date,
            ..read
        })
    }
}

/// Says what our own entry of the log tells, by whether another password is asked for.
fn told_by_log(entry: proof::Entry, must: Option<bool>, flag: &str) -> Reading {
    let shown = format!(
        "log entry {} at {} by our administrator; {flag}",
        proof::PASSWORD,
        log::iso(entry.at)
    );
    match must {
        Some(true) => Reading {
            used: Some(entry.id),
            effect_at: Some(entry.at),
            ..reading(Some(true), shown)
        },
        _ => reading(None, format!("{shown}: the user or others set it since")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::containment::samples;
    use crate::domain::text::Untrusted;
    use rstest::rstest;

    #[rstest]
    #[case(Some(true), Some(true))]
    #[case(Some(false), None)]
    #[case(None, None)]
    fn a_reset_that_is_there_is_timed_by_its_entry(
        #[case] must: Option<bool>,
        #[case] matches: Option<bool>,
    ) {
        let entry = proof::Entry {
            id: "2027-01-15T08:00:05Z/1".into(),
            at: samples::at(5),
        };
        let read = told_by_log(entry.clone(), must, "the flag");
        assert_eq!(read.matches, matches);
        assert_eq!(read.effect_at, matches.map(|_| entry.at));
        assert_eq!(read.used, matches.map(|_| entry.id));
        let said = read.evidence.raw();
        assert!(
            said.starts_with("log entry CHANGE_PASSWORD at 2027-01-15T08:00:05.000Z"),
            "{said}"
        );
    }

    #[rstest]
    #[case(ActionKind::ExpirePassword, Some(&[][..]), None)]
    #[case(ActionKind::ExpirePassword, Some(&[wire::CHANGE][..]), Some("already"))]
    #[case(ActionKind::ExpirePassword, None, Some("could not be read"))]
    #[case(ActionKind::ResetPassword, None, None)]
    #[case(ActionKind::ResetPassword, Some(&[wire::CHANGE][..]), None)]
    fn what_is_not_sent(
        #[case] kind: ActionKind,
        #[case] required: Option<&[&'static str]>,
        #[case] says: Option<&str>,
    ) {
        let required = required.map(|all| all.iter().map(|one| Untrusted::new(*one)).collect());
        let account = Account {
            required,
            ..samples::account()
        };
        let said = refusal(&[kind], &account).map(|(_, lacking)| lacking.reason);
        match (said, says) {
            (Some(said), Some(says)) => assert!(said.as_str().contains(says), "{said}"),
            (said, says) => assert_eq!(said.is_some(), says.is_some()),
        }
    }
}
