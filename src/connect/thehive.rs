//! TheHive 5: cases with what belongs to them, comments, and whose key it is.
//!
//! Lists go through the query API, `POST /api/v1/query`, which only reads. What must not live here: HTTP policy, how a
//! case names its user.

mod examined;
mod watched;
mod wire;

use std::collections::HashSet;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};

use super::capability::{Cases, ConnectError, Page, PreparedClose};
use super::decode::{FieldError, each};
use super::http::{Answer, Class, HttpClient, Request};
use crate::domain::case::{Case, CaseFile, Comment, RecordFault, Task};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::mirror::NewTask;
use crate::domain::operator::{Author, Operator};
use crate::domain::text::Untrusted;
use crate::domain::verdict::Closing;

const QUERY: &str = "/api/v1/query";
const CASE: &str = "/api/v1/case/{idOrName}";
const MERGE: &str = "/api/v1/case/_merge/{ids}";
const COMMENT: &str = "/api/v1/case/{caseId}/comment";
const CASE_TASK: &str = "/api/v1/case/{caseId}/task";
const TASK: &str = "/api/v1/task/{taskId}";
const CURRENT: &str = "/api/v1/user/current";

/// Records of one page.
const PAGE: usize = 100;
/// Records of one kind that are read of one case at most.
const MOST: usize = 5_000;

/// JSON pointers to TheHive's words in an error body.
pub(crate) const ERROR_WORDS: &[&str] = &["/type", "/message"];
/// Word before an API key in `Authorization`.
pub(crate) const SCHEME: &str = "Bearer";
/// Header that picks the organisation.
pub(crate) const ORGANISATION: &str = "x-organisation";

/// A connection to one organisation of one TheHive.
#[derive(Debug)]
pub struct TheHive {
    connection: ConnectionName,
    http: HttpClient,
}

/// Records of a list as they came, and whether there are more.
struct Listed {
    records: Vec<Value>,
    more: bool,
}

fn sort(field: &str, order: &str) -> Value {
    json!({"_name": "sort", "_fields": [{field: order}]})
}

impl TheHive {
    /// Makes a connection.
    pub fn new(connection: ConnectionName, http: HttpClient) -> Self {
        Self { connection, http }
    }

    /// Runs a query and reads up to `most` records, page by page.
    async fn query(&self, steps: &[Value], most: usize) -> Result<Listed, ConnectError> {
        self.query_with(steps, most, &[]).await
    }

    /// Runs a query whose records carry extra data.
    async fn query_with(
        &self,
        steps: &[Value],
        most: usize,
        extra: &[&str],
    ) -> Result<Listed, ConnectError> {
        let mut records: Vec<Value> = Vec::new();
        loop {
            // One more than wanted tells whether there are more.
            let from = records.len();
            let to = (from + PAGE).min(most + 1);
            let mut all = steps.to_vec();
            let mut page = json!({"_name": "page", "from": from, "to": to});
            if !extra.is_empty() {
                page["extraData"] = json!(extra);
            }
            all.push(page);
            let request = Request::new(Class::Read, Method::POST, QUERY, &[])?
                .json(&json!({"query": all}))
                .list();
            let mut page: Vec<Value> = self.http.read(&request).await?.json()?;
            let full = page.len() >= to - from;
            records.append(&mut page);
            if records.len() > most {
                records.truncate(most);
                return Ok(Listed {
                    records,
                    more: true,
                });
            }
            if !full {
                return Ok(Listed {
                    records,
                    more: false,
                });
            }
        }
    }

    /// Lists cases of a filter, newest first.
    async fn cases(&self, filter: Value, most: usize) -> Result<Page<Case>, ConnectError> {
        let steps = [
            json!({"_name": "listCase"}),
            filter,
            sort("_createdAt", "desc"),
        ];
        let listed = self.query(&steps, most).await?;
        let (mut items, faults) = each(&listed.records, &["number", "_id"], |record| {
            wire::case(record, &self.connection)
        });
        // A case that arrives between two pages pushes the last one of a page onto the next.
        let mut known = HashSet::new();
        items.retain(|case: &Case| known.insert(case.id.clone()));
        Ok(Page {
            items,
            faults,
            truncated: listed.more,
        })
    }

    /// Reads everything of one kind that belongs to a case, oldest first.
    async fn of_case<T>(
        &self,
        id: &CaseId,
        kind: &'static str,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<(Vec<T>, Vec<RecordFault>), ConnectError> {
        let steps = [
            json!({"_name": "getCase", "idOrName": id.raw()}),
            json!({"_name": kind}),
            sort("_createdAt", "asc"),
        ];
        let listed = self.query(&steps, MOST).await?;
        let (items, mut faults) = each(&listed.records, &["_id"], decode);
        for fault in &mut faults {
            fault.record = Untrusted::new(format!("{kind} {}", fault.record.raw()));
        }
        if listed.more {
            faults.push(RecordFault {
                record: Untrusted::new(kind),
                reason: Untrusted::new(format!("more than {MOST}; the rest was not read")),
            });
        }
        Ok((items, faults))
    }

