//! The wall, for a screen across the room: big numbers, and below them lists in columns and pages.
//!
//! Everything on it changes once a minute at most unless something happened, so that a quiet wall writes nothing. What
//! must not live here: what is known (`app::wall`), the console's panes.

mod digits;
mod flow;
mod lists;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::digits::Size;
use super::layout::{LEAST, narrowed};
use super::paint::{Canvas, Words};
use super::theme::{Role, Theme};
use super::words;
use crate::app::model::Source;
use crate::app::wall::Wall;
use crate::config::settings::{EnvironmentKind, Names};
use crate::domain::freshness::{Freshness, clock_word};
use crate::domain::severity::Severity;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Rows above the numbers: the status line and the line for old data.
const HEAD: u16 = 2;

/// Draws the whole wall.
pub fn draw(wall: &Wall, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    canvas.clear(area);
    let (width, height) = LEAST;
    if area.width < width || area.height < height {
        let text = safe!(
            "quell needs {}x{}, this is {}x{}",
            width,
            height,
            area.width,
            area.height
        );
        canvas.row(area, 0, Words::new(Role::Strong, text));
        return;
    }
    status(&mut canvas, wall, area);
    old_data(&mut canvas, wall, area);
    let tiles = tiles(wall);
    let numbers = Rect {
        y: area.y + HEAD,
        height: area.height - HEAD,
        ..area
    };
    let used = draw_tiles(&mut canvas, &tiles, numbers, area.height);
    let top = HEAD + used + 1;
    let body = Rect {
        y: area.y + top,
        height: area.height.saturating_sub(top + 1),
        ..area
    };
    let columns = columns(wall, area.width);
    let pages = flow::draw(&mut canvas, &columns, narrowed(body, 1, 1), |pages| {
        wall.page_of(pages)
    });
    foot(&mut canvas, wall, area, pages);
}

/// Puts the lists into columns: one where there is little room, two or three where there is more.
fn columns(wall: &Wall, width: u16) -> Vec<Vec<flow::Section>> {
    let (unclaimed, claimed) = (lists::unclaimed(wall), lists::claimed(wall));
    let (running, contained) = (lists::running(wall), lists::contained(wall));
    let sources = lists::sources(wall);
    match width {
        200.. => vec![
            vec![unclaimed],
            vec![claimed],
            vec![running, contained, sources],
        ],
        110.. => vec![vec![unclaimed, claimed], vec![running, contained, sources]],
        _ => vec![vec![unclaimed, running, contained, claimed, sources]],
    }
}

fn status(canvas: &mut Canvas<'_>, wall: &Wall, area: Rect) {
    let environment = &wall.settings.environment;
    let name = Untrusted::new(environment.name.as_str()).field();
    let mut line = Words::new(Role::Dim, " quell wall ")
        .add(Role::Strong, name)
        .add(Role::Text, " ")
        .add(Role::ModeReadOnly, " READ ONLY ");
    if environment.kind == EnvironmentKind::Drill {
        line = line.add(Role::Text, " ").add(Role::ModeDrill, " DRILL ");
    }
    for source in &wall.sources {
        let (role, word) = source_word(source, wall);
        line = line
            .add(Role::Text, "  ")
            .add(Role::Text, source.label.clone())
            .add(Role::Text, " ")
            .add(role, word);
    }
    if wall.log_doubt.is_some() {
        line = line
            .add(Role::Text, "  log ")
            .add(Role::SourceStale, "failing");
    }
    let clock = Words::new(Role::Strong, clock_word(wall.now.utc)).add(Role::Text, " ");
    let room = usize::from(area.width).saturating_sub(clock.width() + 1);
    canvas.ends(area, 0, line.whole(room), clock);
}

/// Gives how a source is, in words; the age of one that is well is not said.
fn source_word(source: &Source, wall: &Wall) -> (Role, Safe) {
    match source.heard.freshness(wall.now.boot) {
        Freshness::Waiting | Freshness::Ok if source.fault.is_some() => {
            (Role::SourceStale, "failing".into())
        }
        Freshness::Waiting => (Role::SourceWaiting, "waiting".into()),
        Freshness::Ok => (Role::SourceOk, "ok".into()),
        Freshness::Stale(age) => (Role::SourceStale, safe!("STALE {}", words::minutes(age))),
        Freshness::NoAnswer(age) => (Role::SourceDead, safe!("no answer {}", words::minutes(age))),
    }
}

