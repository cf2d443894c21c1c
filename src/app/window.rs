//! From when to when an account was in other hands: proposed from the findings and the proof, or said by a person.
//!
//! What must not live here: recording it, drawing it.

use chrono::{DateTime, Days, NaiveTime, Utc};

use super::model::{Model, OpenCase};
use crate::domain::containment::standing::Standing;
use crate::domain::freshness::time_word;
use crate::domain::text::Safe;
use crate::safe;

/// The window of a compromise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first thing that was not the user's own.
    pub from: DateTime<Utc>,
    /// When it was proven to be over; `None` while it is not.
    pub until: Option<DateTime<Utc>>,
    /// Whether a person said so.
    pub by_hand: bool,
}

impl Window {
    /// Gives it in words.
    pub fn word(&self) -> Safe {
        let how = if self.by_hand {
            "set by a person"
        } else {
            "from the findings"
        };
        if let Some(until) = self.until {
            safe!("{} to {}, {}", time_word(self.from), time_word(until), how)
        } else {
            safe!("{} to now, not proven over, {}", time_word(self.from), how)
        }
    }

    /// Gives it as it is typed.
    pub fn typed(&self) -> String {
        let stamp = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        match self.until {
            Some(until) => format!("{} {}", stamp(self.from), stamp(until)),
            None => stamp(self.from),
        }
    }
}

/// Gives the window of the open case: what a person said, else what is proposed; `None` where nothing is suspicious.
pub fn of(model: &Model) -> Option<Window> {
    let open = model.open.as_ref()?;
    let said = model.casework.case(&open.id).and_then(|work| work.window);
    said.map(|(from, until)| Window {
        from,
        until,
        by_hand: true,
    })
    .or_else(|| proposed(model, open))
}

/// Gives from when to when that window goes, open where it has no end.
pub fn span(model: &Model) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    of(model).map(|window| (window.from, window.until))
}

/// From the earliest event that a finding which counts rests on, to the proof that the account is contained.
fn proposed(model: &Model, open: &OpenCase) -> Option<Window> {
    let pane = &open.activity;
    let rows = pane
        .standing_findings()
        .flat_map(|finding| finding.evidence.iter().copied().chain([finding.row]));
    let from = rows
        .filter_map(|row| pane.activity.row(row))
        .filter(|row| !row.untimed())
        .map(|row| row.at())
        .min()?;
    let contained = matches!(model.standing(), Some(Standing::Contained { .. }));
    let account = open.the_account().filter(|_| contained);
    let until = account.and_then(|account| {
        let ended = model.ledger.on(&account.id).filter_map(|act| act.ended);
        ended.max().filter(|until| *until > from)
    });
    Some(Window {
        from,
        until,
        by_hand: false,
    })
}

/// Reads a window as typed: a start, and an end where it is over; `2026-03-07T02:58Z`, or `02:58` of the last 24 hours.
///
/// # Errors
/// A sentence that names what is wrong with which word.
pub fn parse(
    text: &str,
    now: DateTime<Utc>,
) -> Result<(DateTime<Utc>, Option<DateTime<Utc>>), Safe> {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| !matches!(*word, "to" | "-" | ".."))
        .collect();
    let (from, until) = match words.as_slice() {
        [from] => (moment(from, now)?, None),
        [from, until] => (moment(from, now)?, Some(moment(until, now)?)),
        _ => return Err("write a start, and an end where it is over: 02:58 03:15".into()),
    };
    if until.is_some_and(|until| until < from) {
        return Err("the end is before the start".into());
    }
    if from > now {
        return Err("the start is in the future".into());
    }
    Ok((from, until))
}

fn moment(word: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Safe> {
    if let Ok(at) = DateTime::parse_from_rfc3339(word) {
        return Ok(at.to_utc());
    }
    let bare = word.trim_end_matches(['Z', 'z']);
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"] {
        if let Ok(at) = chrono::NaiveDateTime::parse_from_str(bare, form) {
            return Ok(at.and_utc());
        }
    }
    let time = ["%H:%M:%S", "%H:%M"]
        .into_iter()
        .find_map(|form| NaiveTime::parse_from_str(bare, form).ok());
    let at = time.map(|time| now.date_naive().and_time(time).and_utc());
    let at = at.and_then(|at| {
        if at <= now {
            Some(at)
        } else {
            at.checked_sub_days(Days::new(1))
        }
    });
    at.ok_or_else(|| {
        let word = crate::domain::text::Untrusted::new(word);
        safe!(
            "{} is no time; write 02:58 or 2026-03-07T02:58Z (UTC)",
            word.field()
        )
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_853_160, 0).unwrap_or_default()
    }

    #[rstest]
    #[case("02:58 03:10", "2026-03-07T02:58:00Z 2026-03-07T03:10:00Z")]
    #[case("02:58Z to 03:10Z", "2026-03-07T02:58:00Z 2026-03-07T03:10:00Z")]
    #[case("23:10", "2026-03-06T23:10:00Z")]
    #[case("2026-03-01T10:00Z", "2026-03-01T10:00:00Z")]
    #[case("2026-03-01T11:00:05+01:00", "2026-03-01T10:00:05Z")]
    fn a_window_as_typed(#[case] text: &str, #[case] expected: &str) {
        let read = parse(text, now()).map(|(from, until)| {
            let window = Window {
                from,
                until,
                by_hand: true,
            };
            window.typed()
        });
        assert_eq!(read, Ok(expected.to_owned()));
    }

    #[rstest]
    #[case("")]
    #[case("soon")]
    #[case("03:00 02:00")]
    #[case("2027-01-01T00:00Z")]
    #[case("1 2 3")]
    fn what_is_no_window_is_said(#[case] text: &str) {
        assert!(parse(text, now()).is_err());
    }
}
