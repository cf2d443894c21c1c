//! Authenticator enrollments: methods of the second step that the list of factors leaves out.
//!
//! Factors are listed only as far as the policy lets the account use them; the enrollments of the Identity Engine are listed
//! all. One that both lists have is shown once, as the factor: it has the same id, or it is of the same kind with the same
//! address, number or time of enrolment. What is not surely the same is shown beside it, and says so. An Okta Classic
//! organisation has no such list.
//!
//! Source: Okta Management API, schema `AuthenticatorEnrollment`. What must not live here: the words of the dialog (see
//! `removal`).

use serde_json::Value;

use super::{Okta, left};
use crate::connect::capability::{ConnectError, ConnectErrorKind};
use crate::connect::decode::{FieldError, need_text, text, time};
use crate::connect::http::Request;
use crate::domain::containment::remnant::{Item, LeftBehind, Remnant, RemnantKind, Unread};
use crate::domain::text::{Safe, Untrusted};
use crate::safe;

const ENROLLMENTS: &str = "/api/v1/users/{userId}/authenticator-enrollments";
pub(super) const ENROLLMENT: &str =
    "/api/v1/users/{userId}/authenticator-enrollments/{enrollmentId}";

/// What the id of an enrollment begins with here: it is removed at another place than a factor.
const OF: &str = "enrollment/";

/// Gives Okta's id of an item that is an enrollment.
pub(super) fn id_of(item: &Item) -> Option<&str> {
    let id = item.id.raw().strip_prefix(OF);
    id.filter(|_| item.kind == RemnantKind::MfaMethod)
}

/// Gives the types of factors that an authenticator stands for; none where that is not known.
fn factor_types(key: &str) -> &'static [&'static str] {
    match key {
        "okta_verify" => &["push", "signed_nonce", "token:software:totp"],
        "google_otp" => &["token:software:totp"],
        "phone_number" => &["sms", "call"],
        "okta_email" => &["email"],
        "security_question" => &["question"],
        "webauthn" => &["webauthn", "u2f"],
        _ => &[],
    }
}

/// Tells whether a factor of a type may be the same authenticator as an enrollment. An item keeps the type of the
/// authenticator and not its key, so that a factor of another app counts, too; so does every factor where the type is
/// not known.
pub(super) fn may_be(item: &Item, factor: &str) -> bool {
    let kind = item.name.raw().split(' ').next().unwrap_or_default();
    match kind {
        "app" => matches!(
            factor,
            "push" | "signed_nonce" | "token:software:totp" | "token" | "web"
        ),
        "email" => factor == "email",
        "phone" => matches!(factor, "sms" | "call"),
        "security_key" => matches!(
            factor,
            "webauthn" | "u2f" | "token:hardware" | "token:hotp" | "token"
        ),
        "security_question" => factor == "question",
        // A temporary code is no factor.
        "tac" => false,
        _ => true,
    }
}

/// Gives the digits of a number; `None` where some are hidden.
fn digits(number: &Untrusted) -> Option<String> {
    let raw = number.raw();
    let is_whole = !raw.chars().any(|one| matches!(one, 'X' | 'x' | '*'));
    is_whole.then(|| raw.chars().filter(char::is_ascii_digit).collect())
}

fn of_kind(enrollment: &Value, factor: &Value) -> bool {
    let key = text(enrollment, "key").unwrap_or_default();
    let kind = text(factor, "factorType").unwrap_or_default();
    factor_types(key.raw()).contains(&kind.raw())
}

/// Tells whether a factor surely is the same thing as an enrollment.
fn is_same(enrollment: &Value, factor: &Value) -> bool {
    let both = |field: &str| Some((text(enrollment, field)?, text(factor, field)?));
    if both("id").is_some_and(|(one, other)| one == other) {
        return true;
    }
    if !of_kind(enrollment, factor) {
        return false;
    }
    if let Some((one, other)) = both("profile.phoneNumber") {
        let (one, other) = (digits(&one), digits(&other));
        return one.is_some() && one == other;
    }
    if let Some((one, other)) = both("profile.email") {
        return one.raw().eq_ignore_ascii_case(other.raw());
    }
    let made = |record| time(record, "created");
    made(enrollment).is_some() && made(enrollment) == made(factor)
}

/// Reads one enrollment, whatever the factors say.
fn enrollment(record: &Value) -> Result<Remnant, FieldError> {
    let id = need_text(record, "id")?;
    let kind = need_text(record, "type")?;
    let fields = ["profile.phoneNumber", "profile.email", "nickname", "name"];
    let called = fields.iter().find_map(|field| text(record, field));
    let name = format!("{} {}", kind.raw(), called.unwrap_or_default().raw());
    let item = Item::new(
        RemnantKind::MfaMethod,
        format!("{OF}{}", id.raw()),
        name.trim_end(),
    );
    let mut remnant = Remnant::new(item, &left::bare(record));
    remnant.since = time(record, "created");
    remnant.details = [
        text(record, "status"),
        left::fact("authenticator", text(record, "name")),
        left::fact("called", text(record, "nickname")),
    ]
    .into_iter()
    .flatten()
    .collect();
    Ok(remnant)
}

