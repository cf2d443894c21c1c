//! The list of events, with days, findings, silences and own actions between them.

use chrono::{DateTime, Datelike as _, Duration, NaiveDate, Timelike as _, Utc};
use ratatui::layout::Rect;

use crate::app::local;
use crate::app::model::activity::{DeedKind, SourceSeen};
use crate::app::model::{ActivityPane, Exported, ListRow, Model, OpenCase};
use crate::domain::freshness::{clock_word, time_word};
use crate::domain::ids::ActionId;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::{Outcome, Row};
use crate::domain::timeline::finding::Finding;
use crate::domain::timeline::lane::Lane;
use crate::domain::timeline::zone::Zone;
use crate::safe;
use crate::ui::layout::first_row;
use crate::ui::paint::{Canvas, Words, repeated};
use crate::ui::theme::Role;
use crate::ui::words;

/// From this width on the local time of the user stands beside that of UTC; the rule above the list always tells it.
const LOCAL: u16 = 100;

/// Draws the rows that are seen.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    model: &Model,
    open: &OpenCase,
    area: Rect,
    focused: bool,
) {
    let pane = &open.activity;
    let zone = local::zone(model, open);
    let first = first_row(pane.cursor, pane.rows.len(), usize::from(area.height));
    let shown = pane.rows.iter().enumerate().skip(first);
    for ((index, row), line) in shown.zip(0..area.height) {
        let look = Look {
            is_cursor: index == pane.cursor,
            focused,
            width: area.width.saturating_sub(1),
            zone: zone.map(|(zone, _)| zone),
        };
        let words = match row {
            ListRow::Day(day) => day_words(canvas, *day, look),
            ListRow::Event(index) => match pane.activity.row(*index) {
                Some(row) => event_words(canvas, (pane, model.exported.as_ref()), row, look),
                None => continue,
            },
            ListRow::Finding(index) => match pane.findings.get(*index) {
                Some(finding) => {
                    let exported = model.exported.as_ref();
                    let is_of_all = exported.is_some_and(|exported| exported.user.is_none());
                    finding_words(canvas, (pane, is_of_all), finding, look)
                }
                None => continue,
            },
            ListRow::Silence(gap) => lead(canvas, look, Role::Dim, "   . ").add(
                Role::Dim,
                safe!("nothing for {}{}", span(*gap), sources_word(pane)),
            ),
            ListRow::Said(index) => match pane.activity.row(*index) {
                Some(row) => said_words(canvas, model, pane, row, look),
                None => continue,
            },
            ListRow::Deeds { first, count } => {
                deed_words(canvas, model, pane, (*first, *count), look)
            }
            ListRow::Unheard(index) => match pane.unheard.get(*index) {
                Some(source) => unheard_words(canvas, source, look),
                None => continue,
            },
            ListRow::Own(aid) => own_words(canvas, model, aid, look),
            ListRow::Truncated(count) => truncated_words(canvas, model, pane, *count, look),
        };
        canvas.row(area, line, words);
    }
}

/// Draws a finding: what, how sure; of a dismissed one why; where events of all users stand, whose it is.
fn finding_words(
    canvas: &Canvas<'_>,
    (pane, is_of_all): (&ActivityPane, bool),
    finding: &Finding,
    look: Look,
) -> Words {
    if let Some(why) = pane.dismissal(finding) {
        return lead(canvas, look, Role::Dim, "   - ")
            .add(Role::Dim, finding.reason.clone())
            .gap(Role::Dim, safe!("dismissed: {}", why.field()));
    }
    let mut words = lead(canvas, look, Role::Finding, "   ! ");
    if let Some(user) = finding.user.as_ref().filter(|_| is_of_all) {
        words = words.add(Role::Finding, safe!("{}: ", user.ident().fit(30)));
    }
    words
        .add(Role::Finding, finding.reason.clone())
        .gap(Role::Dim, finding.confidence.key())
        .gap(Role::Dim, finding.rule.technique())
}

/// How a row looks beyond its own words.
#[derive(Clone, Copy)]
struct Look {
    is_cursor: bool,
    focused: bool,
    width: u16,
    zone: Option<Zone>,
}

