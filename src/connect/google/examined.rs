//! What Google tells about our scopes and its logs, for the doctor.
//!
//! Nobody but the token endpoint says what is granted: each scope is asked for by itself. What must not live here: anything
//! that writes.

use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::scope::{MailScope, Scope, is_not_granted};
use super::{
    ACTIVITIES, ALERTS, ASSIGNMENTS, CUSTOMER, GROUPS, Google, MOBILE, TOKENS, USER, unreadable,
    wire,
};
use crate::connect::capability::{
    ConnectError, ConnectErrorKind, Examined, Identity as _, LastSeen, Right, RuleSeen,
};
use crate::connect::decode::time;
use crate::connect::http::{HttpClient, Request};
use crate::domain::containment::kind::ActionKind;
use crate::domain::ids::ConnectionName;
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

/// Scopes that are often granted too and that nothing here needs: they are asked for, and the tokens dropped.
const BEYOND: [&str; 8] = [
    "https://mail.google.com/",
    "https://www.googleapis.com/auth/admin.directory.device.mobile",
    "https://www.googleapis.com/auth/admin.directory.device.mobile.action",
    "https://www.googleapis.com/auth/admin.directory.group",
    "https://www.googleapis.com/auth/admin.directory.rolemanagement",
    "https://www.googleapis.com/auth/gmail.modify",
    "https://www.googleapis.com/auth/drive",
    "https://www.googleapis.com/auth/cloud-platform",
];

/// Gives what a scope is needed for, and by which actions.
fn need(scope: Scope) -> (&'static str, &'static [ActionKind]) {
    use ActionKind::{DisableAccount, ExpirePassword, RemoveItem, ResetPassword, RevokeSessions};
    match scope {
        Scope::Users => ("read and change accounts", &ActionKind::ALL),
        Scope::Security => (
            "sign out, end tokens and void codes",
            &[RevokeSessions, RemoveItem],
        ),
        Scope::Groups => ("read groups", &[]),
        Scope::Roles => (
            "tell administrators from others",
            &[
                RevokeSessions,
                DisableAccount,
                ResetPassword,
                ExpirePassword,
                RemoveItem,
            ],
        ),
        Scope::Reports => (
            "read the logs, which prove a sign-out and a new password",
            &[],
        ),
        Scope::Alerts => ("read the alerts of the Alert Center", &[]),
        Scope::Mobile => ("list mobile devices", &[]),
    }
}

/// Says what the read that tries a scope tells of it; what failed otherwise tells nothing of it, and of no other scope.
fn judged(scope: Scope, failed: Option<&ConnectError>) -> Right {
    let (needed_for, kinds) = need(scope);
    let word = scope.word();
    let (name, granted) = match failed {
        None => (safe!("scope {}", word), Some(true)),
        Some(error) if is_not_granted(error) => (safe!("scope {}", word), Some(false)),
        // A role is missing, or the project has not switched the API on: Google's own words tell which.
        Some(error) if error.kind == ConnectErrorKind::Denied => (
            safe!(
                "a role of the administrator that allows {}, or its API switched on in the project: {}",
                word,
                error.what
            ),
            Some(false),
        ),
        Some(error) => (safe!("scope {}: {}", word, error.what), None),
    };
    Right {
        name,
        needed_for: Some(needed_for),
        is_exact: true,
        kinds: kinds.to_vec(),
        granted,
    }
}

impl Google {
    /// Gives a read that shows whether a scope can be used.
    fn probe(scope: Scope, own: &str) -> Result<Request, ConnectError> {
        match scope {
            Scope::Users => Request::get(USER, &[own]),
            Scope::Security => Request::get(TOKENS, &[own]),
            Scope::Groups => Ok(Request::get(GROUPS, &[])?.query("userKey", own)),
            Scope::Roles => Ok(Request::get(ASSIGNMENTS, &[CUSTOMER])?.query("userKey", own)),
            Scope::Reports => {
                Ok(Request::get(ACTIVITIES, &[own, "admin"])?.query("maxResults", "1"))
            }
            Scope::Alerts => Ok(Request::get(ALERTS, &[])?.query("pageSize", "1")),
            Scope::Mobile => Ok(Request::get(MOBILE, &[CUSTOMER])?.query("maxResults", "1")),
        }
    }

