//! Times as vendors and their exports write them.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::Scalar;

/// Digits of the present in seconds, milliseconds, microseconds and nanoseconds.
const SECONDS: i64 = 100_000_000_000;
const MILLIS: i64 = SECONDS * 1_000;
const MICROS: i64 = MILLIS * 1_000;

/// Forms with a zone that RFC 3339 does not know.
const ZONED: [&str; 3] = [
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f %z",
];
/// Forms without a zone, which is UTC then.
const UNZONED: [&str; 6] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f UTC",
    "%Y-%m-%d %H:%M:%S%.fZ",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
];

/// Reads a time: RFC 3339 with any number of digits, the same without a zone or with a blank (it is UTC then),
/// a date alone, or a number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by its size.
pub(super) fn moment_of(value: Scalar<'_>) -> Option<DateTime<Utc>> {
    match value {
        Scalar::Text(text) => written(text.trim()),
        Scalar::Number(number) => match number.as_i64() {
            Some(whole) => since_1970(whole),
            None => fraction(number.as_f64()?),
        },
        _ => None,
    }
}

fn written(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return since_1970(text.parse().ok()?);
    }
    if text.len() > 40 {
        return None;
    }
    for form in ZONED {
        if let Ok(at) = DateTime::parse_from_str(text, form) {
            return Some(at.with_timezone(&Utc));
        }
    }
    UNZONED
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()?
                .and_hms_opt(0, 0, 0)
        })
        .map(|at| at.and_utc())
}

fn since_1970(number: i64) -> Option<DateTime<Utc>> {
    match number.checked_abs()? {
        size if size < SECONDS => DateTime::from_timestamp(number, 0),
        size if size < MILLIS => DateTime::from_timestamp_millis(number),
        size if size < MICROS => DateTime::from_timestamp_micros(number),
        _ => Some(DateTime::from_timestamp_nanos(number)),
    }
}

/// Seconds with a fraction.
fn fraction(seconds: f64) -> Option<DateTime<Utc>> {
    if !(-1.0e11..1.0e11).contains(&seconds) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    let millis = (seconds * 1_000.0).round() as i64;
    DateTime::from_timestamp_millis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::decode::Json as _;
    use rstest::rstest;
    use serde_json::{Value, json};

    #[rstest]
    #[case(json!("2026-11-21T03:00:00.5Z"), Some(1_795_230_000_500))]
    #[case(json!("2026-11-21T05:00:00+02:00"), Some(1_795_230_000_000))]
    #[case(json!("2026-11-21T14:00:00+1100"), Some(1_795_230_000_000))]
    #[case(json!("2026-11-21T03:00:00"), Some(1_795_230_000_000))]
    #[case(json!("2026-11-21T03:00:00.1234567Z"), Some(1_795_230_000_123))]
    #[case(json!("2026-11-21 03:00:00.123000000"), Some(1_795_230_000_123))]
    #[case(json!("2026-11-21 03:00:00"), Some(1_795_230_000_000))]
    #[case(json!("2026-11-21 03:00:00 UTC"), Some(1_795_230_000_000))]
    #[case(json!("2026-11-21"), Some(1_795_219_200_000))]
    #[case(json!("11/21/2026 3:00:00 AM"), Some(1_795_230_000_000))]
    #[case(json!(1_795_230_000), Some(1_795_230_000_000))]
    #[case(json!(1_795_230_000_000_i64), Some(1_795_230_000_000))]
    #[case(json!("1795230000000"), Some(1_795_230_000_000))]
    #[case(json!(1_795_230_000_000_000_i64), Some(1_795_230_000_000))]
    #[case(json!(1_795_230_000_000_000_000_i64), Some(1_795_230_000_000))]
    #[case(json!(1_795_230_000.25), Some(1_795_230_000_250))]
    #[case(json!("redacted"), None)]
    #[case(json!(""), None)]
    #[case(json!("99999999999999999999999"), None)]
    #[case(json!(1.0e300), None)]
    #[case(json!(i64::MIN), None)]
    #[case(json!(true), None)]
    fn times(#[case] value: Value, #[case] millis: Option<i64>) {
        assert_eq!(
            moment_of(value.scalar()).map(|at| at.timestamp_millis()),
            millis
        );
    }
}
