//! Passwords: a new one that its holder must change, or a new one asked for at the next sign-in.
//!
//! The request that is shown, confirmed and recorded carries a word in place of the password; the password itself is put
//! in when it is sent. What must not live here: making passwords, when to read again.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::json;

use super::evidence::{iso, reading};
use super::{Entra, USER};
use crate::connect::capability::{ConnectError, Lacking, ProofQuery, Reading};
use crate::connect::http::{Class, Request};
use crate::domain::account::Account;
use crate::domain::containment::kind::ActionKind;
use crate::domain::text::Untrusted;
use crate::safe;

/// What stands in the confirmed request where the password will be.
pub(super) const PLACE: &str = "made when it is sent";

/// What the audit log calls it when another password is asked for.
const ASKED_FOR: &str = "Set force change user password";

/// What the audit log calls it when an administrator, or an application, sets a password.
const SET: &str = "Reset user password";

/// Builds the request for a new password.
pub(super) fn reset(id: &str, password: &str) -> Result<Request, ConnectError> {
    let profile = json!({"forceChangePasswordNextSignIn": true, "password": password});
    let request = Request::new(Class::Write, Method::PATCH, USER, &[id])?;
    Ok(request.json(&json!({"passwordProfile": profile})))
}

/// Builds the request that asks for another password at the next sign-in.
pub(super) fn expire(id: &str) -> Result<Request, ConnectError> {
    let profile = json!({"forceChangePasswordNextSignIn": true});
    let request = Request::new(Class::Write, Method::PATCH, USER, &[id])?;
    Ok(request.json(&json!({"passwordProfile": profile})))
}

/// Tells why the password of an account is not changed here, if so.
pub(super) fn refusal(kind: ActionKind, account: &Account) -> Option<Lacking> {
    let lacking = |reason| Some(Lacking { reason });
    if let Some(source) = &account.source {
        let source = source.field();
        return lacking(safe!("its password is that of {}: change it there", source));
    }
    if account.password_changed.is_none() {
        return lacking(
            "when its password was last changed is not told, so nothing could prove it".into(),
        );
    }
    if kind != ActionKind::ExpirePassword {
        return None;
    }
    match account.required.as_deref() {
        Some([_, ..]) => lacking("it has to choose a new password already".into()),
        _ => None,
    }
}

/// Says what the account alone tells of a password that is new, by whether another one is asked for.
///
/// `None` where that is not told: a new password alone may be anybody's.
fn told_by_account(must_change: Option<bool>) -> Option<(Option<bool>, &'static str)> {
    Some(if must_change? {
        (Some(true), "; another one is asked for at the next sign-in")
    } else {
        (
            None,
            ", but no other one is asked for: the user or others set it since",
        )
    })
}

/// Adds when the password was set to what the audit log says of who set it.
fn told_by_log(at: &str, own: Reading) -> Reading {
    let by = match own.matches {
        Some(true) => "by us",
        _ => "by whom is not told",
    };
    let what = format!("password set at {at}, {by}: {}", own.evidence.raw());
    Reading {
        evidence: Untrusted::new(what),
        ..own
    }
}

/// Adds when the password was set to a reading that shows our own effect.
fn timed(reading: Reading, changed: DateTime<Utc>) -> Reading {
    Reading {
        effect_at: Some(changed).filter(|_| reading.matches == Some(true)),
        ..reading
    }
}

impl Entra {
    /// Reads once when the password was set, and by whom as far as that is told.
    ///
    /// # Errors
    /// A read failed, that of whether another password is asked for among them: it says nothing and is tried again.
    pub(super) async fn read_reset(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let account = match self.judged(query).await? {
            Ok((account, _)) => account,
            Err(none) => return Ok(none),
        };
        let date = account.server_date;
        let (Some(before), Some(changed)) = (query.before, account.password_changed) else {
            let what = "when the password was set, before or now, cannot be read";
            return Ok(reading(None, what, date));
        };
        let at = iso(changed);
        if changed <= before {
            let what = format!("password still that of {at}");
            return Ok(reading(Some(false), what, date));
        }
        let must_change = self.must_change(query.account.raw()).await?;
        let Some((matches, said)) = told_by_account(must_change) else {
            // Graph does not tell it of every account; the audit log names who set the password.
            let own = self.read_own_entry(query, SET, date).await?;
            return Ok(timed(told_by_log(&at, own), changed));
        };
        let what = format!("password set at {at}{said}");
        Ok(timed(reading(matches, what, date), changed))
    }

    /// Reads once whether another password is asked for.
    pub(super) async fn read_expired(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let account = match self.judged(query).await? {
            Ok((account, _)) => account,
            Err(none) => return Ok(none),
        };
        let date = account.server_date;
        let Some(must_change) = self.must_change(query.account.raw()).await? else {
            // Graph does not tell it of every account; the audit log names who asked for it.
            return self.read_own_entry(query, ASKED_FOR, date).await;
        };
        let times = query.before.zip(account.password_changed);
        let (matches, what) = told_by_flag(must_change, times.map(|(was, is)| is > was));
        Ok(reading(matches, what, date))
    }
}