    /// Reads the answer about one case, and refuses one about another.
    fn one(&self, id: &CaseId, answer: &Answer) -> Result<Case, ConnectError> {
        let record: Value = answer.json()?;
        let case =
            wire::case(&record, &self.connection).map_err(|error| unreadable(answer, &error))?;
        if case.id != *id
            && case.number.map(|number| number.to_string()).as_deref() != Some(id.raw())
        {
            return Err(answer.unusable(&"the answer is about another case".into()));
        }
        Ok(case)
    }

    /// Changes fields of a case; the answer is empty and says nothing of them.
    async fn patch(&self, id: &CaseId, body: &Value) -> Result<(), ConnectError> {
        let request = Request::new(Class::Write, Method::PATCH, CASE, &[id.raw()])?.json(body);
        self.http.write(&request).await.map(drop)
    }

    async fn comments(
        &self,
        id: &CaseId,
    ) -> Result<(Vec<Comment>, Vec<RecordFault>), ConnectError> {
        let (mut comments, faults) = self.of_case(id, "comments", wire::comment).await?;
        comments.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.id.cmp(&b.id)));
        Ok((comments, faults))
    }
}

fn unreadable(answer: &Answer, error: &FieldError) -> ConnectError {
    answer.unusable(&Untrusted::new(error.to_string()).line())
}

/// Refuses a list of which a record could not be read: it may be the one that is looked for.
fn whole(kind: &'static str, faults: &[RecordFault]) -> Result<(), ConnectError> {
    let Some(fault) = faults.first() else {
        return Ok(());
    };
    Err(ConnectError {
        kind: super::capability::ConnectErrorKind::Malformed,
        what: crate::safe!(
            "{} of the case: {}: {}",
            kind,
            fault.record.field(),
            fault.reason.line()
        ),
        hint: None,
        status: None,
        request_id: None,
    })
}

#[async_trait]
impl Cases for TheHive {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    /// Open cases first, then as many of the newest closed ones as fit, so that related cases are known.
    ///
    /// `truncated` speaks of open cases only.
    async fn list(&self, limit: usize) -> Result<Page<Case>, ConnectError> {
        let closed = json!({"_field": "stage", "_value": "Closed"});
        let mut page = self
            .cases(json!({"_name": "filter", "_ne": closed}), limit)
            .await?;
        let left = limit.saturating_sub(page.items.len() + page.faults.len());
        if left > 0 {
            let mut older = self
                .cases(json!({"_name": "filter", "_eq": closed}), left)
                .await?;
            // A case closed between the two questions is in both answers.
            let open: HashSet<&CaseId> = page.items.iter().map(|case| &case.id).collect();
            older.items.retain(|case| !open.contains(&case.id));
            page.items.append(&mut older.items);
            page.faults.append(&mut older.faults);
        }
        Ok(page)
    }

    async fn open(&self, id: &CaseId) -> Result<CaseFile, ConnectError> {
        let request = Request::get(CASE, &[id.raw()])?;
        // Observables and alerts may name the user: if one of them fails, all fails, rather than a wrong user.
        let (answer, observables, alerts, tasks, comments) = futures::try_join!(
            self.http.read(&request),
            self.of_case(id, "observables", wire::observable),
            self.of_case(id, "alerts", wire::alert),
            self.of_case(id, "tasks", wire::task),
            self.comments(id),
        )?;
        let case = self.one(id, &answer)?;
        let mut faults = observables.1;
        for mut more in [alerts.1, tasks.1, comments.1] {
            faults.append(&mut more);
        }
        Ok(CaseFile {
            case,
            observables: observables.0,
            alerts: alerts.0,
            tasks: tasks.0,
            comments: comments.0,
            faults,
        })
    }

    async fn find_comment(&self, id: &CaseId, marker: &str) -> Result<Vec<Comment>, ConnectError> {
        let (comments, faults) = self.comments(id).await?;
        whole("comments", &faults)?;
        Ok(comments
            .into_iter()
            .filter(|comment| comment.message.raw().contains(marker))
            .collect())
    }

    async fn comment(&self, id: &CaseId, message: &str) -> Result<Untrusted, ConnectError> {
        // `external` would show it to people outside the organisation.
        let request = Request::new(Class::Write, Method::POST, COMMENT, &[id.raw()])?
            .json(&json!({"message": message, "external": false}));
        let answer = self.http.write(&request).await?;
        let record: Value = answer.json()?;
        wire::comment(&record)
            .map(|comment| comment.id)
            .map_err(|error| unreadable(&answer, &error))
    }

