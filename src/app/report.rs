//! The facts of a case as the model has them, for the texts that are written into it.
//!
//! What must not live here: the wording of those texts (`domain::report`), keys.

mod held;
mod items;
mod known;
mod late;
mod missing;
mod shift;

pub use items::root;
pub use known::{beside, others};
pub use late::late;
pub use missing::missing;
pub use shift::shift;

use std::time::Duration;

use chrono::{DateTime, Utc};

use self::held::{holds, silenced, watched, ways_back};
use self::known::{account, standing, unread};
use super::model::contained::{self, Contained};
use super::model::{Model, OpenCase, Source};
use crate::domain::audit::DecisionKind;
use crate::domain::case::Case;
use crate::domain::casework::CaseRecord;
use crate::domain::casework::judged::Declined;
use crate::domain::containment::ledger::ActionView;
use crate::domain::containment::state::ActionState;
use crate::domain::escalation::Due;
use crate::domain::freshness::{age_word, time_word};
use crate::domain::ids::{AccountId, CaseId, PlanId};
use crate::domain::report::documents::Written;
use crate::domain::report::facts::{ActionFact, Facts, FindingFact};
use crate::domain::report::{Kind, Subject, Target, handover, lessons, phase};
use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Rows of evidence named for one finding.
const EVIDENCE: usize = 6;

/// A phase that can be documented.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// What about.
    pub subject: Subject,
    /// The latest text about it.
    pub latest: Option<&'a Written>,
    /// How many mandatory items are open.
    pub open: usize,
}

/// Lists the phases of the runbook with what is documented of them in the open case.
pub fn rows(model: &Model) -> Vec<Row<'_>> {
    let Some(open) = &model.open else {
        return Vec::new();
    };
    items::phases(model, &open.id)
        .into_iter()
        .map(|(subject, phase)| {
            let target = Target {
                case: open.id.clone(),
                subject: subject.clone(),
            };
            Row {
                latest: model.ledger.documents().latest(&target),
                open: phase.open_mandatory().count(),
                subject,
            }
        })
        .collect()
}

/// Gives the index of the current phase among the rows.
pub fn current(model: &Model) -> usize {
    items::current(model)
}

/// Composes the text of a report anew.
pub fn compose(model: &Model, target: &Target) -> String {
    compose_of(model, target, &facts(model, &target.case))
}

/// Composes it from what was gathered of its case.
fn compose_of(model: &Model, target: &Target, facts: &Facts) -> String {
    match target.subject.kind {
        Kind::Handover => handover::compose(facts),
        // It begins empty.
        Kind::Note => String::new(),
        Kind::Lessons => lessons::compose(facts),
        Kind::Feedback => lessons::feedback(facts),
        Kind::Phase => {
            let phases = items::phases(model, &target.case);
            let at = phases
                .iter()
                .position(|(subject, _)| *subject == target.subject);
            phase::compose(facts, at.unwrap_or(usize::MAX))
        }
    }
}

