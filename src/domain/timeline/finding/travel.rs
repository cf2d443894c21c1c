//! Two places further apart than anybody travels in the time between.

use std::collections::HashMap;

use super::baseline::Trait;
use super::facts::Fact;
use super::rule::Rule;
use super::{Confidence, Finding, Scene, minutes};
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Outcome;
use crate::domain::timeline::event::Signal;
use crate::safe;

/// Mean radius of the earth (IUGG), kilometres.
const RADIUS: f64 = 6_371.008_8;
/// Clocks of two vendors differ by this much, milliseconds.
const CLOCKS: i64 = 60_000;
/// The same pair of places is told once in this time, milliseconds.
const AGAIN: i64 = 86_400_000;

/// Gives the great-circle distance of two points, kilometres.
pub(super) fn distance((lat1, lon1): (f32, f32), (lat2, lon2): (f32, f32)) -> f64 {
    let radians = |degrees: f32| f64::from(degrees).to_radians();
    let (north, east) = (radians(lat2) - radians(lat1), radians(lon2) - radians(lon1));
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let a = half(north) + radians(lat1).cos() * radians(lat2).cos() * half(east);
    2.0 * RADIUS * a.clamp(0.0, 1.0).sqrt().asin()
}

/// Finds successes of one user at two places between which nobody travels that fast.
pub(super) fn impossible_travel(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    for (user, own) in scene.facts.each_user() {
        let mut before: Option<(&Fact, (f32, f32))> = None;
        let mut told: HashMap<[u32; 4], i64> = HashMap::new();
        for fact in own {
            let is_there = fact.timed && fact.outcome == Outcome::Success && fact.is_own();
            let Some(point) = fact.point.filter(|_| is_there) else {
                continue;
            };
            if let Some((last, from)) = before.replace((fact, point))
                && from != point
                && let Some(leap) = Leap::of(scene, last, from, fact, point)
            {
                let pair = pair(from, point);
                let known = told.insert(pair, fact.at);
                if known.is_none_or(|at| fact.at.saturating_sub(at) > AGAIN) {
                    found.push(leap.finding(scene, user));
                }
            }
        }
    }
}

/// Names two places in either order, to a tenth of a degree (about 10 km).
fn pair(a: (f32, f32), b: (f32, f32)) -> [u32; 4] {
    let key = |(lat, lon): (f32, f32)| {
        [
            (lat * 10.0).round().to_bits(),
            (lon * 10.0).round().to_bits(),
        ]
    };
    let mut both = [key(a), key(b)];
    both.sort_unstable();
    let [[a, b], [c, d]] = both;
    [a, b, c, d]
}

/// One leap from place to place.
struct Leap<'a> {
    from: &'a Fact,
    to: &'a Fact,
    km: u32,
    speed: u32,
}

impl<'a> Leap<'a> {
    fn of(
        scene: &Scene<'_>,
        from: &'a Fact,
        start: (f32, f32),
        to: &'a Fact,
        end: (f32, f32),
    ) -> Option<Self> {
        let km = distance(start, end);
        let elapsed = to.at.saturating_sub(from.at).max(CLOCKS);
        #[expect(
            clippy::cast_precision_loss,
            reason = "centuries in milliseconds are exact in a double"
        )]
        let speed = km / (elapsed as f64 / 3_600_000.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a distance on the globe and its speed over at least a minute are below two million"
        )]
        let (km, speed) = (km.round() as u32, speed.round() as u32);
        (km >= scene.tuning.travel_km && speed > scene.tuning.travel_kmh).then_some(Self {
            from,
            to,
            km,
            speed,
        })
    }

    fn finding(&self, scene: &Scene<'_>, user: u32) -> Finding {
        let ends = [self.from, self.to];
        let standing = |fact: &Fact| scene.baseline.standing(fact.row);
        // The end that is not the user's own speaks; the other one is where the user sits.
        let own = ends.iter().all(|fact| {
            let standing = standing(fact);
            standing.is_own_device(fact) && !standing.is_new(Trait::Network)
        });
        let strange = ends.iter().any(|fact| standing(fact).is_unusual(fact));
        let hidden = ends.iter().find(|fact| fact.is_hidden());
        let level = if own {
            Confidence::Low
        } else if strange {
            Confidence::High
        } else {
            Confidence::Medium
        };
        let known_vpn = ends
            .iter()
            .any(|fact| fact.signals.contains(Signal::Vpn) && standing(fact).is_own_device(fact));
        let confidence = match hidden {
            Some(_) if known_vpn => Confidence::Low,
            Some(_) => level.lower(),
            None => level,
        };
        let note: Safe = match hidden {
            Some(fact) => safe!(" ({})", way(fact)),
            None => Safe::default(),
        };
        let place = |fact: &Fact| {
            let row = scene.facts.activity.row(fact.row);
            let place = row.and_then(|row| row.place());
            let mut word = place.map_or_else(|| "a point".into(), Untrusted::field);
            if row.is_some_and(|row| row.place_by_database()) {
                // Two tables of places differ by more than a city: whose word it is belongs to the evidence.
                word.push(&" (by the local database)".into());
            }
            word
        };
        let time = |fact: &Fact| {
            let row = scene.facts.activity.row(fact.row);
            row.map(|row| time_word(row.at())).unwrap_or_default()
        };
        let reason = safe!(
            "{} {} to {} {}: {} km in {}, {} km/h{}",
            place(self.from),
            time(self.from),
            place(self.to),
            time(self.to),
            self.km,
            minutes(self.to.at - self.from.at),
            self.speed,
            note
        );
        let rows = vec![self.from.row, self.to.row];
        // Suspected is the end that is not the user's, also where the user was seen after it.
        let odd = |fact: &Fact| standing(fact).is_unusual(fact);
        let deciding = if odd(self.from) && !odd(self.to) {
            self.from
        } else {
            self.to
        };
        scene.finding(
            Rule::ImpossibleTravel,
            deciding,
            Some(user),
            rows,
            reason,
            confidence,
        )
    }
}

/// Says in words how the source hides where it is.
pub(super) fn way(fact: &Fact) -> &'static str {
    let has = |signal| fact.signals.contains(signal);
    if has(Signal::Tor) {
        "Tor"
    } else if has(Signal::Vpn) {
        "VPN"
    } else if has(Signal::Hosting) {
        "hosting network"
    } else {
        "proxy"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case((52.52, 13.405), (52.52, 13.405), 0)]
    #[case((52.52, 13.405), (48.8566, 2.3522), 877)]
    #[case((0.0, 0.0), (0.0, 180.0), 20_015)]
    #[case((90.0, 0.0), (-90.0, 90.0), 20_015)]
    #[case((0.0, 179.5), (0.0, -179.5), 111)]
    fn great_circles(#[case] a: (f32, f32), #[case] b: (f32, f32), #[case] km: u32) {
        assert!((distance(a, b) - f64::from(km)).abs() < 1.0);
    }
}
