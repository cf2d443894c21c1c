//! The activity of the user of a case, from the SIEM, as the console would load it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::case::sources;
use crate::cli::compose::{self, Place};
use crate::cli::{Failure, UNREADABLE, reading};
use crate::config::settings::{Role, Settings};
use crate::connect::capability::ActivityQuery;
use crate::connect::registry::Connections;
use crate::domain::case::{RecordFault, Subject};
use crate::domain::fault::Fault;
use crate::domain::text::{Safe, Untrusted};
use crate::domain::timeline::activity::Event;
use crate::domain::timeline::finding::Tuning;
use crate::safe;

/// What was found.
pub(super) struct Found {
    /// Every name the user is known by; the first is the one of the case.
    pub(super) names: Vec<Untrusted>,
    /// The events, as they came.
    pub(super) events: Vec<Event>,
    /// Records that could not be read.
    pub(super) faults: Vec<RecordFault>,
    /// Whether there are more than the configured number.
    pub(super) truncated: bool,
    /// What the rules are tuned by.
    pub(super) tuning: Tuning,
    /// What could not be asked.
    pub(super) warnings: Vec<Fault>,
}

/// Which user of which case, and from when.
pub(super) struct Wanted<'a> {
    pub(super) case: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) since: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
}

/// Reads the case, the account and the events.
pub(super) fn read(place: &Place, wanted: &Wanted<'_>) -> Result<Found, Failure> {
    let loaded = compose::load(place.config.as_deref())?;
    let roles = [Role::Cases, Role::Activity, Role::Identity];
    let (settings, made, warnings) = reading::connections(&loaded, &roles)?;
    let unread = |faults| reading::nothing(faults, "no case system is configured");
    reading::run(async {
        let file = match reading::case_file(&made, wanted.case).await {
            Ok(file) => file,
            Err(faults) => return Err(unread(warnings.iter().cloned().chain(faults).collect())),
        };
        let user = user_of(&file.subject(sources(&settings, &file)), wanted.user)?;
        let mut warnings = warnings;
        let names = names(&made, &user, &mut warnings).await;
        search(&made, &settings, wanted, names, warnings).await
    })?
}

/// Gives the user: the one that was asked for, or the one the case names.
fn user_of(subject: &Subject, asked: Option<&str>) -> Result<Untrusted, Failure> {
    if let Some(user) = asked {
        return Ok(Untrusted::new(user));
    }
    let (what, hint): (Safe, &'static str) = match subject {
        Subject::User(user) => return Ok(user.clone()),
        Subject::NoUser => (
            "the case names no user where the configuration looks for one".into(),
            "--user names one; case_user in the configuration says where cases name theirs",
        ),
        Subject::Several(users) => {
            let users = users.iter().map(Untrusted::ident);
            let users = Safe::join(users, &Safe::fixed(", "));
            (
                safe!("the case names several users: {}", users),
                "--user chooses one",
            )
        }
    };
    Err(Failure::one(UNREADABLE, Fault::new(what).hint(hint)))
}

/// Gives every name the account is known by; where the identity provider does not know exactly one, the name alone.
async fn names(made: &Connections, user: &Untrusted, warnings: &mut Vec<Fault>) -> Vec<Untrusted> {
    let mut found = Vec::new();
    for source in &made.identity {
        match source.find(user).await {
            Ok(accounts) => found.extend(accounts),
            Err(error) => warnings.push(Fault::from(error)),
        }
    }
    let mut names = vec![user.clone()];
    if let [one] = found.as_slice() {
        let id = Untrusted::new(one.id.raw());
        for name in [Some(id), Some(one.login.clone()), one.mail.clone()] {
            names.extend(name.filter(|name| !names.contains(name)));
        }
    }
    names
}

async fn search(
    made: &Connections,
    settings: &Settings,
    wanted: &Wanted<'_>,
    names: Vec<Untrusted>,
    warnings: Vec<Fault>,
) -> Result<Found, Failure> {
    let is_idp = |name| made.identity.iter().any(|idp| idp.connection() == name);
    let mut sources = made.activity.iter();
    let Some(source) = sources.find(|source| !is_idp(source.connection())) else {
        return Err(reading::nothing(warnings, "no SIEM is configured"));
    };
    let hours = i64::from(settings.timeline.window_hours);
    let query = ActivityQuery {
        user: names.clone(),
        since: wanted
            .since
            .unwrap_or_else(|| compose::now().utc - TimeDelta::hours(hours)),
        until: wanted.until,
        limit: settings.timeline.max_events,
    };
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    let ended = source
        .search(&query, &mut |page| {
            events.extend(page.items);
            faults.extend(page.faults);
            true
        })
        .await;
    let ended = ended.map_err(|error| {
        let mut all = vec![Fault::from(error)];
        all.extend(warnings.iter().cloned());
        reading::nothing(all, "the SIEM does not answer")
    })?;
    Ok(Found {
        names,
        events,
        faults,
        truncated: ended.truncated,
        tuning: settings.timeline.tuning.clone(),
        warnings,
    })
}
