//! The confirmation: who it is, exactly what will be sent, what it means, what the guards said, and the name to type.
//!
//! Nothing is left out silently: where the terminal is too low, facts are left out in steps, and the dialog says so.

mod many;

use ratatui::layout::Rect;

use super::{heading, inner_width, open_box};
use crate::app::model::Model;
use crate::config::settings::Mode;
use crate::domain::account::{Account, AccountStatus};
use crate::domain::containment::confirm::{Confirmation, Focus};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::need::Need;
use crate::domain::containment::plan::{ActionFacts, Plan, PlannedStep};
use crate::domain::containment::remnant::Remnant;
use crate::domain::containment::risk;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::activity::{factors, roles, sessions};
use crate::ui::layout::below;
use crate::ui::paint::{Canvas, Words, blanks};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 104;
/// Rows at the bottom that are always there: a rule, the field, the buttons, what the last key said.
const FOOT: u16 = 4;

/// How much is spelled out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Full,
    /// Empty lines and less needed facts of the account are left out.
    Dense,
}

/// Draws the dialog; gives where the typed name ends.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    (confirmation, said, scroll): (&Confirmation, Option<&Safe>, usize),
) -> Option<(u16, u16)> {
    let plan = confirmation.plan();
    let width = room.width.min(MOST);
    let inner = inner_width(room, MOST);
    let most = room.height.saturating_sub(FOOT + 2);
    let (sheet, needed, is_whole) = if many::is_of(plan) {
        many::sheet(model, plan, inner, most)
    } else {
        [Detail::Full, Detail::Dense]
            .into_iter()
            .map(|detail| sheet(model, plan, inner, detail))
            .find(|sheet| sheet.len() <= usize::from(most))
            .map_or_else(
                || short(model, plan, inner),
                |sheet| {
                    let len = sheet.len();
                    (sheet, len, true)
                },
            )
    };
    let height = u16::try_from(sheet.len())
        .unwrap_or(u16::MAX)
        .min(most)
        .saturating_add(FOOT + 2);
    let title = heading(what(plan)).gap(Role::DialogTitle, plan.account.login.field());
    let inside = open_box(canvas, room, (width, height), title, mode(model, plan));
    let body = Rect {
        height: inside.height.saturating_sub(FOOT),
        ..inside
    };
    let most_first = sheet.len().saturating_sub(usize::from(body.height));
    let first = scroll.min(most_first);
    let hidden = sheet.draw(canvas, body, first);
    let foot = below(inside, body.height);
    canvas.rule(Rect { height: 1, ..foot }, "─", "-", Role::Border);
    if hidden > 0 && !is_whole && first + usize::from(body.height) < needed {
        let text = safe!(" Down: {} more; read them before you confirm ", hidden);
        canvas.row(foot, 0, Words::new(Role::LevelAlarm, text));
    } else if hidden > 0 {
        let text = safe!(" Down: limits and proof ({} more) ", hidden);
        canvas.ends(foot, 0, Words::empty(), Words::new(Role::Dim, text));
    } else if first > 0 {
        let text = " Up: what is sent to whom ";
        canvas.ends(foot, 0, Words::empty(), Words::new(Role::Dim, text));
    }
    draw_foot(canvas, model, foot, confirmation, said)
}

/// Names what is done in order; the same thing several times in a row is named once, with the count.
fn what(plan: &Plan) -> Safe {
    if many::is_of(plan) {
        return many::what(plan);
    }
    let steps: Vec<Safe> = plan.steps.iter().map(PlannedStep::what).collect();
    let runs = steps.chunk_by(|one, next| one == next);
    let words = runs.filter_map(|run| {
        let word = run.first()?.clone();
        Some(match run.len() {
            1 => word,
            many => safe!("{} ({} requests)", word, many),
        })
    });
    Safe::join(words, &Safe::fixed(", "))
}

