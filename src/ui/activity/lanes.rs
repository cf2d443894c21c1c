//! The lanes: one row a kind of event on one time axis, findings and own actions as marks on it.

use chrono::{DateTime, Datelike as _, Duration, Timelike as _, Utc, Weekday};
use ratatui::layout::Rect;

use crate::app::model::activity::{DeedKind, Span};
use crate::app::model::{Model, OpenCase};
use crate::domain::freshness::clock_word;
use crate::domain::text::Safe;
use crate::domain::timeline::activity::Outcome;
use crate::domain::timeline::finding::{Finding, Rule};
use crate::domain::timeline::lane::Lane;
use crate::safe;
use crate::ui::paint::{Canvas, Words, blanks};
use crate::ui::theme::Role;

/// Cells of the lane's name and the blank behind it.
const NAME: u16 = 13;
/// Cells of the count at the end of a lane, and the blank before it.
const COUNT: u16 = 7;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Seconds between two words of the axis, the shortest first.
const STEPS: [i64; 9] = [60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, DAY];
/// Rows of the axis and of the own actions.
const FIXED: u16 = 2;

/// What is drawn: the open case and the model, looked at as lanes.
pub(super) struct Lanes<'a> {
    model: &'a Model,
    open: &'a OpenCase,
}

/// Counts of one lane along the axis.
#[derive(Clone, Debug, Default)]
struct Bins {
    all: Vec<u32>,
    failed: Vec<u32>,
}

/// The time axis: where it starts, how long one cell is, and how many cells there are.
struct Axis {
    start: DateTime<Utc>,
    cell: Duration,
    cells: usize,
}

impl Axis {
    /// Lays the axis so that its cells stand still while time goes by: it moves a whole cell at a time.
    fn new(until: DateTime<Utc>, window: Duration, cells: usize) -> Self {
        let cells = cells.max(1);
        let count = i64::try_from(cells).unwrap_or(1);
        let seconds = (window.num_seconds() / count).max(1);
        let last = until.timestamp().div_euclid(seconds);
        let start = (last - count + 1).saturating_mul(seconds);
        Self {
            start: DateTime::from_timestamp(start, 0).unwrap_or(until),
            cell: Duration::seconds(seconds),
            cells,
        }
    }

    fn place(&self, at: DateTime<Utc>) -> Option<usize> {
        let seconds = (at - self.start).num_seconds();
        let cell = usize::try_from(seconds.checked_div(self.cell.num_seconds())?).ok()?;
        (seconds >= 0 && cell < self.cells).then_some(cell)
    }

    fn time(&self, cell: usize) -> DateTime<Utc> {
        let offset = i32::try_from(cell).unwrap_or(i32::MAX);
        self.start + self.cell * offset
    }

    /// Gives the words along the axis with their cells: days, and hours or minutes where there is room between them;
    /// dates where there is none for every day.
    fn labels(&self) -> Vec<(usize, Safe)> {
        let cell = self.cell.num_seconds().max(1);
        let room = |step: &&i64| **step / cell >= 8;
        let step = STEPS.iter().find(room).copied().unwrap_or_else(|| {
            // The words of days are three letters; a date has ten.
            let days = if cell <= DAY / 4 {
                1
            } else {
                cell.saturating_mul(12) / DAY + 1
            };
            days.saturating_mul(DAY)
        });
        let mut labels = Vec::new();
        let first = self.start.timestamp().div_euclid(step) + 1;
        for number in first.. {
            let at = DateTime::from_timestamp(number.saturating_mul(step), 0);
            let Some((at, place)) = at.and_then(|at| Some((at, self.place(at)?))) else {
                return labels;
            };
            let word = if step > DAY {
                safe!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
            } else if at.timestamp().rem_euclid(DAY) == 0 {
                weekday(at.weekday()).into()
            } else {
                safe!("{:02}:{:02}", at.hour(), at.minute())
            };
            labels.push((place, word));
        }
        labels
    }
}

impl<'a> Lanes<'a> {
    /// Looks at the open case.
    pub(super) fn of(model: &'a Model, open: &'a OpenCase) -> Self {
        Self { model, open }
    }

    /// Tells which lanes have something in them.
    fn busy(&self) -> [bool; Lane::ALL.len()] {
        let open = self.open;
        let mut busy = [false; Lane::ALL.len()];
        for row in open.activity.activity.rows() {
            if let Some(busy) = busy.get_mut(row.lane() as usize) {
                *busy = true;
            }
            if busy.iter().filter(|busy| !**busy).count() <= 1 {
                break;
            }
        }
        if open.activity.findings.iter().any(guessed)
            && let Some(busy) = busy.get_mut(Lane::FailThenSuccess as usize)
        {
            *busy = true;
        }
        busy
    }

