//! The policy of the host: the only place where protection can be relaxed, and only by root.
//!
//! The user's own configuration can add to it, never take away. `store` reads the file and checks whose it is.

use serde::Deserialize;

use super::settings::Policy;
use crate::domain::containment::caps::Caps;
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
}
