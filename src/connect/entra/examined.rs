//! What Entra ID tells about our token and its logs, for the doctor.
//!
//! The token says which application permissions it carries; where it cannot be read, reads are tried, and writes and what is
//! not tried stay not known. What must not live here: anything that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::log::Newest;
use super::{Entra, get};
use crate::connect::capability::{
    ConnectError, ConnectErrorKind, Examined, Identity as _, LastSeen, Right, RuleSeen,
};
use crate::connect::decode::{text, texts};
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const RISKY_USERS: &str = "/v1.0/identityProtection/riskyUsers";

/// What needs a permission, and those that give it: the least one first.
struct Need {
    what: &'static str,
    kinds: &'static [ActionKind],
    by: &'static [&'static str],
}

const GUARDED: &[ActionKind] = &[
    ActionKind::RevokeSessions,
    ActionKind::DisableAccount,
    ActionKind::ResetPassword,
    ActionKind::ExpirePassword,
    ActionKind::RemoveItem,
    ActionKind::ConfirmCompromised,
    ActionKind::DismissRisk,
];
const RISKS: &[ActionKind] = &[ActionKind::ConfirmCompromised, ActionKind::DismissRisk];
const REMOVES: &[ActionKind] = &[ActionKind::RemoveItem];
const WRITES_ALL: [&str; 2] = ["User.ReadWrite.All", "Directory.ReadWrite.All"];

const NEEDS: [Need; 8] = [
    Need {
        what: "read accounts",
        kinds: &ActionKind::ALL,
        by: &[
            "User.Read.All",
            "User.ReadWrite.All",
            "Directory.Read.All",
            "Directory.ReadWrite.All",
        ],
    },
    Need {
        what: "tell administrators from others, and read groups and grants",
        kinds: GUARDED,
        by: &["Directory.Read.All", "Directory.ReadWrite.All"],
    },
    Need {
        what: "revoke sessions",
        kinds: &[ActionKind::RevokeSessions],
        by: &["User.RevokeSessions.All", WRITES_ALL[0], WRITES_ALL[1]],
    },
    Need {
        what: "disable and enable accounts",
        kinds: &[ActionKind::DisableAccount, ActionKind::EnableAccount],
        by: &[
            "User.EnableDisableAccount.All",
            WRITES_ALL[0],
            WRITES_ALL[1],
        ],
    },
    Need {
        what: "reset and expire passwords",
        kinds: &[ActionKind::ResetPassword, ActionKind::ExpirePassword],
        by: &[
            "User-PasswordProfile.ReadWrite.All",
            WRITES_ALL[0],
            WRITES_ALL[1],
        ],
    },
    Need {
        what: "read MFA methods",
        kinds: &[],
        by: &[
            "UserAuthenticationMethod.Read.All",
            "UserAuthenticationMethod.ReadWrite.All",
        ],
    },
    Need {
        what: "read sign-ins and the audit log",
        kinds: &[],
        by: &["AuditLog.Read.All"],
    },
    Need {
        what: "read the risk of users",
        kinds: RISKS,
        by: &[
            "IdentityRiskyUser.Read.All",
            "IdentityRiskyUser.ReadWrite.All",
        ],
    },
];

/// What else is asked for: a list that only adds to the others, and what was left in an account.
const MORE: [Need; 6] = [
    Need {
        what: "mark as compromised and dismiss the risk",
        kinds: RISKS,
        by: &["IdentityRiskyUser.ReadWrite.All"],
    },
    Need {
        what: "read risk detections",
        kinds: &[],
        by: &[
            "IdentityRiskEvent.Read.All",
            "IdentityRiskEvent.ReadWrite.All",
        ],
    },
    Need {
        what: "remove MFA methods",
        kinds: REMOVES,
        by: &["UserAuthenticationMethod.ReadWrite.All"],
    },
    Need {
        what: "remove grants",
        kinds: REMOVES,
        by: &["DelegatedPermissionGrant.ReadWrite.All"],
    },
    Need {
        what: "remove assignments to applications",
        kinds: REMOVES,
        by: &["AppRoleAssignment.ReadWrite.All"],
    },
    Need {
        what: "read, disable and delete inbox rules",
        kinds: REMOVES,
        by: &["MailboxSettings.ReadWrite"],
    },
];

fn needs() -> impl Iterator<Item = &'static Need> {
    NEEDS.iter().chain(&MORE)
}

fn right(need: &Need, granted: Option<bool>) -> Right {
    let least = need.by.first().copied().unwrap_or_default();
    Right {
        name: safe!("application permission {}", least),
        needed_for: Some(need.what),
        is_exact: true,
        kinds: need.kinds.to_vec(),
        granted,
    }
}

fn beyond(name: Safe) -> Right {
    Right {
        name,
        needed_for: None,
        is_exact: true,
        kinds: Vec::new(),
        granted: Some(true),
    }
}

/// Says what the permissions in a token allow, what is missing, and what is more than is needed.
fn by_token(granted: &[Untrusted]) -> Vec<Right> {
    let has = |name: &str| granted.iter().any(|one| one.raw() == name);
    let mut rights: Vec<Right> = needs()
        .map(|need| right(need, Some(need.by.iter().any(|name| has(name)))))
        .collect();
    for one in granted {
        let least = |need: &&Need| need.by.first() == Some(&one.raw());
        if needs().any(|need| least(&need)) {
            continue;
        }
        let wider: Vec<&str> = needs()
            .filter(|need| need.by.contains(&one.raw()))
            .filter_map(|need| need.by.first().copied())
            .collect();
        let name = safe!("application permission {}", one.field());
        rights.push(beyond(if wider.is_empty() {
            name
        } else {
            let enough = Safe::join(wider.into_iter().map(Safe::fixed), &Safe::fixed(", "));
            safe!("{}, where {} would do,", name, enough)
        }));
    }
    rights
}

