//! Dialogs with a few rows to choose from: the actions, the likelihood, the user, the search, quitting.

use ratatui::layout::Rect;

use super::{heading, open_box};
use crate::app::actions::{Choice, offered_first, rows};
use crate::app::approvals;
use crate::app::command::Context;
use crate::app::model::contained::ends;
use crate::app::model::{Held, Model};
use crate::app::ready::refusal;
use crate::app::unrecorded::Unrecorded;
use crate::app::update::found_commands;
use crate::domain::containment::kind::ActionKind;
use crate::domain::freshness::time_word;
use crate::domain::likelihood::{HIGH, Likelihood, MEDIUM, Proposal};
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::finding::Confidence;
use crate::safe;
use crate::ui::actions;
use crate::ui::layout::{below, first_row};
use crate::ui::paint::{Canvas, Words, wrap};
use crate::ui::theme::Role;
use crate::ui::words;

const MOST: u16 = 72;

/// Most actions that are named where the next console may not find them.
const NAMED: usize = 6;

/// Draws the actions, one letter each.
pub(super) fn contain(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let target = model
        .open
        .as_ref()
        .and_then(|open| open.the_account())
        .map_or_else(
            || Words::new(Role::Dim, "no account"),
            |account| Words::new(Role::Strong, account.login.ident()),
        );
    let inside = open_box(
        canvas,
        room,
        (MOST.min(room.width), 16),
        heading("Contain"),
        target,
    );
    let used = actions::draw_choices(canvas, model, inside, &rows(model), (cursor, true));
    let text = "A letter plans it. Nothing is sent before you confirm.";
    canvas.text(below(inside, used + 1), Role::Dim, &text.into());
    if let Some((place, why)) = offered_first(model) {
        let word = Choice::ALL.get(place).map_or("", |choice| choice.word());
        let first = safe!("offered first: {} ({})", word, why);
        canvas.text(below(inside, used + 2), Role::Strong, &first);
    }
}

/// Draws the values of the likelihood.
pub(super) fn likelihood(canvas: &mut Canvas<'_>, model: &Model, room: Rect, cursor: usize) {
    let decided = model
        .open
        .as_ref()
        .and_then(|open| model.likelihood_in(open))
        .map(|(value, _)| value);
    let proposal = model
        .open
        .as_ref()
        .and_then(|open| open.activity.proposal());
    let rows: Vec<Words> = Likelihood::ALL
        .into_iter()
        .map(|value| {
            let yours = if decided == Some(value) { "yours" } else { "" };
            let is_proposed = proposal.as_ref().is_some_and(|one| one.value == value);
            let proposed = if is_proposed { "proposed " } else { "" };
            Words::new(Role::Strong, safe!("{:<11}", value.word()))
                .add(Role::Dim, safe!("{:<32}", meaning(value)))
                .add(Role::Finding, safe!("{:<9}", proposed))
                .add(Role::StateProven, yours)
        })
        .collect();
    let title = heading("How likely is it that somebody else has the account?");
    let sum = proposal.map_or_else(Vec::new, |proposal| sum(&proposal));
    list_with(canvas, room, title, rows, sum, cursor);
}

/// Gives the sum of evidence a proposal rests on, one row a rule.
fn sum(proposal: &Proposal) -> Vec<Words> {
    let mut rows = vec![Words::new(
        Role::Dim,
        safe!(
            "proposed from {} points: medium from {}, high from {}",
            proposal.points,
            MEDIUM,
            HIGH
        ),
    )];
    if let Some(proof) = &proposal.proof {
        rows.push(Words::new(Role::Finding, safe!("confirmed: {}", proof)));
    }
    for part in &proposal.parts {
        let role = if part.confidence == Confidence::High {
            Role::Finding
        } else {
            Role::Text
        };
        let times = if part.count > 1 {
            safe!(" ({} times)", part.count)
        } else {
            Safe::default()
        };
        rows.push(
            Words::new(Role::Strong, safe!("{:>3} ", part.points))
                .add(Role::Dim, safe!("{:<7}", part.confidence.key()))
                .add(role, safe!("{}{}: {}", part.rule.id(), times, part.reason)),
        );
    }
    if proposal.parts.is_empty() {
        rows.push(Words::new(Role::Dim, "nothing odd was found"));
    }
    rows
}

fn meaning(value: Likelihood) -> &'static str {
    match value {
        Likelihood::Low => "explained, or nothing found",
        Likelihood::Medium => "odd, not explained",
        Likelihood::High => "no good explanation is left",
        Likelihood::Confirmed => "known, for instance by the user",
    }
}

