//! TheHive as a wall sees it: open cases and the newest comments, by the query API, which only reads.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{TheHive, sort, wire};
use crate::connect::capability::{ConnectError, Page};
use crate::connect::decode::{FieldError, at, each, need_text};
use crate::connect::watching::WatchedCases;
use crate::domain::case::{Case, Comment};
use crate::domain::ids::{CaseId, ConnectionName};

#[async_trait]
impl WatchedCases for TheHive {
    fn connection(&self) -> &ConnectionName {
        &self.connection
    }

    async fn open_cases(&self, limit: usize) -> Result<Page<Case>, ConnectError> {
        let closed = json!({"_field": "stage", "_value": "Closed"});
        self.cases(json!({"_name": "filter", "_ne": closed}), limit)
            .await
    }

    /// Comments of alerts, which have no case, are left out.
    async fn comments_since(
        &self,
        since: DateTime<Utc>,
        limit: usize,
    ) -> Result<Page<(CaseId, Comment)>, ConnectError> {
        let from = json!({"_field": "_createdAt", "_value": since.timestamp_millis()});
        let steps = [
            json!({"_name": "listComment"}),
            json!({"_name": "filter", "_gte": from}),
            sort("_createdAt", "desc"),
        ];
        let listed = self.query_with(&steps, limit, &["case"]).await?;
        let (items, faults) = each(&listed.records, &["_id"], |record| self.of_a_case(record));
        Ok(Page {
            items: items.into_iter().flatten().collect(),
            faults,
            truncated: listed.more,
        })
    }
}

impl TheHive {
    fn of_a_case(&self, record: &Value) -> Result<Option<(CaseId, Comment)>, FieldError> {
        match at(record, "extraData.case") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => {
                let id = need_text(record, "extraData.case._id")?;
                let id = CaseId::new(self.connection.clone(), id.raw());
                Ok(Some((id, wire::comment(record)?)))
            }
        }
    }
}
