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

/// Whose words are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// Those of one account.
    Account(&'a AccountId),
    /// Those of the only user of a case, whose account is not known.
    Only,
    /// Those of one of several users, whose account is not known.
    OneOfSeveral,
}

/// The latest word on each account, in the order in which they were said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerAccount<T>(Vec<(Option<AccountId>, T)>);

impl<T> Default for PerAccount<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> PerAccount<T> {
    /// Takes a word on an account in place of the one before.
    pub fn set(&mut self, account: Option<AccountId>, value: T) {
        self.0.retain(|(of, _)| *of != account);
        self.0.push((account, value));
    }

    /// Gives the latest word on an account; what was said before any account was known counts for each.
    pub fn of(&self, whose: Whose<'_>) -> Option<&T> {
        let fits = |of: Option<&AccountId>| match (of, whose) {
            (None, _) => true,
            (Some(of), Whose::Account(account)) => of == account,
            (Some(_), Whose::Only) => !self.is_several(),
            (Some(_), Whose::OneOfSeveral) => false,
        };
        let found = self.0.iter().rev().find(|(of, _)| fits(of.as_ref()));
        found.map(|(_, value)| value)
    }

    /// Goes through the words, the latest last.
    pub fn all(&self) -> impl Iterator<Item = (Option<&AccountId>, &T)> {
        self.0.iter().map(|(of, value)| (of.as_ref(), value))
    }

    /// Tells whether it holds words on more than one account.
    pub fn is_several(&self) -> bool {
        self.0.iter().filter(|(of, _)| of.is_some()).count() > 1
    }

    /// Tells whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Body, Decided, LikelihoodSet};
    use crate::domain::casework::Casework;
    use crate::domain::containment::samples::{case, connection, entry};
    use crate::domain::likelihood::Likelihood;

    fn account(id: &str) -> AccountId {
        AccountId::new(connection(), id)
    }

    fn judged(id: Option<&str>, value: Likelihood) -> Body {
        Body::Likelihood(LikelihoodSet {
            case: case(),
            account: id.map(account),
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

    #[test]
    fn each_of_two_accounts_has_its_own_likelihood() {
        let (elif, frida) = (account("elif"), account("frida"));
        let mut bodies = vec![judged(Some("elif"), Likelihood::Medium)];
        let work = folded(bodies.clone());
        assert_eq!(
            likelihood(&work, Whose::Account(&elif)),
            Some(Likelihood::Medium)
        );
        assert_eq!(likelihood(&work, Whose::Account(&frida)), None);
        assert_eq!(likelihood(&work, Whose::OneOfSeveral), None);

        bodies.push(judged(Some("frida"), Likelihood::High));
        bodies.push(judged(Some("elif"), Likelihood::Low));
        let work = folded(bodies);
        assert_eq!(
            likelihood(&work, Whose::Account(&elif)),
            Some(Likelihood::Low)
        );
        assert_eq!(
            likelihood(&work, Whose::Account(&frida)),
            Some(Likelihood::High)
        );
        assert_eq!(likelihood(&work, Whose::Only), None);
    }

    #[test]
    fn one_account_has_the_latest_whether_it_was_known_or_not() {
        let elif = account("elif");
        let mut bodies = vec![judged(None, Likelihood::Medium)];
        let work = folded(bodies.clone());
        assert_eq!(
            likelihood(&work, Whose::Account(&elif)),
            Some(Likelihood::Medium)
        );
        bodies.push(judged(Some("elif"), Likelihood::High));
        let work = folded(bodies);
        for whose in [Whose::Account(&elif), Whose::Only] {
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
            let found = made.of(Whose::Account(&account));
            found.map(|made| (made.kind, made.login.raw().to_owned()))
        };
        let elif = (DecisionKind::NoAction, "elif".to_owned());
        assert_eq!(kind("elif"), Some(elif));
        let frida = (DecisionKind::MonitorOnly, "frida".to_owned());
        assert_eq!(kind("frida"), Some(frida));
        assert_eq!(kind("greta"), None);
    }
}