/// Draws the names a case gives.
pub(super) fn user(canvas: &mut Canvas<'_>, room: Rect, names: &[Untrusted], cursor: usize) {
    let rows = names
        .iter()
        .map(|name| {
            let words = Words::new(Role::Text, name.ident());
            match name.ident_escaped() {
                Some(escaped) => words.gap(Role::Dim, escaped),
                None => words,
            }
        })
        .collect();
    list(
        canvas,
        room,
        heading("Whom is this case about?"),
        rows,
        cursor,
    );
}

/// Draws the ends a containment can be given.
pub(super) fn hold_end(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    (of, watch): (&Held, bool),
    cursor: usize,
) {
    let now = model.ledger.holds().hold(&of.account);
    let rows = ends(watch)
        .iter()
        .map(|end| {
            let until = end.until(model.now.utc);
            let same = now.is_some_and(|hold| hold.until.is_none() && until.is_none());
            Words::new(Role::Strong, safe!("{:<24}", end.word()))
                .add(
                    Role::Dim,
                    safe!("{:<22}", until.map(time_word).unwrap_or_default()),
                )
                .add(Role::StateProven, if same { "now" } else { "" })
        })
        .collect();
    let how: &'static str = if watch { "watched" } else { "contained" };
    let title = heading(safe!("Until when is {} {}?", of.login.ident(), how));
    list(canvas, room, title, rows, cursor);
}

/// Draws rows to choose from.
pub(super) fn list(
    canvas: &mut Canvas<'_>,
    room: Rect,
    title: Words,
    rows: Vec<Words>,
    cursor: usize,
) {
    list_with(canvas, room, title, rows, Vec::new(), cursor);
}

/// Draws rows to choose from, and what they rest on below.
fn list_with(
    canvas: &mut Canvas<'_>,
    room: Rect,
    title: Words,
    rows: Vec<Words>,
    under: Vec<Words>,
    cursor: usize,
) {
    let more = if under.is_empty() { 0 } else { under.len() + 1 };
    let height = u16::try_from(rows.len() + more + 2).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (MOST.min(room.width), height),
        title,
        Words::empty(),
    );
    let len = rows.len();
    let first = first_row(cursor, len, usize::from(inside.height));
    for (line, (index, row)) in (0..inside.height).zip(rows.into_iter().enumerate().skip(first)) {
        let gutter = words::gutter(canvas, index == cursor, true);
        let lead = words::lead_role(index == cursor, true, Role::Dim);
        let number = Words::new(lead, safe!("{:>2}", index + 1)).add(Role::Text, "  ");
        canvas.row(inside, line, gutter.chain(number).chain(row));
    }
    let below = u16::try_from(len + 1).unwrap_or(u16::MAX);
    for (line, row) in (below..inside.height).zip(under) {
        canvas.row(inside, line, Words::new(Role::Text, "  ").chain(row));
    }
}

/// Says that a plan is being made.
pub(super) fn planning(
    canvas: &mut Canvas<'_>,
    room: Rect,
    (kinds, items): (&[ActionKind], usize),
    of: &Held,
) {
    let inside = open_box(
        canvas,
        room,
        (MOST.min(room.width), 6),
        heading("Planning"),
        Words::empty(),
    );
    let what = match items {
        0 | 1 => Safe::join(
            kinds.iter().map(|kind| kind.word().into()),
            &Safe::fixed(", "),
        ),
        many => safe!("remove {} things", many),
    };
    let target = of.login.ident();
    canvas.row(
        inside,
        0,
        Words::new(Role::Strong, what).gap(Role::Text, target),
    );
    canvas.row(
        inside,
        1,
        Words::new(
            Role::Dim,
            "reading the account and asking the guards; nothing is sent",
        ),
    );
    canvas.row(
        inside,
        3,
        Words::new(Role::Key, "Esc").add(Role::Dim, " gives it up"),
    );
}

