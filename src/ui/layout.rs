//! Where things stand: the panes on a screen of a given size, and which rows of a list are seen.
//!
//! Only arithmetic; nothing is drawn here.

use ratatui::layout::Rect;

use crate::app::model::Pane;

/// Smallest screen that is drawn, in columns and rows.
pub use crate::app::model::LEAST;

/// Where the parts of the screen stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Screen {
    /// The status line.
    pub status: Rect,
    /// Panes that are seen, each with its title row as the first.
    pub panes: Vec<(Pane, Rect)>,
    /// What opens beside the panes where there is room.
    pub beside: Vec<(Beside, Rect)>,
    /// Panes behind the last one of `panes`, reached by their number.
    pub tabs: Vec<Pane>,
    /// Columns between panes.
    pub rules: Vec<Rect>,
    /// The key line.
    pub keys: Rect,
    /// The message line.
    pub message: Rect,
}

/// What opens beside the panes on a large screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The case under the cursor in full.
    Case,
    /// The event under the cursor in full.
    Event,
    /// Every action with its proof.
    Response,
}

/// How much fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    /// One pane.
    One,
    /// A narrow one and a wide one.
    Two,
    /// All four.
    Four,
}

/// Lays the screen out; `None` where it is too small.
pub fn screen(size: (u16, u16), focus: Pane, zoom: bool) -> Option<Screen> {
    let (width, height) = size;
    if width < LEAST.0 || height < LEAST.1 {
        return None;
    }
    let body = Rect::new(0, 1, width, height - 3);
    let mut screen = Screen {
        status: Rect::new(0, 0, width, 1),
        panes: Vec::new(),
        beside: Vec::new(),
        tabs: Vec::new(),
        rules: Vec::new(),
        keys: Rect::new(0, height - 2, width, 1),
        message: Rect::new(0, height - 1, width, 1),
    };
    let fits = if width < 76 {
        Width::One
    } else if width < 110 || height < 24 {
        Width::Two
    } else {
        Width::Four
    };
    match fits {
        _ if zoom => screen.alone(focus, body),
        Width::One => screen.alone(focus, body),
        Width::Two => screen.two(focus, body),
        Width::Four => screen.four(body),
    }
    Some(screen)
}

impl Screen {
    fn alone(&mut self, focus: Pane, body: Rect) {
        self.panes.push((focus, body));
        self.tabs = Pane::ALL
            .into_iter()
            .filter(|pane| *pane != focus)
            .collect();
    }

    fn two(&mut self, focus: Pane, body: Rect) {
        let narrow = (body.width * 36 / 100).clamp(27, 38);
        let main = if focus == Pane::Cases {
            Pane::Activity
        } else {
            focus
        };
        let [left, rule, right] = columns(body, narrow);
        self.panes.push((Pane::Cases, left));
        self.panes.push((main, right));
        self.rules.push(rule);
        self.tabs = Pane::ALL
            .into_iter()
            .filter(|pane| *pane != main && *pane != Pane::Cases)
            .collect();
    }

    /// Gives so many hundredths of the bottom of an area to something beside the panes.
    fn split(&mut self, area: Rect, part: u16, beside: Beside) -> Rect {
        let height = area.height * part / 100;
        self.beside
            .push((beside, below(area, area.height - height)));
        Rect {
            height: area.height - height,
            ..area
        }
    }

    fn four(&mut self, body: Rect) {
        let left = (body.width * 28 / 100).clamp(31, 56);
        let right = (body.width * 29 / 100).clamp(35, 58);
        let [cases, first, rest] = columns(body, left);
        let [activity, second, side] = columns(rest, rest.width.saturating_sub(right + 1));
        let (cases, activity, side) = if is_large(body) {
            (
                self.split(cases, 40, Beside::Case),
                self.split(activity, 24, Beside::Event),
                self.split(side, 36, Beside::Response),
            )
        } else {
            (cases, activity, side)
        };
        let lower = if self.beside.is_empty() {
            (side.height * 2 / 5).clamp(11, 20)
        } else {
            12
        };
        let upper = side.height.saturating_sub(lower);
        self.panes.push((Pane::Cases, cases));
        self.panes.push((Pane::Activity, activity));
        self.panes.push((
            Pane::Checklist,
            Rect {
                height: upper,
                ..side
            },
        ));
        self.panes.push((
            Pane::Actions,
            Rect {
                y: side.y + upper,
                height: lower,
                ..side
            },
        ));
        self.rules.extend([first, second]);
    }
}

/// Tells whether there is room for more beside the panes.
fn is_large(body: Rect) -> bool {
    body.width >= 160 && body.height >= 46
}

/// Splits an area into a left part, a column between, and the rest.
fn columns(area: Rect, left: u16) -> [Rect; 3] {
    let left = left.min(area.width.saturating_sub(1));
    [
        Rect {
            width: left,
            ..area
        },
        Rect {
            x: area.x + left,
            width: 1,
            ..area
        },
        Rect {
            x: area.x + left + 1,
            width: area.width - left - 1,
            ..area
        },
    ]
}

/// Gives the first row seen of a list, from the cursor alone: the cursor walks inside the page, and the list moves
/// half a page when it reaches the edge.
pub fn first_row(cursor: usize, rows: usize, height: usize) -> usize {
    if rows <= height || height == 0 || cursor < height {
        return 0;
    }
    let half = (height / 2).max(1);
    let moved = ((cursor - height) / half + 1) * half;
    moved.min(rows - height)
}

/// Gives a rectangle in the middle of an area, at most as large as the area.
pub fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let width = width.min(area.width);
    let height = height.min(area.height);
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// Takes rows off the top of an area.
pub fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}

/// Takes cells off the left and the right of an area.
pub fn narrowed(area: Rect, left: u16, right: u16) -> Rect {
    let left = left.min(area.width);
    let right = right.min(area.width - left);
    Rect {
        x: area.x + left,
        width: area.width - left - right,
        ..area
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_cursor_is_always_seen(rows in 1usize..500, cursor in 0usize..500, height in 1usize..80) {
            let cursor = cursor.min(rows - 1);
            let first = first_row(cursor, rows, height);
            prop_assert!(first <= cursor && cursor < first + height);
        }

        #[test]
        fn a_list_that_fits_never_moves(height in 1usize..80, cursor in 0usize..80) {
            prop_assert_eq!(first_row(cursor.min(height - 1), height, height), 0);
        }

        #[test]
        fn panes_do_not_overlap_and_stay_inside(width in 0u16..1000, height in 0u16..300, pane in 0usize..4, zoom: bool) {
            let focus = Pane::ALL[pane];
            let Some(screen) = screen((width, height), focus, zoom) else {
                prop_assert!(width < LEAST.0 || height < LEAST.1);
                return Ok(());
            };
            let all = Rect::new(0, 0, width, height);
            let mut areas: Vec<Rect> = screen.panes.iter().map(|(_, area)| *area).collect();
            prop_assert!(screen.panes.iter().any(|(pane, _)| *pane == focus));
            prop_assert_eq!(screen.panes.len() + screen.tabs.len(), 4);
            areas.extend([screen.status, screen.keys, screen.message]);
            areas.extend(&screen.rules);
            areas.extend(screen.beside.iter().map(|(_, area)| *area));
            for (place, area) in areas.iter().enumerate() {
                prop_assert!(area.intersection(all) == *area && !area.is_empty());
                for other in areas.iter().skip(place + 1) {
                    prop_assert!(area.intersection(*other).is_empty(), "{area:?} {other:?}");
                }
            }
        }
    }
}