/// Says in a line of its own that what is shown is old, or else that the log is not to be relied on: nobody across the room
/// reads that in a corner.
fn old_data(canvas: &mut Canvas<'_>, wall: &Wall, area: Rect) {
    let text = match wall.cases_freshness() {
        Some(Freshness::Stale(age)) => {
            safe!(
                "OLD DATA: the cases are as they were {} ago",
                words::minutes(age)
            )
        }
        Some(Freshness::NoAnswer(age)) => safe!(
            "NO DATA: the case system has not answered for {}; all below may be wrong",
            words::minutes(age)
        ),
        _ if wall.log_doubt.is_some() => {
            "audit log BROKEN or cut: what it says of accounts is not certain".into()
        }
        None => "no case system is configured: there is nothing to count".into(),
        Some(Freshness::Ok | Freshness::Waiting) => return,
    };
    let line = Words::new(Role::LevelAlarm, safe!(" {} ", text));
    canvas.row(narrowed(area, 1, 1), 1, line);
}

/// One big number with its label.
struct Tile {
    role: Role,
    label: Safe,
    /// `None` when it is not known.
    count: Option<usize>,
    /// A line below the label.
    note: Words,
}

fn tiles(wall: &Wall) -> Vec<Tile> {
    let freshness = wall.cases_freshness();
    let heard = !wall.boards.is_empty();
    let known = heard && !matches!(freshness, Some(Freshness::NoAnswer(_)) | None);
    let old = match freshness {
        Some(Freshness::Stale(age)) => {
            Words::new(Role::SourceStale, safe!("OLD {}", words::minutes(age)))
        }
        _ if wall.is_truncated() => Words::new(Role::LevelWarning, "and more"),
        _ => Words::empty(),
    };
    let of = |is: &dyn Fn(Severity) -> bool| wall.rows().filter(|row| is(row.severity)).count();
    let tile = |severity: Severity| Tile {
        role: Role::of_severity(severity),
        label: severity.word().into(),
        count: known.then(|| of(&|one| one == severity)),
        note: old.clone(),
    };
    let mut tiles = Vec::new();
    if of(&|one| one == Severity::Fatal) > 0 {
        tiles.push(tile(Severity::Fatal));
    }
    let usual = [
        Severity::Critical,
        Severity::High,
        Severity::Medium,
        Severity::Low,
    ];
    tiles.extend(usual.map(tile));
    let others = of(&|one| one < Severity::Low);
    if others > 0 {
        tiles.push(Tile {
            role: Role::SeverityInfo,
            label: "OTHER".into(),
            count: known.then_some(others),
            note: old.clone(),
        });
    }
    let unclaimed = wall.unclaimed();
    let oldest = unclaimed.iter().map(|row| row.created).min();
    let note = match oldest {
        Some(at) if known && old.is_empty() => Words::new(
            Role::Title,
            safe!("oldest {}", words::ago_between(at, wall.now.utc)),
        ),
        _ => old.clone(),
    };
    tiles.push(Tile {
        role: if unclaimed.iter().any(|row| lists::is_late(row, wall)) {
            Role::DeadlineLate
        } else {
            Role::Strong
        },
        label: "UNCLAIMED".into(),
        count: known.then_some(unclaimed.len()),
        note,
    });
    tiles
}

/// Draws the numbers beside each other, as big as there is room; gives the rows they took.
fn draw_tiles(canvas: &mut Canvas<'_>, tiles: &[Tile], area: Rect, height: u16) -> u16 {
    let Ok(count) = u16::try_from(tiles.len().max(1)) else {
        return 0;
    };
    let each = area.width.saturating_sub(1) / count;
    let texts: Vec<Safe> = tiles
        .iter()
        .map(|tile| tile.count.map_or("?".into(), |count| safe!("{}", count)))
        .collect();
    let size = Size::fitting(&texts, each, height, canvas.is_ascii());
    for (place, (tile, text)) in (0u16..).zip(tiles.iter().zip(&texts)) {
        let place = Rect {
            x: area.x + 1 + place * each,
            width: each.saturating_sub(1),
            ..area
        };
        let role = if tile.count == Some(0) {
            Role::Dim
        } else {
            tile.role
        };
        size.draw(canvas, place, role, text);
        canvas.row(place, size.rows(), Words::new(role, tile.label.clone()));
        canvas.row(place, size.rows() + 1, tile.note.clone());
    }
    size.rows() + 2
}

fn foot(canvas: &mut Canvas<'_>, wall: &Wall, area: Rect, pages: usize) {
    let names: &'static str = match wall.shown.names {
        Names::Short => "names shortened, titles left out",
        Names::Full => "names shown",
    };
    let left = Words::new(Role::Text, " ")
        .add(Role::Key, "q")
        .add(Role::Dim, " quit")
        .gap(Role::Dim, names);
    let right = if pages > 1 {
        let page = wall.page_of(pages) + 1;
        Words::new(Role::Title, safe!("page {} of {} ", page, pages))
    } else {
        Words::empty()
    };
    canvas.ends(area, area.height - 1, left, right);
}
