//! When to ask again: back-off, a bucket that empties when a backend is dead, what a vendor says about its rate, and the
//! pause after failures in a row.
//!
//! What must not live here: sockets, wall clocks (a vendor's times are compared with its own `Date`).

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::limits::Limits;

/// Shortest and longest wait a vendor may ask for, in seconds.
const ASKED: (i64, i64) = (1, 300);
/// Wait when a vendor says "too many" and nothing else.
const ASKED_DEFAULT: u64 = 30;

/// What a vendor last said about its rate on one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests in one window.
    pub limit: u64,
    /// Requests left in this window.
    pub remaining: u64,
    /// When the window ends.
    pub resets: Instant,
}

impl Rate {
    /// Tells whether less than a fifth is left, so that polls should come half as often.
    pub fn is_low(&self, now: Instant) -> bool {
        now < self.resets && self.remaining.saturating_mul(5) < self.limit
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
}

/// Reads an HTTP date (RFC 9110: IMF-fixdate; the obsolete forms are refused).
pub(crate) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let at = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(at.with_timezone(&Utc))
}

/// Gives the vendor's clock.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(header(headers, "date")?)
}

/// Gives the wait in seconds that a vendor asks for, clamped to 1..=300.
///
/// `Retry-After` (seconds or a date) comes first, then `X-Rate-Limit-Reset` (UTC seconds, Okta). Dates are measured
/// against the answer's own `Date`; without one, or with garbage, the wait is 30 s.
pub(crate) fn asked_wait(headers: &HeaderMap) -> u64 {
    let now = server_date(headers);
    let seconds = header(headers, "retry-after").and_then(|text| {
        // Digits beyond i64 are still "very long".
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Some(text.parse().unwrap_or(i64::MAX));
        }
        Some(http_date(text)?.timestamp() - now?.timestamp())
    });
    let reset = || {
        let at: i64 = header(headers, "x-rate-limit-reset")?.parse().ok()?;
        Some(at.saturating_sub(now?.timestamp()))
    };
    seconds
        .or_else(reset)
        .and_then(|wait| u64::try_from(wait.clamp(ASKED.0, ASKED.1)).ok())
        .unwrap_or(ASKED_DEFAULT)
}

/// Gives what an answer says about the rate (`X-Rate-Limit-*`, Okta).
pub(crate) fn rate(headers: &HeaderMap, now: Instant) -> Option<Rate> {
    let number = |name| header(headers, name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("x-rate-limit-limit")?;
    let remaining = number("x-rate-limit-remaining")?;
    let date = u64::try_from(server_date(headers)?.timestamp()).ok()?;
    let left = number("x-rate-limit-reset")?.saturating_sub(date).min(300);
    Some(Rate {
        limit,
        remaining,
        resets: now + Duration::from_secs(left),
    })
}

/// The changing part of one connection's pacing.
#[derive(Debug)]
pub(crate) struct Pacer {
    rng: fastrand::Rng,
    tokens: u32,
    failures: u32,
    paused_until: Option<Instant>,
    rates: HashMap<&'static str, Rate>,
}

const BUCKET: u32 = 500;
const COST: u32 = 5;
const COST_TIMEOUT: u32 = 10;

impl Pacer {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let rng = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            rng,
            tokens: BUCKET,
            failures: 0,
            paused_until: None,
            rates: HashMap::new(),
        }
    }

    /// Gives the wait before try `n` (from 1): full jitter, doubled each time.
    pub(crate) fn back_off(&mut self, n: u32, limits: &Limits) -> Duration {
        let ceiling = limits
            .back_off
            .saturating_mul(1 << n.saturating_sub(1).min(16))
            .min(limits.back_off_cap);
        ceiling.mul_f64(self.rng.f64())
    }

    /// Takes the price of one more try; `false` when too many tries failed lately.
    pub(crate) fn pay(&mut self, timed_out: bool) -> bool {
        let cost = if timed_out { COST_TIMEOUT } else { COST };
        let can = self.tokens >= cost;
        if can {
            self.tokens -= cost;
        }
        can
    }

    /// Notes an answer: the bucket fills up again and a pause ends.
    pub(crate) fn answered(&mut self) {
        self.tokens = (self.tokens + COST).min(BUCKET);
        self.failures = 0;
        self.paused_until = None;
    }

    /// Notes a try that failed on the way; after enough of them in a row reads pause.
    pub(crate) fn failed(&mut self, now: Instant, limits: &Limits) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= limits.breaker_after {
            let jitter = limits.breaker_pause.mul_f64(self.rng.f64() / 3.0);
            self.paused_until = Some(now + limits.breaker_pause + jitter);
        }
    }

    /// Tells whether reads pause at a time.
    pub(crate) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// Tells how long reads still pause; after the pause one probe may pass.
    pub(crate) fn paused(&mut self, now: Instant, limits: &Limits) -> Option<Duration> {
        let until = self.paused_until?;
        if now < until {
            return Some(until - now);
        }
        // One probe passes; the others wait for its result.
        self.paused_until = Some(now + limits.breaker_pause);
        None
    }

    pub(crate) fn note_rate(&mut self, route: &'static str, rate: Rate) {
        self.rates.insert(route, rate);
    }

    /// Gives the route with the least left, among windows that still run.
    pub(crate) fn tightest(&self, now: Instant) -> Option<Rate> {
        self.rates
            .values()
            .filter(|rate| now < rate.resets && rate.limit > 0)
            .min_by_key(|rate| rate.remaining.saturating_mul(1_000) / rate.limit)
            .copied()
    }
}