/// Starts a row: the gutter and its first cells, which show the cursor.
fn lead(canvas: &Canvas<'_>, look: Look, role: Role, text: impl Into<Safe>) -> Words {
    words::gutter(canvas, look.is_cursor, look.focused)
        .add(words::lead_role(look.is_cursor, look.focused, role), text)
}

fn day_words(canvas: &Canvas<'_>, day: NaiveDate, look: Look) -> Words {
    let date = safe!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
    let rest = usize::from(look.width).saturating_sub(13);
    lead(canvas, look, Role::Title, date)
        .add(Role::Text, " ")
        .add(
            Role::Border,
            repeated(if canvas.is_ascii() { "-" } else { "╌" }, rest),
        )
}

fn time(at: DateTime<Utc>, seconds: bool) -> Safe {
    if seconds {
        safe!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    } else {
        safe!("{:02}:{:02}", at.hour(), at.minute())
    }
}

fn span(gap: Duration) -> Safe {
    words::minutes(gap.to_std().unwrap_or_default())
}

/// Cells of the columns of an event behind time, lane and outcome: action, object, place, address, agent.
///
/// What is left of `room` goes to what was done and to what; where the agent has a column, half of it goes there.
fn columns(room: usize, is_file: bool) -> [usize; 5] {
    let mut columns: [usize; 5] = match room {
        // What is in a file is not all of one user: who it was needs room too.
        48..62 if is_file => [18, 12, 0, 15, 0],
        62..76 if is_file => [18, 14, 12, 15, 0],
        0..48 => [12, 0, 0, 9, 0],
        48..62 => [20, 0, 10, 15, 0],
        62..76 => [26, 0, 18, 15, 0],
        76..104 => [24, 18, 16, 15, 0],
        _ => [30, 18, 18, 15, 1],
    };
    let used: usize = columns
        .iter()
        .filter(|width| **width > 0)
        .map(|width| width + 1)
        .sum();
    let left = (room + 1).saturating_sub(used);
    let [action, object, _, _, agent] = &mut columns;
    if *agent > 0 {
        let more = (left / 2).min(30);
        *object += more;
        *agent += left - more;
    } else if is_file && room < 76 && *object > 0 {
        *action += left / 2;
        *object += left - left / 2;
    } else if *object > 0 {
        *object += left;
    } else {
        *action += left;
    }
    columns
}

/// Gives an object in so many cells; of a path the end says more than the beginning.
fn object_words(row: Row<'_>, cells: usize) -> Safe {
    let Some(object) = row.object() else {
        return Safe::default();
    };
    let whole = object.field();
    let count = object.raw().chars().count();
    if whole.width() <= cells || !object.raw().starts_with('/') || !object.raw().is_ascii() {
        return whole;
    }
    let tail = object.raw().chars().skip((count + 1).saturating_sub(cells));
    safe!("…{}", Untrusted::new(tail.collect::<String>()).field())
}

/// Gives as many of the last parts of a dotted action as there is room for: they say more than the first.
fn last_parts(row: Row<'_>, cells: usize) -> Option<Safe> {
    let action = row.action()?.raw();
    let mut starts = action.match_indices('.').map(|(at, _)| at + 1);
    let from = starts.find(|at| action.len() - at < cells)?;
    let tail = action
        .get(from..)
        .filter(|tail| !tail.is_empty() && tail.is_ascii())?;
    Some(safe!("…{}", Untrusted::new(tail).field()))
}

/// Tells whether the lane says what was done, so that in little room what it was done to says more.
fn is_told_by_lane(row: Row<'_>) -> bool {
    let lane = !matches!(row.lane(), Lane::SignIn | Lane::AccountChange);
    lane && row.object().is_some_and(|object| object.raw().is_ascii())
}

/// Tells whether it was done by the only user that is looked at.
fn is_asked_for(exported: Option<&Exported>, row: Row<'_>) -> bool {
    let asked = exported.and_then(|exported| exported.user.as_ref());
    asked.is_some_and(|asked| row.user().is_named(asked))
}

