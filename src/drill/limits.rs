//! The identity provider's rate limits: buckets of a minute, printed in three headers.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::wire::{Answer, Idp, Request, Server};

/// How much of each bucket is used.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: u32,
    buckets: BTreeMap<&'static str, Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    used: u32,
    /// Epoch second at which it is empty again.
    reset: i64,
}

impl Limits {
    /// Allows `rate` requests a minute and bucket.
    pub fn new(rate: u32) -> Self {
        Self {
            rate,
            buckets: BTreeMap::new(),
        }
    }

    /// Okta and Google limit by themselves; Keycloak leaves that to a proxy.
    fn limits(request: &Request) -> bool {
        request.server == Server::Identity && request.idp != Idp::Keycloak
    }

    fn bucket(request: &Request) -> &'static str {
        if request.idp == Idp::Google {
            return "queries";
        }
        match request.segments.get(2).map(String::as_str) {
            Some("logs") => "logs",
            Some("groups") => "groups",
            _ if request.segments.len() > 4 => "user parts",
            _ => "users",
        }
    }

    /// Uses one request; answers whether that is one too many.
    pub fn take(&mut self, request: &Request) -> bool {
        if !Self::limits(request) {
            return false;
        }
        let bucket = self.buckets.entry(Self::bucket(request)).or_default();
        if request.at.timestamp() >= bucket.reset {
            *bucket = Bucket {
                used: 0,
                reset: (request.at + TimeDelta::seconds(60)).timestamp(),
            };
        }
        bucket.used = bucket.used.saturating_add(1);
        bucket.used > self.rate
    }

    /// Adds the three headers of the identity provider.
    pub fn headers(&self, request: &Request, mut answer: Answer) -> Answer {
        // Google tells nobody.
        if !Self::limits(request) || request.idp == Idp::Google {
            return answer;
        }
        let bucket = self.buckets.get(Self::bucket(request));
        let (used, reset) = bucket.map_or((0, 0), |bucket| (bucket.used, bucket.reset));
        let left = if answer.status == 429 {
            0
        } else {
            self.rate.saturating_sub(used)
        };
        answer
            .headers
            .push(("x-rate-limit-limit", self.rate.to_string()));
        answer
            .headers
            .push(("x-rate-limit-remaining", left.to_string()));
        answer
            .headers
            .push(("x-rate-limit-reset", reset.to_string()));
        answer
    }
}