/// Draws the search over all commands.
pub(super) fn search(
    canvas: &mut Canvas<'_>,
    model: &Model,
    room: Rect,
    typed: &str,
    cursor: usize,
) -> (u16, u16) {
    let found = found_commands(typed);
    let facts = Words::new(
        Role::Dim,
        safe!("{} of {}", found.len(), found_commands("").len()),
    );
    let inside = open_box(
        canvas,
        room,
        (80.min(room.width), room.height.min(20)),
        heading("All commands"),
        facts,
    );
    let typed = Untrusted::new(typed).field();
    let end = canvas.row(
        inside,
        0,
        Words::new(Role::Key, ": ").add(Role::Input, typed),
    );
    let rows = below(inside, 2);
    if found.is_empty() {
        canvas.row(rows, 0, Words::new(Role::Dim, "no command matches"));
    }
    let first = first_row(cursor, found.len(), usize::from(rows.height));
    for (line, (index, spec)) in (0..rows.height).zip(found.iter().enumerate().skip(first)) {
        let is_cursor = index == cursor;
        let place = if spec.context == Context::Everywhere {
            ""
        } else {
            spec.context.word()
        };
        let keys = words::keys_of_id(model, spec.id);
        let refused = refusal(model, spec);
        let left = words::gutter(canvas, is_cursor, true)
            .add(
                words::lead_role(is_cursor, true, Role::Key),
                safe!("{:>10}", keys.fit(10)),
            )
            .gap(
                if refused.is_some() {
                    Role::Dim
                } else {
                    Role::Text
                },
                spec.doc,
            );
        let right = match refused {
            // Whole beside the cursor; elsewhere it only says that there is a reason.
            Some(reason) if is_cursor => Words::new(Role::LevelWarning, reason.fit(44)),
            Some(_) => Words::new(Role::Dim, "not now"),
            None => Words::new(Role::Dim, place),
        };
        canvas.ends(rows, line, left, right);
    }
    (end, inside.y)
}

/// Asks for the word that ends READ ONLY after an idle time.
pub(super) fn rearm(canvas: &mut Canvas<'_>, typed: &str, room: Rect) {
    let text =
        "This console was left alone, so it is READ ONLY. Type the word arm to act again.".into();
    let width = MOST.min(room.width);
    let lines = wrap(&text, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (width, height),
        heading("READ ONLY"),
        Words::empty(),
    );
    canvas.wrapped(inside, Role::Text, &lines);
    let line = height.saturating_sub(3);
    let shown = Untrusted::new(typed).field();
    canvas.row(
        inside,
        line,
        Words::new(Role::Key, "arm:").gap(Role::Strong, shown),
    );
}

/// Writes a count with its word, in the plural where it is one.
fn counted(count: usize, word: &'static str) -> Safe {
    let plural = if count == 1 { "" } else { "s" };
    safe!("{} {}{}", count, word, plural)
}

/// Asks whether to quit while something is not finished.
pub(super) fn quit(canvas: &mut Canvas<'_>, model: &Model, room: Rect) {
    let unfinished = model.ledger.unfinished().count();
    let undocumented = model.ledger.undocumented().len();
    let mut said = Vec::new();
    let unrecorded = Unrecorded::of(model);
    if unfinished + undocumented > 0 {
        let then: &'static str = if unrecorded.is_some() {
            "What is on its way goes on to its end."
        } else {
            "What is on its way goes on to its end; the next console finds all of it again."
        };
        said.push(safe!(
            "Without a final word: {}. Not documented: {}. {}",
            counted(unfinished, "action"),
            counted(undocumented, "response"),
            then
        ));
    }
    let awaited = approvals::awaited(model).count();
    if awaited > 0 {
        said.push(safe!(
            "Waiting for a second person: {}. An answer sends nothing while the console that asked is away.",
            counted(awaited, "plan")
        ));
    }
    said.extend(unrecorded.map(|lost| lost.in_short(NAMED)));
    if !model.handed.is_empty() {
        said.push("A new password or link was not looked at: with the console it is gone.".into());
    }
    if !model.typed.is_empty() {
        let titles = Safe::join(model.typed.titles(), &Safe::fixed(", "));
        said.push(safe!(
            "Typed here and not on record: {}. With the console it may be gone.",
            titles
        ));
    }
    let text = Safe::join(said, &Safe::fixed(" "));
    let width = MOST.min(room.width);
    let lines = wrap(&text, usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX);
    let inside = open_box(
        canvas,
        room,
        (width, height),
        heading("Quit anyway?"),
        Words::empty(),
    );
    canvas.wrapped(inside, Role::Text, &lines);
    let line = height.saturating_sub(3);
    canvas.row(
        inside,
        line,
        Words::new(Role::Key, "y")
            .add(Role::Text, " quits")
            .gap(Role::Key, "any other key")
            .add(Role::Text, " stays"),
    );
}
