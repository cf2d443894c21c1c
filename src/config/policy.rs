//! The policy of the host: the only place where protection can be relaxed, and only by root.
//!
//! The user's own configuration can add to it, never take away. `store` reads the file and checks whose it is.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::settings::Policy;
use crate::domain::containment::campaign::Campaign;
use crate::domain::containment::caps::Caps;
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::need::Rules;
use crate::domain::text::Untrusted;
use crate::safe;

/// What the file says; everything left out keeps what is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostPolicy {
    protected: Vec<String>,
    protected_groups: Vec<String>,
    /// Lets accounts with an administrator role be contained: how many are left cannot be read from every provider.
    allow_administrators: bool,
    targets_per_person: Option<u32>,
    targets_per_host: Option<u32>,
    approval: Approval,
    campaign: Option<CampaignText>,
}

/// When a second person is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Approval {
    administrators: bool,
    groups: Vec<String>,
    production: Vec<ActionKind>,
    over_cap: bool,
}

/// A campaign as the file names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct CampaignText {
    name: CampaignName,
    until: UtcTime,
    accounts: u32,
}

/// The name of a campaign, in its narrow form.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct CampaignName(String);

impl TryFrom<String> for CampaignName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if Campaign::is_name(&text) {
            Ok(Self(text))
        } else {
            Err("a campaign's name has 1 to 40 characters out of A-Z a-z 0-9 . _ -")
        }
    }
}

/// A time with its zone, as text: `2026-11-21T18:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct UtcTime(DateTime<Utc>);

impl TryFrom<String> for UtcTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        DateTime::parse_from_rfc3339(&text)
            .map(|at| Self(at.with_timezone(&Utc)))
            .map_err(|error| format!("no time such as \"2026-11-21T18:00:00Z\": {error}"))
    }
}

impl HostPolicy {
    /// Reads the policy of the host.
    ///
    /// # Errors
    /// Gives one sentence with the line when the text is no such policy.
    pub fn parse(text: &str) -> Result<Self, crate::domain::text::Safe> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            safe!("line {}: {}", line, Untrusted::new(error.message()).line())
        })
    }

    /// Joins it with what the user's configuration adds.
    pub fn joined_with(self, own: Policy) -> Policy {
        let mut joined = own;
        joined.protected.extend(self.protected);
        joined.protected_groups.extend(self.protected_groups);
        joined.allow_administrators = self.allow_administrators;
        joined.of_host = true;
        joined.approval = Rules {
            administrators: self.approval.administrators,
            groups: self.approval.groups,
            production: self.approval.production,
            over_cap: self.approval.over_cap,
        };
        joined.campaign = self.campaign.map(|campaign| Campaign {
            name: campaign.name.0,
            until: campaign.until.0,
            accounts: campaign.accounts,
        });
        let built_in = Caps::default();
        joined.caps = Caps {
            per_person: self.targets_per_person.unwrap_or(built_in.per_person),
            per_host: self.targets_per_host.unwrap_or(built_in.per_host),
        };
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_adds_to_what_the_user_protects() {
        let host = HostPolicy::parse("protected = [\"root@x\"]\ntargets_per_person = 2\n");
        let own = Policy {
            protected: vec!["me@x".to_owned()],
            ..Policy::default()
        };
        let joined = host.map(|host| host.joined_with(own)).unwrap_or_default();
        assert_eq!(joined.protected, ["me@x", "root@x"]);
        assert_eq!(
            (joined.caps.per_person, joined.caps.per_host),
            (2, Caps::default().per_host)
        );
        assert!(joined.of_host && !joined.allow_administrators);
    }

    #[test]
    fn a_fault_names_its_line() {
        let fault = HostPolicy::parse("protected = []\nprotect = 1\n").expect_err("no such field");
        assert!(fault.as_str().starts_with("line 2: "), "{fault}");
    }

    #[test]
    fn approvals_and_a_campaign_are_the_hosts_word() {
        let text = "[approval]\nadministrators = true\ngroups = [\"Finance\"]\nproduction = [\"disable_account\"]\nover_cap = true\n\
                    [campaign]\nname = \"phish-11\"\nuntil = \"2026-11-21T20:00:00+02:00\"\naccounts = 40\n";
        let joined = HostPolicy::parse(text)
            .map(|host| host.joined_with(Policy::default()))
            .unwrap_or_default();
        let rules = Rules {
            administrators: true,
            groups: vec!["Finance".to_owned()],
            production: vec![ActionKind::DisableAccount],
            over_cap: true,
        };
        assert_eq!(joined.approval, rules);
        let campaign = joined.campaign.expect("it names one");
        assert_eq!(
            (campaign.name.as_str(), campaign.accounts),
            ("phish-11", 40)
        );
        assert_eq!(campaign.until.to_rfc3339(), "2026-11-21T18:00:00+00:00");
        let none = HostPolicy::parse("").map(|host| host.joined_with(Policy::default()));
        assert!(none.is_ok_and(|none| none.approval.is_empty() && none.campaign.is_none()));
    }

    #[rstest::rstest]
    #[case("[approval]\nalways = true\n", 2)]
    #[case("[approval]\nproduction = [\"delete\"]\n", 2)]
    #[case(
        "[campaign]\nname = \"two words\"\nuntil = \"2026-11-21T20:00:00Z\"\naccounts = 1\n",
        2
    )]
    #[case(
        "[campaign]\nname = \"a\"\nuntil = \"2026-11-21 20:00\"\naccounts = 1\n",
        3
    )]
    #[case("[campaign]\nname = \"a\"\nuntil = \"2026-11-21T20:00:00Z\"\n", 1)]
    fn a_campaign_needs_a_name_an_end_and_a_number(#[case] text: &str, #[case] line: u32) {
        let fault = HostPolicy::parse(text).expect_err("it is not whole");
        assert!(
            fault.as_str().starts_with(&format!("line {line}: ")),
            "{fault}"
        );
    }
}
