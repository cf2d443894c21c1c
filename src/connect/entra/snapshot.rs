//! One account with everything that is read of it, and whose token it is.
//!
//! What must not live here: the shapes of records (see `wire`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::recent::Asked;
use super::risk::{is_there, read_request, unread};
use super::wire::{self, Member};
use super::{Entra, USER, USERS, get, unreadable};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{text, time};
use crate::domain::account::{Account, AccountStatus, Factor, Group, Risk};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;

const MEMBER_OF: &str = "/v1.0/users/{user-id}/transitiveMemberOf";
const METHODS: &str = "/v1.0/users/{user-id}/authentication/methods";
pub(super) const GRANTS: &str = "/v1.0/users/{user-id}/oauth2PermissionGrants";
pub(super) const ASSIGNED: &str = "/v1.0/users/{user-id}/appRoleAssignments";
const PRINCIPAL: &str = "/v1.0/servicePrincipals/{servicePrincipal-id}";
const PRINCIPAL_IN: &str = "/v1.0/servicePrincipals/{servicePrincipal-id}/transitiveMemberOf";

/// Applications whose names are asked for at once; the others are called by their ids.
const NAMED: usize = 20;

/// Tells whether a name is not to be had, so that the id stands in its place; any other failure may pass.
fn is_withheld(error: &ConnectError) -> bool {
    matches!(
        (error.kind, error.status),
        (ConnectErrorKind::NotFound, _) | (ConnectErrorKind::Denied, Some(403))
    )
}

/// Keeps what could be read and says what could not.
fn or_gap<T>(result: Result<T, ConnectError>, what: &str, gaps: &mut Vec<Untrusted>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            gaps.push(Untrusted::new(format!(
                "{what} could not be read: {}",
                error.what.as_str()
            )));
            None
        }
    }
}

/// Gives the roles of an account by name, and by id those whose name is not told.
fn roles(members: &[Member]) -> Vec<Untrusted> {
    let roles = members.iter().filter_map(|one| match one {
        Member::Role(id, name) => Some(name.clone().unwrap_or_else(|| id.clone())),
        Member::Group(..) | Member::Other => None,
    });
    roles.collect()
}

/// Gives the groups of an account; one without its name could be a protected one, so then none is known.
fn groups(members: &[Member]) -> Result<Vec<Group>, ConnectError> {
    let groups = members.iter().filter_map(|one| match one {
        Member::Group(id, name) => Some((id, name)),
        Member::Role(..) | Member::Other => None,
    });
    let named = groups.map(|(id, name)| {
        let name = name.clone().ok_or_else(|| {
            ConnectError::unsent(
                "their names are withheld; the app lacks Directory.Read.All or GroupMember.Read.All"
                    .into(),
            )
        })?;
        Ok(Group {
            id: id.clone(),
            name,
        })
    });
    named.collect()
}

impl Entra {
    /// Reads what a user is a member of, by itself or by a group.
    pub(super) async fn members_of(&self, id: &str) -> Result<Vec<Member>, ConnectError> {
        let request = get(MEMBER_OF, &[id])?.query("$top", "999");
        self.whole(request, MEMBER_OF, wire::member).await
    }

    /// Reads the records of the authentication methods of a user.
    pub(super) async fn method_records(&self, id: &str) -> Result<Vec<Value>, ConnectError> {
        let keep = |record: &Value| Ok(record.clone());
        self.whole(get(METHODS, &[id])?, METHODS, keep).await
    }

    /// Reads the authentication methods of a user beside the password.
    async fn methods(&self, id: &str) -> Result<Vec<Factor>, ConnectError> {
        let records = if let Some(records) = self.recent.get(Asked::Methods, id) {
            records
        } else {
            let records = Value::Array(self.method_records(id).await?);
            self.recent.keep(Asked::Methods, id, &records);
            records
        };
        let mut all = Vec::new();
        for record in records.as_array().into_iter().flatten() {
            let method = wire::method(record)
                .map_err(|error| ConnectError::unsent(Untrusted::new(error.to_string()).line()))?;
            all.extend(method);
        }
        Ok(all)
    }

    async fn record(
        &self,
        asked: Asked,
        id: &str,
        request: crate::connect::http::Request,
    ) -> Result<Value, ConnectError> {
        if let Some(record) = self.recent.get(asked, id) {
            return Ok(record);
        }
        let record: Value = match self.read(&request).await {
            Ok(answer) => answer.json()?,
            // Whoever was never at risk is not listed.
            Err(error) if asked == Asked::Risk && error.kind == ConnectErrorKind::NotFound => {
                Value::Null
            }
            Err(error) => return Err(error),
        };
        self.recent.keep(asked, id, &record);
        Ok(record)
    }

