//! The section of the activity: its window, and what the rules are tuned by.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Faults;
use super::secret::parse_path;
use super::section::{Entry, Section};
use super::settings::Timeline;
use crate::domain::text::Untrusted;
use crate::domain::timeline::finding::Tuning;
use crate::domain::timeline::zone::Zone;
use crate::safe;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
/// Largest number of an autonomous system (RFC 6793).
const LAST_SYSTEM: u32 = u32::MAX;

const FIELDS: [&str; 22] = [
    "zone",
    "window_hours",
    "max_events",
    "failures",
    "failure_window",
    "spray_users",
    "spray_window",
    "prompts",
    "prompt_window",
    "travel_kmh",
    "travel_km",
    "baseline",
    "baseline_events",
    "risky_window",
    "after_sign_in",
    "downloads",
    "shares",
    "volume_window",
    "sensitive",
    "vpn_networks",
    "hosting_networks",
    "places",
];

/// Reads the section; what is left out or wrong keeps its default.
pub(super) fn parse_timeline(faults: &mut Faults<'_>, section: &Section<'_>) -> Timeline {
    section.refuse_unknown(faults, &FIELDS);
    let mut timeline = Timeline::default();
    let mut field = Field { faults, section };
    field.number("window_hours", 1..=720, &mut timeline.window_hours);
    field.count("max_events", 10..=1_000_000, &mut timeline.max_events);
    parse_tuning(&mut field, &mut timeline.tuning);
    field.files("places", &mut timeline.places);
    if let Some(entry) = field.section.get("zone") {
        timeline.zone = zone(field.faults, &entry);
    }
    timeline
}

fn parse_tuning(field: &mut Field<'_, '_, '_>, tuning: &mut Tuning) {
    field.count("failures", 2..=1_000, &mut tuning.failures);
    field.span("failure_window", MINUTE..=DAY, &mut tuning.failure_window);
    field.count("spray_users", 2..=10_000, &mut tuning.spray_users);
    field.span("spray_window", MINUTE..=DAY, &mut tuning.spray_window);
    field.count("prompts", 2..=1_000, &mut tuning.prompts);
    field.span("prompt_window", MINUTE..=DAY, &mut tuning.prompt_window);
    field.number("travel_kmh", 100..=100_000, &mut tuning.travel_kmh);
    field.number("travel_km", 1..=20_000, &mut tuning.travel_km);
    field.span("baseline", DAY..=DAY * 365, &mut tuning.baseline);
    field.count("baseline_events", 1..=10_000, &mut tuning.baseline_events);
    field.span("risky_window", HOUR..=DAY * 30, &mut tuning.risky_window);
    field.span("after_sign_in", MINUTE..=DAY * 7, &mut tuning.after_sign_in);
    field.count("downloads", 2..=1_000_000, &mut tuning.downloads);
    field.count("shares", 2..=1_000_000, &mut tuning.shares);
    field.span("volume_window", MINUTE..=DAY, &mut tuning.volume_window);
    field.texts("sensitive", &mut tuning.sensitive);
    field.systems("vpn_networks", &mut tuning.vpn_networks);
    field.systems("hosting_networks", &mut tuning.hosting_networks);
}

/// Reads the name of a time zone.
fn zone(faults: &mut Faults<'_>, entry: &Entry<'_>) -> Option<Zone> {
    let name = entry.text(faults)?;
    let zone = Zone::named(name);
    if zone.is_none() {
        let what = safe!("{} is no time zone", Untrusted::new(name).field());
        let hint = "a name of the IANA database, such as Europe/Oslo".into();
        entry.fault(faults, what, Some(hint));
    }
    zone
}

/// Reads one field after the other into its place.
struct Field<'f, 't, 's> {
    faults: &'f mut Faults<'t>,
    section: &'f Section<'s>,
}

impl Field<'_, '_, '_> {
    fn number(&mut self, key: &'static str, range: RangeInclusive<u32>, into: &mut u32) {
        let entry = self.section.get(key);
        if let Some(number) = entry.and_then(|entry| entry.number(self.faults, &range)) {
            *into = number;
        }
    }

    fn count(&mut self, key: &'static str, range: RangeInclusive<u32>, into: &mut usize) {
        let mut number = None;
        if let Some(entry) = self.section.get(key) {
            number = entry.number(self.faults, &range);
        }
        if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
            *into = number;
        }
    }

    fn span(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        into: &mut chrono::Duration,
    ) {
        let entry = self.section.get(key);
        let span = entry.and_then(|entry| entry.duration(self.faults, &range));
        if let Some(span) = span.and_then(|span| chrono::Duration::from_std(span).ok()) {
            *into = span;
        }
    }

    fn texts(&mut self, key: &'static str, into: &mut Vec<String>) {
        let entry = self.section.get(key);
        if let Some(texts) = entry.and_then(|entry| entry.texts(self.faults)) {
            *into = texts;
        }
    }

    /// Reads one path, or a list of them.
    fn files(&mut self, key: &'static str, into: &mut Vec<PathBuf>) {
        let Some(entry) = self.section.get(key) else {
            return;
        };
        let entries = if entry.is_text() {
            vec![entry]
        } else {
            entry.list(self.faults).unwrap_or_default()
        };
        *into = entries
            .iter()
            .filter_map(|entry| parse_path(self.faults, entry))
            .collect();
    }

    fn systems(&mut self, key: &'static str, into: &mut Vec<u32>) {
        let entry = self.section.get(key);
        if let Some(list) = entry.and_then(|entry| entry.list(self.faults)) {
            *into = list
                .iter()
                .filter_map(|entry| entry.number(self.faults, &(1..=LAST_SYSTEM)))
                .collect();
        }
    }
}
