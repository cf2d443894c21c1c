//! The rules by name: id, technique, what stage of a compromise each speaks of.

/// What a rule speaks of, so that a way in and what was done with it can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// How somebody may have come in.
    Entry,
    /// What was changed or taken afterwards.
    Act,
    /// That somebody is in although the account was contained.
    Proof,
}

/// Makes the list of rules.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $technique:literal, $stage:ident;)+) => {
        /// Which rule found it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $name,)+
        }

        impl Rule {
            /// Lists all rules.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Gives the id used in records and exports.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)+
                }
            }

            /// Gives the MITRE ATT&CK technique (Enterprise 17).
            pub fn technique(self) -> &'static str {
                match self {
                    $(Self::$name => $technique,)+
                }
            }

            /// Gives what it speaks of.
            pub fn stage(self) -> Stage {
                match self {
                    $(Self::$name => Stage::$stage,)+
                }
            }
        }
    };
}

rules! {
    /// Several failed sign-ins, then a success from one of their addresses or from a new one.
    BruteForce = "brute_force", "T1110", Entry;
    /// One address tried many users.
    PasswordSpray = "password_spray", "T1110.003", Entry;
    /// Many prompts for the second factor, then one was accepted.
    MfaFatigue = "mfa_fatigue", "T1621", Entry;
    /// Two places further apart than anybody travels in the time between.
    ImpossibleTravel = "impossible_travel", "T1078", Entry;
    /// A country the user never worked from.
    NewCountry = "new_country", "T1078", Entry;
    /// A network (autonomous system) the user never worked from.
    NewNetwork = "new_network", "T1078", Entry;
    /// A device the user never worked with.
    NewDevice = "new_device", "T1078", Entry;
    /// A program the user never worked with.
    NewUserAgent = "new_user_agent", "T1078", Entry;
    /// A sign-in through Tor, a proxy, a hosting company or a public VPN.
    AnonymisingNetwork = "anonymising_network", "T1090.003", Entry;
    /// A sign-in by a protocol without a second factor.
    LegacyProtocol = "legacy_protocol", "T1078.004", Entry;
    /// The vendor calls a sign-in risky.
    RiskySignIn = "risky_sign_in", "T1078.004", Entry;
    /// And again within a day.
    SecondRiskySignIn = "second_risky_sign_in", "T1078.004", Entry;
    /// A second factor was added.
    MfaAdded = "mfa_added", "T1098.005", Act;
    /// A second factor was removed.
    MfaRemoved = "mfa_removed", "T1556.006", Act;
    /// All second factors were reset.
    MfaReset = "mfa_reset", "T1556.006", Act;
    /// Recovery data were changed.
    RecoveryChanged = "recovery_changed", "T1098", Act;
    /// The password was changed by its owner.
    PasswordChanged = "password_changed", "T1098", Act;
    /// The password was reset.
    PasswordReset = "password_reset", "T1098", Act;
    /// An application was given rights over data.
    OauthGrant = "oauth_grant", "T1528", Act;
    /// A rule for incoming mail was made.
    InboxRule = "inbox_rule", "T1564.008", Act;
    /// Mail is forwarded outside.
    InboxForwarding = "inbox_forwarding", "T1114.003", Act;
    /// Somebody else may read the mail.
    DelegateAdded = "delegate_added", "T1098.002", Act;
    /// Many files were downloaded.
    MassDownload = "mass_download", "T1530", Act;
    /// Many things were shared.
    MassSharing = "mass_sharing", "T1567", Act;
    /// Something named as sensitive was read.
    SensitiveAccess = "sensitive_access", "T1213", Act;
    /// An administrator's role was given.
    RoleGranted = "role_granted", "T1098.003", Act;
    /// An access key or token was made.
    AccessKeyCreated = "access_key_created", "T1098.001", Act;
    /// Another host or identity was entered.
    LateralMovement = "lateral_movement", "T1021", Act;
    /// The account did something after its containment was proven.
    SuccessAfterContainment = "success_after_containment", "T1078", Proof;
    /// Somebody else changed the account.
    ChangedByOthers = "changed_by_others", "T1098", Act;
    /// Logging or a protection was switched off.
    LoggingDisabled = "logging_disabled", "T1562.008", Act;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_rule_has_its_own_id_and_a_technique() {
        let ids: HashSet<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            let digits = rule.technique().trim_start_matches('T').replace('.', "");
            assert!(digits.chars().all(|c| c.is_ascii_digit()), "{rule:?}");
            assert!([4, 7].contains(&digits.len()), "{rule:?}");
        }
    }
}
