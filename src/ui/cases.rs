//! The case queue.
//!
//! Two lines a case in a column, one line in a wide pane.

use chrono::{DateTime, Utc};
use ratatui::layout::Rect;

use super::layout::{first_row, narrowed};
use super::paint::{Canvas, Words};
use super::theme::Role;
use super::words;
use crate::app::model::queue::{Change, Order};
use crate::app::model::{Layer, Model, Pane};
use crate::domain::case::{Case, Subject};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// From this width on a case takes one line.
const WIDE: u16 = 70;

/// Gives what stands beside the title.
pub(super) fn facts(model: &Model) -> Words {
    let queue = &model.queue;
    if !queue.heard {
        return Words::empty();
    }
    let mut words = Words::empty();
    if queue.filter().is_empty() {
        words = words.gap(Role::Title, safe!("{} open", queue.open_count()));
    } else {
        // While it is typed it stands below; written twice, each letter would cost twice.
        let typing = matches!(model.layers.last(), Some(Layer::Filter { .. }));
        let filter = Untrusted::new(queue.filter()).field();
        if !typing {
            words = words.gap(Role::Key, safe!("/{:.12}", filter));
        }
        words = words.gap(
            Role::Title,
            safe!("{} of {}", queue.len(), queue.all().len()),
        );
    }
    let marked = queue.marked().len();
    if marked > 0 {
        words = words.gap(Role::Key, safe!("{} marked", marked));
    }
    if queue.order() != Order::default() {
        words = words.gap(Role::Title, queue.order().word());
    }
    let snoozed = queue.snoozed_count();
    if snoozed > 0 {
        words = words.gap(Role::Dim, safe!("{} snoozed", snoozed));
    }
    if queue.truncated {
        words = words.gap(Role::LevelWarning, "there are more");
    }
    words
}

/// Gives how many rows a case takes in a pane so wide.
fn rows_per_case(width: u16) -> u16 {
    if width < WIDE { 2 } else { 1 }
}

/// Draws the queue.
pub(super) fn draw(canvas: &mut Canvas<'_>, model: &Model, area: Rect) {
    let mut area = area;
    if let Some(Layer::Filter { .. }) = model.layers.last() {
        area = draw_filter(canvas, model, area);
    }
    if let Some(text) = nothing(model) {
        canvas.text(narrowed(area, 2, 1), Role::Dim, &text);
        return;
    }
    let each = rows_per_case(area.width);
    let height = usize::from(area.height / each);
    let cursor = model.queue.cursor_index().unwrap_or(0);
    let first = first_row(cursor, model.queue.len(), height);
    for (place, index) in (first..model.queue.len()).take(height).enumerate() {
        let Some(case) = model.queue.row(index) else {
            continue;
        };
        let Ok(place) = u16::try_from(place) else {
            break;
        };
        let row = Rect {
            y: area.y + place * each,
            height: each,
            ..area
        };
        let look = Look {
            is_cursor: index == cursor,
            focused: model.focus == Pane::Cases && model.layers.is_empty(),
        };
        if each == 1 {
            draw_wide(canvas, model, case, row, look);
        } else {
            draw_narrow(canvas, model, case, row, look);
        }
    }
}

fn draw_filter(canvas: &mut Canvas<'_>, model: &Model, area: Rect) -> Rect {
    let typed = Untrusted::new(model.queue.filter()).field();
    let words = Words::new(Role::Key, "/")
        .add(Role::Input, typed)
        .add(Role::Input, canvas.sign("▏", "_"));
    canvas.row(narrowed(area, 1, 1), 0, words);
    super::layout::below(area, 1)
}

fn nothing(model: &Model) -> Option<Safe> {
    let queue = &model.queue;
    if !queue.heard {
        let source = model
            .sources
            .iter()
            .find(|source| source.role == crate::config::settings::Role::Cases);
        return Some(match source {
            None => "no case system is configured".into(),
            Some(source) => match &source.fault {
                Some(fault) => safe!("the case system does not answer: {}", fault.what),
                None => "waiting for the case system".into(),
            },
        });
    }
    if queue.all().is_empty() {
        return Some("no cases".into());
    }
    if let Some(word) = queue.wrong_word() {
        return Some(safe!(
            "{} means nothing: user: sev: owner: is: and words; Esc takes the filter back",
            Untrusted::new(word).field()
        ));
    }
    queue.is_empty().then(|| {
        safe!(
            "no case of {} contains {}; Esc takes the filter back",
            queue.all().len(),
            Untrusted::new(queue.filter()).field()
        )
    })
}

/// How a row looks beyond its own words.
#[derive(Clone, Copy)]
struct Look {
    is_cursor: bool,
    focused: bool,
}

