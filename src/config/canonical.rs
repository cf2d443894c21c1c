//! The policy as text that means the same in every version, for the hash of a plan.
//!
//! What must not live here: reading a policy (see `policy`).

use serde_json::json;

use super::settings::Policy;
use crate::domain::containment::campaign::Campaign;
use crate::domain::containment::caps::Caps;
use crate::domain::containment::hold::HoldTimes;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::need::Rules;

impl Policy {
    /// Writes every field as JSON in a fixed order: what was confirmed under one policy is void under another.
    ///
    /// Everything is taken apart field by field, so that a new one cannot be forgotten.
    pub fn canonical(&self) -> String {
        let Self {
            protected,
            protected_groups,
            own,
            allow_administrators,
            caps,
            of_host,
            approval,
            campaign,
            hold,
        } = self;
        let Caps {
            per_person,
            per_host,
        } = caps;
        let Rules {
            administrators,
            groups,
            production,
            over_cap,
        } = approval;
        let HoldTimes {
            length,
            reminder,
            recovery,
        } = hold;
        let keys: Vec<&str> = production
            .iter()
            .map(|kind| ActionKind::key(*kind))
            .collect();
        let campaign = campaign.as_ref().map(|campaign| {
            let Campaign {
                name,
                until,
                accounts,
            } = campaign;
            json!([name, until.timestamp_millis(), accounts])
        });
        // Rows instead of objects: the order is ours, whatever a map does with its keys.
        json!([
            ["protected", protected],
            ["protected_groups", protected_groups],
            ["own", own],
            ["allow_administrators", allow_administrators],
            ["caps", per_person, per_host],
            ["of_host", of_host],
            ["approval", administrators, groups, keys, over_cap],
            ["campaign", campaign],
            [
                "hold_ms",
                length.as_millis().to_string(),
                reminder.as_millis().to_string(),
                recovery.as_millis().to_string()
            ],
        ])
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn policy() -> Policy {
        Policy {
            protected: vec!["a".to_owned()],
            campaign: Some(Campaign {
                name: "phish".to_owned(),
                until: DateTime::UNIX_EPOCH,
                accounts: 3,
            }),
            ..Policy::default()
        }
    }

    #[test]
    fn the_text_is_the_same_in_every_version() {
        let text = "[[\"protected\",[\"a\"]],[\"protected_groups\",[]],[\"own\",[]],[\"allow_administrators\",false],\
            [\"caps\",5,20],[\"of_host\",false],[\"approval\",false,[],[],false],[\"campaign\",[\"phish\",0,3]],\
            [\"hold_ms\",\"86400000\",\"1800000\",\"259200000\"]]";
        assert_eq!(policy().canonical(), text);
    }

    #[test]
    fn a_change_of_any_field_changes_the_text() {
        let word = || "x".to_owned();
        let edits: [fn(&mut Policy, String); 18] = [
            |policy, word| policy.protected.push(word),
            |policy, _| policy.protected.clear(),
            // The same words in another list.
            |policy, _| policy.own = std::mem::take(&mut policy.protected),
            |policy, word| policy.protected_groups.push(word),
            |policy, word| policy.own.push(word),
            |policy, _| policy.allow_administrators = true,
            |policy, _| policy.caps.per_person += 1,
            |policy, _| policy.caps.per_host += 1,
            |policy, _| policy.of_host = true,
            |policy, _| policy.approval.administrators = true,
            |policy, word| policy.approval.groups.push(word),
            |policy, _| policy.approval.production.push(ActionKind::DisableAccount),
            |policy, _| policy.approval.over_cap = true,
            |policy, _| policy.campaign = None,
            |policy, word| {
                policy
                    .campaign
                    .iter_mut()
                    .for_each(|c| c.name.clone_from(&word));
            },
            |policy, _| {
                policy
                    .campaign
                    .iter_mut()
                    .for_each(|c| c.until += TimeDelta::seconds(1));
            },
            |policy, _| policy.campaign.iter_mut().for_each(|c| c.accounts += 1),
            |policy, _| policy.hold.length += Duration::from_secs(1),
        ];
        let mut texts: BTreeSet<String> = BTreeSet::from([policy().canonical()]);
        for edit in edits {
            let mut changed = policy();
            edit(&mut changed, word());
            texts.insert(changed.canonical());
        }
        let mut later = policy();
        later.hold.reminder += Duration::from_secs(1);
        texts.insert(later.canonical());
        let mut unwatched = policy();
        unwatched.hold.recovery = Duration::ZERO;
        texts.insert(unwatched.canonical());
        assert_eq!(texts.len(), edits.len() + 3);
    }
}