    /// Reads the newest sign-in that the tenant knows of, with or without the user at the keyboard.
    async fn last_sign_in(&self, id: &str) -> Result<Option<DateTime<Utc>>, ConnectError> {
        let request = get(USER, &[id])?.query("$select", "id,signInActivity");
        let record = self.record(Asked::SignIn, id, request).await?;
        let newest = [
            "signInActivity.lastSignInDateTime",
            "signInActivity.lastNonInteractiveSignInDateTime",
        ];
        Ok(newest.iter().filter_map(|field| time(&record, field)).max())
    }

    async fn risk(&self, id: &str) -> Result<Risk, ConnectError> {
        let request = read_request(id)?;
        Ok(wire::risk(&self.record(Asked::Risk, id, request).await?))
    }

    /// Reads whether another password is asked for at the next sign-in; `None` where Graph does not tell.
    pub(super) async fn must_change(&self, id: &str) -> Result<Option<bool>, ConnectError> {
        let request = get(USER, &[id])?.query("$select", "id,passwordProfile");
        let record: Value = self.read(&request).await?.json()?;
        Ok(wire::must_change(&record))
    }

    /// Reads the delegated grants of a user.
    async fn grants(&self, id: &str) -> Result<Vec<wire::Grant>, ConnectError> {
        self.whole(get(GRANTS, &[id])?, GRANTS, wire::grant).await
    }

