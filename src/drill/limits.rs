//! The identity provider's rate limits: Okta's buckets of a minute, printed in three headers, and those of Entra ID.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::wire::{Answer, Idp, Request, Server};

/// How much of each bucket is used.
#[derive(Debug)]
pub(crate) struct Limits {
    rate: u32,
    /// Whether those of Entra ID hold.
    of_entra: bool,
    buckets: BTreeMap<&'static str, Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    used: u32,
    /// Epoch second at which it is empty again.
    reset: i64,
}

impl Limits {
    /// Allows `rate` requests a minute and bucket at Okta, and at Entra ID what it allows, or any number.
    pub fn new(rate: u32, of_entra: bool) -> Self {
        Self {
            rate,
            of_entra,
            buckets: BTreeMap::new(),
        }
    }

    /// Okta and Google limit by themselves; Keycloak leaves that to a proxy.
    fn limits(request: &Request) -> bool {
        request.server == Server::Identity && request.idp != Idp::Keycloak
    }

    /// Gives Entra ID's bucket of a path: its name, how many requests, in how many seconds.
    fn of_entra(request: &Request) -> Option<(&'static str, u32, i64)> {
        let is_there = request.server == Server::Identity && request.idp == Idp::Entra;
        let part = request.segments.get(1).map(String::as_str);
        let selects = request.query("$select").unwrap_or_default();
        match part.filter(|_| is_there)? {
            "auditLogs" => Some(("reports", 5, 10)),
            "identityProtection" => Some(("risk", 1, 1)),
            "users" if selects.contains("signInActivity") => Some(("sign-in activity", 10, 60)),
            "users" if request.path.contains("/authentication/") => Some(("methods", 5, 10)),
            _ => None,
        }
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
        let of_entra = Self::of_entra(request).filter(|_| self.of_entra);
        let (name, most, seconds) = match of_entra {
            Some(bucket) => bucket,
            None if Self::limits(request) => (Self::bucket(request), self.rate, 60),
            None => return false,
        };
        let bucket = self.buckets.entry(name).or_default();
        if request.at.timestamp() >= bucket.reset {
            *bucket = Bucket {
                used: 0,
                reset: (request.at + TimeDelta::seconds(seconds)).timestamp(),
            };
        }
        bucket.used = bucket.used.saturating_add(1);
        bucket.used > most
    }

    /// Adds the three headers of the identity provider.
    pub fn headers(&self, request: &Request, mut answer: Answer) -> Answer {
        if let Some((name, _, _)) = Self::of_entra(request).filter(|_| answer.status == 429) {
            let reset = self.buckets.get(name).map(|bucket| bucket.reset);
            let wait = reset.map_or(1, |reset| (reset - request.at.timestamp()).max(1));
            for (_, value) in answer
                .headers
                .iter_mut()
                .filter(|(name, _)| *name == "retry-after")
            {
                *value = wait.to_string();
            }
        }
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