    async fn tasks(&self, id: &CaseId) -> Result<Vec<Task>, ConnectError> {
        let (tasks, faults) = self.of_case(id, "tasks", wire::task).await?;
        whole("tasks", &faults)?;
        Ok(tasks)
    }

    async fn create_task(&self, id: &CaseId, task: &NewTask) -> Result<Task, ConnectError> {
        let body =
            json!({"title": task.title, "group": task.group, "description": task.description});
        let request = Request::new(Class::Write, Method::POST, CASE_TASK, &[id.raw()])?.json(&body);
        let answer = self.http.write(&request).await?;
        let record: Value = answer.json()?;
        wire::task(&record).map_err(|error| unreadable(&answer, &error))
    }

    async fn set_task(
        &self,
        _id: &CaseId,
        task: &Untrusted,
        status: &Untrusted,
    ) -> Result<(), ConnectError> {
        let request = Request::new(Class::Write, Method::PATCH, TASK, &[task.raw()])?
            .json(&json!({"status": status.raw()}));
        self.http.write(&request).await.map(drop)
    }

    async fn case(&self, id: &CaseId) -> Result<Case, ConnectError> {
        let answer = self.http.read(&Request::get(CASE, &[id.raw()])?).await?;
        self.one(id, &answer)
    }

    /// The published interface takes a login of 1 to 128 characters and nothing that would take the owner away.
    async fn assign(&self, id: &CaseId, to: Option<&Untrusted>) -> Result<(), ConnectError> {
        match to {
            Some(login) => self.patch(id, &json!({"assignee": login.raw()})).await,
            None => Err(ConnectError::unsent(
                "TheHive's interface has no call that takes the owner of a case away".into(),
            )),
        }
    }

    async fn prepare_close(
        &self,
        id: &CaseId,
        closing: &Closing,
    ) -> Result<(Case, PreparedClose), ConnectError> {
        let answer = self.http.read(&Request::get(CASE, &[id.raw()])?).await?;
        let case = self.one(id, &answer)?;
        let record: Value = answer.json()?;
        Ok((case, PreparedClose(wire::closing(&record, closing))))
    }

    async fn close(&self, id: &CaseId, prepared: &PreparedClose) -> Result<(), ConnectError> {
        self.patch(id, &prepared.0).await
    }

    async fn closed_as(
        &self,
        id: &CaseId,
        closing: &Closing,
    ) -> Result<(Case, Option<bool>), ConnectError> {
        let answer = self.http.read(&Request::get(CASE, &[id.raw()])?).await?;
        let case = self.one(id, &answer)?;
        let record: Value = answer.json()?;
        Ok((case, Some(wire::bears(&record, closing))))
    }

    async fn merge(&self, ids: &[CaseId]) -> Result<Case, ConnectError> {
        let joined: Vec<&str> = ids.iter().map(CaseId::raw).collect();
        let request = Request::new(Class::Write, Method::POST, MERGE, &[&joined.join(",")])?;
        let answer = self.http.write(&request).await?;
        let record: Value = answer.json()?;
        wire::case(&record, &self.connection).map_err(|error| unreadable(&answer, &error))
    }

    /// By `similarCasesLight`: what two cases share is an observable. Its records have no published shape: the case itself,
    /// or one that holds it as `case`.
    async fn similar(&self, id: &CaseId, limit: usize) -> Result<Page<Case>, ConnectError> {
        let steps = [
            json!({"_name": "getCase", "idOrName": id.raw()}),
            json!({"_name": "similarCasesLight"}),
        ];
        let listed = self.query(&steps, limit).await?;
        let records: Vec<Value> = listed
            .records
            .into_iter()
            .map(|mut record| match record.get_mut("case").map(Value::take) {
                Some(case @ Value::Object(_)) => case,
                _ => record,
            })
            .collect();
        let (items, faults) = each(&records, &["number", "_id"], |record| {
            wire::case(record, &self.connection)
        });
        Ok(Page {
            items,
            faults,
            truncated: listed.more,
        })
    }

    async fn who_am_i(&self) -> Result<Operator, ConnectError> {
        let answer = self.http.read(&Request::get(CURRENT, &[])?).await?;
        let record: Value = answer.json()?;
        wire::operator(&record).map_err(|error| unreadable(&answer, &error))
    }

    async fn author(&self, login: &Untrusted) -> Result<Option<Author>, ConnectError> {
        let steps = [
            json!({"_name": "listUser"}),
            json!({"_name": "filter", "_eq": {"_field": "login", "_value": login.raw()}}),
        ];
        let listed = self.query(&steps, 2).await?;
        let (mut found, faults) = each(&listed.records, &["_id"], wire::author);
        // Two of a name, or one that cannot be read, is nobody in particular.
        found.retain(|author| author.login == *login);
        Ok((found.len() == 1 && faults.is_empty())
            .then(|| found.pop())
            .flatten())
    }
}
