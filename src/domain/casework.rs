//! Folds audit records into the work done on each case: ticks, decisions, likelihood, searches, comments.

pub mod judged;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use self::judged::{Declined, PerAccount, Whom};
use super::audit::{
    Body, CaseLeft, ChecklistNote, ChecklistOpen, ChecklistPhase, ChecklistText, ChecklistTick,
    Decided, Entry, LikelihoodSet, RunbookChoose, RunbookInput, SearchRun, StepSaid, TickState,
};
use super::ids::{AccountId, CaseId, RecordId};
use super::likelihood::Likelihood;
use super::mirror::TASK;
use super::runbook::checklist::ticks::Said;
use super::runbook::checklist::{CaseTicks, ItemId, ItemState, ListId, Note, PhaseClosed, Tick};
use super::runbook::{Phase, StepKey};
use super::text::Untrusted;
use super::timeline::annotation::Annotations;
use super::timeline::finding::FindingKey;
use super::verdict::changes_case;

/// Most texts of runbooks whose keys are kept.
const MOST_TEXTS: usize = 2_000;

/// The work on one case.
#[derive(Clone, Debug, Default)]
pub struct CaseRecord {
    /// When the case was last read in full.
    pub read: Option<DateTime<Utc>>,
    /// The decisions not to contain.
    pub decisions: PerAccount<Declined>,
    /// The likelihoods a person decided, and when.
    pub likelihoods: PerAccount<(Likelihood, DateTime<Utc>)>,
    /// Findings that mean nothing, with the reason.
    pub dismissed: BTreeMap<FindingKey, Untrusted>,
    /// Comments posted, by our record id: the vendor's id once known.
    pub comments: BTreeMap<RecordId, Option<Untrusted>>,
    /// The vendor's id of each comment of ours that was in the case, and when that was recorded.
    pub posted: BTreeMap<Untrusted, DateTime<Utc>>,
    /// Comments that are in the case and document a phase: which, and since when.
    pub documented: BTreeMap<RecordId, (Phase, DateTime<Utc>)>,
    /// The runbook the case is worked by, once chosen.
    pub runbook: Option<ChosenRunbook>,
    /// Inputs of runbooks that were typed in, by name.
    pub inputs: BTreeMap<Untrusted, Untrusted>,
    /// Until when it is not shown in the queue, and why.
    pub snoozed: Option<Snoozed>,
    /// From when to when an account was in other hands, as a person said.
    pub window: Option<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    /// When it was left last, and where the cursors stood.
    pub left: Option<(CaseLeft, DateTime<Utc>)>,
    /// What was said of events, and events typed in.
    pub annotations: Annotations,
}

/// A case that is not shown for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snoozed {
    /// Until when.
    pub until: DateTime<Utc>,
    /// Why.
    pub reason: Untrusted,
    /// Who said so.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
}

/// The runbook of a case, as it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenRunbook {
    /// Its path.
    pub path: Untrusted,
    /// Why this one.
    pub why: Untrusted,
    /// Whether a person chose it.
    pub by_hand: bool,
    /// Who.
    pub by: Untrusted,
    /// When.
    pub at: DateTime<Utc>,
}

/// The work on all cases.
#[derive(Clone, Debug, Default)]
pub struct Casework {
    cases: BTreeMap<CaseId, CaseRecord>,
    ticks: BTreeMap<CaseId, CaseTicks>,
    texts: BTreeMap<String, BTreeSet<StepKey>>,
    searches: BTreeMap<AccountId, (u32, DateTime<Utc>)>,
    record_case: BTreeMap<RecordId, (CaseId, Option<Phase>)>,
}