/// Gives the enrollments that no factor is; the password is reset and not removed.
fn beside(records: &[Value], factors: &[Value]) -> Result<Vec<Remnant>, FieldError> {
    let is_password = |record: &Value| {
        text(record, "type").is_some_and(|kind| kind.raw() == "password")
            || text(record, "key").is_some_and(|key| key.raw() == "okta_password")
    };
    let mut all = Vec::new();
    for record in records.iter().filter(|record| !is_password(record)) {
        if factors.iter().any(|factor| is_same(record, factor)) {
            continue;
        }
        let mut remnant = enrollment(record)?;
        let twin = factors.iter().any(|factor| of_kind(record, factor));
        remnant.details.push(if twin {
            "an authenticator enrollment, maybe one of the factors under another id".into()
        } else {
            "an authenticator enrollment, which the policy does not let the account use now".into()
        });
        all.push(remnant);
    }
    Ok(all)
}

/// A factor, and its record.
pub(super) type Listed = (Remnant, Value);

/// Adds the methods of the second step out of both lists, and says where one of them was not read.
///
/// Where there is no list of enrollments at all (404, Okta Classic) the factors are all that can be listed: their kind was
/// read, and the caveat stands beside it. A list that is there and was not read leaves a part.
pub(super) fn add_methods(
    left: &mut LeftBehind,
    factors: Result<Vec<Listed>, ConnectError>,
    enrolled: Result<Vec<Value>, ConnectError>,
) {
    let kind = RemnantKind::MfaMethod;
    let (factors, refused) = match factors {
        Ok(factors) => (factors, None),
        Err(error) => (Vec::new(), Some(error.what)),
    };
    let (mut all, known): (Vec<Remnant>, Vec<Value>) = factors.into_iter().unzip();
    let has_none = matches!(&enrolled, Err(error) if error.kind == ConnectErrorKind::NotFound);
    let more = enrolled.map_err(|error| error.what).and_then(|records| {
        let more = beside(&records, &known);
        more.map_err(|error| Untrusted::new(error.to_string()).line())
    });
    match (more, refused) {
        (Ok(more), None) => {
            all.extend(more);
            left.add(kind, Ok(all));
        }
        (Ok(more), Some(reason)) => left.add_part(kind, more, safe!("factors: {}", reason)),
        (Err(_), Some(reason)) => left.add(kind, Err(reason)),
        (Err(reason), None) if has_none => {
            left.add(kind, Ok(all));
            let reason = factors_only(&reason);
            left.unread.push(Unread { kind, reason });
        }
        (Err(reason), None) => left.add_part(kind, all, factors_only(&reason)),
    }
}

fn factors_only(reason: &Safe) -> Safe {
    safe!(
        "only methods that the policy lets the account use are listed; authenticator enrollments, which Okta Classic has \
         none of: {}",
        reason
    )
}

/// Asks for numbers as they are: by a number that is hidden in part none is told from another.
fn whole_numbers(request: Request) -> Request {
    request.urgent().query("discloseIdentifiers", "phone")
}

impl Okta {
    /// Lists the enrollments of an account; the vendor describes no pages of it.
    pub(super) async fn enrollments(&self, id: &str) -> Result<Vec<Value>, ConnectError> {
        let request = whole_numbers(Request::get(ENROLLMENTS, &[id])?.list());
        let answer = self.http.read(&request).await?;
        if self.http.next_page(&answer)?.is_some() {
            return Err(answer.unusable(&"the list goes on".into()));
        }
        answer.json()
    }

