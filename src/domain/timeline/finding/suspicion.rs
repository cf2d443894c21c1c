//! Which source of a user is suspected since when, so that what it does next is weighed by it.

use super::facts::{Fact, Facts, User};
use super::rule::{Rule, Stage};
use super::{Confidence, Finding, Tuning};
use crate::domain::timeline::activity::Sym;

/// One suspected source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suspicion {
    pub(super) at: i64,
    pub(super) row: usize,
    pub(super) rule: Rule,
    ip: Sym,
    session: Sym,
}

/// What is suspected of every user, oldest first.
pub(super) struct Suspicions {
    of_user: Vec<Vec<Suspicion>>,
    window: i64,
}

impl Suspicions {
    /// Takes the findings about ways in of at least medium confidence.
    pub(super) fn of(facts: &Facts<'_>, tuning: &Tuning, found: &[Finding]) -> Self {
        let mut of_user = vec![Vec::new(); facts.of_user.len()];
        for finding in found {
            if finding.rule.stage() != Stage::Entry || finding.confidence < Confidence::Medium {
                continue;
            }
            let Some(fact) = facts.all.get(finding.row).filter(|fact| fact.timed) else {
                continue;
            };
            if let Some(own) = fact.user.and_then(|user| of_user.get_mut(user as usize)) {
                let own: &mut Vec<Suspicion> = own;
                own.push(Suspicion {
                    at: fact.at,
                    row: fact.row,
                    rule: finding.rule,
                    ip: fact.text.ip,
                    session: fact.text.session,
                });
            }
        }
        for own in &mut of_user {
            own.sort_by_key(|one| (one.row, one.rule));
        }
        Self {
            of_user,
            window: tuning.after_sign_in.num_milliseconds(),
        }
    }

    /// Gives the newest suspicion about the source of an event, or about the account where the source is not known.
    pub(super) fn before(&self, fact: &Fact, user: User) -> Option<Suspicion> {
        if !fact.timed {
            return None;
        }
        let own = self.of_user.get(user as usize)?;
        let until = own.partition_point(|one| one.row <= fact.row);
        let recent = own.iter().take(until).rev();
        recent
            .take_while(|one| fact.at.saturating_sub(one.at) <= self.window)
            .take(32)
            .find(|one| {
                let same = |a: Sym, b: Sym| !a.is_none() && a == b;
                same(one.ip, fact.text.ip)
                    || same(one.session, fact.text.session)
                    || (fact.text.ip.is_none() && fact.text.session.is_none())
            })
            .copied()
    }
}
