//! What is odd in an activity, each with its rule, its reason, the rows it rests on and how sure it is.
//!
//! One file a family of rules. Rules look at what decoders say in the same word for every vendor, never at vendors'
//! own words. What must not live here: io, the clock, layout, how findings are summed up (`domain::likelihood`).

mod baseline;
mod change;
mod facts;
mod guessing;
mod prompts;
mod risk;
mod rule;
mod source;
mod suspicion;
mod travel;
mod volume;

use chrono::{DateTime, Duration, Utc};

use self::baseline::Baseline;
use self::facts::{Fact, Facts, User};
use self::suspicion::Suspicions;
use super::activity::{Activity, Outcome};
use super::lane::Lane;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

pub use self::rule::{Rule, Stage};

/// Most rows one finding lists; its reason has the count.
const MOST_EVIDENCE: usize = 200;

/// How sure a finding is of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// There is a plain explanation.
    Low,
    /// There may be one.
    Medium,
    /// Hardly.
    High,
}

impl Confidence {
    /// Gives the word used in records and exports.
    pub fn key(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    fn raise(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium | Self::High => Self::High,
        }
    }

    fn lower(self) -> Self {
        match self {
            Self::High => Self::Medium,
            Self::Medium | Self::Low => Self::Low,
        }
    }
}

/// Something odd, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// When the deciding event happened.
    pub at: DateTime<Utc>,
    /// Index of the deciding event in the activity.
    pub row: usize,
    /// Whose account it is about; `None` where it is about many.
    pub user: Option<Untrusted>,
    /// Indexes of the rows it rests on, oldest first, at most 200.
    pub evidence: Vec<usize>,
    /// One short sentence.
    pub reason: Safe,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Names a finding beyond the run that made it: its rule and the event that decided it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// Id of the rule.
    pub rule: String,
    /// Id of the event; where it has none, its time and action.
    pub event: Untrusted,
}

impl Finding {
    /// Follows its rows to where they are after some were left out; `None` where the deciding one is gone.
    pub fn moved(mut self, places: &[Option<usize>]) -> Option<Self> {
        let of = |row: usize| places.get(row).copied().flatten();
        self.row = of(self.row)?;
        self.evidence = self.evidence.into_iter().filter_map(of).collect();
        Some(self)
    }

    /// Gives the name under which it is known again.
    pub fn key(&self, activity: &Activity) -> FindingKey {
        let row = activity.row(self.row);
        let own = row.and_then(|row| row.id()).cloned();
        let event = own.unwrap_or_else(|| {
            let action = row.and_then(|row| row.action());
            let action = action.map(Untrusted::raw).unwrap_or_default();
            Untrusted::new(format!("{} {action}", self.at.timestamp_millis()))
        });
        FindingKey {
            rule: self.rule.id().to_owned(),
            event,
        }
    }
}

/// What the rules may be tuned by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// How many failures before a success make a finding.
    pub failures: usize,
    /// Within which time.
    pub failure_window: Duration,
    /// How many users one address must fail for.
    pub spray_users: usize,
    /// Within which time.
    pub spray_window: Duration,
    /// How many prompts must be denied before one is accepted.
    pub prompts: usize,
    /// Within which time.
    pub prompt_window: Duration,
    /// Faster than this is no journey, kilometres an hour.
    pub travel_kmh: u32,
    /// Nearer than this is no journey, kilometres.
    pub travel_km: u32,
    /// The days before an event that are usual.
    pub baseline: Duration,
    /// How many successes there must be in them to judge by.
    pub baseline_events: usize,
    /// Within which time a second risky sign-in calls for more.
    pub risky_window: Duration,
    /// How long after a suspicious sign-in a change counts as its consequence.
    pub after_sign_in: Duration,
    /// How many downloads are many.
    pub downloads: usize,
    /// How many shares are many.
    pub shares: usize,
    /// Within which time.
    pub volume_window: Duration,
    /// Words in the names of resources that are sensitive; upper and lower case are the same.
    pub sensitive: Vec<String>,
    /// Autonomous systems of VPN providers.
    pub vpn_networks: Vec<u32>,
    /// Autonomous systems of hosting companies.
    pub hosting_networks: Vec<u32>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            failures: 5,
            failure_window: Duration::minutes(30),
            spray_users: 10,
            spray_window: Duration::hours(1),
            prompts: 5,
            prompt_window: Duration::minutes(30),
            travel_kmh: 1_000,
            travel_km: 300,
            baseline: Duration::days(30),
            baseline_events: 5,
            risky_window: Duration::hours(24),
            after_sign_in: Duration::hours(24),
            downloads: 50,
            shares: 20,
            volume_window: Duration::hours(1),
            sensitive: Vec::new(),
            vpn_networks: Vec::new(),
            hosting_networks: Vec::new(),
        }
    }
}