impl Casework {
    /// Folds one record.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.body {
            Body::CaseRead(read) => self.case_mut(&read.case).read = Some(entry.ts),
            Body::Decision(Decided {
                case,
                account,
                login,
                decision,
                reason,
            }) => {
                let made = Declined {
                    kind: *decision,
                    login: login.clone(),
                    reason: reason.clone(),
                    at: entry.ts,
                };
                let whom = Whom::new(account.clone(), Some(login.clone()));
                self.case_mut(case).decisions.set(whom, made);
            }
            Body::TimelineSaid(said) => {
                let all = &mut self.case_mut(&said.case).annotations;
                all.apply(said, &entry.user, entry.ts);
            }
            Body::Likelihood(LikelihoodSet {
                case,
                account,
                login,
                value,
                ..
            }) => {
                let known = Likelihood::ALL
                    .into_iter()
                    .find(|l| l.word().eq_ignore_ascii_case(value));
                if let Some(value) = known {
                    let all = &mut self.case_mut(case).likelihoods;
                    let whom = Whom::new(account.clone(), login.clone());
                    all.set(whom, (value, entry.ts));
                }
            }
            Body::FindingDismissed(said) => {
                let key = FindingKey {
                    rule: said.rule.clone(),
                    event: said.event.clone(),
                };
                let dismissed = &mut self.case_mut(&said.case).dismissed;
                if said.dismissed {
                    dismissed.insert(key, said.reason.clone());
                } else {
                    dismissed.remove(&key);
                }
            }
            Body::SearchRun(SearchRun {
                account: Some(account),
                window_h,
                ..
            }) => {
                self.searches.insert(account.clone(), (*window_h, entry.ts));
            }
            Body::RecordIntent {
                rid,
                kind,
                case,
                phase,
                ..
            } if kind != TASK && !changes_case(kind) => {
                let known = |code: &String| Phase::ALL.into_iter().find(|p| p.code() == code);
                let phase = phase.as_ref().and_then(known);
                self.record_case.insert(rid.clone(), (case.clone(), phase));
                self.case_mut(case).comments.entry(rid.clone()).or_default();
            }
            Body::RecordDone { rid, id } => {
                if let Some((case, phase)) = self.record_case.get(rid).cloned() {
                    let record = self.case_mut(&case);
                    record.comments.insert(rid.clone(), Some(id.clone()));
                    record.posted.insert(id.clone(), entry.ts);
                    if let Some(phase) = phase {
                        record.documented.insert(rid.clone(), (phase, entry.ts));
                    }
                }
            }
            Body::RunbookChoose(RunbookChoose {
                case,
                runbook,
                why,
                by_hand,
            }) => {
                self.case_mut(case).runbook = Some(ChosenRunbook {
                    path: runbook.clone(),
                    why: why.clone(),
                    by_hand: *by_hand,
                    by: entry.user.clone(),
                    at: entry.ts,
                });
            }
            Body::RunbookInput(RunbookInput { case, name, value }) => {
                let inputs = &mut self.case_mut(case).inputs;
                inputs.insert(name.clone(), value.clone());
            }
            Body::CaseSnoozed(said) => {
                let snoozed = said.until.map(|until| Snoozed {
                    until,
                    reason: said.reason.clone(),
                    by: entry.user.clone(),
                    at: entry.ts,
                });
                self.case_mut(&said.case).snoozed = snoozed;
            }
            Body::CompromiseWindow(said) => {
                self.case_mut(&said.case).window = Some((said.from, said.until));
            }
            Body::CaseLeft(left) => {
                self.case_mut(&left.case).left = Some((left.clone(), entry.ts));
            }
            _ => self.apply_list(entry),
        }
    }

    /// Folds one record of a checklist.
    fn apply_list(&mut self, entry: &Entry) {
        match &entry.body {
            Body::ChecklistTick(ChecklistTick {
                case,
                runbook,
                step,
                state,
                evidence,
                reason,
                said,
                answer,
            }) => {
                let state = state_of(entry, (*state, *answer), evidence.clone(), reason.clone());
                self.item(case, runbook, step.raw(), said.as_ref(), |tick| {
                    tick.state = Some(state);
                });
            }
            Body::ChecklistNote(ChecklistNote {
                case,
                runbook,
                step,
                text,
                said,
            }) => {
                let note = Note {
                    text: text.clone(),
                    by: entry.user.clone(),
                    at: entry.ts,
                };
                self.item(case, runbook, step, Some(said), |tick| {
                    tick.note = Some(note);
                });
            }
            Body::ChecklistOpen(ChecklistOpen {
                case,
                runbook,
                step,
                said,
                ..
            }) => self.item(case, runbook, step, Some(said), |_| {}),
            Body::ChecklistText(ChecklistText { text, steps, .. }) => {
                let keys: BTreeSet<StepKey> = steps
                    .iter()
                    .filter_map(|key| StepKey::try_from(key.clone()).ok())
                    .collect();
                if self.texts.len() < MOST_TEXTS {
                    self.texts.insert(text.clone(), keys);
                }
            }
            Body::ChecklistPhase(ChecklistPhase {
                case,
                runbook,
                within,
                phase,
                closed,
                waived,
                reason,
            }) => {
                let Some(list) = ListId::read(runbook.clone(), within.as_deref()) else {
                    return;
                };
                let ticks = self.ticks.entry(case.clone()).or_default();
                if *closed {
                    let keys = waived
                        .iter()
                        .filter_map(|key| StepKey::try_from(key.clone()).ok());
                    let closed = PhaseClosed {
                        by: entry.user.clone(),
                        at: entry.ts,
                        waived: keys.collect(),
                        reason: reason.clone(),
                    };
                    ticks.close(list, phase, closed);
                } else {
                    ticks.reopen(&list, phase);
                }
            }
            _ => {}
        }
    }

    fn item(
        &mut self,
        case: &CaseId,
        runbook: &Untrusted,
        step: &str,
        said: Option<&StepSaid>,
        change: impl FnOnce(&mut Tick),
    ) {
        let within = said.and_then(|said| said.within.as_deref());
        let list = ListId::read(runbook.clone(), within);
        let (Some(list), Ok(step)) = (list, StepKey::try_from(step.to_owned())) else {
            return;
        };
        let old = said.and_then(|said| said.instead_of.clone());
        let mut tick = Tick {
            item: ItemId { list, step },
            state: None,
            note: None,
            said: said.map(|said| Said {
                phase: said.phase.clone(),
                words: said.words.clone(),
                text: said.text.clone(),
            }),
            instead_of: old.and_then(|key| StepKey::try_from(key).ok()),
        };
        change(&mut tick);
        let known = tick.said.as_ref().and_then(|said| said.text.as_ref());
        let known = known.and_then(|text| Some((text.clone(), self.texts.get(text)?.clone())));
        let ticks = self.ticks.entry(case.clone()).or_default();
        if let Some((text, keys)) = known.filter(|(text, _)| !ticks.knows(text)) {
            ticks.learn(text, keys);
        }
        ticks.apply(tick);
    }

    fn case_mut(&mut self, case: &CaseId) -> &mut CaseRecord {
        self.cases.entry(case.clone()).or_default()
    }

    /// Gives the work on one case.
    pub fn case(&self, case: &CaseId) -> Option<&CaseRecord> {
        self.cases.get(case)
    }

    /// Goes through the cases that are not shown for a while, or were until a moment ago.
    pub fn snoozed(&self) -> impl Iterator<Item = (&CaseId, &Snoozed)> {
        self.cases
            .iter()
            .filter_map(|(case, work)| Some((case, work.snoozed.as_ref()?)))
    }

    /// Gives the ticks of one case; `None` when nothing was ever recorded of its lists.
    pub fn ticks(&self, case: &CaseId) -> Option<&CaseTicks> {
        self.ticks.get(case)
    }

    /// Tells whether anybody or anything ever changed the state of a step of a case.
    pub fn touched(&self, case: &CaseId, item: &ItemId) -> bool {
        self.ticks
            .get(case)
            .is_some_and(|ticks| ticks.touched(item))
    }

    /// Tells whether the keys of a text are on record.
    pub fn knows_text(&self, text: &str) -> bool {
        self.texts.contains_key(text)
    }

    /// Gives the largest window searched for an account, in hours, and when.
    pub fn searched(&self, account: &AccountId) -> Option<(u32, DateTime<Utc>)> {
        self.searches.get(account).copied()
    }
}

/// Turns the words of a record into the state they stand for.
///
/// A skip without a reason is refused where it is made; in an old log it leaves the step open.
fn state_of(
    entry: &Entry,
    (word, answer): (TickState, Option<bool>),
    evidence: Option<Untrusted>,
    reason: Option<Untrusted>,
) -> ItemState {
    let (by, at) = (entry.user.clone(), entry.ts);
    let reason = reason.filter(|reason| !reason.raw().trim().is_empty());
    match (word, reason) {
        (TickState::Done, _) => ItemState::Done { by, at, evidence },
        (TickState::Skipped, Some(reason)) => ItemState::Skipped { reason, by, at },
        (TickState::NotApplicable, Some(reason)) => ItemState::NotApplicable { reason, by, at },
        (TickState::Open, _) if answer == Some(false) => ItemState::Stopped { by, at },
        (TickState::Open, _) => match evidence {
            Some(evidence) => ItemState::Refuted { evidence, at },
            None => ItemState::Open,
        },
        (TickState::Skipped | TickState::NotApplicable, None) => ItemState::Open,
    }
}