/// Says what trying the needs of [`NEEDS`] showed; of the others nothing is known.
fn by_answers(answers: [Option<bool>; NEEDS.len()]) -> Vec<Right> {
    let answers = answers.into_iter().chain(std::iter::repeat(None));
    let rights = needs().zip(answers);
    let rights = rights.map(|(need, granted)| right(need, granted));
    rights.collect()
}

/// Turns a refusal for the token's rights into a no.
fn allowed<T>(result: &Result<T, ConnectError>) -> Option<bool> {
    match result {
        Ok(_) => Some(true),
        Err(error) if error.kind == ConnectErrorKind::Denied => Some(false),
        Err(_) => None,
    }
}

impl Entra {
    /// Finds out by trying what a token that cannot be read allows.
    async fn by_trying(&self) -> Result<Vec<Right>, ConnectError> {
        let (own, _) = self.own_account().await?;
        let any = get(super::USERS, &[])?
            .query("$select", super::wire::SELECT)
            .query("$top", "1");
        let risky = get(RISKY_USERS, &[])?.query("$top", "1");
        let roles = self.account(&own).await;
        let answers = [
            allowed(&self.http.read(&any).await),
            allowed(&roles).map(|_| roles.is_ok_and(|own| own.roles.is_some())),
            None,
            None,
            None,
            None,
            allowed(&self.newest_of(Newest::Audits).await),
            allowed(&self.read(&risky).await),
        ];
        Ok(by_answers(answers))
    }
}

#[async_trait]
impl Examined for Entra {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        self.http.server_clock()
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let (_, name) = self.own_account().await?;
        let tenant = Untrusted::new(self.app.tenant.as_str());
        Ok(safe!(
            "belongs to the application {} in the tenant {}",
            name.field(),
            tenant.field()
        ))
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        let claims = self.http.claims().await?.unwrap_or(Value::Null);
        if text(&claims, "aud").is_none() {
            return self.by_trying().await;
        }
        Ok(by_token(&texts(&claims, "roles")))
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        Ok(vec![
            LastSeen {
                source: "sign-ins".into(),
                at: self.newest_of(Newest::SignIns).await?,
            },
            LastSeen {
                source: "directory audits".into(),
                at: self.newest_of(Newest::Audits).await?,
            },
        ])
    }

    async fn rules(&self, _names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::entra::facts::permission;

    fn told(granted: &[&'static str]) -> (Vec<String>, Vec<String>) {
        let granted: Vec<Untrusted> = granted.iter().map(|one| (*one).into()).collect();
        let rights = by_token(&granted);
        let missing = rights.iter().filter(|one| one.granted == Some(false));
        let more = rights.iter().filter(|one| one.needed_for.is_none());
        (
            missing.map(|one| one.lacking().to_string()).collect(),
            more.map(|one| one.name.to_string()).collect(),
        )
    }

    #[test]
    fn the_least_permissions_are_enough_and_no_more() {
        let least: Vec<&str> = needs()
            .filter_map(|need| need.by.first().copied())
            .collect();
        assert_eq!(told(&least), (Vec::new(), Vec::new()));
        for kind in ActionKind::ALL {
            let least = permission(kind);
            assert!(
                needs().any(|need| need.kinds.contains(&kind) && need.by.first() == Some(&least))
            );
        }
    }

    #[test]
    fn who_may_read_a_risk_may_not_change_it_yet() {
        let all = needs().filter_map(|need| need.by.first().copied());
        let granted = all.filter(|one| *one != "IdentityRiskyUser.ReadWrite.All");
        let granted: Vec<Untrusted> = granted.map(Untrusted::from).collect();
        let rights = by_token(&granted);
        let missing: Vec<&[ActionKind]> = rights
            .iter()
            .filter(|right| right.granted == Some(false))
            .map(|right| right.kinds.as_slice())
            .collect();
        assert_eq!(missing, [RISKS]);
    }

    #[test]
    fn what_was_only_read_may_not_be_changed_for_all_that_is_known() {
        let rights = by_answers([Some(true); NEEDS.len()]);
        for kind in ActionKind::ALL {
            let mut of_kind = rights.iter().filter(|right| right.kinds.contains(&kind));
            let is_granted = of_kind.all(|right| right.granted == Some(true));
            let changes_more = RISKS.contains(&kind) || REMOVES.contains(&kind);
            assert_eq!(is_granted, !changes_more, "{kind:?}");
        }
        assert_eq!(rights.len(), needs().count());
        assert!(rights.iter().all(|right| right.granted != Some(false)));
    }

    #[test]
    fn what_is_missing_and_what_is_beyond_need_is_named() {
        let (missing, more) = told(&["Directory.ReadWrite.All", "Mail.ReadWrite"]);
        assert_eq!(missing.len(), 9, "{missing:?}");
        assert!(missing[0].contains("UserAuthenticationMethod.Read.All"));
        assert_eq!(more.len(), 2);
        assert!(
            more[0].contains("where User.Read.All, Directory.Read.All"),
            "{more:?}"
        );
        assert_eq!(more[1], "application permission Mail.ReadWrite");
    }
}