/// What is known beside the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// The user somebody asks about: id, login or mail. Findings about many users then say what it means for this one.
    pub subject: Option<Untrusted>,
    /// The provider's time of the last containing action, once its containment was proven to hold.
    pub contained_since: Option<DateTime<Utc>>,
}

/// What the rules look at.
struct Scene<'a> {
    facts: &'a Facts<'a>,
    baseline: &'a Baseline,
    tuning: &'a Tuning,
    context: &'a Context,
}

impl Scene<'_> {
    fn finding(
        &self,
        rule: Rule,
        fact: &Fact,
        user: Option<User>,
        mut evidence: Vec<usize>,
        reason: Safe,
        confidence: Confidence,
    ) -> Finding {
        let extra = evidence.len().saturating_sub(MOST_EVIDENCE);
        evidence.drain(..extra);
        evidence.dedup();
        Finding {
            rule,
            at: DateTime::from_timestamp_millis(fact.at).unwrap_or_default(),
            row: fact.row,
            user: user.and_then(|user| self.facts.name(user)).cloned(),
            evidence,
            reason,
            confidence,
        }
    }

    /// Gives the user somebody asks about.
    fn subject(&self) -> Option<User> {
        let wanted = self.context.subject.as_ref()?;
        (0..)
            .zip(&self.facts.of_user)
            .map(|(user, _)| user)
            .find(|user| {
                let name = self.facts.name(*user);
                name.is_some_and(|name| name.raw().eq_ignore_ascii_case(wanted.raw()))
            })
    }
}

/// What was found, and how much could not be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detection {
    /// The findings, by their deciding rows.
    pub findings: Vec<Finding>,
    /// Users with too little before their last event to tell what is new for them.
    pub without_baseline: usize,
}

/// Finds what is odd in the events of any number of users, in the order of the deciding rows.
///
/// The order in which pages were merged does not matter. Grows with the number of events times its logarithm.
pub fn detect(activity: &Activity, tuning: &Tuning, context: &Context) -> Vec<Finding> {
    examine(activity, tuning, context).findings
}

/// Finds what is odd, and tells for how many users nothing can be called new.
pub fn examine(activity: &Activity, tuning: &Tuning, context: &Context) -> Detection {
    let facts = Facts::of(activity, tuning);
    let baseline = Baseline::of(&facts, tuning);
    let scene = Scene {
        facts: &facts,
        baseline: &baseline,
        tuning,
        context,
    };
    let mut found = Vec::new();
    guessing::brute_force(&scene, &mut found);
    guessing::password_spray(&scene, &mut found);
    prompts::mfa_fatigue(&scene, &mut found);
    travel::impossible_travel(&scene, &mut found);
    source::novelty(&scene, &mut found);
    source::anonymising(&scene, &mut found);
    source::legacy(&scene, &mut found);
    risk::risky(&scene, &mut found);
    let suspicions = Suspicions::of(&facts, tuning, &found);
    change::changes(&scene, &suspicions, &mut found);
    volume::mass(&scene, &suspicions, &mut found);
    volume::sensitive(&scene, &suspicions, &mut found);
    volume::lateral(&scene, &suspicions, &mut found);
    found.extend(
        context
            .contained_since
            .and_then(|since| success_after(activity, since)),
    );
    found.sort_by(|a, b| {
        let key = |one: &Finding| (one.row, one.rule);
        key(a).cmp(&key(b)).then_with(|| a.user.cmp(&b.user))
    });
    Detection {
        findings: found,
        without_baseline: baseline.unjudged,
    }
}

/// Gives a span of milliseconds in words: `40 s`, `17 min`, `5 h`, `3 d`.
fn minutes(span: i64) -> Safe {
    let seconds = span.max(0) / 1_000;
    match seconds {
        0..120 => safe!("{} s", seconds),
        120..7_200 => safe!("{} min", seconds / 60),
        7_200..172_800 => safe!("{} h", seconds / 3_600),
        _ => safe!("{} d", seconds / 86_400),
    }
}

/// Finds successes of the account after the moment its containment was proven to hold.
///
/// `since` is the provider's time of the last containing action; what is listed happened after it.
pub fn success_after(activity: &Activity, since: DateTime<Utc>) -> Option<Finding> {
    let rows: Vec<usize> = activity
        .rows()
        .skip(activity.first_at_or_after(since + Duration::milliseconds(1)))
        .filter(|row| row.outcome() == Outcome::Success && row.lane() != Lane::AccountChange)
        .map(|row| row.index())
        .collect();
    let row = activity.row(*rows.first()?)?;
    Some(Finding {
        rule: Rule::SuccessAfterContainment,
        at: row.at(),
        row: row.index(),
        reason: crate::safe!("{} successes after containment", rows.len()),
        confidence: Confidence::High,
        user: row.user().best().cloned(),
        evidence: rows,
    })
}

#[cfg(test)]
mod tests;
