//! Which records somebody asks for: by user, case, action and time.
//!
//! Records of an action name the action only, so the case and the user of its plan are remembered from the plan on.
//!
//! What must not live here: reading arguments, writing records for readers (see `cli::audit`).

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::body::Body;
use super::entry::Entry;
use crate::domain::freshness::time_word;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// What is asked for; what is `None` is not asked.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who did it, or to whom: the user of the operating system, the operator, a login or an account's id.
    pub user: Option<String>,
    /// Id of the case.
    pub case: Option<String>,
    /// Id of an action or plan, its kind, or the type of a record.
    pub action: Option<String>,
    /// From, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Until, exclusive.
    pub until: Option<DateTime<Utc>>,
    plans: HashMap<String, Facts>,
}

/// What a record says that is searched by.
#[derive(Clone, Debug, Default)]
struct Facts {
    users: Vec<String>,
    cases: Vec<String>,
    actions: Vec<String>,
}

impl Filter {
    /// Tells whether a record is asked for. Records must come in their order.
    pub fn takes(&mut self, entry: &Entry) -> bool {
        let any = self.user.is_some() || self.case.is_some() || self.action.is_some();
        // Before the times: a plan from before them still says whose action it is.
        let fits = !any || self.fits(entry);
        fits && self.since.is_none_or(|since| entry.ts >= since)
            && self.until.is_none_or(|until| entry.ts < until)
    }

    /// Says what is asked for; `None` where that is all.
    pub fn words(&self) -> Option<Safe> {
        let text = |word: &'static str, asked: &Option<String>| {
            let asked = Untrusted::new(asked.as_deref()?);
            Some(safe!("{} {}", word, asked.field()))
        };
        let time = |word: &'static str, at: Option<DateTime<Utc>>| {
            Some(safe!("{} {}", word, time_word(at?)))
        };
        let all = [
            text("user", &self.user),
            text("case", &self.case),
            text("action", &self.action),
            time("since", self.since),
            time("until", self.until),
        ];
        let all: Vec<Safe> = all.into_iter().flatten().collect();
        (!all.is_empty()).then(|| Safe::join(all, &Safe::fixed(", ")))
    }

    fn fits(&mut self, entry: &Entry) -> bool {
        let data = data_of(&entry.body);
        let mut facts = facts(&data);
        let aids = data.get("aid").into_iter().chain(
            data.get("aids")
                .and_then(Value::as_array)
                .into_iter()
                .flatten(),
        );
        let rid = data.get("rid");
        for id in aids.chain(rid).filter_map(Value::as_str) {
            if let Body::ActionPlan { .. } | Body::RecordIntent { .. } = entry.body {
                self.plans.insert(id.to_owned(), facts.clone());
            } else if let Some(plan) = self.plans.get(id) {
                facts.users.extend(plan.users.iter().cloned());
                facts.cases.extend(plan.cases.iter().cloned());
                facts.actions.extend(plan.actions.iter().cloned());
            }
        }
        facts.users.push(entry.user.raw().to_owned());
        facts.actions.push(entry.body.type_name().to_owned());
        let among = |asked: &Option<String>, known: &[String]| {
            asked
                .as_ref()
                .is_none_or(|asked| known.iter().any(|known| known.eq_ignore_ascii_case(asked)))
        };
        among(&self.user, &facts.users)
            && among(&self.case, &facts.cases)
            && among(&self.action, &facts.actions)
    }
}

fn facts(data: &Value) -> Facts {
    let texts = |paths: &[&str]| -> Vec<String> {
        paths
            .iter()
            .filter_map(|path| data.pointer(path)?.as_str())
            .map(str::to_owned)
            .collect()
    };
    let mut actions = texts(&["/aid", "/pid", "/rid", "/kind"]);
    for list in ["aids", "kinds"] {
        let items = data
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        actions.extend(items.filter_map(Value::as_str).map(str::to_owned));
    }
    Facts {
        users: texts(&["/login", "/account/id", "/os_user", "/operator"]),
        cases: texts(&["/case/id", "/case"]),
        actions,
    }
}

/// Gives the data of a record as it is written.
pub fn data_of(body: &Body) -> Value {
    match body {
        Body::Unknown { data, .. } => data.clone(),
        body => serde_json::to_value(body)
            .ok()
            .and_then(|mut written| written.get_mut("data").map(Value::take))
            .unwrap_or_default(),
    }
}