impl super::HttpClient {
    /// Gives what the vendor last said about its rate, on the route with the least left.
    pub fn rate(&self) -> Option<Rate> {
        self.pacer().tightest(Instant::now())
    }

    /// Tells whether less than a fifth of the vendor's rate is left on some route.
    pub fn rate_is_low(&self) -> bool {
        self.rate().is_some_and(|rate| rate.is_low(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    const DATE: &str = "Sat, 21 Nov 2026 03:00:00 GMT";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_str(value) {
                all.insert(HeaderName::from_static(name), value);
            }
        }
        all
    }

    #[rstest]
    #[case(&[], 30)]
    #[case(&[("retry-after", "7")], 7)]
    #[case(&[("retry-after", "0")], 1)]
    #[case(&[("retry-after", "1000000000")], 300)]
    #[case(&[("retry-after", "99999999999999999999999999")], 300)]
    #[case(&[("retry-after", "-5")], 30)]
    #[case(&[("retry-after", "soon")], 30)]
    #[case(&[("retry-after", "Sat, 21 Nov 2026 03:00:09 GMT"), ("date", DATE)], 9)]
    #[case(&[("retry-after", "Sat, 21 Nov 2020 03:00:09 GMT"), ("date", DATE)], 1)]
    #[case(&[("retry-after", "Sat, 21 Nov 2026 03:00:09 GMT")], 30)]
    #[case(&[("x-rate-limit-reset", "1795230012"), ("date", DATE)], 12)]
    #[case(&[("x-rate-limit-reset", "9223372036854775807"), ("date", DATE)], 300)]
    #[case(&[("x-rate-limit-reset", "12"), ("date", DATE)], 1)]
    #[case(&[("x-rate-limit-reset", "1795230012")], 30)]
    fn waits(#[case] pairs: &[(&'static str, &str)], #[case] seconds: u64) {
        assert_eq!(asked_wait(&headers(pairs)), seconds);
    }

    #[test]
    fn the_rate_is_measured_against_the_servers_clock() {
        let now = Instant::now();
        let said = headers(&[
            ("x-rate-limit-limit", "100"),
            ("x-rate-limit-remaining", "19"),
            ("x-rate-limit-reset", "1795230030"),
            ("date", DATE),
        ]);
        let rate = rate(&said, now);
        let expected = Rate {
            limit: 100,
            remaining: 19,
            resets: now + Duration::from_secs(30),
        };
        assert_eq!(rate, Some(expected));
        assert!(expected.is_low(now));
        assert!(!expected.is_low(now + Duration::from_secs(30)));
        assert!(
            !Rate {
                remaining: 20,
                ..expected
            }
            .is_low(now)
        );
    }

    #[test]
    fn a_dead_backend_stops_tries_and_an_answer_brings_them_back() {
        let mut pacer = Pacer::new(Some(1));
        let paid = (0..1_000).take_while(|_| pacer.pay(true)).count();
        assert_eq!(paid, 50);
        pacer.answered();
        assert!(pacer.pay(false) && !pacer.pay(false));
    }

    #[test]
    fn failures_in_a_row_pause_and_one_probe_passes_after() {
        let limits = Limits::default();
        let mut pacer = Pacer::new(Some(1));
        let now = Instant::now();
        for _ in 0..4 {
            pacer.failed(now, &limits);
        }
        assert_eq!(pacer.paused(now, &limits), None);
        pacer.failed(now, &limits);
        assert!(
            pacer
                .paused(now, &limits)
                .is_some_and(|wait| wait >= limits.breaker_pause)
        );
        let later = now + limits.breaker_pause * 2;
        assert_eq!(pacer.paused(later, &limits), None);
        assert!(
            pacer.paused(later, &limits).is_some(),
            "a second probe passed"
        );
        pacer.answered();
        assert_eq!(pacer.paused(later, &limits), None);
    }

    proptest! {
        #[test]
        fn back_off_stays_under_its_ceiling(seed: u64, n in 1u32..40) {
            let limits = Limits::default();
            let wait = Pacer::new(Some(seed)).back_off(n, &limits);
            prop_assert!(wait <= limits.back_off_cap);
            prop_assert!(n > 1 || wait <= limits.back_off);
        }

        #[test]
        fn any_header_gives_a_wait_in_range(text in "[ -~]{0,40}", date in "[ -~]{0,40}") {
            let wait = asked_wait(&headers(&[("retry-after", &text), ("x-rate-limit-reset", &text), ("date", &date)]));
            prop_assert!((1..=300).contains(&wait));
        }
    }
}