fn mode(model: &Model, plan: &Plan) -> Words {
    if plan.dry_run || model.mode() == Mode::DryRun {
        Words::new(Role::ModeDryRun, " DRY RUN: nothing is sent ")
    } else {
        Words::new(Role::ModeLive, " LIVE ")
    }
}

fn sheet(model: &Model, plan: &Plan, width: u16, detail: Detail) -> Sheet {
    let mut sheet = Sheet::new(width);
    add_account(&mut sheet, model, &plan.account, detail);
    let gap = |sheet: &mut Sheet| {
        if detail == Detail::Full {
            sheet.gap();
        }
    };
    gap(&mut sheet);
    for (step, place) in plan.steps.iter().zip(1usize..) {
        add_step(&mut sheet, step, place, plan.steps.len());
    }
    gap(&mut sheet);
    add_guards(&mut sheet, model, plan);
    sheet
}

/// Gives the sheet for a low terminal: first what tells the account from others, the requests, effect, undo and guards,
/// then, below, the rest; with it the number of lines of the first part, and that it does not fit whole.
fn short(model: &Model, plan: &Plan, width: u16) -> (Sheet, usize, bool) {
    let mut sheet = Sheet::new(width);
    add_account_short(&mut sheet, &plan.account);
    add_steps_short(&mut sheet, plan);
    // What stays possible once a thing is gone belongs to what has to be read.
    let (shown, below) = if plan.items().is_empty() {
        REST.split_at(0)
    } else {
        REST.split_at(1)
    };
    add_facts_once(&mut sheet, plan, shown);
    add_guards(&mut sheet, model, plan);
    let needed = sheet.len();
    add_facts_once(&mut sheet, plan, below);
    let account = &plan.account;
    sheet.fact("groups", Role::Text, &groups(account));
    let place = last_place(model, account);
    if !place.is_empty() {
        let at = account
            .last_sign_in
            .map_or_else(|| "none known".into(), time_word);
        sheet.fact("last active", Role::Text, &safe!("sign-in {}{}", at, place));
    }
    sheet.fact("MFA", Role::Text, &factors(account));
    (sheet, needed, false)
}

/// Adds what tells the account from any other, in as few lines as that takes.
fn add_account_short(sheet: &mut Sheet, account: &Account) {
    let who = safe!("{}, {}", account.login.ident(), account.name.ident());
    sheet.fact("account", Role::Strong, &who);
    if let Some(escaped) = account.login.ident_escaped() {
        sheet.fact("", Role::Text, &escaped);
    }
    let id = safe!(
        "{} at {}, {}",
        account.id.shown(),
        account.id.connection,
        account.status.word()
    );
    sheet.fact("id", Role::Strong, &id);
    let last = account.last_sign_in.map_or_else(Safe::default, |at| {
        safe!("; last sign-in {}", time_word(at))
    });
    sheet.fact("roles", Role::Text, &safe!("{}{}", roles(account), last));
    add_risk(sheet, account);
    for gap in &account.gaps {
        sheet.fact("not read", Role::LevelWarning, &gap.line());
    }
}

/// Adds the requests in their order, and each thing they mean once.
fn add_steps_short(sheet: &mut Sheet, plan: &Plan) {
    let mut host = None;
    for (step, place) in plan.steps.iter().zip(1usize..) {
        if host != Some(&step.call.host) {
            let shown = Untrusted::new(step.call.host.as_str()).ident();
            sheet.fact("requests to", Role::Strong, &shown);
            host = Some(&step.call.host);
        }
        let before = plan.steps.iter().take(place - 1);
        let same = before
            .zip(1usize..)
            .find(|(other, _)| other.call == step.call);
        let call = if let Some((_, first)) = same {
            safe!("{} again, the same request as {}", step.what(), first)
        } else {
            let path = Untrusted::new(step.call.path.as_str()).ident();
            safe!("{} {}", step.call.method, path)
        };
        let label = Words::new(Role::Dim, safe!("{}.", place));
        sheet.labelled(label, 3, Role::Strong, &call);
        if let Some(remnant) = &step.item {
            sheet.fact("removes", Role::Strong, &removes(remnant));
        }
    }
    add_facts_once(sheet, plan, &FACTS);
}

