//! Passwords: a reset that hands out a link, or a new password asked for at the next sign-in.
//!
//! Okta leaves ACTIVE for both, so neither goes with suspending in one plan. A link is never sent by mail: whoever holds
//! the mailbox would get it. What must not live here: requests, when to read again.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Okta, log};
use crate::connect::capability::{ConnectError, Lacking, ProofQuery, Reading};
use crate::connect::decode::text;
use crate::connect::http::Answer;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::kind::ActionKind;
use crate::domain::one_time::OneTime;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Where Okta keeps the password itself, or has a directory keep it.
const OWN: &str = "OKTA";
const DIRECTORIES: [&str; 2] = ["ACTIVE_DIRECTORY", "LDAP"];

/// Gives the status that an action on the password leads to.
pub(super) fn leads_to(kind: ActionKind) -> Option<AccountStatus> {
    match kind {
        ActionKind::ResetPassword => Some(AccountStatus::Other("RECOVERY".into())),
        ActionKind::ExpirePassword => Some(AccountStatus::Other("PASSWORD_EXPIRED".into())),
        _ => None,
    }
}

/// Tells why the kinds of a plan are not sent for an account, if so.
pub(super) fn refusal(kinds: &[ActionKind], account: &Account) -> Option<(ActionKind, Lacking)> {
    let kind = *kinds.iter().find(|kind| kind.is_of_password())?;
    let lacking = |reason| Some((kind, Lacking { reason }));
    if kinds.contains(&ActionKind::DisableAccount) {
        return lacking("suspending works only from ACTIVE, which this leaves".into());
    }
    let enabled = kinds.contains(&ActionKind::EnableAccount);
    if account.status != AccountStatus::Active && !enabled {
        return lacking(safe!(
            "it works only from ACTIVE, the status is {}; enable the account first",
            account.status.word()
        ));
    }
    // Resetting a federated account would turn it into one with a password at Okta.
    let source = account.source.as_ref().map_or("", Untrusted::raw);
    if source != OWN && !DIRECTORIES.contains(&source) {
        let source = Untrusted::new(source).field();
        return lacking(safe!(
            "its password is not kept by Okta but by {}: change it there",
            source
        ));
    }
    None
}

/// Gives what else has to be known of an account whose password a directory keeps.
pub(super) fn limits(kind: ActionKind, account: &Account) -> Option<Safe> {
    let source = account.source.as_ref()?;
    let kept = kind == ActionKind::ResetPassword && DIRECTORIES.contains(&source.raw());
    kept.then(|| {
        safe!(
            "the password is that of {}: outside of Okta the old one works until the link was used, and the link changes it \
             only where Okta may write there",
            source.field()
        )
    })
}

/// Takes the link out of the answer to a reset; of another shape it holds none.
pub(super) fn link(answer: &Answer) -> Option<Arc<OneTime>> {
    let record: Value = answer.json().ok()?;
    let link = text(&record, "resetPasswordUrl")?;
    Some(Arc::new(OneTime::link(link.raw().to_owned())))
}

impl Okta {
    /// Reads once the status that an action on the password leads to.
    pub(super) async fn read_password(&self, query: &ProofQuery) -> Result<Reading, ConnectError> {
        let wanted = leads_to(query.kind).unwrap_or(AccountStatus::Active);
        let reading = self.read_status(query, &wanted).await?;
        if reading.matches != Some(false) {
            return Ok(reading);
        }
        // ACTIVE with a newer password: it was set since, and what was there before cannot be read any more.
        let Some(account) = self.user(query.account.raw()).await? else {
            return Ok(reading);
        };
        let Some(why) = set_since(query.before, account.password_changed) else {
            return Ok(reading);
        };
        Ok(Reading {
            matches: None,
            evidence: Untrusted::new(format!("{}; {why}", reading.evidence.raw())),
            ..reading
        })
    }
}

/// Says how the password may have been set since, which leaves the status of before; `None` where it is still that of before.
fn set_since(before: Option<DateTime<Utc>>, now: Option<DateTime<Utc>>) -> Option<String> {
    match (before, now) {
        (Some(before), Some(now)) if now <= before => None,
        (Some(_), Some(now)) => {
            let at = log::iso(now);
            Some(format!("password set at {at} since, by the user or others"))
        }
        _ => Some("when the password was set, before or now, is not told".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::containment::samples;

    #[rstest]
    #[case::still_that_of_before(Some(5), Some(5), None)]
    #[case::chosen_since(Some(5), Some(6), Some("set at 2027-01-15T08:00:06.000Z since"))]
    #[case::not_told_before(None, Some(5), Some("is not told"))]
    #[case::not_told_now(Some(5), None, Some("is not told"))]
    #[case::never_told(None, None, Some("is not told"))]
    fn a_status_that_is_gone_refutes_only_where_the_password_is_that_of_before(
        #[case] before: Option<i64>,
        #[case] now: Option<i64>,
        #[case] says: Option<&str>,
    ) {
        let said = set_since(before.map(samples::at), now.map(samples::at));
        assert_eq!(said.is_some(), says.is_some());
        assert!(said.unwrap_or_default().contains(says.unwrap_or_default()));
    }

    #[rstest]
    #[case(&[ActionKind::ResetPassword], AccountStatus::Active, "OKTA", None)]
    #[case(&[ActionKind::ExpirePassword], AccountStatus::Active, "ACTIVE_DIRECTORY", None)]
    #[case(&[ActionKind::ResetPassword], AccountStatus::Active, "ACTIVE_DIRECTORY", None)]
    #[case(&[ActionKind::ResetPassword], AccountStatus::Active, "SOCIAL", Some("kept by Okta but by SOCIAL"))]
    #[case(&[ActionKind::ResetPassword], AccountStatus::Active, "FEDERATION", Some("kept by Okta but by FEDERATION"))]
    #[case(&[ActionKind::ExpirePassword], AccountStatus::Active, "FEDERATION", Some("kept by Okta but by FEDERATION"))]
    #[case(&[ActionKind::ResetPassword], AccountStatus::Disabled, "OKTA", Some("only from ACTIVE"))]
    #[case(&[ActionKind::EnableAccount, ActionKind::ResetPassword], AccountStatus::Disabled, "OKTA", None)]
    #[case(&[ActionKind::DisableAccount, ActionKind::ResetPassword], AccountStatus::Active, "OKTA", Some("suspending works only from ACTIVE"))]
    #[case(&[ActionKind::DisableAccount], AccountStatus::Active, "FEDERATION", None)]
    fn what_is_not_sent(
        #[case] kinds: &[ActionKind],
        #[case] status: AccountStatus,
        #[case] source: &'static str,
        #[case] says: Option<&str>,
    ) {
        let account = Account {
            status,
            source: Some(source.into()),
            ..samples::account()
        };
        let said = refusal(kinds, &account).map(|(_, lacking)| lacking.reason);
        match (said, says) {
            (Some(said), Some(says)) => assert!(said.as_str().contains(says), "{said}"),
            (said, says) => assert_eq!(said.is_some(), says.is_some()),
        }
    }
}
