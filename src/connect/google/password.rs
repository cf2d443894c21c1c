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
        let must = must_change(&account);
        if query.kind == ActionKind::ExpirePassword {
            return Ok(told_by_flag(must));
        }
        let Some(entry) = self.entry(query, proof::PASSWORD, &account).await? else {
            return Ok(not_in_log(must));
        };
        let read = told_by_log(entry, must);
        Ok(Reading {
            server_date: account.server_date,
            ..read
        })
    }
}

/// Says whether another password is asked for.
fn flag(must: Option<bool>) -> &'static str {
    match must {
        None => "Google does not say whether the next sign-in asks for a new password",
        Some(true) => "changePasswordAtNextLogin is true",
        Some(false) => "changePasswordAtNextLogin is false",
    }
}

/// Says what the flag alone tells. Whoever signs in and chooses another password takes it away, and Google does not tell when
/// a password was set: that it is not there refutes nothing.
fn told_by_flag(must: Option<bool>) -> Reading {
    let gone = if must == Some(false) {
        ": it was not set, or the user chose another password since"
    } else {
        ""
    };
    reading(must.filter(|must| *must), format!("{}{gone}", flag(must)))
}

/// Says what is known of a new password without an entry of the log, which may be late. The flag comes with it and goes once
/// the user chose another one: there or not, it tells nothing of this password.
fn not_in_log(must: Option<bool>) -> Reading {
    let why = "no entry of the log of administrators yet that shows our new password";
    reading(None, format!("{}; {why}", flag(must)))
}

/// Says what our own entry of the log tells, by whether another password is asked for.
fn told_by_log(entry: proof::Entry, must: Option<bool>) -> Reading {
    let shown = format!(
        "log entry {} at {} by our administrator; {}",
        proof::PASSWORD,
        log::iso(entry.at),
        flag(must)
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
        let read = told_by_log(entry.clone(), must);
        assert_eq!(read.matches, matches);
        assert_eq!(read.effect_at, matches.map(|_| entry.at));
        assert_eq!(read.used, matches.map(|_| entry.id));
        let said = read.evidence.raw();
        assert!(
            said.starts_with("log entry CHANGE_PASSWORD at 2027-01-15T08:00:05.000Z"),
            "{said}"
        );
    }

    /// The user signed in with the new password and chose another one: the flag is gone, and the log is late.
    #[rstest]
    #[case::asked_for(Some(true), Some(true), "changePasswordAtNextLogin is true")]
    #[case::chosen_since(Some(false), None, "changePasswordAtNextLogin is false")]
    #[case::not_told(None, None, "Google does not say")]
    fn a_flag_that_is_gone_refutes_nothing(
        #[case] must: Option<bool>,
        #[case] expired: Option<bool>,
        #[case] says: &str,
    ) {
        for (read, matches) in [(told_by_flag(must), expired), (not_in_log(must), None)] {
            assert_eq!(read.matches, matches);
            assert!(read.evidence.raw().starts_with(says), "{read:?}");
        }
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
