//! One account with everything that is read of it.
//!
//! What must not live here: the shapes of records (see `wire`).

use serde_json::Value;

use super::scope::Scope;
use super::{ASPS, ASSIGNMENTS, CUSTOMER, GROUPS, Google, TOKENS, unreadable, wire};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{FieldError, each};
use crate::connect::http::{Answer, Request};
use crate::domain::account::{Account, Session};
use crate::domain::ids::AccountId;
use crate::domain::text::Untrusted;
use crate::safe;

/// Pages of one list that are read at most; a longer list is an error, never a shorter answer.
const PAGES: usize = 20;

/// Keeps what could be read and says what could not.
fn or_gap<T>(result: Result<T, ConnectError>, what: &str, gaps: &mut Vec<Untrusted>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let said = error.what.as_str();
            gaps.push(Untrusted::new(format!("{what} could not be read: {said}")));
            None
        }
    }
}

/// Decodes a list of which no record may be missing.
fn whole<T>(
    answer: &Answer,
    records: &[Value],
    decode: impl Fn(&Value) -> Result<T, FieldError>,
) -> Result<Vec<T>, ConnectError> {
    let (items, faults) = each(records, &["id", "clientId", "codeId"], decode);
    match faults.first() {
        Some(fault) => Err(answer.unusable(&safe!(
            "record {}: {}",
            fault.record.field(),
            fault.reason.line()
        ))),
        None => Ok(items),
    }
}

impl Google {
    /// Reads all pages of a list of which no record may be missing.
    pub(super) async fn list<T>(
        &self,
        scope: Scope,
        first: Request,
        field: &'static str,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, ConnectError> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        let first = first.list().urgent();
        for _ in 0..PAGES {
            let request = match &next {
                None => first.clone(),
                Some(token) => first.clone().query("pageToken", token),
            };
            let answer = self.clients.read(scope, &request).await?;
            let page: Value = answer.json()?;
            let unread = |error: FieldError| unreadable(&answer, &error);
            let records = wire::records(&page, field).map_err(unread)?;
            all.extend(whole(&answer, records, &decode)?);
            match wire::next_page(&page).map_err(unread)? {
                None => return Ok(all),
                Some(token) if next.as_ref() == Some(&token) => {
                    return Err(answer.unusable(&"its next page is the same one again".into()));
                }
                token => next = token,
            }
        }
        Err(ConnectError::unsent(safe!(
            "{}: the list does not end",
            field
        )))
    }

    /// Reads the tokens of apps that an account gave.
    pub(super) async fn tokens(&self, id: &str) -> Result<Vec<Session>, ConnectError> {
        let request = Request::get(TOKENS, &[id])?;
        self.list(Scope::Security, request, "items", wire::token)
            .await
    }

    /// Reads the app passwords of an account.
    pub(super) async fn app_passwords(&self, id: &str) -> Result<Vec<Session>, ConnectError> {
        let request = Request::get(ASPS, &[id])?;
        let decode = wire::app_password;
        self.list(Scope::Security, request, "items", decode).await
    }

    /// Reads the role assignments of an account, those by a group among them.
    pub(super) async fn assignments(
        &self,
        id: &str,
    ) -> Result<Vec<wire::Assignment>, ConnectError> {
        let request = Request::get(ASSIGNMENTS, &[CUSTOMER])?
            .query("userKey", id)
            .query("includeIndirectRoleAssignments", "true");
        let decode = wire::assignment;
        self.list(Scope::Roles, request, "items", decode).await
    }

    /// Reads an account with all that belongs to it; what cannot be read is named in its gaps.
    pub(super) async fn snapshot(&self, id: &AccountId) -> Result<Account, ConnectError> {
        let raw = id.raw();
        let groups = Request::get(GROUPS, &[])?
            .query("userKey", raw)
            .query("maxResults", "200");
        let (user, groups, assigned, tokens, passwords) = futures::join!(
            self.user(raw),
            self.list(Scope::Groups, groups, "groups", wire::group),
            self.assignments(raw),
            self.tokens(raw),
            self.app_passwords(raw),
        );
        let Some((mut account, record)) = user? else {
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
        account.groups = or_gap(groups, "groups", &mut gaps);
        let roles = assigned.and_then(|assigned| roles(&record, &assigned));
        account.roles = or_gap(roles, "administrator roles", &mut gaps);
        let tokens = or_gap(tokens, "tokens of apps", &mut gaps);
        let passwords = or_gap(passwords, "app passwords", &mut gaps);
        account.token_clients = tokens.as_ref().map(|tokens| {
            let names = tokens.iter().flat_map(|token| token.clients.clone());
            names.collect()
        });
        account.sessions = tokens.map(|mut all| {
            all.extend(passwords.unwrap_or_default());
            all
        });
        account.gaps = gaps;
        Ok(account)
    }
}

/// Names the administrator roles of an account; the user record says whether it has any.
fn roles(record: &Value, assigned: &[wire::Assignment]) -> Result<Vec<Untrusted>, ConnectError> {
    let rank = wire::rank(record).map_err(|error| {
        let said = Untrusted::new(error.to_string());
        ConnectError::unsent(safe!("the user record: {}", said.line()))
    })?;
    let mut names: Vec<Untrusted> = Vec::new();
    if rank.is_super {
        names.push("super administrator".into());
    }
    names.extend(assigned.iter().map(wire::Assignment::word));
    if names.is_empty() && rank.is_delegated {
        names.push("delegated administrator".into());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(false, false, &[])]
    #[case(true, false, &["super administrator"])]
    #[case(false, true, &["delegated administrator"])]
    fn the_user_record_alone_makes_an_administrator(
        #[case] is_super: bool,
        #[case] is_delegated: bool,
        #[case] named: &[&str],
    ) {
        let record = json!({"isAdmin": is_super, "isDelegatedAdmin": is_delegated});
        let names = roles(&record, &[]).unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<&str> = names.iter().map(Untrusted::raw).collect();
        assert_eq!(names, named);
        assert!(roles(&json!({}), &[]).is_err());
    }
}
