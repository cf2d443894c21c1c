//! Several reads of Graph in one request (JSON batching): what is asked for before anybody waits for an answer goes together.
//!
//! Each part has its own status: one that is refused is that kind not readable, one that is told to wait is asked again alone
//! after it, one that is not in the answer is not read. Where the batch itself is not taken, every part is asked for alone.
//! Identity Protection stays outside: it allows one request a second. Writes never go this way: one intent, one request, one
//! answer. A batch could have been carried out in part, and an answer that is lost would leave several acts unknown at once.
//!
//! Source: Microsoft Graph v1.0, JSON batching (at most 20 parts, of one mailbox 4 at a time) and throttling limits.
//! What must not live here: HTTP policy, what the parts mean.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Entra, marked, risk};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::http::{Answer, Class, Judged, Part, Request};

const BATCH: &str = "/v1.0/$batch";
/// Where the addresses of parts start.
const VERSION: &str = "/v1.0";
/// Parts of one request.
const PARTS: usize = 20;
/// Parts of one request that read a mailbox.
const OF_MAILBOX: usize = 4;

/// A read, and who waits for its answer.
struct Wish {
    request: Request,
    waits: oneshot::Sender<Result<Answer, ConnectError>>,
}

type Wishes = Arc<Mutex<Vec<Wish>>>;

tokio::task_local! {
    /// What the reads that go together have asked for and was not sent yet.
    static TOGETHER: Wishes;
}

fn taken(wishes: &Wishes) -> Vec<Wish> {
    let mut wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut wishes)
}

/// Gives the address that a read has as a part; `None` where it may not be one.
fn address(request: &Request) -> Option<&str> {
    let address = request.as_part()?.strip_prefix(VERSION)?;
    let fits = address.starts_with('/') && !address.starts_with("/identityProtection/");
    fits.then_some(address)
}

fn is_of_mailbox(address: &str) -> bool {
    let mut parts = address.split(['/', '?']);
    parts.any(|part| matches!(part, "mailFolders" | "mailboxSettings" | "messages"))
}

/// Puts wishes into requests, as many into each as it may hold.
fn grouped(wishes: Vec<Wish>) -> Vec<Vec<Wish>> {
    let mut groups: Vec<Vec<Wish>> = Vec::new();
    let mut mailboxes = 0;
    for wish in wishes {
        let of_mailbox = usize::from(address(&wish.request).is_some_and(is_of_mailbox));
        match groups.last_mut() {
            Some(group) if group.len() < PARTS && mailboxes + of_mailbox <= OF_MAILBOX => {
                mailboxes += of_mailbox;
                group.push(wish);
            }
            _ => {
                mailboxes = of_mailbox;
                groups.push(vec![wish]);
            }
        }
    }
    groups
}

/// Writes the parts; each is called by its place.
fn body(wishes: &[Wish]) -> Value {
    let part = |(place, wish): (usize, &Wish)| {
        let headers = wish.request.own_headers().iter();
        let headers = headers.map(|(name, value)| ((*name).to_owned(), json!(value)));
        let headers: Map<String, Value> = headers.collect();
        json!({
            "id": place.to_string(), "method": "GET", "url": address(&wish.request).unwrap_or_default(),
            "headers": headers,
        })
    };
    json!({"requests": wishes.iter().enumerate().map(part).collect::<Vec<_>>()})
}

/// Reads one part of an answer; `None` where it is none.
fn part(record: &Value) -> Option<Part> {
    let status = record.get("status")?.as_u64()?;
    let status = u16::try_from(status).ok()?;
    let headers = record.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.as_str()?;
        Some((name.clone(), value.to_owned()))
    });
    let body = match record.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(body) => body.to_string().into_bytes(),
    };
    Some(Part {
        status,
        headers: headers.collect(),
        body,
    })
}

/// Sorts the parts of an answer by the places of their requests; two for one place are none.
fn by_place(body: &Value) -> BTreeMap<usize, Option<Part>> {
    let mut all = BTreeMap::new();
    for record in body
        .get("responses")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let id = record.get("id").and_then(Value::as_str);
        let Some(place) = id.and_then(|id| id.parse().ok()) else {
            continue;
        };
        let is_second = all.contains_key(&place);
        all.insert(place, part(record).filter(|_| !is_second));
    }
    all
}