    /// Gives the rows it takes of those there are: all lanes, or the ones with something in them, or none.
    pub(super) fn height(&self, good: u16, least: u16) -> u16 {
        if self.open.activity.activity.is_empty() {
            return 0;
        }
        let all = u16::try_from(Lane::ALL.len()).unwrap_or(0) + FIXED;
        if good >= all {
            return all;
        }
        let busy = self.shown(false).len();
        let busy = u16::try_from(busy).unwrap_or(0) + FIXED;
        if least > FIXED { busy.min(least) } else { 0 }
    }

    fn shown(&self, all: bool) -> Vec<Lane> {
        if all {
            return Lane::ALL.to_vec();
        }
        let busy = self.busy();
        Lane::ALL
            .into_iter()
            .filter(|lane| busy.get(*lane as usize) == Some(&true))
            .collect()
    }

    /// Draws them; gives the rows it took.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> u16 {
        if area.height <= FIXED {
            return 0;
        }
        let room = area.height - FIXED;
        let all = usize::from(room) >= Lane::ALL.len();
        let cells = usize::from(area.width.saturating_sub(NAME + COUNT));
        let seen = self.seen();
        let axis = Axis::new(seen.until, seen.length(), cells);
        self.draw_axis(canvas, area, &axis);
        let bins = self.bins(&axis);
        let mut line = 1;
        for lane in self.shown(all).into_iter().take(usize::from(room)) {
            let bins = bins.get(lane as usize).cloned().unwrap_or_default();
            self.draw_lane(canvas, area, line, lane, &axis, &bins);
            line += 1;
        }
        self.draw_own(canvas, area, line, &axis);
        line + 1
    }

    /// Gives the time that is seen: the window, or the part of it.
    fn seen(&self) -> Span {
        let pane = &self.open.activity;
        let window = pane.window(self.model.now.utc);
        pane.view.span.unwrap_or(window)
    }

    fn bins(&self, axis: &Axis) -> Vec<Bins> {
        let empty = Bins {
            all: vec![0; axis.cells],
            failed: vec![0; axis.cells],
        };
        let mut lanes = vec![empty; Lane::ALL.len()];
        let activity = &self.open.activity.activity;
        let mut from = activity.first_at_or_after(axis.start);
        for cell in 0..axis.cells {
            let to = activity.first_at_or_after(axis.time(cell + 1));
            let seen = (from..to).filter(|index| self.open.activity.is_hit(*index));
            for row in seen.filter_map(|index| activity.row(index)) {
                let Some(bins) = lanes.get_mut(row.lane() as usize) else {
                    continue;
                };
                if let Some(count) = bins.all.get_mut(cell) {
                    *count += 1;
                }
                if row.outcome() == Outcome::Failure
                    && let Some(count) = bins.failed.get_mut(cell)
                {
                    *count += 1;
                }
            }
            from = to.max(from);
        }
        lanes
    }

    fn draw_axis(&self, canvas: &mut Canvas<'_>, area: Rect, axis: &Axis) {
        let seen = self.seen();
        let window = safe!("{}, UTC", length_word(seen.length()));
        canvas.row(area, 0, Words::new(Role::Dim, window));
        let mut line = Words::empty();
        let (mut used, mut free) = (0, 0);
        for (cell, word) in axis.labels() {
            let end = cell + word.width();
            if cell < free || end > axis.cells {
                continue;
            }
            line = line
                .add(Role::Text, blanks(cell - used))
                .add(Role::Dim, word);
            used = end;
            free = end + 1;
        }
        canvas.row_from(area, NAME, 0, line);
        let column = NAME + u16::try_from(axis.cells).unwrap_or(0);
        let end = match self.open.activity.view.span {
            Some(span) => clock_word(span.until),
            None => "now".into(),
        };
        let end = Words::empty().column_right(Role::Dim, &end, usize::from(COUNT));
        canvas.row_from(area, column, 0, end);
        if let Some(cell) = self
            .open
            .activity
            .cursor_time()
            .and_then(|at| axis.place(at))
        {
            let column = NAME + u16::try_from(cell).unwrap_or(0);
            canvas.row_from(
                area,
                column,
                0,
                Words::new(Role::Key, canvas.sign("▾", "v")),
            );
        }
    }

    fn draw_lane(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
        row: u16,
        lane: Lane,
        axis: &Axis,
        bins: &Bins,
    ) {
        let marks: Vec<bool> = self.finding_marks(lane, axis);
        let count = if lane == Lane::FailThenSuccess {
            let findings = self.open.activity.findings.iter();
            findings.filter(|finding| guessed(finding)).count()
        } else {
            bins.all.iter().map(|n| *n as usize).sum()
        };
        let name_role = if count == 0 { Role::Dim } else { Role::Text };
        let mut words = Words::empty().column(name_role, &lane.word().into(), usize::from(NAME));
        let most = bins.all.iter().copied().max().unwrap_or(0);
        for cell in 0..axis.cells {
            let all = bins.all.get(cell).copied().unwrap_or(0);
            let failed = bins.failed.get(cell).copied().unwrap_or(0);
            if marks.get(cell) == Some(&true) {
                words.push(Role::Finding, "!");
            } else if all == 0 {
                words.push(Role::Border, canvas.sign("·", " "));
            } else {
                let role = if failed * 2 > all {
                    Role::LaneFailure
                } else {
                    Role::Lane
                };
                words.push(role, bar(canvas, all, most));
            }
        }
        let (count_role, count): (Role, Safe) = if count == 0 {
            (Role::Dim, "-".into())
        } else if lane == Lane::FailThenSuccess {
            (Role::Finding, safe!("{}", count))
        } else {
            (Role::Text, safe!("{}", count))
        };
        let words = words.column_right(count_role, &count, usize::from(COUNT));
        canvas.row(area, row, words);
    }

    /// Marks the cells of findings on the lane of the deciding event, those of guessing also on their own.
    fn finding_marks(&self, lane: Lane, axis: &Axis) -> Vec<bool> {
        let pane = &self.open.activity;
        let mut marks = vec![false; axis.cells];
        for finding in &pane.findings {
            let own = pane.activity.row(finding.row).map(|row| row.lane());
            let belongs = own == Some(lane) || (lane == Lane::FailThenSuccess && guessed(finding));
            if let Some(mark) = axis
                .place(finding.at)
                .filter(|_| belongs)
                .and_then(|cell| marks.get_mut(cell))
            {
                *mark = true;
            }
        }
        marks
    }

    fn draw_own(&self, canvas: &mut Canvas<'_>, area: Rect, line: u16, axis: &Axis) {
        let pane = &self.open.activity;
        let account = self.open.the_account();
        let actions = account
            .into_iter()
            .flat_map(|account| self.model.ledger.on(&account.id))
            .filter_map(|action| Some((action.sent?, Mark::Action)));
        let deeds = pane.deeds.iter().map(|deed| match deed.kind {
            DeedKind::Manual(_) => (deed.at, Mark::Manual),
            DeedKind::Tick | DeedKind::Decision => (deed.at, Mark::Deed),
        });
        let mut marks: Vec<Option<Mark>> = vec![None; axis.cells];
        let mut count = 0usize;
        for (at, mark) in actions.chain(deeds) {
            if let Some(own) = axis.place(at).and_then(|cell| marks.get_mut(cell)) {
                // What weighs most is seen where several share a cell.
                *own = (*own).max(Some(mark));
                count += 1;
            }
        }
        let role = if count == 0 { Role::Dim } else { Role::Own };
        let mut words = Words::empty().column(role, &"you".into(), usize::from(NAME));
        for mark in marks {
            let sign = match mark {
                Some(Mark::Action) => canvas.sign("▲", "^"),
                Some(Mark::Manual) => canvas.sign("◆", "*"),
                Some(Mark::Deed) => "+".into(),
                None => " ".into(),
            };
            words.push(Role::Own, sign);
        }
        let count = if count == 0 {
            "-".into()
        } else {
            safe!("{}", count)
        };
        canvas.row(
            area,
            line,
            words.column_right(role, &count, usize::from(COUNT)),
        );
    }
}

