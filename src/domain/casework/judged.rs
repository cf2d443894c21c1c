//! What a person judged or decided, kept for each account of a case: a case may name several users.
//!
//! What must not live here: what is judged, where it is shown.

use chrono::{DateTime, Utc};

use crate::domain::audit::DecisionKind;
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;

/// A decision not to contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// What was decided.
    pub kind: DecisionKind,
    /// The login it was about; empty where it was not known.
    pub login: Untrusted,
    /// Why, in the analyst's words.
    pub reason: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
}

/// Whom a word is about, as far as it was known when it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// The account.
    pub account: Option<AccountId>,
    /// The name by which the case names the user.
    pub login: Option<Untrusted>,
}

impl Whom {
    /// Takes what is known; an empty name is none.
    pub fn new(account: Option<AccountId>, login: Option<Untrusted>) -> Self {
        Self {
            account,
            login: login.filter(|login| !login.is_empty()),
        }
    }

    /// Tells whether it is about that user: by the account, else by the name; `None` where neither can be compared.
    fn is_about(&self, account: Option<&AccountId>, login: Option<&Untrusted>) -> Option<bool> {
        match (&self.account, account) {
            (Some(own), Some(account)) => Some(own == account),
            _ => Some(self.login.as_ref()? == login?),
        }
    }

    fn compared(&self, other: &Self) -> Option<bool> {
        self.is_about(other.account.as_ref(), other.login.as_ref())
    }
}

/// Whose words are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose<'a> {
    /// The account; `None` while it is not known.
    pub account: Option<&'a AccountId>,
    /// The name by which the case names the user; `None` while none is chosen.
    pub login: Option<&'a Untrusted>,
    /// Whether the case names other users, too.
    pub is_one_of_several: bool,
}

/// The latest word on each account, in the order in which they were said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerAccount<T>(Vec<(Whom, T)>);

impl<T> Default for PerAccount<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> PerAccount<T> {
    /// Takes a word on a user in place of the one before.
    pub fn set(&mut self, whom: Whom, value: T) {
        self.0
            .retain(|(of, _)| !of.compared(&whom).unwrap_or_else(|| *of == whom));
        self.0.push((whom, value));
    }

    /// Gives the latest word on a user.
    ///
    /// Of which nobody can tell whom it is about, it counts where the case has one user, and for nobody where it has
    /// several.
    pub fn of(&self, whose: Whose<'_>) -> Option<&T> {
        let fits = |of: &Whom| {
            of.is_about(whose.account, whose.login).unwrap_or_else(|| {
                !whose.is_one_of_several && (of.account.is_none() || !self.is_several())
            })
        };
        let found = self.0.iter().rev().find(|(of, _)| fits(of));
        found.map(|(_, value)| value)
    }

    /// Goes through the words, the latest last.
    pub fn all(&self) -> impl Iterator<Item = (&Whom, &T)> {
        self.0.iter().map(|(of, value)| (of, value))
    }

    /// Tells whether it holds words on users that are not the same.
    pub fn is_several(&self) -> bool {
        self.0.iter().enumerate().any(|(at, (one, _))| {
            let mut later = self.0.iter().skip(at + 1);
            later.any(|(other, _)| one.compared(other) == Some(false))
        })
    }

    /// Tells whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::audit::{Body, Decided, LikelihoodSet};
    use crate::domain::casework::Casework;
    use crate::domain::containment::samples::{case, connection, entry};
    use crate::domain::likelihood::Likelihood;

    fn account(id: &str) -> AccountId {
        AccountId::new(connection(), id)
    }

    fn judged(id: Option<&str>, value: Likelihood) -> Body {
        judged_by(id, None, value)
    }

    fn judged_by(id: Option<&str>, login: Option<&str>, value: Likelihood) -> Body {
        Body::Likelihood(LikelihoodSet {
            case: case(),
            account: id.map(account),
            login: login.map(Untrusted::new),
            value: value.word().to_owned(),
            proposed: None,
        })
    }

    fn decided(id: &str, decision: DecisionKind) -> Body {
        Body::Decision(Decided {
            case: case(),
            account: Some(account(id)),
            login: Untrusted::new(id),
            decision,
            reason: "because".into(),
        })
    }

    fn folded(bodies: Vec<Body>) -> Casework {
        let mut work = Casework::default();
        for (seconds, body) in (1..).zip(bodies) {
            work.apply(&entry(1, seconds, body));
        }
        work
    }

    fn likelihood(work: &Casework, whose: Whose<'_>) -> Option<Likelihood> {
        let found = work.case(&case())?.likelihoods.of(whose);
        found.map(|(value, _)| *value)
    }

    /// Gives the likelihood of one of two users, by an account and a name as far as they are known.
    fn of_one(work: &Casework, id: Option<&str>, login: Option<&str>) -> Option<Likelihood> {
        let (id, login) = (id.map(account), login.map(Untrusted::new));
        let whose = Whose {
            account: id.as_ref(),
            login: login.as_ref(),
            is_one_of_several: true,
        };
        likelihood(work, whose)
    }