fn event_words(
    canvas: &Canvas<'_>,
    (pane, exported): (&ActivityPane, Option<&Exported>),
    row: Row<'_>,
    look: Look,
) -> Words {
    let outcome = match row.outcome() {
        Outcome::Failure => Role::LaneFailure,
        Outcome::Success | Outcome::Unknown => Role::Dim,
    };
    let seconds = look.width >= 60;
    let is_marked =
        !pane.said.is_empty() && pane.said.of(&row.key()).is_some_and(|said| said.marked);
    let mark = if is_marked {
        canvas.sign("◆", "*")
    } else {
        " ".into()
    };
    let mut words = lead(canvas, look, Role::Text, time(row.at(), seconds)).add(Role::Own, mark);
    if let Some(zone) = look.zone.filter(|_| look.width >= LOCAL) {
        words = words.column(Role::Dim, &zone.clock(row.at()), 6);
    }
    let mut words = words
        .column(Role::Lane, &words::lane(row.lane()).into(), 10)
        .column(outcome, &row.outcome().word().into(), 5);
    let field = |text: Option<&Untrusted>| text.map(Untrusted::field).unwrap_or_default();
    let room = usize::from(look.width).saturating_sub(words.width());
    let [action, object, place, address, agent] = columns(room, row.line() > 0);
    // Where there is no room for both, the place says more than the address.
    let from = if place == 0 {
        row.place().or(row.ip())
    } else {
        row.ip()
    };
    // A file holds many users; who it was then says more than what it was done to.
    let what = if row.line() > 0 && !is_asked_for(exported, row) {
        let (user, target) = (row.user(), row.target());
        field(user.best().or(target.best()))
    } else {
        object_words(row, object)
    };
    let done = if object == 0
        && row.line() == 0
        && is_told_by_lane(row)
        && !row.is_by_other(&pane.names)
    {
        object_words(row, action)
    } else {
        action_words(pane, row)
    };
    let done = if row.line() > 0 && done.width() > action {
        last_parts(row, action).unwrap_or(done)
    } else {
        done
    };
    let cells = [
        (Role::Text, done, action),
        (Role::Text, what, object),
        (Role::Text, field(row.place()), place),
        (Role::Dim, field(from), address),
        (Role::Dim, field(row.agent()), agent),
    ];
    let mut is_first = true;
    for (role, text, width) in cells.into_iter().filter(|(_, _, width)| *width > 0) {
        if !is_first {
            words.push(Role::Text, " ");
        }
        is_first = false;
        words = words.column(role, &text, width);
    }
    words
}

/// Gives the action; of what somebody else did, who that was first.
fn action_words(pane: &ActivityPane, row: Row<'_>) -> Safe {
    let action = row.action().map(Untrusted::field).unwrap_or_default();
    match row.user().best() {
        Some(who) if row.is_by_other(&pane.names) => {
            safe!("{}: {}", words::login(who, 14), action)
        }
        _ => action,
    }
}

/// Says how many sources of the SIEM are heard of, so that a silence is not taken for a gap.
fn sources_word(pane: &ActivityPane) -> Safe {
    match (pane.sources.len(), pane.unheard.len()) {
        (0, _) => Safe::default(),
        (all, 0) => safe!(", {} of {} sources send", all, all),
        (all, silent) => safe!(", {} of {} sources send", all - silent, all),
    }
}

fn said_words(
    canvas: &Canvas<'_>,
    model: &Model,
    pane: &ActivityPane,
    row: Row<'_>,
    look: Look,
) -> Words {
    let lead = lead(canvas, look, Role::Own, "   > ");
    let Some(said) = pane.said.of(&row.key()) else {
        return lead;
    };
    let mut words = Words::empty();
    for tag in &said.tags {
        words = words.gap(Role::Own, safe!("#{}", tag.field()));
    }
    if let Some((rid, at)) = &said.posted {
        let work = model
            .open
            .as_ref()
            .and_then(|open| model.casework.case(&open.id));
        let done = rid.as_ref().zip(work).is_some_and(|(rid, work)| {
            let comment = work.comments.get(rid);
            comment.is_some_and(Option::is_some)
        });
        words = if done {
            words.gap(Role::StateProven, safe!("in the case {}", clock_word(*at)))
        } else {
            words.gap(Role::StatePending, "to be posted")
        };
    }
    for note in &said.notes {
        let by = if note.by == model.operator.os_user {
            "you".into()
        } else {
            note.by.field()
        };
        words = words.gap(Role::Text, safe!("{} ({})", note.text.field(), by));
    }
    if words.is_empty() {
        words = words.add(Role::Dim, "marked");
    }
    lead.chain(words)
}