/// Gathers what is known of a case.
pub fn facts(model: &Model, id: &CaseId) -> Facts {
    let open = model.open.as_ref().filter(|open| open.id == *id);
    let case = open
        .and_then(|open| open.file.ready().map(|file| &file.case))
        .or_else(|| model.queue.all().iter().find(|case| case.id == *id));
    let file = open.and_then(|open| open.file.ready());
    let alert = file.and_then(|file| file.main_alert());
    let work = model.casework.case(id);
    // One that is held for several cases is handed over with each.
    let held: Vec<Contained<'_>> = contained::of_cases(model, std::slice::from_ref(id));
    let opened = model.opened.get(id);
    Facts {
        now: model.now.utc,
        by: model.operator.signed(),
        case: if let Some(number) = case.and_then(|case| case.number) {
            safe!("case #{}", number)
        } else {
            safe!("case {}", id.shown())
        },
        title: case.map(|case| case.title.line()).unwrap_or_default(),
        severity: case.map(|case| case.severity),
        status: status(case),
        created: case.map(|case| case.created),
        alert: alert.map(|alert| (alert.title.line(), alert.at)),
        log: model.log_word(),
        unread: unread(model),
        beside: beside(model),
        others: open.and_then(|open| others(model, open)),
        account: open.and_then(account),
        standing: open
            .and_then(OpenCase::the_account)
            .and_then(|account| standing(model, account)),
        likelihood: likelihood(model, id, open),
        decisions: decisions(model, id),
        search: open.and_then(search),
        findings: open.map(findings).unwrap_or_default(),
        actions: actions(model, id).map(|act| action(model, act)).collect(),
        contained: held
            .iter()
            .filter_map(|row| holds(model, row))
            .chain(watched(model, id))
            .collect(),
        window: open
            .and_then(|_| super::window::of(model))
            .map(|window| window.word()),
        silenced: held
            .iter()
            .filter_map(|row| silenced(model, row))
            .chain(work.and_then(|work| snoozed(work, model.now.utc)))
            .collect(),
        ways_back: ways_back(model, &held, id),
        sources: model.sources.iter().filter_map(unwell).collect(),
        troubles: troubles(model, id),
        counted_since: opened.map(|(at, _)| *at),
        phases: items::phases(model, id)
            .into_iter()
            .map(|(_, phase)| phase)
            .collect(),
        runbook: root(model).0.title.line(),
        documented: documented(model, id),
        escalation: case.map(|case| escalation(model, case)).unwrap_or_default(),
    }
}

fn status(case: Option<&Case>) -> Safe {
    let Some(case) = case else {
        return "not read".into();
    };
    let owner = match &case.assignee {
        Some(login) => safe!("owner {}", login.field()),
        None => "no owner".into(),
    };
    safe!("{}, {}", case.vendor_status.field(), owner)
}

fn actions<'a>(model: &'a Model, id: &'a CaseId) -> impl Iterator<Item = &'a ActionView> {
    let outbox = model.ledger.outbox();
    let is_of = move |case: &CaseId| case == id || outbox.home_of(case) == id;
    let all = model.ledger.actions();
    let counts =
        |act: &ActionView| act.confirmed.is_some() || act.sent.is_some() || act.is_to_come();
    all.filter(move |act| is_of(&act.case) && counts(act))
}

fn decisions(model: &Model, id: &CaseId) -> Vec<Safe> {
    let mut plans: Vec<&PlanId> = actions(model, id).map(|act| &act.pid).collect();
    plans.dedup();
    let mut lines: Vec<Safe> = plans
        .into_iter()
        .filter_map(|pid| {
            let acts = model.ledger.plan(pid);
            let first = acts.first()?;
            let kinds: Vec<Safe> = acts.iter().map(|act| act.what()).collect();
            let dry: &'static str = if first.dry_run { "DRY RUN of " } else { "" };
            Some(safe!(
                "{}{} on {}, confirmed {} by {}",
                dry,
                Safe::join(kinds, &Safe::fixed(", ")),
                first.login.ident(),
                time_word(first.confirmed?),
                first.user.field()
            ))
        })
        .collect();
    lines.extend(declined(model, id));
    lines
}

