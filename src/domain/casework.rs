//! Folds audit records into the work done on each case: ticks, decisions, likelihood, searches, comments.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::audit::{Body, DecisionKind, Entry, TickState};
use super::ids::{AccountId, CaseId, RecordId};
use super::likelihood::Likelihood;
use super::runbook::StepKey;
use super::runbook::checklist::{CaseTicks, Tick, TickWord, Ticks};
use super::text::Untrusted;

/// The work on one case.
#[derive(Clone, Debug, Default)]
pub struct CaseRecord {
    /// When the case was last read in full.
    pub read: Option<DateTime<Utc>>,
    /// The decision not to contain, if one was made: what, why, when.
    pub decision: Option<(DecisionKind, Untrusted, DateTime<Utc>)>,
    /// The likelihood a person decided, and when.
    pub likelihood: Option<(Likelihood, DateTime<Utc>)>,
    /// Comments posted, by our record id: the vendor's id once known.
    pub comments: BTreeMap<RecordId, Option<Untrusted>>,
}

/// The work on all cases.
#[derive(Clone, Debug, Default)]
pub struct Casework {
    cases: BTreeMap<CaseId, CaseRecord>,
    ticks: Ticks,
    searches: BTreeMap<AccountId, (u32, DateTime<Utc>)>,
    record_case: BTreeMap<RecordId, CaseId>,
    touched: BTreeSet<(CaseId, StepKey)>,
}

impl Casework {
    /// Folds one record.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::CaseRead { case, .. } => self.case_mut(case).read = Some(entry.ts),
            Body::Decision {
                case,
                decision,
                reason,
                ..
            } => {
                self.case_mut(case).decision = Some((*decision, reason.clone(), entry.ts));
            }
            Body::Likelihood { case, value, .. } => {
                let known = Likelihood::ALL
                    .into_iter()
                    .find(|l| l.word().eq_ignore_ascii_case(value));
                if let Some(value) = known {
                    self.case_mut(case).likelihood = Some((value, entry.ts));
                }
            }
            Body::SearchRun {
                account: Some(account),
                window_h,
                ..
            } => {
                self.searches.insert(account.clone(), (*window_h, entry.ts));
            }
            Body::RecordIntent { rid, case, .. } => {
                self.record_case.insert(rid.clone(), case.clone());
                self.case_mut(case).comments.entry(rid.clone()).or_default();
            }
            Body::RecordDone { rid, id } => {
                if let Some(case) = self.record_case.get(rid).cloned() {
                    self.case_mut(&case)
                        .comments
                        .insert(rid.clone(), Some(id.clone()));
                }
            }
            Body::ChecklistTick {
                case,
                runbook,
                step,
                state,
                evidence,
                reason,
            } => {
                let Ok(step) = StepKey::try_from(step.raw().to_owned()) else {
                    return;
                };
                self.touched.insert((case.clone(), step.clone()));
                let tick = Tick {
                    case: case_key(case),
                    runbook: runbook.clone(),
                    step,
                    state: match state {
                        TickState::Done => TickWord::Done,
                        TickState::Skipped => TickWord::Skipped,
                        TickState::NotApplicable => TickWord::NotApplicable,
                        TickState::Open => TickWord::Open,
                    },
                    by: entry.user.clone(),
                    at: entry.ts,
                    evidence: evidence.clone(),
                    reason: reason.clone(),
                };
                // A skip without a reason is refused where it is made; in an old log it leaves the step open.
                if self.ticks.apply(&tick).is_err() {
                    let open = Tick {
                        state: TickWord::Open,
                        ..tick
                    };
                    let _ = self.ticks.apply(&open);
                }
            }
            _ => {}
        }
    }

    fn case_mut(&mut self, case: &CaseId) -> &mut CaseRecord {
        self.cases.entry(case.clone()).or_default()
    }

    /// Gives the work on one case.
    pub fn case(&self, case: &CaseId) -> Option<&CaseRecord> {
        self.cases.get(case)
    }

    /// Gives the ticks of one case.
    pub fn ticks(&self, case: &CaseId) -> CaseTicks {
        self.ticks.of_case(&case_key(case))
    }

    /// Tells whether anybody or anything ever ticked a step of a case.
    pub fn touched(&self, case: &CaseId, step: &StepKey) -> bool {
        self.touched.contains(&(case.clone(), step.clone()))
    }

    /// Gives the largest window searched for an account, in hours, and when.
    pub fn searched(&self, account: &AccountId) -> Option<(u32, DateTime<Utc>)> {
        self.searches.get(account).copied()
    }
}

fn case_key(case: &CaseId) -> Untrusted {
    Untrusted::new(format!("{}/{}", case.connection, case.raw()))
}