/// Adds facts of the actions, each text once.
fn add_facts_once(sheet: &mut Sheet, plan: &Plan, facts: &[(&'static str, Pick)]) {
    let mut said: Vec<&Safe> = Vec::new();
    for (label, pick) in facts {
        for step in &plan.steps {
            let text = pick(&step.facts);
            if !said.contains(&text) {
                sheet.fact(label, Role::Text, text);
                said.push(text);
            }
        }
    }
}

/// Picks one fact of an action.
type Pick = fn(&ActionFacts) -> &Safe;

/// The facts that are always shown.
const FACTS: [(&str, Pick); 2] = [
    ("effect", |facts| &facts.effect),
    ("undo", |facts| &facts.undo),
];

/// The facts that a low terminal shows further down.
const REST: [(&str, Pick); 2] = [
    ("limits", |facts| &facts.limits),
    ("proof", |facts| &facts.proof),
];

fn add_account(sheet: &mut Sheet, model: &Model, account: &Account, detail: Detail) {
    sheet.fact("account", Role::Strong, &account.login.ident());
    if let Some(escaped) = account.login.ident_escaped() {
        sheet.fact("", Role::Text, &escaped);
    }
    let id = safe!("{}  at {}", account.id.shown(), account.id.connection);
    sheet.fact("id", Role::Strong, &id);
    sheet.fact("name", Role::Text, &account.name.ident());
    let status_role = match account.status {
        AccountStatus::Active => Role::AccountActive,
        AccountStatus::Disabled => Role::AccountDisabled,
        AccountStatus::Other(_) => Role::StateUnknown,
    };
    let since = account
        .status_changed
        .map_or_else(Safe::default, |at| safe!(", since {}", time_word(at)));
    let source = account
        .source
        .as_ref()
        .map_or_else(Safe::default, |source| safe!(", from {}", source.field()));
    let status = safe!("{}{}{}", account.status.word(), since, source);
    sheet.fact("status", status_role, &status);
    let roles = safe!("{}; {}", roles(account), groups(account));
    sheet.fact("roles", Role::Text, &roles);
    let last = match account.last_sign_in {
        Some(at) => time_word(at),
        None => "none known".into(),
    };
    sheet.fact(
        "last active",
        Role::Text,
        &safe!("sign-in {}{}", last, last_place(model, account)),
    );
    if detail == Detail::Full {
        if let Some(mail) = &account.mail {
            sheet.fact("mail", Role::Text, &mail.ident());
        }
        sheet.fact("MFA", Role::Text, &factors(account));
        if let Some(sessions) = sessions(account) {
            sheet.fact("sessions", Role::Text, &sessions);
        }
    }
    if let Some(required @ [_, ..]) = account.required.as_deref() {
        let all = Safe::join(required.iter().map(Untrusted::field), &Safe::fixed(", "));
        sheet.fact("next login", Role::Text, &safe!("requires {}", all));
    }
    add_risk(sheet, account);
    for gap in &account.gaps {
        sheet.fact("not read", Role::LevelWarning, &gap.line());
    }
}

/// Adds what is known of the account's risk, where there is something to know.
pub(super) fn add_risk(sheet: &mut Sheet, account: &Account) {
    if let Some(word) = risk::word(account) {
        sheet.fact("risk", words::risk_role(account), &word);
    }
}

fn groups(account: &Account) -> Safe {
    match account.groups.as_deref() {
        None => "groups not readable".into(),
        Some([]) => "no groups".into(),
        Some(groups) => {
            let names = groups.iter().take(6).map(|group| group.name.field());
            let names = Safe::join(names, &Safe::fixed(", "));
            match groups.len().saturating_sub(6) {
                0 => safe!("groups {}", names),
                more => safe!("groups {} and {} more", names, more),
            }
        }
    }
}

/// Gives where the account was last seen, when its activity is open.
fn last_place(model: &Model, account: &Account) -> Safe {
    let place = model
        .open
        .as_ref()
        .filter(|open| open.the_account().is_some_and(|here| here.id == account.id))
        .and_then(|open| {
            open.activity.activity.rows().next_back().and_then(|row| {
                row.place()
                    .or(row.ip())
                    .map(|place| (row.at(), place.field()))
            })
        });
    match place {
        Some((at, place)) => safe!(", last event {} from {}", time_word(at), place),
        None => Safe::default(),
    }
}

fn add_step(sheet: &mut Sheet, step: &PlannedStep, place: usize, all: usize) {
    let call = safe!(
        "{} {}{}",
        step.call.method,
        Untrusted::new(step.call.host.as_str()).ident(),
        Untrusted::new(step.call.path.as_str()).ident()
    );
    let label = if all > 1 {
        safe!("{}. {}", place, step.what())
    } else {
        step.what()
    };
    sheet.line(Words::new(Role::DialogTitle, label));
    sheet.fact("  request", Role::Strong, &call);
    if let Some(remnant) = &step.item {
        sheet.fact("  removes", Role::Strong, &removes(remnant));
    }
    let facts = &step.facts;
    sheet.fact("  effect", Role::Text, &facts.effect);
    sheet.fact("  undo", Role::Text, &facts.undo);
    sheet.fact("  limits", Role::Text, &facts.limits);
    sheet.fact("  proof", Role::Text, &facts.proof);
}

/// Says what a step takes away, since when it is there, and what is kept of it.
fn removes(remnant: &Remnant) -> Safe {
    let since = match remnant.since {
        Some(at) => safe!("there since {}", time_word(at)),
        None => "since when it is there is not told".into(),
    };
    safe!("{}, {}; {}", remnant.item.named(), since, remnant.keeps())
}

fn add_guards(sheet: &mut Sheet, model: &Model, plan: &Plan) {
    let passed = plan
        .guards
        .iter()
        .filter(|result| !result.refuses())
        .map(|result| result.guard.into());
    let passed = Safe::join(passed, &Safe::fixed(", "));
    for result in &plan.guards {
        if let Some(refusal) = &result.refusal {
            let text = safe!("{}: {}", result.guard, refusal);
            sheet.fact("REFUSED", Role::StateRefuted, &text);
        }
    }
    if let Some(broken) = &model.audit_broken {
        sheet.fact("WARNING", Role::LevelAlarm, &broken.what);
    }
    for warning in &plan.warnings {
        sheet.fact("WARNING", Role::StateUnknown, warning);
    }
    if !passed.is_empty() {
        sheet.fact("guards", Role::StateProven, &safe!("pass: {}", passed));
    }
    if let Some(name) = &plan.campaign {
        let name = Untrusted::new(name.as_str()).field();
        let text = safe!("{}: beyond the caps, in its name", name);
        sheet.fact("campaign", Role::LevelWarning, &text);
    }
    if let Some(need) = &plan.need {
        sheet.fact("2nd person", Role::LevelWarning, &second_person(plan, need));
    }
}

/// Says what y leads to where a second person is needed.
fn second_person(plan: &Plan, need: &Need) -> Safe {
    let reasons = Safe::join(need.reasons.iter().cloned(), &Safe::fixed("; "));
    let then = if plan.dry_run {
        "a dry run asks nobody"
    } else if need.earlier.is_some() {
        "y goes on waiting for the answer to your request in the case"
    } else {
        "y asks in the case, for 15 minutes; nothing is sent before somebody else approves"
    };
    safe!("needed: {}. {}", reasons, then)
}

/// Names what y leads to, in one word: that of the button, and of the line of keys.
pub(in crate::ui) fn verb(kinds: &[ActionKind]) -> &'static str {
    let has = |kind| kinds.contains(&kind);
    if kinds.iter().all(|kind| *kind == ActionKind::EnableAccount) {
        "enable"
    } else if has(ActionKind::ResetPassword) {
        "reset"
    } else if has(ActionKind::ExpirePassword) {
        "expire"
    } else if has(ActionKind::RemoveItem) {
        "remove"
    } else if has(ActionKind::ConfirmCompromised) {
        "mark"
    } else if has(ActionKind::DismissRisk) {
        "dismiss"
    } else {
        "contain"
    }
}

fn draw_foot(
    canvas: &mut Canvas<'_>,
    model: &Model,
    area: Rect,
    confirmation: &Confirmation,
    said: Option<&Safe>,
) -> Option<(u16, u16)> {
    let wanted = Untrusted::new(confirmation.wanted()).ident();
    let typed = Untrusted::new(confirmation.typed()).ident();
    let prompt = Words::new(Role::Dim, "type ")
        .add(Role::Strong, wanted.clone())
        .add(Role::Dim, ": ");
    let room = usize::from(area.width).saturating_sub(prompt.width() + 1);
    let shown = typed.fit(room);
    let free = wanted
        .width()
        .max(20)
        .min(room)
        .saturating_sub(shown.width());
    let column = area.x + u16::try_from(prompt.width() + shown.width()).unwrap_or(0);
    let field = prompt
        .add(Role::Input, shown)
        .add(Role::Input, blanks(free));
    let field = if confirmation.matches() {
        field.gap(Role::StateProven, "matches")
    } else {
        field
    };
    canvas.row(area, 1, field);
    let (cancel, contain) = match confirmation.focus() {
        Focus::Cancel => (Role::ButtonFocused, Role::Button),
        Focus::Contain => (Role::Button, Role::ButtonFocused),
    };
    let plan = confirmation.plan();
    let verb = if many::is_of(plan) {
        safe!("remove {}", plan.steps.len())
    } else {
        verb(&plan.kinds()).into()
    };
    let (cancel_word, contain_word) = match confirmation.focus() {
        Focus::Cancel => (Safe::fixed("[>cancel<]"), safe!("[ {} ]", verb)),
        Focus::Contain => (Safe::fixed("[ cancel ]"), safe!("[>{}<]", verb)),
    };
    let buttons = Words::new(cancel, cancel_word)
        .add(Role::Text, "  ")
        .add(contain, contain_word);
    let age = model.age(confirmation.plan().made).as_secs() / 60;
    let left = safe!("valid for {}m", 5u64.saturating_sub(age));
    let left = if confirmation.plan().expired(model.now.boot) {
        Words::new(Role::LevelWarning, "too old: make it again")
    } else {
        Words::new(Role::Dim, left)
    };
    canvas.ends(area, 2, buttons, left);
    let said = said.cloned().unwrap_or_else(|| {
        "type the name, then Tab, then y; Esc cancels, Enter never confirms".into()
    });
    canvas.row(area, 3, Words::new(Role::LevelInfo, said));
    (confirmation.focus() == Focus::Cancel).then_some((column, area.y + 1))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[ActionKind::RevokeSessions, ActionKind::DisableAccount], "contain")]
    #[case(&[ActionKind::EnableAccount], "enable")]
    #[case(&[ActionKind::ResetPassword], "reset")]
    #[case(&[ActionKind::RevokeSessions, ActionKind::ExpirePassword], "expire")]
    #[case(&[ActionKind::RemoveItem], "remove")]
    #[case(&[ActionKind::ConfirmCompromised], "mark")]
    #[case(&[ActionKind::DismissRisk], "dismiss")]
    fn the_button_names_what_y_leads_to(#[case] kinds: &[ActionKind], #[case] expected: &str) {
        assert_eq!(verb(kinds), expected);
    }
}