/// Gives the decisions not to contain; each names its login where the case has more than one account.
fn declined(model: &Model, id: &CaseId) -> Vec<Safe> {
    let Some(work) = model.casework.case(id) else {
        return Vec::new();
    };
    let open = model.open.as_ref().filter(|open| open.id == *id);
    let chosen = open
        .and_then(OpenCase::the_account)
        .map(|account| &account.id);
    let made = &work.decisions;
    let is_other = |of: Option<&AccountId>| of.is_some() && chosen.is_some() && of != chosen;
    let several = made.is_several()
        || model.users_of(id).is_some()
        || made.all().any(|(of, _)| is_other(of.account.as_ref()));
    let line = |one: &Declined| {
        let word = match one.kind {
            DecisionKind::MonitorOnly => "monitor only",
            DecisionKind::NoAction => "no action",
        };
        let whom = match (several, one.login.is_empty()) {
            (false, _) => Safe::default(),
            (true, true) => " for a user not known".into(),
            (true, false) => safe!(" for {}", one.login.ident()),
        };
        let at = time_word(one.at);
        safe!("{}{}, decided {}: {}", word, whom, at, one.reason.line())
    };
    // The one before the account was known is of the same account, and the last one counts.
    let stale = made.all().count().saturating_sub(1);
    let skipped = if several { 0 } else { stale };
    let shown = made.all().skip(skipped);
    shown.map(|(_, one)| line(one)).collect()
}

/// Gives the likelihood judged for the account of the open case; of a case that is not open, those of all accounts.
fn likelihood(
    model: &Model,
    id: &CaseId,
    open: Option<&OpenCase>,
) -> Option<(Safe, DateTime<Utc>)> {
    if let Some(open) = open {
        let (value, at) = model.likelihood_in(open)?;
        return Some((value.word().into(), at));
    }
    let judged = &model.casework.case(id)?.likelihoods;
    let (_, (latest, at)) = judged.all().last()?;
    if !judged.is_several() && model.users_of(id).is_none() {
        return Some((latest.word().into(), *at));
    }
    let words: Vec<Safe> = judged
        .all()
        .map(|(of, (value, _))| match (&of.login, &of.account) {
            (Some(login), _) => safe!("{} for {}", value.word(), login.ident()),
            (None, Some(account)) => safe!("{} for account {}", value.word(), account.shown()),
            (None, None) => safe!("{} for a user not known", value.word()),
        })
        .collect();
    Some((Safe::join(words, &Safe::fixed(", ")), *at))
}

fn search(open: &OpenCase) -> Option<Safe> {
    let ended = open.activity.ended?;
    let cut: &'static str = if ended.truncated {
        ", truncated there: the source has more"
    } else {
        ""
    };
    let read = open.activity.heard;
    let read = read.map(|at| safe!(", as read at {}", time_word(at.utc)));
    let fault = open.activity.fault.as_ref();
    let fails = fault.map(|fault| safe!("; since then the source fails: {}", fault.what));
    Some(safe!(
        "{} events of the last {} h{}{}{}",
        open.activity.activity.len(),
        open.activity.window_hours,
        cut,
        read.unwrap_or_default(),
        fails.unwrap_or_default()
    ))
}

fn findings(open: &OpenCase) -> Vec<FindingFact> {
    let pane = &open.activity;
    let field = |text: Option<&Untrusted>| text.map(Untrusted::field).unwrap_or_default();
    pane.findings
        .iter()
        .map(|finding| {
            let rows = finding
                .evidence
                .iter()
                .filter_map(|at| pane.activity.row(*at));
            let all: Vec<Safe> = rows
                .map(|row| {
                    safe!(
                        "{} {} {} from {} {}",
                        time_word(row.at()),
                        row.outcome().word(),
                        field(row.action()),
                        field(row.ip()),
                        field(row.place())
                    )
                })
                .collect();
            // The deciding rows are the last ones.
            let more = all.len().saturating_sub(EVIDENCE);
            FindingFact {
                what: safe!(
                    "{} {} (rule {}, {})",
                    time_word(finding.at),
                    finding.reason,
                    finding.rule.id(),
                    finding.rule.technique()
                ),
                evidence: all.into_iter().skip(more).collect(),
                more,
            }
        })
        .collect()
}