/// Tells whether the server does not take batches, or gave an answer to one that cannot be used.
fn is_no_batch(error: &ConnectError) -> bool {
    matches!(
        error.kind,
        ConnectErrorKind::Rejected | ConnectErrorKind::NotFound | ConnectErrorKind::Malformed
    )
}

impl Entra {
    /// Sends a read, together with the others of [`Self::together`] where it is one of them, or in its turn.
    pub(super) async fn read(&self, request: &Request) -> Result<Answer, ConnectError> {
        if risk::is_for(request) {
            return Box::pin(self.read_in_turn(request)).await;
        }
        let wish = |wishes: &Wishes| {
            address(request)?;
            let (waits, answer) = oneshot::channel();
            let request = request.clone();
            let mut wishes = wishes.lock().unwrap_or_else(PoisonError::into_inner);
            wishes.push(Wish { request, waits });
            Some(answer)
        };
        match TOGETHER.try_with(wish).ok().flatten() {
            None => self.http.read(request).await,
            Some(answer) => answer
                .await
                .unwrap_or_else(|_gone| Err(ConnectError::unsent("the read was given up".into()))),
        }
    }

    /// Runs reads; those that are waited for at the same time go to Graph in one request.
    pub(super) fn together<'a, T>(
        &'a self,
        reads: impl Future<Output = T> + Send + 'a,
    ) -> impl Future<Output = T> + Send + 'a {
        let wishes = Wishes::default();
        let mut reads = Box::pin(TOGETHER.scope(Arc::clone(&wishes), reads));
        let mut sent = FuturesUnordered::new();
        std::future::poll_fn(move |context| {
            loop {
                if let Poll::Ready(all) = reads.as_mut().poll(context) {
                    return Poll::Ready(all);
                }
                // Everything that could be asked for now was: what comes later waits for one of these.
                let wished = taken(&wishes);
                if !wished.is_empty() {
                    sent.push(self.send_all(grouped(wished)));
                }
                match sent.poll_next_unpin(context) {
                    Poll::Ready(Some(())) => {}
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        })
    }

    /// Sends groups one after another, within the time of one read each.
    async fn send_all(&self, groups: Vec<Vec<Wish>>) {
        for group in groups {
            self.send(group).await;
        }
    }

    async fn alone(&self, wish: Wish, deadline: Instant) {
        let answer = self.http.read_until(&wish.request, deadline).await;
        // Whoever asked may be gone.
        let _ = wish.waits.send(answer);
    }

    async fn send(&self, mut wishes: Vec<Wish>) {
        let deadline = self.http.read_deadline();
        if wishes.len() == 1 {
            if let Some(wish) = wishes.pop() {
                self.alone(wish, deadline).await;
            }
            return;
        }
        let request = Request::new(Class::Read, Method::POST, BATCH, &[]);
        let request = request.map(|request| marked(request.json(&body(&wishes))).list().urgent());
        let read = match request {
            Ok(request) => self.http.read_until(&request, deadline).await,
            Err(error) => Err(error),
        };
        let read = read.and_then(|answer| {
            let body: Value = answer.json()?;
            Ok((answer, body))
        });
        match read {
            Ok((answer, body)) => {
                let mut parts = by_place(&body);
                let each = wishes.into_iter().enumerate();
                let each = each.map(|(place, wish)| {
                    let part = match parts.remove(&place) {
                        Some(Some(part)) => Ok(part),
                        Some(None) => {
                            Err("the answer to several reads holds no usable one to this one")
                        }
                        None => Err("the answer to several reads holds none to this one"),
                    };
                    self.settle_part(wish, &answer, part, deadline)
                });
                join_all(each).await;
            }
            Err(error) if is_no_batch(&error) => {
                let each = wishes.into_iter();
                join_all(each.map(|wish| self.alone(wish, deadline))).await;
            }
            Err(error) => {
                for wish in wishes {
                    let _ = wish.waits.send(Err(error.clone()));
                }
            }
        }
    }

    /// Judges one part by its own status; one that may come right is asked for again alone.
    async fn settle_part(
        &self,
        wish: Wish,
        around: &Answer,
        part: Result<Part, &'static str>,
        deadline: Instant,
    ) {
        let part = match part {
            Ok(part) => part,
            Err(why) => {
                let error = self.http.no_part(&wish.request, why);
                let _ = wish.waits.send(Err(error));
                return;
            }
        };
        let is_expired = part.status == 401;
        match self.http.judged(&wish.request, around, part) {
            // The token may have ended between the two.
            Judged::Done(Err(_)) if is_expired => self.alone(wish, deadline).await,
            Judged::Done(answer) => {
                let _ = wish.waits.send(answer);
            }
            Judged::Again(error, wait) => {
                let wait = wait.unwrap_or_default();
                if Instant::now() + wait >= deadline {
                    let _ = wish.waits.send(Err(error));
                    return;
                }
                tokio::time::sleep(wait).await;
                self.alone(wish, deadline).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connect::entra::get;
    use rstest::rstest;

    fn wish(route: &'static str, ids: &[&str]) -> Wish {
        let request = get(route, ids).unwrap_or_else(|error| panic!("{error}"));
        let (waits, _) = oneshot::channel();
        Wish { request, waits }
    }

    #[test]
    fn parts_are_reads_of_this_version_and_not_of_identity_protection() {
        let of = |route, ids: &[&str]| {
            let wish = wish(route, ids);
            address(&wish.request).map(str::to_owned)
        };
        assert_eq!(
            of("/v1.0/users/{id}", &["a b"]).as_deref(),
            Some("/users/a%20b")
        );
        assert_eq!(of("/v1.0/identityProtection/riskyUsers/{id}", &["a"]), None);
        assert_eq!(of("/beta/users", &[]), None);
        assert_eq!(of("/v1.0x/users", &[]), None);
        for method in [Method::PATCH, Method::POST, Method::DELETE] {
            for class in [Class::Read, Class::Write] {
                let request = Request::new(class, method.clone(), "/v1.0/users", &[]);
                assert!(request.is_ok_and(|request| address(&request).is_none()));
            }
        }
        let body = Request::get("/v1.0/users", &[]).map(|one| one.json(&json!({})));
        assert!(body.is_ok_and(|request| address(&request).is_none()));
    }

    #[test]
    fn a_request_holds_twenty_parts_and_four_of_mailboxes() {
        let of = |mailbox: usize, others: usize| {
            let rules = "/v1.0/users/{id}/mailFolders/inbox/messageRules";
            let mut all: Vec<Wish> = (0..mailbox).map(|_| wish(rules, &["a"])).collect();
            all.extend((0..others).map(|_| wish("/v1.0/users/{id}", &["a"])));
            grouped(all).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(of(0, 0), [] as [usize; 0]);
        assert_eq!(of(1, 19), [20]);
        assert_eq!(of(0, 45), [20, 20, 5]);
        assert_eq!(of(9, 3), [4, 4, 4]);
    }

    #[rstest]
    #[case(json!({"responses": [{"id": "1", "status": 200}, {"id": "0", "status": 403}]}), &[(0, Some(403)), (1, Some(200))])]
    #[case(json!({"responses": [{"id": "0", "status": 200}, {"id": "0", "status": 200}]}), &[(0, None)])]
    #[case(json!({"responses": [{"id": "0", "status": 200}, {"id": "0", "status": 200}, {"id": "0", "status": 200}]}), &[(0, None)])]
    #[case(json!({"responses": [{"id": 0, "status": 200}, {"status": 200}, 7, {"id": "x", "status": 200}]}), &[])]
    #[case(json!({"responses": [{"id": "0", "status": "200"}, {"id": "1", "status": 70_000}]}), &[(0, None), (1, None)])]
    #[case(json!({"responses": {"id": "0"}}), &[])]
    #[case(json!([]), &[])]
    fn parts_are_found_in_any_order(
        #[case] body: Value,
        #[case] expected: &[(usize, Option<u16>)],
    ) {
        let found = by_place(&body).into_iter();
        let found = found.map(|(place, part)| (place, part.map(|part| part.status)));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
