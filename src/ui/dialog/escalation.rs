//! The escalation path: who is called now, who after that and when, and how each is reached.
//!
//! What must not live here: who is next (`domain::escalation`).

use std::time::Duration;

use ratatui::layout::Rect;

use super::{heading, inner_width, open_sheet};
use crate::app::model::{Load, Model};
use crate::domain::escalation::{Due, Escalation, Rung};
use crate::domain::freshness::age_word;
use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;
use crate::ui::paint::{Canvas, Words};
use crate::ui::sheet::Sheet;
use crate::ui::theme::Role;

const MOST: u16 = 84;

/// Draws the path.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, room: Rect, scroll: usize) {
    let mut sheet = Sheet::new(inner_width(room, MOST));
    match &model.escalation {
        Some(path) => add_path(&mut sheet, model, path),
        None => add_nothing(&mut sheet, model),
    }
    open_sheet(canvas, room, heading("Escalation"), &sheet, MOST, scroll);
}

fn add_nothing(sheet: &mut Sheet, model: &Model) {
    let text = match &model.settings.escalation {
        Some(file) => safe!(
            "The escalation path {} could not be read. The messages (!) say why.",
            Untrusted::new(file.to_string_lossy()).ident()
        ),
        None => "No escalation path is configured. [escalation] file = \"...\" in the configuration names its file."
            .into(),
    };
    sheet.text(0, Role::Text, &text);
}

/// Gives severity and age of the open case.
fn case_of(model: &Model) -> Option<(Severity, Duration)> {
    let open = model.open.as_ref()?;
    let queued = model.queue.all().iter().find(|case| case.id == open.id);
    let case = match &open.file {
        Load::Ready(file, _) => Some(&file.case),
        _ => queued,
    }?;
    let age = (model.now.utc - case.created).to_std().unwrap_or_default();
    Some((case.severity, age))
}

fn add_path(sheet: &mut Sheet, model: &Model, path: &Escalation) {
    let case = case_of(model);
    let mut standing: Vec<Option<Due>> = vec![None; path.steps.len()];
    let mut now = None;
    match case {
        Some((severity, age)) => {
            add_next(sheet, path, severity, age);
            standing = path.standing(severity, age).into_iter().map(Some).collect();
            now = path.now(severity, age);
        }
        None => sheet.text(0, Role::Dim, &"Open a case to see who is next.".into()),
    }
    for (at, (rung, due)) in path.steps.iter().zip(standing).enumerate() {
        sheet.gap();
        add_rung(sheet, at + 1, rung, due, now == Some(at));
    }
}

/// Says in a sentence who is called now and why, and who after that.
fn add_next(sheet: &mut Sheet, path: &Escalation, severity: Severity, age: Duration) {
    let why = safe!("the case is {} and {} old", severity.word(), age_word(age));
    let called = path.now(severity, age).and_then(|at| path.steps.get(at));
    let text = called.map_or_else(
        || safe!("Nobody is called yet: {}.", why),
        |rung| safe!("Call {}: {}.", rung.who.field(), why),
    );
    sheet.text(0, Role::Strong, &text);
    let then = path
        .then(severity, age)
        .and_then(|(at, left)| Some((path.steps.get(at)?, left)));
    if let Some((rung, left)) = then {
        let text = safe!("Then {}, in {}.", rung.who.field(), left_word(left));
        sheet.text(0, Role::Text, &text);
    }
}

fn add_rung(sheet: &mut Sheet, number: usize, rung: &Rung, due: Option<Due>, is_now: bool) {
    let role = match due {
        Some(Due::NotForThis) => Role::Dim,
        _ if is_now => Role::Strong,
        _ => Role::Text,
    };
    let who = Words::new(role, safe!("{}  {}", number, rung.who.field()));
    let state: Safe = match due {
        None => Safe::default(),
        Some(Due::Since(_)) if is_now => "call now".into(),
        Some(Due::Since(since)) => safe!("due {} ago", age_word(since)),
        Some(Due::In(left)) => safe!("in {}", left_word(left)),
        Some(Due::NotForThis) => "not for this case".into(),
    };
    let state_role = if is_now { Role::Strong } else { Role::Dim };
    sheet.ends(who, Words::new(state_role, state));
    for (at, way) in rung.reach.iter().enumerate() {
        let label = if at == 0 { "reach" } else { "" };
        sheet.fact(label, role, &way.line());
    }
    let after = if rung.after.is_zero() {
        "at once".into()
    } else {
        safe!("{} after the case was created", age_word(rung.after))
    };
    let when = match rung.severity {
        Some(least) => safe!("{}, cases of severity {} and above", after, least.word()),
        None => after,
    };
    sheet.fact("when", Role::Dim, &when);
    if !rung.note.is_empty() {
        sheet.fact("note", role, &rung.note.line());
    }
}

/// Gives a time that is left, rounded up to minutes: nobody is called early because of a word.
fn left_word(left: Duration) -> Safe {
    let minutes = left.as_secs().div_ceil(60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => safe!("{}m", minutes),
        (hours @ 1..24, 0) => safe!("{}h", hours),
        (hours @ 1..24, minutes) => safe!("{}h {}m", hours, minutes),
        _ => age_word(left),
    }
}