fn number(case: &Case) -> Safe {
    match case.number {
        Some(number) => safe!("#{}", number),
        None => case.id.shown(),
    }
}

fn user(model: &Model, case: &Case, width: usize) -> (Role, Safe) {
    match model.queue.subjects.get(&case.id) {
        Some(Subject::User(user)) => (Role::Text, words::login(user, width)),
        Some(Subject::Several(users)) => (Role::Change, safe!("{} users", users.len())),
        Some(Subject::NoUser) => (Role::Dim, "no user".into()),
        None => (Role::Dim, Safe::default()),
    }
}

/// Gives the owner, or what is left of the time to claim the case.
fn claim(model: &Model, case: &Case, width: usize) -> (Role, Safe) {
    if let Some(owner) = &case.assignee {
        let word = if words::is_operator(model, owner) {
            "you".into()
        } else {
            words::login(owner, width)
        };
        return (Role::Dim, word);
    }
    if !case.status.is_open() {
        return (Role::Dim, case.status.word().into());
    }
    if model.queue.is_snoozed(&case.id) {
        return (Role::Dim, "snoozed".into());
    }
    let deadline = model.queue.deadline(case);
    match deadline {
        None => (Role::Dim, "-".into()),
        Some(deadline) => countdown(deadline, model.now.utc),
    }
}

fn countdown(deadline: DateTime<Utc>, now: DateTime<Utc>) -> (Role, Safe) {
    match (deadline - now).to_std() {
        // Rounded up, so that it says LATE only when it is.
        Ok(left) => {
            let left = std::time::Duration::from_secs(left.as_secs().div_ceil(60) * 60);
            (Role::Deadline, safe!("ack {}", words::minutes(left)))
        }
        Err(_) => (
            Role::DeadlineLate,
            safe!("LATE {}", words::ago_between(deadline, now)),
        ),
    }
}

fn change(model: &Model, case: &Case) -> &'static str {
    if model.queue.is_marked(&case.id) {
        return "[x] ";
    }
    match model.queue.changes.get(&case.id) {
        Some(Change::New) => "+new ",
        Some(Change::Changed) => "*changed ",
        None => "",
    }
}

fn is_open_here(model: &Model, case: &Case) -> bool {
    model.open.as_ref().is_some_and(|open| open.id == case.id)
}

fn draw_narrow(canvas: &mut Canvas<'_>, model: &Model, case: &Case, area: Rect, look: Look) {
    let Look { is_cursor, focused } = look;
    let gutter = words::gutter(canvas, is_cursor, focused);
    let severity = Role::of_severity(case.severity);
    let number_role = words::lead_role(is_cursor, focused, Role::Text);
    let left = gutter
        .column(severity, &case.severity.word().into(), 9)
        .add(number_role, number(case))
        .add(Role::Dim, safe!(" {:>3}", words::ago(model, case.created)));
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    let (claim_role, claim) = claim(model, case, room);
    let right = Words::new(claim_role, claim.fit(room)).add(Role::Text, " ");
    canvas.ends(area, 0, left, right);
    let room = (usize::from(area.width) * 2 / 5).max(10);
    let (user_role, user) = user(model, case, room);
    let title_role = if is_open_here(model, case) {
        Role::Strong
    } else {
        Role::Text
    };
    let left = Words::new(Role::Text, " ")
        .add(Role::Change, change(model, case))
        .add(title_role, case.title.field());
    let user_role = if user_role == Role::Text {
        Role::Title
    } else {
        user_role
    };
    canvas.ends(
        area,
        1,
        left,
        Words::new(user_role, user).add(Role::Text, " "),
    );
}

fn draw_wide(canvas: &mut Canvas<'_>, model: &Model, case: &Case, area: Rect, look: Look) {
    let Look { is_cursor, focused } = look;
    let (claim_role, claim) = claim(model, case, 14);
    let (user_role, user) = user(model, case, 24);
    let number_role = words::lead_role(is_cursor, focused, Role::Text);
    let left = words::gutter(canvas, is_cursor, focused)
        .column(
            Role::of_severity(case.severity),
            &case.severity.word().into(),
            9,
        )
        .add(number_role, safe!("{:>6}", number(case)))
        .add(
            Role::Dim,
            safe!(" {:>4}  ", words::ago(model, case.created)),
        )
        .add(Role::Change, change(model, case))
        .add(Role::Text, case.title.field());
    let right = Words::empty()
        .column_right(user_role, &user, 24)
        .add(Role::Text, "  ")
        .column(Role::Dim, &case.status.word().into(), 12)
        .column_right(claim_role, &claim, 14)
        .add(Role::Text, " ");
    canvas.ends(area, 0, left, right);
}