    /// The only user of a case.
    fn only(account: Option<&AccountId>) -> Whose<'_> {
        Whose {
            account,
            login: None,
            is_one_of_several: false,
        }
    }

    #[test]
    fn each_of_two_accounts_has_its_own_likelihood() {
        let (elif, frida) = (Some("elif"), Some("frida"));
        let mut bodies = vec![judged(elif, Likelihood::Medium)];
        let work = folded(bodies.clone());
        assert_eq!(of_one(&work, elif, None), Some(Likelihood::Medium));
        assert_eq!(of_one(&work, frida, None), None);
        assert_eq!(of_one(&work, None, None), None);

        bodies.push(judged(frida, Likelihood::High));
        bodies.push(judged(elif, Likelihood::Low));
        let work = folded(bodies);
        assert_eq!(of_one(&work, elif, None), Some(Likelihood::Low));
        assert_eq!(of_one(&work, frida, None), Some(Likelihood::High));
        assert_eq!(likelihood(&work, only(None)), None);
    }

    const HIGH: Option<Likelihood> = Some(Likelihood::High);

    #[rstest]
    #[case::by_name_alone(None, Some("elif@acme"), HIGH)]
    #[case::account_known_later(Some("elif"), Some("elif@acme"), HIGH)]
    #[case::the_other_by_name(None, Some("frida@acme"), None)]
    #[case::the_other_by_account(Some("frida"), Some("frida@acme"), None)]
    #[case::nobody_chosen(None, None, None)]
    fn what_is_judged_of_one_of_two_while_the_account_is_not_known_is_of_that_name(
        #[case] id: Option<&str>,
        #[case] login: Option<&str>,
        #[case] wanted: Option<Likelihood>,
    ) {
        let work = folded(vec![judged_by(None, Some("elif@acme"), Likelihood::High)]);
        assert_eq!(of_one(&work, id, login), wanted);
    }

    #[rstest]
    #[case::account_not_known_now(None, Some("elif@acme"), HIGH)]
    #[case::another_name_of_the_account(Some("elif"), Some("elif"), HIGH)]
    #[case::the_other_by_name(None, Some("frida@acme"), None)]
    #[case::the_name_is_of_another_account(Some("frida"), Some("elif@acme"), None)]
    fn what_is_judged_of_an_account_is_found_by_the_account_else_by_the_name(
        #[case] id: Option<&str>,
        #[case] login: Option<&str>,
        #[case] wanted: Option<Likelihood>,
    ) {
        let work = folded(vec![judged_by(
            Some("elif"),
            Some("elif@acme"),
            Likelihood::High,
        )]);
        assert_eq!(of_one(&work, id, login), wanted);
    }

    #[test]
    fn a_record_without_account_and_name_is_of_no_one_of_two() {
        let work = folded(vec![judged(None, Likelihood::High)]);
        for (id, login) in [
            (Some("elif"), Some("elif@acme")),
            (None, Some("elif@acme")),
            (None, None),
        ] {
            assert_eq!(of_one(&work, id, login), None);
        }
        let elif = account("elif");
        for whose in [only(Some(&elif)), only(None)] {
            assert_eq!(likelihood(&work, whose), HIGH);
        }
    }

    #[test]
    fn a_later_word_takes_the_place_of_the_one_by_name() {
        let (elif, name) = (Some("elif"), Some("elif@acme"));
        let mut bodies = vec![
            judged_by(None, name, Likelihood::High),
            judged_by(None, Some("frida@acme"), Likelihood::Medium),
            judged_by(elif, name, Likelihood::Low),
        ];
        let words = |bodies: &[Body]| {
            let work = folded(bodies.to_vec());
            let all = &work.case(&case()).expect("it was judged").likelihoods;
            let values: Vec<Likelihood> = all.all().map(|(_, (value, _))| *value).collect();
            (values, all.is_several())
        };
        let both = vec![Likelihood::Medium, Likelihood::Low];
        assert_eq!(words(&bodies), (both, true));
        // The provider is down again.
        bodies.push(judged_by(None, name, Likelihood::Confirmed));
        let both = vec![Likelihood::Medium, Likelihood::Confirmed];
        assert_eq!(words(&bodies), (both, true));
        bodies.remove(1);
        assert_eq!(words(&bodies), (vec![Likelihood::Confirmed], false));
    }

    #[test]
    fn one_account_has_the_latest_whether_it_was_known_or_not() {
        let elif = account("elif");
        let mut bodies = vec![judged(None, Likelihood::Medium)];
        let work = folded(bodies.clone());
        assert_eq!(
            likelihood(&work, only(Some(&elif))),
            Some(Likelihood::Medium)
        );
        bodies.push(judged(Some("elif"), Likelihood::High));
        let work = folded(bodies);
        for whose in [only(Some(&elif)), only(None)] {
            assert_eq!(likelihood(&work, whose), Some(Likelihood::High));
        }
    }

    #[test]
    fn each_of_two_accounts_has_its_own_decision() {
        let work = folded(vec![
            decided("elif", DecisionKind::NoAction),
            decided("frida", DecisionKind::MonitorOnly),
        ]);
        let kind = |id: &str| {
            let account = account(id);
            let made = &work.case(&case())?.decisions;
            let found = made.of(Whose {
                is_one_of_several: true,
                ..only(Some(&account))
            });
            found.map(|made| (made.kind, made.login.raw().to_owned()))
        };
        let elif = (DecisionKind::NoAction, "elif".to_owned());
        assert_eq!(kind("elif"), Some(elif));
        let frida = (DecisionKind::MonitorOnly, "frida".to_owned());
        assert_eq!(kind("frida"), Some(frida));
        assert_eq!(kind("greta"), None);
    }
}