/// Draws something done here: one thing, or how many ticks one after the other.
fn deed_words(
    canvas: &Canvas<'_>,
    model: &Model,
    pane: &ActivityPane,
    (first, count): (usize, usize),
    look: Look,
) -> Words {
    let deeds = pane.deeds.get(first..first + count).unwrap_or_default();
    let Some(deed) = deeds.first() else {
        return Words::empty();
    };
    let is_auto = |by: &Untrusted| by.raw() == "quell";
    let by: Safe = if deeds.iter().all(|deed| is_auto(&deed.by)) {
        "auto".into()
    } else if deeds
        .iter()
        .all(|deed| is_auto(&deed.by) || deed.by == model.operator.os_user)
    {
        "you".into()
    } else {
        deed.by.field().fit(9)
    };
    let lead = lead(canvas, look, Role::Own, time(deed.at, look.width >= 60))
        .add(Role::Text, " ")
        .column(Role::Own, &by, 10);
    match &deed.kind {
        DeedKind::Tick => {
            let labels = deeds.iter().map(|deed| deed.what.clone());
            let all = Safe::join(labels, &Safe::fixed("; "));
            let head = if count == 1 {
                "ticked: ".into()
            } else {
                safe!("{} ticked: ", count)
            };
            lead.add(Role::Own, head).add(Role::Dim, all)
        }
        DeedKind::Decision => lead.add(Role::Own, deed.what.clone()),
        DeedKind::Manual(_) => lead
            .add(Role::Strong, deed.what.clone())
            .gap(Role::Dim, "typed in"),
    }
}

fn unheard_words(canvas: &Canvas<'_>, source: &SourceSeen, look: Look) -> Words {
    let since = source
        .at
        .map_or_else(|| ": never".into(), |at| safe!(" since {}", time_word(at)));
    lead(canvas, look, Role::LevelWarning, "   ? ").add(
        Role::LevelWarning,
        safe!("no data from {}{}, of anybody", source.name.field(), since),
    )
}

fn truncated_words(
    canvas: &Canvas<'_>,
    model: &Model,
    pane: &ActivityPane,
    count: usize,
    look: Look,
) -> Words {
    let words = lead(canvas, look, Role::LevelWarning, "   + ");
    if let Some(since) = pane.slicing {
        let text = safe!("loading the next slice{}", words::since(model, since));
        return words.add(Role::StatePending, text);
    }
    let key = words::key_of_id(model, "next-slice");
    let seen = if pane.view.filter.is_empty() {
        ""
    } else {
        ", the filter saw no older ones"
    };
    words
        .add(Role::LevelWarning, safe!("truncated at {}{}", count, seen))
        .add(Role::Text, safe!(", next slice: {}", key))
}

fn own_words(canvas: &Canvas<'_>, model: &Model, aid: &ActionId, look: Look) -> Words {
    let Some(action) = model.ledger.get(aid) else {
        return Words::empty();
    };
    let at = action
        .sent
        .map_or_else(Safe::default, |at| time(at, look.width >= 60));
    let who = if action.user == model.operator.os_user {
        "you".into()
    } else {
        action.user.field().fit(9)
    };
    let words = lead(canvas, look, Role::Own, at)
        .add(Role::Text, " ")
        .column(Role::Own, &who, 10)
        .add(Role::Own, action.what())
        .gap(words::state_role(action.state), action.word());
    match action.seconds {
        Some(seconds) => words.gap(Role::Dim, safe!("{} s", seconds)),
        None => words,
    }
}