/// What stands on the row of own deeds; the later one weighs more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Deed,
    Manual,
    Action,
}

/// Writes a length of time: `90 min`, `72 h`, `45 d`, `12 y`.
pub(super) fn length_word(length: Duration) -> Safe {
    let (minutes, days) = (length.num_minutes(), length.num_days());
    if days > 3_650 {
        safe!("{} y", days / 365)
    } else if days > 30 {
        safe!("{} d", days)
    } else if minutes >= 180 {
        safe!("{} h", (minutes + 30) / 60)
    } else {
        safe!("{} min", minutes)
    }
}

/// Gives a bar on a logarithmic scale: one event is seen beside a thousand.
fn bar(canvas: &Canvas<'_>, count: u32, most: u32) -> Safe {
    const BARS: [(&str, &str); 8] = [
        ("▁", "."),
        ("▂", "."),
        ("▃", ":"),
        ("▄", ":"),
        ("▅", "="),
        ("▆", "="),
        ("▇", "#"),
        ("█", "#"),
    ];
    let level = (u64::from(count) + 1).ilog2() * 8;
    let top = (u64::from(most) + 1).ilog2().max(3);
    let place = usize::try_from((level / top).saturating_sub(1)).unwrap_or(0);
    let (sign, ascii) = BARS.get(place.min(7)).copied().unwrap_or(("█", "#"));
    canvas.sign(sign, ascii)
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "Mon",
        Weekday::Tue => "Tue",
        Weekday::Wed => "Wed",
        Weekday::Thu => "Thu",
        Weekday::Fri => "Fri",
        Weekday::Sat => "Sat",
        Weekday::Sun => "Sun",
    }
}

/// Tells whether a finding is of failures that ended in a success, or were meant to.
fn guessed(finding: &Finding) -> bool {
    matches!(
        finding.rule,
        Rule::BruteForce | Rule::PasswordSpray | Rule::MfaFatigue
    )
}