/// Says what it tells whether another password is asked for, by whether the password was changed since. Whoever chose another
/// one took the flag away: that it is not there refutes only where the password is still that of before.
fn told_by_flag(must_change: bool, is_new: Option<bool>) -> (Option<bool>, &'static str) {
    match (must_change, is_new) {
        (true, _) => (Some(true), "forceChangePasswordNextSignIn is true"),
        (false, Some(false)) => (Some(false), "forceChangePasswordNextSignIn is false"),
        (false, Some(true)) => (
            None,
            "forceChangePasswordNextSignIn is false; the password was changed since",
        ),
        (false, None) => (
            None,
            "forceChangePasswordNextSignIn is false; whether the password was changed since is not known",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::connect::entra::wire;
    use crate::domain::containment::samples;

    #[rstest]
    #[case(ActionKind::ResetPassword, None, Some(&[][..]), None)]
    #[case(ActionKind::ResetPassword, None, None, None)]
    #[case(ActionKind::ResetPassword, Some(wire::ON_PREMISES), Some(&[][..]), Some("on-premises directory"))]
    #[case(ActionKind::ExpirePassword, Some(wire::ELSEWHERE), Some(&[][..]), Some("another tenant"))]
    #[case(ActionKind::ExpirePassword, None, Some(&[][..]), None)]
    #[case(ActionKind::ExpirePassword, None, Some(&["a new password"][..]), Some("already"))]
    #[case(ActionKind::ExpirePassword, None, None, None)]
    fn what_is_not_sent(
        #[case] kind: ActionKind,
        #[case] source: Option<&'static str>,
        #[case] required: Option<&[&'static str]>,
        #[case] says: Option<&str>,
    ) {
        let account = Account {
            source: source.map(Untrusted::from),
            required: required.map(|all| all.iter().map(|one| (*one).into()).collect()),
            ..samples::account()
        };
        let said = refusal(kind, &account).map(|lacking| lacking.reason);
        match (said, says) {
            (Some(said), Some(says)) => assert!(said.as_str().contains(says), "{said}"),
            (said, says) => assert_eq!(said.is_some(), says.is_some()),
        }
    }

    #[rstest]
    #[case(Some(true), true, Some(true))]
    #[case(Some(false), true, None)]
    #[case(None, false, None)]
    fn a_new_password_alone_proves_nothing(
        #[case] must_change: Option<bool>,
        #[case] is_told: bool,
        #[case] matches: Option<bool>,
    ) {
        let told = told_by_account(must_change);
        assert_eq!(told.is_some(), is_told);
        assert_eq!(told.and_then(|(matches, _)| matches), matches);
    }

    #[rstest]
    #[case(
        Some(true),
        Some("Directory_7"),
        "password set at 03:00, by us: an entry"
    )]
    #[case(None, None, "password set at 03:00, by whom is not told: an entry")]
    fn the_log_proves_it_by_our_own_entry_alone(
        #[case] matches: Option<bool>,
        #[case] used: Option<&'static str>,
        #[case] says: &str,
    ) {
        let own = Reading {
            used: used.map(Untrusted::from),
            ..reading(matches, "an entry", None)
        };
        let told = told_by_log("03:00", own);
        assert_eq!(
            (told.matches, told.used, told.evidence.raw()),
            (matches, used.map(Untrusted::from), says)
        );
    }

    #[rstest]
    #[case(Some(true), true)]
    #[case(Some(false), false)]
    #[case(None, false)]
    fn a_reset_that_is_there_is_timed_by_its_password(
        #[case] matches: Option<bool>,
        #[case] is_timed: bool,
    ) {
        let read = timed(reading(matches, "password set", None), samples::at(5));
        assert_eq!(read.matches, matches);
        assert_eq!(read.effect_at, is_timed.then_some(samples::at(5)));
    }

    #[rstest]
    #[case(true, None, Some(true))]
    #[case(true, Some(true), Some(true))]
    #[case(false, Some(false), Some(false))]
    #[case(false, Some(true), None)]
    #[case(false, None, None)]
    fn a_flag_that_is_gone_refutes_only_where_the_password_is_that_of_before(
        #[case] must_change: bool,
        #[case] is_new: Option<bool>,
        #[case] matches: Option<bool>,
    ) {
        assert_eq!(told_by_flag(must_change, is_new).0, matches);
    }

    #[test]
    fn without_a_time_nothing_could_prove_it() {
        let account = Account {
            source: None,
            password_changed: None,
            ..samples::account()
        };
        assert!(refusal(ActionKind::ResetPassword, &account).is_some());
    }
}
