//! Removing what was left at Okta: the request, and what it means for the account as it is.
//!
//! What must not live here: reading what was left (see `left`).

use reqwest::Method;

use super::{FACTOR, GRANT, Okta, TOKENS, enrolled, facts, is_id};
use crate::connect::capability::{ActionFacts, ConnectError, Lacking, PreparedCall, Step};
use crate::connect::http::{Class, Request};
use crate::domain::account::{Account, AccountStatus, Factor};
use crate::domain::containment::kind::ActionKind;
use crate::domain::containment::remnant::{Item, RemnantKind};
use crate::domain::text::Safe;
use crate::safe;

/// Types of factors that Okta Verify holds together: one of the first two takes the others with it.
const PULLS: [&str; 2] = ["push", "signed_nonce"];
const PULLED: [&str; 3] = ["push", "signed_nonce", "token:software:totp"];
/// Types whose number can be a way to recover the password, too.
const NUMBERS: [&str; 2] = ["sms", "call"];

/// What follows where no method is left.
const ENROLS: &str = "whoever knows the password can enrol one of their own at the next sign-in, so reset the password \
                      while the account is disabled";

/// Name of the parameter that takes a number away as a way to recover the password.
const WITH_RECOVERY: &str = "removeRecoveryEnrollment";

/// What shows that a method is gone.
const GONE: &str = "not found by its id, and not listed, read twice";

fn lacking<T>(reason: impl Into<Safe>) -> Result<T, Lacking> {
    Err(Lacking {
        reason: reason.into(),
    })
}

/// Gives Okta's own id of an item.
fn bare(item: &Item) -> &str {
    enrolled::id_of(item).unwrap_or_else(|| item.id.raw())
}

/// Builds the request that removes an item of an account.
fn request(item: &Item, account: &str, with_recovery: bool) -> Result<Request, ConnectError> {
    let enrolled = enrolled::id_of(item);
    let route = match item.kind {
        RemnantKind::OauthGrant => GRANT,
        RemnantKind::RefreshToken => TOKENS,
        RemnantKind::MfaMethod if enrolled.is_some() => enrolled::ENROLLMENT,
        RemnantKind::MfaMethod => FACTOR,
        _ => {
            return Err(ConnectError::unsent(safe!(
                "Okta has no request that removes the {}",
                item.word()
            )));
        }
    };
    let ids = [account, bare(item)];
    let request = Request::new(Class::Write, Method::DELETE, route, &ids)?;
    Ok(if with_recovery {
        request.query(WITH_RECOVERY, "true")
    } else {
        request
    })
}

/// Says what the removal of a factor means: what goes with it, and what is left then.
fn of_factor(factor: &Factor, all: &[Factor]) -> ActionFacts {
    let kind = factor.kind.raw();
    let pulls = PULLS.contains(&kind);
    let goes =
        |other: &&Factor| other.id == factor.id || pulls && PULLED.contains(&other.kind.raw());
    let more = all.iter().filter(goes).count().saturating_sub(1);
    let stay = all.len().saturating_sub(more + 1);
    let with = if more > 0 {
        safe!(
            "; Okta takes the other methods of Okta Verify with it: {} more",
            more
        )
    } else if pulls {
        "; Okta would take other methods of Okta Verify with it".into()
    } else if NUMBERS.contains(&kind) {
        "; its number is no way to recover the password any more either".into()
    } else {
        Safe::default()
    };
    let left = if stay == 0 {
        "it is the last MFA method listed: then whoever knows the password can enrol one of their own at the next \
         sign-in, so reset the password while the account is disabled"
            .into()
    } else {
        let others: &'static str = if stay == 1 {
            "other method stays"
        } else {
            "other methods stay"
        };
        safe!(
            "{} {}; whoever knows the password and passes it can enrol another",
            stay,
            others
        )
    };
    ActionFacts {
        effect: safe!("{} can pass no sign-in any more{}", factor.kind.field(), with),
        limits: safe!("{}; ends no session", left),
        undo: "cannot be undone: the user enrols it anew; what was there before is kept in the audit log".into(),
        proof: GONE.into(),
    }
}

fn factors_stay(count: usize) -> Safe {
    if count == 1 {
        "1 factor stays".into()
    } else {
        safe!("{} factors stay", count)
    }
}

/// Says what the removal of an enrollment means; `factors` are the methods that the policy lets the account use. Those that
/// may be the same authenticator under another id may go with it: no word is given for them.
fn of_enrollment(item: &Item, factors: &[Factor]) -> ActionFacts {
    let is_twin = |factor: &&Factor| enrolled::may_be(item, factor.kind.raw());
    let twins = factors.iter().filter(is_twin).count();
    let stay = match (factors.len().saturating_sub(twins), twins) {
        (0, 0) => safe!("no other MFA method is among the factors: then {}", ENROLS),
        (0, most) => safe!(
            "at most {}, and that may be this authenticator under another id: where none stays, {}",
            factors_stay(most),
            ENROLS
        ),
        (sure, 0) => factors_stay(sure),
        (sure, more) => safe!(
            "{}, at most {} more, which may be this authenticator under another id",
            factors_stay(sure),
            more
        ),
    };
    ActionFacts {
        effect: safe!("the authenticator {} passes no sign-in any more; it can be enrolled again", item.name.field()),
        limits: safe!("{}; an address or number may stay a way to recover the password: see the recovery data; ends no session", stay),
        undo: "cannot be undone: the user enrols it anew; what was there before is kept in the audit log".into(),
        proof: GONE.into(),
    }
}

