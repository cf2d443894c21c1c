//! Durations as written in a configuration: a whole number and one of `ms`, `s`, `m`, `h`, `d`.

use std::time::Duration;

use crate::domain::text::Safe;
use crate::safe;

/// Says why a text is not a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a whole number followed by a unit.
    #[error("is not a duration")]
    Form,
    /// More than can be counted.
    #[error("is too long a duration")]
    TooLong,
}

/// Reads a duration such as `15s`, `10m`, `2h`.
///
/// # Errors
/// [`DurationError`] for anything else: a fraction, a sign, a missing or unknown unit, spaces.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or(DurationError::Form)?;
    let (digits, unit) = text.split_at(unit_at);
    let in_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(DurationError::Form),
    };
    if digits.is_empty() {
        return Err(DurationError::Form);
    }
    digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(in_ms))
        .map(Duration::from_millis)
        .ok_or(DurationError::TooLong)
}

/// Writes a duration the way it is read, in the largest unit that has no rest.
pub fn show_duration(duration: Duration) -> Safe {
    let ms = duration.as_millis();
    let (count, unit) = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ]
    .into_iter()
    .find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit))
    .map_or((ms, "ms"), |(unit, word)| (ms / unit, word));
    safe!("{}{}", count, unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("15s", Ok(15_000))]
    #[case("10m", Ok(600_000))]
    #[case("2h", Ok(7_200_000))]
    #[case("1d", Ok(86_400_000))]
    #[case("250ms", Ok(250))]
    #[case("0s", Ok(0))]
    #[case("", Err(DurationError::Form))]
    #[case("15", Err(DurationError::Form))]
    #[case("s", Err(DurationError::Form))]
    #[case("1.5h", Err(DurationError::Form))]
    #[case("-1s", Err(DurationError::Form))]
    #[case("15 s", Err(DurationError::Form))]
    #[case("\u{663}s", Err(DurationError::Form))]
    #[case("99999999999999999999s", Err(DurationError::TooLong))]
    #[case("999999999999999999d", Err(DurationError::TooLong))]
    fn durations(#[case] text: &str, #[case] ms: Result<u64, DurationError>) {
        assert_eq!(parse_duration(text), ms.map(Duration::from_millis));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ms in 0..10_000_000_000_u64) {
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(show_duration(duration).as_str()), Ok(duration));
        }
    }
}