    /// Reads one enrollment by its id; `None` where the account has none of it, by the list, too.
    pub(super) async fn one_enrolled(
        &self,
        account: &str,
        id: &str,
    ) -> Result<Option<Remnant>, ConnectError> {
        let request = whole_numbers(Request::get(ENROLLMENT, &[account, id])?);
        let listed = self.enrollments(account);
        let record = self.record(request, account, id, listed).await?;
        let read = record.as_ref().map(enrollment).transpose();
        read.map_err(|error| left::broken(&error))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn enrolled(id: &str, key: &str, profile: &Value) -> Value {
        json!({
            "id": id, "key": key, "type": "phone", "name": "Phone", "status": "ACTIVE", "profile": profile,
            "created": "2026-11-21T03:00:00.000Z", "_links": {"self": {}},
        })
    }

    fn factor(id: &str, kind: &str, profile: &Value, created: &str) -> Value {
        json!({"id": id, "factorType": kind, "profile": profile, "created": created})
    }

    const THEN: &str = "2026-11-21T03:00:00.000Z";
    const LATER: &str = "2026-11-22T03:00:00.000Z";

    #[rstest]
    #[case::same_id("a", "okta_verify", json!({}), ("a", "push", json!({}), LATER), true)]
    #[case::same_time("a", "okta_verify", json!({}), ("b", "push", json!({}), THEN), true)]
    #[case::another_time("a", "okta_verify", json!({}), ("b", "push", json!({}), LATER), false)]
    #[case::another_kind("a", "webauthn", json!({}), ("b", "push", json!({}), THEN), false)]
    #[case::unknown_kind("a", "custom_otp", json!({}), ("b", "push", json!({}), THEN), false)]
    #[case::same_number(
        "a", "phone_number", json!({"phoneNumber": "14085551235"}),
        ("b", "sms", json!({"phoneNumber": "+1 408 555 1235"}), LATER), true
    )]
    #[case::another_number(
        "a", "phone_number", json!({"phoneNumber": "14085551236"}),
        ("b", "sms", json!({"phoneNumber": "+14085551235"}), THEN), false
    )]
    #[case::hidden_number(
        "a", "phone_number", json!({"phoneNumber": "+1 XXX-XXX-1235"}),
        ("b", "sms", json!({"phoneNumber": "+1 XXX-XXX-1235"}), THEN), false
    )]
    #[case::same_mail(
        "a", "okta_email", json!({"email": "A@x.example"}),
        ("b", "email", json!({"email": "a@x.example"}), LATER), true
    )]
    fn only_what_is_surely_the_same_is_shown_once(
        #[case] id: &str,
        #[case] key: &str,
        #[case] profile: Value,
        #[case] (other, kind, of, created): (&str, &str, Value, &str),
        #[case] same: bool,
    ) {
        let record = enrolled(id, key, &profile);
        let known = [factor(other, kind, &of, created)];
        let more = beside(&[record], &known).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(more.is_empty(), same, "{more:?}");
    }

    #[rstest]
    #[case("app Okta Verify", "push", true)]
    #[case("app Okta Verify", "webauthn", false)]
    #[case("phone +49 1", "sms", true)]
    #[case("phone push", "push", false)]
    #[case("security_key Key", "webauthn", true)]
    #[case("security_question", "question", true)]
    #[case("email a@x.example", "push", false)]
    #[case("federated Idp", "push", true)]
    #[case("", "push", true)]
    fn what_may_be_the_same_is_told_by_the_type(
        #[case] name: &str,
        #[case] factor: &str,
        #[case] may: bool,
    ) {
        let item = Item::new(RemnantKind::MfaMethod, format!("{OF}a"), name);
        assert_eq!(may_be(&item, factor), may);
    }

    #[test]
    fn an_enrollment_is_called_by_its_number_and_the_password_is_none() {
        let record = enrolled("sms1", "phone_number", &json!({"phoneNumber": "+49 1"}));
        let read = beside(&[record, json!({"id": "p", "type": "password"})], &[]);
        let read = read.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].item.name.raw(), "phone +49 1");
        assert_eq!(id_of(&read[0].item), Some("sms1"));
        assert!(read[0].since.is_some() && !read[0].before.raw().contains("_links"));
        assert!(beside(&[json!({"type": "phone"})], &[]).is_err());
    }

    #[test]
    fn a_list_that_is_missing_is_named_and_hides_nothing() {
        let refused = || ConnectError::unsent("404".into());
        let listed = || {
            let item = Item::new(RemnantKind::MfaMethod, "f", "push");
            vec![(
                Remnant::new(item, &Value::Null),
                factor("f", "push", &Value::Null, THEN),
            )]
        };
        let record = || enrolled("sms1", "phone_number", &json!({}));
        let told = |factors, enrolled| {
            let mut left = LeftBehind::default();
            add_methods(&mut left, factors, enrolled);
            (left.remnants.len(), left.unread.len(), left.read.len())
        };
        assert_eq!(told(Ok(listed()), Ok(vec![record()])), (2, 0, 1));
        assert_eq!(told(Ok(listed()), Err(refused())), (1, 1, 0));
        // Okta Classic: no such list is there, so the factors are a list to compare later ones with.
        let none = || ConnectError {
            kind: ConnectErrorKind::NotFound,
            ..refused()
        };
        assert_eq!(told(Ok(listed()), Err(none())), (1, 1, 1));
        assert_eq!(told(Err(refused()), Err(none())), (0, 1, 0));
        assert_eq!(told(Err(refused()), Ok(vec![record()])), (1, 1, 0));
        assert_eq!(told(Err(refused()), Err(refused())), (0, 1, 0));
    }
}