    /// Gives the name of an application that is known already.
    fn known_name(&self, principal: &Untrusted) -> Option<Untrusted> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(principal.raw()).cloned()
    }

    fn keep_name(&self, principal: &Untrusted, name: &Untrusted) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.insert(principal.raw().to_owned(), name.clone());
    }

    /// Reads the name of an application by its service principal; `None` where it is not to be had.
    async fn read_name(&self, principal: &Untrusted) -> Result<Option<Untrusted>, ConnectError> {
        let request = get(PRINCIPAL, &[principal.raw()])?.query("$select", "id,displayName");
        match self.read(&request).await {
            Ok(answer) => {
                let record: Value = answer.json()?;
                Ok(text(&record, "displayName"))
            }
            Err(error) if is_withheld(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names applications by their service principals, and says why it ended early if a name could not be read.
    ///
    /// One whose name is not to be had is called by its id, and so are those beyond [`NAMED`]. Those stay so: what was
    /// planned under one name would be another thing under the next.
    pub(super) async fn names_of(
        &self,
        principals: BTreeSet<Untrusted>,
    ) -> (BTreeMap<Untrusted, Untrusted>, Option<ConnectError>) {
        let mut names = BTreeMap::new();
        let mut unknown = Vec::new();
        for principal in principals {
            match self.known_name(&principal) {
                Some(name) => {
                    names.insert(principal, name);
                }
                None => unknown.push(principal),
            }
        }
        for beyond in unknown.split_off(unknown.len().min(NAMED)) {
            self.keep_name(&beyond, &beyond);
            names.insert(beyond.clone(), beyond);
        }
        let read = unknown.iter().map(|principal| self.read_name(principal));
        let read = futures::future::join_all(read).await;
        for (principal, name) in unknown.into_iter().zip(read) {
            let name = match name {
                Ok(Some(name)) => {
                    self.keep_name(&principal, &name);
                    name
                }
                Ok(None) => principal.clone(),
                Err(error) => return (names, Some(error)),
            };
            names.insert(principal, name);
        }
        (names, None)
    }

    /// Names the applications that act for the user, and those the user is assigned to.
    async fn applications(&self, id: &str) -> Result<Vec<Untrusted>, ConnectError> {
        let (grants, assigned) = futures::join!(
            self.grants(id),
            self.whole(get(ASSIGNED, &[id])?, ASSIGNED, wire::assigned)
        );
        let (grants, assigned) = (grants?, assigned?);
        let clients = grants.iter().map(|grant| grant.client.clone());
        // These are only shown: one whose name failed is shown by its id.
        let (names, _) = self.names_of(clients.collect()).await;
        let mut all = Vec::new();
        for grant in &grants {
            let name = names.get(&grant.client).unwrap_or(&grant.client);
            let words = format!("{} may {}", name.raw(), grant.scope.raw().trim());
            all.push(Untrusted::new(words));
        }
        let assigned = assigned.iter();
        all.extend(assigned.map(|name| Untrusted::new(format!("assigned to {}", name.raw()))));
        Ok(all)
    }

    /// Reads an account with all that belongs to it; what cannot be read is named in its gaps.
    pub(super) async fn snapshot(&self, id: &AccountId) -> Result<Account, ConnectError> {
        let raw = id.raw();
        if self.own.get().is_some_and(|(own, _)| own == id) {
            return self.own_snapshot(id).await;
        }
        let read = self.together(async {
            futures::join!(
                self.user(raw),
                self.members_of(raw),
                self.methods(raw),
                self.applications(raw),
                self.last_sign_in(raw),
                self.risk(raw),
                self.must_change(raw),
            )
        });
        let (user, members, methods, applications, last, risk, must_change) = read.await;
        let Some((mut account, _)) = user? else {
            return Err(ConnectError {
                kind: ConnectErrorKind::NotFound,
                what: "the account is not found".into(),
                hint: None,
                status: Some(404),
                request_id: None,
            });
        };
        if account.id != *id {
            return Err(ConnectError::unsent(
                "the answer is about another account".into(),
            ));
        }
        let mut gaps = Vec::new();
        if let Some(members) = or_gap(members, "administrator roles and groups", &mut gaps) {
            account.roles = Some(roles(&members));
            account.groups = or_gap(groups(&members), "groups", &mut gaps);
        }
        account.factors = or_gap(methods, "MFA methods", &mut gaps);
        account.token_clients = or_gap(applications, "grants of applications", &mut gaps);
        account.last_sign_in = or_gap(last, "sign-ins", &mut gaps).flatten();
        account.risk = Some(match &risk {
            Ok(risk) => risk.clone(),
            Err(error) => unread(error),
        });
        if let Some(risk) = or_gap(risk, "the risk state", &mut gaps).filter(is_there) {
            let words = format!("{}, risk {}", account.vendor_status.raw(), risk.said.raw());
            account.vendor_status = Untrusted::new(words);
        }
        let must_change = or_gap(must_change, "what the next sign-in requires", &mut gaps);
        account.required = must_change
            .flatten()
            .map(|must| must.then(|| "a new password".into()).into_iter().collect());
        account.gaps = gaps;
        Ok(account)
    }

    /// Reads the application's own account: its roles say what it may change, and nobody acts on it.
    async fn own_snapshot(&self, id: &AccountId) -> Result<Account, ConnectError> {
        let (_, login) = self.owner().await?;
        let request = get(PRINCIPAL_IN, &[id.raw()])?.query("$top", "999");
        let members = self.whole(request, PRINCIPAL_IN, wire::member).await;
        let mut gaps = Vec::new();
        let members = or_gap(members, "administrator roles and groups", &mut gaps);
        let own_roles = members.as_deref().map(roles);
        let own_groups = members.and_then(|all| or_gap(groups(&all), "groups", &mut gaps));
        Ok(Account {
            id: id.clone(),
            login: login.clone(),
            name: login,
            mail: None,
            status: AccountStatus::Active,
            vendor_status: "service principal".into(),
            status_changed: None,
            last_sign_in: None,
            password_changed: None,
            tokens_valid_from: None,
            source: None,
            groups: own_groups,
            roles: own_roles,
            factors: None,
            token_clients: None,
            sessions: None,
            required: None,
            risk: None,
            gaps,
            aliases: Vec::new(),
            zone: None,
            server_date: None,
        })
    }

    /// Finds out whose token it is, by what the token says, and whether users can be read with it.
    pub(super) async fn owner(&self) -> Result<(AccountId, Untrusted), ConnectError> {
        let request = get(USERS, &[])?.query("$select", "id").query("$top", "1");
        let answer = self.http.read(&request).await?;
        let body: Value = answer.json()?;
        if body.get("value").is_none_or(|list| !list.is_array()) {
            let error = crate::connect::decode::FieldError::Missing("value");
            return Err(unreadable(&answer, &error));
        }
        let claims = self.http.claims().await?.unwrap_or_default();
        let client = Untrusted::new(self.app.client_id.as_str());
        let id = text(&claims, "oid").unwrap_or_else(|| client.clone());
        let name = text(&claims, "app_displayname").unwrap_or(client);
        Ok((AccountId::new(self.connection.clone(), id.raw()), name))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(ConnectErrorKind::NotFound, Some(404), true)]
    #[case(ConnectErrorKind::Denied, Some(403), true)]
    #[case(ConnectErrorKind::Denied, Some(401), false)]
    #[case(ConnectErrorKind::Throttled(3), Some(429), false)]
    #[case(ConnectErrorKind::Unknown, Some(503), false)]
    #[case(ConnectErrorKind::Unknown, None, false)]
    #[case(ConnectErrorKind::NotSent, None, false)]
    #[case(ConnectErrorKind::Malformed, Some(200), false)]
    fn only_a_name_that_is_not_to_be_had_gives_way_to_the_id(
        #[case] kind: ConnectErrorKind,
        #[case] status: Option<u16>,
        #[case] is_one: bool,
    ) {
        let error = ConnectError {
            kind,
            status,
            ..ConnectError::unsent("no name".into())
        };
        assert_eq!(is_withheld(&error), is_one);
    }
}
