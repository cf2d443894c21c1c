//! Lists of Graph: pages that continue by a link in the body (`@odata.nextLink`), which leads nowhere else.
//!
//! What must not live here: the shapes of records.

use serde_json::Value;

use super::{Entra, marked};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{FieldError, each};
use crate::connect::http::{Answer, Request};
use crate::domain::text::Untrusted;
use crate::safe;

/// Pages of one list that are read at most; a longer list is an error, never a shorter answer.
const PAGES: usize = 40;

impl Entra {
    /// Reads one page and the way to the next one; a page may be empty and still not be the last.
    pub(super) async fn page(
        &self,
        request: &Request,
        route: &'static str,
    ) -> Result<(Answer, Vec<Value>, Option<Request>), ConnectError> {
        let answer = self.read(request).await?;
        let mut body: Value = answer.json()?;
        let Some(Value::Array(records)) = body.get_mut("value").map(Value::take) else {
            return Err(answer.unusable(&"the answer holds no list".into()));
        };
        let next = match body.get("@odata.nextLink") {
            None | Some(Value::Null) => None,
            Some(Value::String(link)) => {
                let path = self.http.next_link(&answer, link)?;
                Some(marked(Request::follow(route, path)).urgent())
            }
            Some(_) => {
                return Err(answer.unusable(&"the link to the next page is no text".into()));
            }
        };
        Ok((answer, records, next))
    }

    /// Reads all pages of a list of which no record may be missing.
    pub(super) async fn whole<T>(
        &self,
        request: Request,
        route: &'static str,
        decode: impl Fn(&Value) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, ConnectError> {
        let (mut next, mut all) = (Some(request.list()), Vec::new());
        for _ in 0..PAGES {
            let Some(request) = next.take() else { break };
            let (answer, records, more) = self.page(&request, route).await?;
            let (items, faults) = each(&records, &["id"], &decode);
            if let Some(fault) = faults.first() {
                return Err(answer.unusable(&safe!(
                    "record {}: {}",
                    fault.record.field(),
                    fault.reason.line()
                )));
            }
            all.extend(items);
            next = more;
        }
        match next {
            None => Ok(all),
            Some(_) => Err(ConnectError {
                kind: ConnectErrorKind::Malformed,
                what: safe!("{}: the list does not end", Untrusted::new(route).line()),
                hint: None,
                status: None,
                request_id: None,
            }),
        }
    }
}
