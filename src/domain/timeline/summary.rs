//! The activity in a few numbers: how many sign-ins, from how many addresses, first and last; and how late each source is.
//!
//! What must not live here: how it is laid out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};

use super::activity::{Activity, Outcome};
use super::lane::Lane;
use crate::domain::text::Untrusted;

/// What an activity comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sign-ins that worked.
    pub signed_in: usize,
    /// Sign-ins that did not.
    pub failed: usize,
    /// How many distinct source addresses.
    pub addresses: usize,
    /// How many distinct countries; 0 where no record names one.
    pub countries: usize,
    /// How many distinct devices; where no record names one, user agents.
    pub devices: usize,
    /// Whether devices are counted by their user agents.
    pub by_agent: bool,
    /// The first event with a time.
    pub first: Option<DateTime<Utc>>,
    /// The last one.
    pub last: Option<DateTime<Utc>>,
    /// Others who acted on the account, with how often, the busiest first.
    pub others: Vec<(Untrusted, usize)>,
    /// How late the SIEM has the records of each provider, as far as they say.
    pub delays: BTreeMap<Untrusted, Delay>,
}

/// How late records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Of the usual record: half are earlier.
    pub usual: Duration,
    /// Of the latest one.
    pub most: Duration,
}

impl Summary {
    /// Counts; `names` are those of the account the activity is about.
    pub fn of(activity: &Activity, names: &[Untrusted]) -> Self {
        let mut summary = Self::default();
        let mut addresses = BTreeSet::new();
        let mut countries = BTreeSet::new();
        let mut devices = BTreeSet::new();
        let mut agents = BTreeSet::new();
        let mut others: BTreeMap<Untrusted, usize> = BTreeMap::new();
        let mut delays: BTreeMap<&Untrusted, Vec<Duration>> = BTreeMap::new();
        let nobody = Untrusted::default();
        for row in activity.rows() {
            if row.lane() == Lane::SignIn {
                match row.outcome() {
                    Outcome::Success => summary.signed_in += 1,
                    Outcome::Failure => summary.failed += 1,
                    Outcome::Unknown => {}
                }
            }
            addresses.extend(row.ip());
            countries.extend(row.country());
            devices.extend(row.device());
            agents.extend(row.agent());
            if !row.untimed() {
                summary.first.get_or_insert(row.at());
                summary.last = Some(row.at());
                if let Some(ingested) = row.ingested() {
                    let provider = row.provider().unwrap_or(&nobody);
                    delays
                        .entry(provider)
                        .or_default()
                        .push(ingested - row.at());
                }
            }
            if row.is_by_other(names)
                && let Some(who) = row.user().best()
            {
                *others.entry(who.clone()).or_default() += 1;
            }
        }
        summary.addresses = addresses.len();
        summary.countries = countries.len();
        summary.by_agent = devices.is_empty();
        summary.devices = if summary.by_agent {
            agents.len()
        } else {
            devices.len()
        };
        summary.others = others.into_iter().collect();
        summary
            .others
            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        summary.delays = delays
            .into_iter()
            .filter_map(|(provider, mut all)| {
                all.sort();
                let usual = *all.get(all.len() / 2)?;
                let most = *all.last()?;
                Some((provider.clone(), Delay { usual, most }))
            })
            .collect();
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::timeline::event::{Event, Geo, Party};

    fn event(second: i64, by: &str, ip: &str, late: i64) -> Event {
        let at = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap_or_default();
        Event {
            id: Untrusted::new(format!("{second}")),
            at,
            ingested: Some(at + Duration::seconds(late)),
            lane: Lane::SignIn,
            outcome: if second == 0 {
                Outcome::Failure
            } else {
                Outcome::Success
            },
            user: Party {
                name: Some(by.into()),
                ..Party::default()
            },
            ip: Some(ip.into()),
            geo: Geo {
                country_iso: Some("NO".into()),
                ..Geo::default()
            },
            provider: Some("okta".into()),
            ..Event::default()
        }
    }

    #[test]
    fn it_counts_distinct_things_and_names_the_others() {
        let mut activity = Activity::default();
        activity.merge([
            event(0, "mara", "192.0.2.1", 3),
            event(1, "MARA", "192.0.2.1", 9),
            event(2, "desk", "192.0.2.2", 600),
        ]);
        let summary = Summary::of(&activity, &["mara".into()]);
        assert_eq!((summary.signed_in, summary.failed), (2, 1));
        assert_eq!(
            (summary.addresses, summary.countries, summary.devices),
            (2, 1, 0)
        );
        assert_eq!(summary.others, [("desk".into(), 1)]);
        let delay = summary.delays.get(&Untrusted::new("okta")).copied();
        assert_eq!(
            delay,
            Some(Delay {
                usual: Duration::seconds(9),
                most: Duration::seconds(600)
            })
        );
        assert_eq!(summary.last, activity.row(2).map(|row| row.at()));
        // Whoever the account is: without a name nobody is another.
        assert!(Summary::of(&activity, &[]).others.is_empty());
    }
}