fn of_kind(item: &Item) -> ActionFacts {
    let general = facts::facts(ActionKind::RemoveItem);
    match item.kind {
        RemnantKind::OauthGrant => ActionFacts {
            effect: safe!("{}: the application needs a new consent for this", item.name.field()),
            undo: "cannot be undone: the user consents anew; what was there before is kept in the audit log".into(),
            limits: "tokens it has go on until they end: remove its refresh tokens, too; ends no session".into(),
            ..general
        },
        RemnantKind::RefreshToken => ActionFacts {
            effect: safe!("every refresh token of {} for this user ends", item.name.field()),
            undo: "cannot be undone: the user signs in to the application anew; what was there before is kept in the audit log".into(),
            limits: "access tokens live on until they expire; the grant stays: with a sign-in it gets new tokens".into(),
            proof: "the client lists no refresh token that can be used, read twice".into(),
        },
        _ => general,
    }
}

impl Okta {
    /// Gives the step that removes an item, or why there is none for this account.
    pub(super) fn removal_step(&self, item: &Item, account: &Account) -> Result<Step, Lacking> {
        if account.id.connection != self.connection {
            return lacking("the account belongs to another connection");
        }
        if !is_id(account.id.raw()) || !is_id(bare(item)) {
            return lacking("its id is not an id of this provider");
        }
        let gone = matches!(&account.status, AccountStatus::Other(word) if word.raw().ends_with("DEPROVISIONED"));
        let mut with_recovery = false;
        let facts = if item.kind == RemnantKind::MfaMethod {
            if gone {
                return lacking("Okta removes no MFA method of an account that is deactivated");
            }
            let Some(all) = account.factors.as_deref() else {
                return lacking(
                    "its MFA methods could not be read: what goes with it is not known",
                );
            };
            if enrolled::id_of(item).is_some() {
                of_enrollment(item, all)
            } else {
                let Some(factor) = all.iter().find(|one| one.id == item.id) else {
                    return lacking("it is not among the MFA methods of the account");
                };
                with_recovery = NUMBERS.contains(&factor.kind.raw());
                of_factor(factor, all)
            }
        } else {
            of_kind(item)
        };
        let call = request(item, account.id.raw(), with_recovery)
            .and_then(|request| self.http.prepared(&request));
        match call {
            Ok(call) => Ok(Step {
                kind: ActionKind::RemoveItem,
                call,
                facts,
            }),
            Err(error) => lacking(error.what),
        }
    }

    /// Builds the confirmed request again and gives it only if it is the same.
    pub(super) fn confirmed_removal(
        &self,
        item: &Item,
        call: &PreparedCall,
    ) -> Result<Option<Request>, ConnectError> {
        // `/api/v1/users/ID/..`
        let path = call.path.split('?').next().unwrap_or_default();
        let account = path.split('/').nth(4).filter(|id| is_id(id));
        let Some(account) = account.filter(|_| is_id(bare(item))) else {
            return Ok(None);
        };
        let request = request(item, account, call.path.contains(WITH_RECOVERY))?;
        let is_same = self.http.prepared(&request)? == *call;
        Ok(is_same.then_some(request))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn factor(id: &str, kind: &str) -> Factor {
        Factor {
            id: id.into(),
            kind: kind.into(),
            status: "ACTIVE".into(),
            created: None,
        }
    }

    #[rstest]
    #[case("app Okta Verify", &["push"], &["at most 1 factor stays", "reset the password"])]
    #[case("app Okta Verify", &["push", "token:software:totp"], &["at most 2 factors stay", "reset the password"])]
    #[case("app Okta Verify", &["push", "webauthn"], &["1 factor stays, at most 1 more"])]
    #[case("phone +49 1", &["push", "webauthn"], &["2 factors stay;"])]
    #[case("phone +49 1", &["sms"], &["at most 1 factor stays", "reset the password"])]
    #[case("federated Idp", &["push"], &["at most 1 factor stays", "reset the password"])]
    #[case("phone +49 1", &[], &["no other MFA method", "reset the password"])]
    fn a_factor_that_may_be_the_enrollment_is_not_said_to_stay(
        #[case] name: &str,
        #[case] kinds: &[&str],
        #[case] said: &[&str],
    ) {
        let all: Vec<Factor> = kinds.iter().map(|kind| factor("f", kind)).collect();
        let item = Item::new(RemnantKind::MfaMethod, "enrollment/a", name);
        let limits = of_enrollment(&item, &all).limits;
        for words in said {
            assert!(limits.as_str().contains(words), "{limits}");
        }
        let warns = said.contains(&"reset the password");
        assert_eq!(limits.as_str().contains("reset the password"), warns);
    }

    #[rstest]
    #[case(&["push"], "would take other", "last MFA method")]
    #[case(&["push", "token:software:totp"], "1 more", "last MFA method")]
    #[case(&["push", "signed_nonce", "webauthn"], "1 more", "1 other method stays")]
    #[case(&["webauthn"], "webauthn can pass no sign-in any more", "last MFA method")]
    #[case(&["webauthn", "push"], "webauthn can pass no sign-in any more", "1 other method stays")]
    #[case(&["sms", "push"], "no way to recover", "1 other method stays")]
    fn what_goes_with_a_factor_and_what_is_left_is_said(
        #[case] kinds: &[&str],
        #[case] effect: &str,
        #[case] limits: &str,
    ) {
        let all: Vec<Factor> = kinds
            .iter()
            .enumerate()
            .map(|(place, kind)| factor(&format!("f{place}"), kind))
            .collect();
        let facts = of_factor(&all[0], &all);
        assert!(facts.effect.as_str().contains(effect), "{}", facts.effect);
        assert!(facts.limits.as_str().contains(limits), "{}", facts.limits);
    }
}
