//! The local time of a person beside UTC, by the rules of the IANA time zone database.
//!
//! What must not live here: where a zone comes from.

use chrono::{DateTime, Datelike as _, Offset as _, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;

use crate::domain::text::Safe;
use crate::safe;

/// A time zone by its IANA name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// Finds a zone by its name, such as `Europe/Oslo`; `None` when there is none of that name.
    pub fn named(name: &str) -> Option<Self> {
        name.trim().parse().ok().map(Self)
    }

    /// Gives its name.
    pub fn name(self) -> Safe {
        // The name comes from the database's own list, not from outside.
        Safe::fixed(self.0.name())
    }

    /// Gives the time of day there: `04:12`.
    pub fn clock(self, at: DateTime<Utc>) -> Safe {
        let local = at.with_timezone(&self.0);
        safe!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// Gives day and time of day there: `Sat 04:12`.
    pub fn day_and_clock(self, at: DateTime<Utc>) -> Safe {
        let day = at.with_timezone(&self.0).weekday();
        safe!("{} {}", weekday(day), self.clock(at))
    }

    /// Gives day and time there: `Sat 04:12:40`.
    pub fn day_and_time(self, at: DateTime<Utc>) -> Safe {
        let local = at.with_timezone(&self.0);
        safe!(
            "{} {:02}:{:02}:{:02}",
            weekday(local.weekday()),
            local.hour(),
            local.minute(),
            local.second()
        )
    }

    /// Gives how far it is from UTC then: `UTC+1`, `UTC-3:30`.
    pub fn offset(self, at: DateTime<Utc>) -> Safe {
        let offset = self.0.offset_from_utc_datetime(&at.naive_utc());
        let seconds = offset.fix().local_minus_utc();
        let sign = if seconds < 0 { "-" } else { "+" };
        let minutes = seconds.unsigned_abs() / 60;
        match minutes % 60 {
            0 => safe!("UTC{}{}", sign, minutes / 60),
            rest => safe!("UTC{}{}:{:02}", sign, minutes / 60, rest),
        }
    }
}

fn weekday(day: chrono::Weekday) -> &'static str {
    match day {
        chrono::Weekday::Mon => "Mon",
        chrono::Weekday::Tue => "Tue",
        chrono::Weekday::Wed => "Wed",
        chrono::Weekday::Thu => "Thu",
        chrono::Weekday::Fri => "Fri",
        chrono::Weekday::Sat => "Sat",
        chrono::Weekday::Sun => "Sun",
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Europe/Oslo", "2026-03-07T03:12:40Z", "Sat 04:12:40", "UTC+1")]
    #[case("Europe/Oslo", "2026-07-07T03:12:40Z", "Tue 05:12:40", "UTC+2")]
    #[case("America/St_Johns", "2026-03-07T03:12:40Z", "Fri 23:42:40", "UTC-3:30")]
    #[case("Asia/Kathmandu", "2026-03-07T23:12:40Z", "Sun 04:57:40", "UTC+5:45")]
    fn the_local_time_follows_the_rules_of_the_place(
        #[case] name: &str,
        #[case] at: &str,
        #[case] local: &str,
        #[case] offset: &str,
    ) {
        let at = at.parse().unwrap_or_default();
        let zone = Zone::named(name);
        assert_eq!(
            zone.map(|zone| zone.day_and_time(at)),
            Some(Safe::concat([
                crate::domain::text::Untrusted::new(local).field()
            ]))
        );
        assert_eq!(
            zone.map(|zone| zone.offset(at)),
            Some(crate::domain::text::Untrusted::new(offset).field())
        );
    }

    #[test]
    fn the_ends_of_time_are_survived() {
        for name in ["Asia/Tokyo", "America/Los_Angeles"] {
            let zone = Zone::named(name).unwrap_or_else(|| panic!("{name}"));
            for at in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
                assert!(!zone.day_and_time(at).is_empty());
                assert!(zone.offset(at).as_str().starts_with("UTC"));
            }
        }
    }

    #[rstest]
    #[case("Mars/Olympus")]
    #[case("")]
    #[case("+01:00")]
    fn what_is_no_zone_is_none(#[case] name: &str) {
        assert_eq!(Zone::named(name), None);
    }
}