/// Says of an action how it stands and when it was sent; in a log that is broken the record of that may be missing.
fn stands(model: &Model, act: &ActionView) -> Safe {
    let sent = act.sent.filter(|_| act.may_have_left());
    let unsent: &'static str = match model.audit_broken {
        Some(_) => "no send on record",
        None => "not sent",
    };
    let said = sent.map_or(Safe::from(unsent), |at| safe!("sent {}", time_word(at)));
    safe!(
        "{} of {}: {}, {}",
        act.what(),
        act.login.ident(),
        act.word(),
        said
    )
}

fn action(model: &Model, act: &ActionView) -> ActionFact {
    let sent = act.sent.filter(|_| act.may_have_left());
    let after = act
        .seconds
        .map_or(Safe::default(), |s| safe!(", after {} s", s));
    let evidence = act.evidence.as_ref().map(Untrusted::line);
    let evidence = evidence.map_or(Safe::default(), |text| safe!(" ({})", text));
    ActionFact {
        line: safe!(
            "{}{}{} [action {}]",
            stands(model, act),
            after,
            evidence,
            act.aid
        ),
        sent,
        proven: act.state == ActionState::Verified,
        unfinished: act.is_to_come(),
    }
}

fn snoozed(work: &CaseRecord, now: DateTime<Utc>) -> Option<Safe> {
    let snoozed = work.snoozed.as_ref().filter(|one| one.until > now)?;
    Some(safe!(
        "not shown until {}: {}",
        time_word(snoozed.until),
        snoozed.reason.line()
    ))
}

fn unwell(source: &Source) -> Option<Safe> {
    let fault = source.fault.as_ref()?;
    Some(safe!("{} ({}): {}", source.label, source.name, fault.what))
}

fn troubles(model: &Model, id: &CaseId) -> Vec<Safe> {
    let Some((_, before)) = model.opened.get(id) else {
        return Vec::new();
    };
    model
        .troubles
        .iter()
        .filter_map(|(source, tally)| {
            let earlier = before.get(source).copied().unwrap_or_default();
            let words = tally.since(earlier).words()?;
            Some(safe!("requests to {}: {}", source, words))
        })
        .collect()
}

fn documented(model: &Model, id: &CaseId) -> Vec<Safe> {
    let open = model.open.as_ref().filter(|open| open.id == *id);
    let deleted = |comment: &Untrusted| {
        let gone = open.and_then(|open| open.comments.gone(comment));
        let line = gone.map(|at| safe!("; deleted, seen {}", time_word(at)));
        line.unwrap_or_default()
    };
    let mut lines: Vec<Safe> = Vec::new();
    for act in actions(model, id).filter(|act| act.case == *id) {
        let Some(comment) = &act.comment else {
            continue;
        };
        let line = safe!(
            "record of the response: comment {}{}",
            comment.field(),
            deleted(comment)
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.extend(model.ledger.documents().of_case(id).map(|one| {
        let title = one.target.subject.title();
        let at = time_word(one.at);
        if let Some(comment) = &one.comment {
            let gone = deleted(comment);
            safe!("{}: comment {}, {}{}", title, comment.field(), at, gone)
        } else {
            safe!("{}: written {}, not read in the case yet", title, at)
        }
    }));
    lines
}

fn escalation(model: &Model, case: &Case) -> Vec<Safe> {
    let Some(path) = &model.escalation else {
        return Vec::new();
    };
    let age: Duration = (model.now.utc - case.created).to_std().unwrap_or_default();
    let severity: Severity = case.severity;
    let standing = path.standing(severity, age);
    path.steps
        .iter()
        .zip(standing)
        .filter_map(|(rung, due)| {
            let when = match due {
                Due::Since(_) => "due now".into(),
                Due::In(left) => safe!("in {}", age_word(left)),
                Due::NotForThis => return None,
            };
            let reach: Vec<Safe> = rung.reach.iter().map(Untrusted::field).collect();
            Some(safe!(
                "{}, {}: {}",
                rung.who.field(),
                when,
                Safe::join(reach, &Safe::fixed(", "))
            ))
        })
        .collect()
}
