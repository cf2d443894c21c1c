//! A campaign: many accounts of one incident, for which root raised the caps by name, until a time, up to a number.
//!
//! Each plan stays one target with its own confirmation.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ledger::{ActionView, Ledger};
use crate::domain::ids::{AccountId, PlanId};

/// What a record says of a plan that goes beyond the caps in the name of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignNamed {
    /// The plan.
    pub pid: PlanId,
    /// Its name.
    pub campaign: String,
}

/// Longest name.
const NAME_MAX: usize = 40;

/// What the policy of the host allows beyond the caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its name; see [`Campaign::is_name`].
    pub name: String,
    /// Until when, exclusive.
    pub until: DateTime<Utc>,
    /// How many accounts may be acted on beyond the caps in its name.
    pub accounts: u32,
}

impl Campaign {
    /// Tells whether a text is the name of a campaign: 1 to 40 letters, digits and `._-` of ASCII.
    pub fn is_name(text: &str) -> bool {
        (1..=NAME_MAX).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    }

    /// Tells whether it is not over.
    pub fn runs(&self, now: DateTime<Utc>) -> bool {
        now < self.until
    }

    /// Tells whether the account of an action takes one of its places, however long ago that was.
    pub fn counts(&self, ledger: &Ledger, action: &ActionView) -> bool {
        let named = ledger.asked().campaign(&action.pid);
        action.may_have_left() && named == Some(self.name.as_str())
    }

    /// Tells whether one more account may be acted on in its name.
    pub fn has_room(&self, ledger: &Ledger, account: &AccountId, now: DateTime<Utc>) -> bool {
        if !self.runs(now) {
            return false;
        }
        let others: BTreeSet<&AccountId> = ledger
            .actions()
            .filter(|action| self.counts(ledger, action))
            .map(|action| &action.account)
            .filter(|other| *other != account)
            .collect();
        others.len() < self.accounts as usize
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::Body;
    use crate::domain::containment::kind::ActionKind;
    use crate::domain::containment::samples::{at, connection, entry, intent, pid, planned};

    fn campaign(accounts: u32) -> Campaign {
        Campaign {
            name: "phish-11".to_owned(),
            until: at(1_000),
            accounts,
        }
    }

    /// One account acted on in the name of a campaign, another outside of it.
    fn ledger(name: &str, sent: bool) -> Ledger {
        let mut ledger = Ledger::default();
        let mut bodies = vec![
            planned(1, 0, ActionKind::RevokeSessions),
            Body::ActionCampaign(CampaignNamed {
                pid: pid(1),
                campaign: name.to_owned(),
            }),
        ];
        if sent {
            bodies.push(intent(1, None));
        }
        for (n, body) in (1..).zip(bodies) {
            ledger.apply(&entry(n, 0, body));
        }
        ledger
    }

    #[rstest]
    #[case::room("phish-11", true, 2, 0, true)]
    #[case::full("phish-11", true, 1, 0, false)]
    #[case::not_sent("phish-11", false, 1, 0, true)]
    #[case::another_campaign("phish-10", true, 1, 0, true)]
    #[case::last_moment("phish-11", true, 2, 999, true)]
    #[case::over("phish-11", true, 2, 1_000, false)]
    #[case::none_allowed("phish-10", true, 0, 0, false)]
    fn it_ends_by_number_and_time(
        #[case] name: &str,
        #[case] sent: bool,
        #[case] accounts: u32,
        #[case] now: i64,
        #[case] expected: bool,
    ) {
        let other = AccountId::new(connection(), "00uOther");
        let ledger = ledger(name, sent);
        assert_eq!(
            campaign(accounts).has_room(&ledger, &other, at(now)),
            expected
        );
    }

    #[test]
    fn the_same_account_again_is_no_further_one() {
        let same = crate::domain::containment::samples::account().id;
        assert!(campaign(1).has_room(&ledger("phish-11", true), &same, at(0)));
    }

    #[rstest]
    #[case("phish-2026.11_a", true)]
    #[case("", false)]
    #[case("two words", false)]
    #[case("a\u{202e}b", false)]
    #[case("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true)]
    #[case("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    fn names_are_plain(#[case] text: &str, #[case] fits: bool) {
        assert_eq!(Campaign::is_name(text), fits);
    }
}