    /// Finds out whether a scope is granted, and whether the administrator may use it.
    async fn right(&self, scope: Scope, own: &str) -> Right {
        let answer = match Self::probe(scope, own) {
            Ok(request) => self.clients.read(scope, &request).await,
            Err(error) => Err(error),
        };
        judged(scope, answer.err().as_ref())
    }

    /// Finds out whether what lies in mailboxes can be read and removed.
    async fn mailboxes(&self) -> Result<Vec<Right>, ConnectError> {
        let mut all = Vec::new();
        for scope in MailScope::ALL {
            let granted = self.clients.of(Scope::Users).grants_scope(scope.name());
            all.push(Right {
                name: safe!("scope {}", scope.word()),
                needed_for: Some(match scope {
                    MailScope::Basic => "see what was left in a mailbox, and delete filters",
                    MailScope::Sharing => "end forwarding and delegates of a mailbox",
                }),
                is_exact: true,
                kinds: Vec::new(),
                granted: Some(granted.await?),
            });
        }
        Ok(all)
    }

    /// Finds the scopes that are granted and that nothing here needs.
    async fn beyond(&self) -> Result<Vec<Right>, ConnectError> {
        let mut all = Vec::new();
        for scope in BEYOND {
            if self.clients.of(Scope::Users).grants_scope(scope).await? {
                all.push(Right {
                    name: safe!("scope {}", scope),
                    needed_for: None,
                    is_exact: true,
                    kinds: Vec::new(),
                    granted: Some(true),
                });
            }
        }
        Ok(all)
    }
}

#[async_trait]
impl Examined for Google {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    fn server_clock(&self) -> Option<(DateTime<Utc>, Instant)> {
        let told = self.clients.all().filter_map(HttpClient::server_clock);
        told.max_by_key(|(_, read)| *read)
    }

    async fn token(&self) -> Result<Safe, ConnectError> {
        let (_, login) = self.own_account().await?;
        Ok(safe!(
            "of a service account that acts for {}",
            login.field()
        ))
    }

    async fn rights(&self) -> Result<Vec<Right>, ConnectError> {
        let (own, _) = self.own_account().await?;
        let mut rights = Vec::new();
        for scope in Scope::ALL {
            rights.push(self.right(scope, own.raw()).await);
        }
        rights.extend(self.mailboxes().await?);
        rights.extend(self.beyond().await?);
        Ok(rights)
    }

    async fn last_seen(&self) -> Result<Vec<LastSeen>, ConnectError> {
        let mut all = Vec::new();
        for app in ["login", "admin"] {
            let request = Request::get(ACTIVITIES, &["all", app])?.query("maxResults", "1");
            let answer = self.clients.read(Scope::Reports, &request).await?;
            let page: Value = answer.json()?;
            let records = wire::records(&page, "items");
            let records = records.map_err(|error| unreadable(&answer, &error))?;
            all.push(LastSeen {
                source: Untrusted::new(format!("log {app}")),
                at: records.first().and_then(|record| time(record, "id.time")),
            });
        }
        Ok(all)
    }

    async fn rules(&self, _names: &[String]) -> Result<Vec<RuleSeen>, ConnectError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ConnectErrorKind::NotSent, "no such host", None)]
    #[case(ConnectErrorKind::Unknown, "500", None)]
    #[case(ConnectErrorKind::NotFound, "404", None)]
    #[case(
        ConnectErrorKind::Denied,
        "Google Workspace Alert Center API has not been used in project 7",
        Some(false)
    )]
    fn what_fails_is_told_in_its_own_words_and_is_not_taken_for_a_right(
        #[case] kind: ConnectErrorKind,
        #[case] what: &'static str,
        #[case] granted: Option<bool>,
    ) {
        let error = ConnectError {
            kind,
            ..ConnectError::unsent(what.into())
        };
        let right = judged(Scope::Alerts, Some(&error));
        assert_eq!(right.granted, granted);
        assert!(right.name.as_str().contains(what), "{}", right.name);
        assert!(right.name.as_str().contains("apps.alerts"));
    }

    #[test]
    fn a_scope_is_granted_or_not_by_its_name() {
        let refused = ConnectError::unsent("unauthorized_client".into());
        for (failed, granted) in [(None, true), (Some(&refused), false)] {
            let right = judged(Scope::Alerts, failed);
            assert_eq!(right.name.as_str(), "scope apps.alerts");
            assert_eq!(right.granted, Some(granted));
        }
    }
}
