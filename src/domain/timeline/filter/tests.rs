use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::audit::{Saying, TimelineSaid};
use crate::domain::ids::{CaseId, ConnectionName};
use crate::domain::timeline::activity::{Activity, Known};
use crate::domain::timeline::annotation::Annotations;
use crate::domain::timeline::event::{Event, Geo, Party};
use crate::domain::timeline::finding::{Confidence, Finding};

fn party(name: &str) -> Party {
    Party {
        name: Some(name.into()),
        ..Party::default()
    }
}

/// Five events: id is the row.
fn activity() -> Activity {
    let event = |number: i64, lane, outcome, action: &str, user: &str, ip: &str| Event {
        id: Untrusted::new(format!("e{number}")),
        at: chrono::DateTime::from_timestamp(1_800_000_000 + number, 0).unwrap_or_default(),
        lane,
        outcome,
        action: action.into(),
        act: (lane == Lane::SignIn).then_some(Act::SignIn),
        user: party(user),
        ip: Some(ip.into()),
        agent: Some("curl/8.0 \"odd\"".into()),
        geo: Geo {
            city: Some("São Paulo".into()),
            ..Geo::default()
        },
        raw: format!("{{\"secret\":{number}}}").into(),
        ..Event::default()
    };
    let mut activity = Activity::default();
    activity.merge([
        event(
            0,
            Lane::SignIn,
            Outcome::Failure,
            "session.start",
            "mara@x.org",
            "10.1.2.3",
        ),
        event(
            1,
            Lane::SignIn,
            Outcome::Success,
            "session.start",
            "MARA@x.org",
            "10.1.2.33",
        ),
        event(
            2,
            Lane::AccountChange,
            Outcome::Success,
            "mfa.activate",
            "desk",
            "2001:db8::1",
        ),
        event(
            3,
            Lane::Exfiltration,
            Outcome::Unknown,
            "report export",
            "mara@x.org",
            "192.0.2.1",
        ),
        event(
            4,
            Lane::Sensitive,
            Outcome::Success,
            "app.access",
            "mara@x.org",
            "not an address",
        ),
    ]);
    activity
}

fn passed(line: &str) -> Vec<usize> {
    let finding = Finding {
        rule: Rule::MfaAdded,
        at: chrono::DateTime::UNIX_EPOCH,
        row: 2,
        user: None,
        evidence: vec![1, 2],
        reason: "odd".into(),
        confidence: Confidence::High,
    };
    let mut said = Annotations::default();
    let connection = ConnectionName::parse("hive").unwrap_or_else(|e| panic!("{e:?}"));
    for (event, what, text) in [
        ("e3", Saying::Mark, None),
        ("e4", Saying::Tag, Some("Payroll data")),
    ] {
        let one = TimelineSaid {
            case: CaseId::new(connection.clone(), "~1"),
            account: None,
            event: event.into(),
            at: None,
            what,
            text: text.map(Untrusted::new),
            rid: None,
        };
        said.apply(&one, &"jo".into(), chrono::DateTime::UNIX_EPOCH);
    }
    let known = Known {
        findings: &[finding],
        said: Some(&said),
        names: &["mara@x.org".into()],
    };
    let filter = Filter::parse(line).unwrap_or_else(|e| panic!("{line}: {e:?}"));
    activity().select(&filter, known)
}

#[rstest]
#[case::everything("", &[0, 1, 2, 3, 4])]
#[case::text("SESSION", &[0, 1])]
#[case::text_with_a_blank("\"report EXPORT\"", &[3])]
#[case::accents("\"são p\"", &[0, 1, 2, 3, 4])]
#[case::user("user:mara", &[0, 1, 3, 4])]
#[case::whole_user("user:\"mara\"", &[])]
#[case::whole_user_any_case("user:\"Mara@X.org\"", &[0, 1, 3, 4])]
#[case::one_address("ip:10.1.2.3", &[0])]
#[case::address_in_another_form("ip:2001:0db8:0:0::1", &[2])]
#[case::part_of_an_address("ip:10.1.", &[0, 1])]
#[case::network("ip:10.1.2.32/27", &[1])]
#[case::network_of_all("ip:0.0.0.0/0", &[0, 1, 3])]
#[case::network_6("ip:2001:db8::/32", &[2])]
#[case::what_is_no_address("ip:not", &[4])]
#[case::lane("lane:sign", &[0, 1])]
#[case::lane_in_words("lane:\"account change\"", &[2])]
#[case::failed("outcome:fail", &[0])]
#[case::ok("outcome:ok", &[1, 2, 4])]
#[case::act("act:sign", &[0, 1])]
#[case::rule("finding:mfa", &[1, 2])]
#[case::odd("is:finding", &[1, 2])]
#[case::marked("is:marked", &[3])]
#[case::tagged("tag:payroll", &[4])]
#[case::others("is:other", &[2])]
#[case::not("-user:mara", &[2])]
#[case::not_text("-session -export", &[2, 4])]
#[case::both("lane:sign outcome:ok", &[1])]
#[case::regex("/^session/", &[0, 1])]
#[case::regex_of_a_field("action:/export$|^mfa/", &[2, 3])]
#[case::regex_of_words("lane:/sign|exfil/", &[0, 1, 3])]
#[case::regex_with_a_stroke("agent:/curl\\/8/", &[0, 1, 2, 3, 4])]
#[case::raw("raw:\"{\\\"secret\\\":3}\"", &[3])]
#[case::raw_part("raw:secret", &[0, 1, 2, 3, 4])]
fn what_passes(#[case] line: &str, #[case] expected: &[usize]) {
    assert_eq!(passed(line), expected);
}

#[rstest]
#[case("lane:sign usr:mara", 11, "no field is called usr")]
#[case("user:", 6, "user needs a value")]
#[case("user: x", 6, "user needs a value")]
#[case("a -", 3, "nothing follows the minus")]
#[case("a \"b", 3, "the quotation mark is not closed")]
#[case("\"a\"b", 4, "a blank must follow the quotation mark")]
#[case("\"\"", 1, "nothing stands between the quotation marks")]
#[case("x /a", 3, "the stroke is not closed")]
#[case("/(/", 1, "no expression: unclosed group")]
#[case("lane:x", 6, "no such lane; there are sign_in")]
#[case(
    "outcome:maybe",
    9,
    "no such outcome; there are success failure unknown ok"
)]
#[case("/(a{1000}){1000}/", 1, "the expression is too large")]
fn errors_name_the_place(#[case] line: &str, #[case] at: usize, #[case] what: &str) {
    let error = Filter::parse(line).err();
    assert_eq!(error.as_ref().map(|error| error.at), Some(at));
    let said = error.map(|error| error.what).unwrap_or_default();
    assert!(said.as_str().contains(what), "{}", said.as_str());
}

#[rstest]
#[case("us", &["user:"])]
#[case("x -us", &["x -user:"])]
#[case("lane:s", &["lane:sign_in", "lane:sensitive"])]
#[case("ip:10", &["ip:\"10.1.2.3\"", "ip:\"10.1.2.33\""])]
#[case("user:\"ma", &["user:\"mara@x.org\"", "user:\"MARA@x.org\""])]
#[case("agent:", &["agent:\"curl/8.0 \\\"odd\\\"\""])]
#[case("a tag:p", &["a tag:\"pay roll\""])]
#[case("nothing:x", &[])]
fn the_term_that_is_typed_is_completed(#[case] line: &str, #[case] expected: &[&str]) {
    assert_eq!(completions(line, &activity(), ["pay roll"]), expected);
}

/// Expressions that hang machines that go back and forth; here a text of 100,000 letters is one walk.
#[test]
fn no_expression_takes_more_than_one_walk() {
    let text = "a".repeat(100_000);
    for source in [
        "(a+)+$b",
        "(a|aa)+$b",
        "(.*)*b",
        "([a-z]+)*=",
        "(a?){50}a{50}b",
    ] {
        let expression = Expression::new(source).unwrap_or_else(|e| panic!("{e:?}"));
        assert!(!expression.is_in(&text), "{source}");
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,12}",
        ".{1,8}",
        proptest::sample::select(vec!["-", "\"", "/", "\\", "a b", "user:", "\u{85}", "\n"])
            .prop_map(str::to_owned),
    ]
}

fn term() -> impl Strategy<Value = Term> {
    let open: Vec<Field> = Field::ALL
        .iter()
        .copied()
        .filter(|field| field.words().is_none())
        .collect();
    let whole = (proptest::sample::select(open), value(), any::<bool>());
    let whole = whole.prop_map(|(field, value, not)| Term {
        not,
        ..Term::whole(field, value)
    });
    let part = (value(), any::<bool>()).prop_map(|(value, not)| Term {
        not,
        field: None,
        value: Pattern::Part(value),
    });
    prop_oneof![whole, part]
}

proptest! {
    #[test]
    fn reading_is_total(line in "\\PC{0,40}") {
        let _ = Filter::parse(&line);
    }

    #[test]
    fn reading_the_signs_of_the_language_is_total(line in "[-a-z:\"/\\\\ .*(\\[|]{0,30}") {
        if let Err(error) = Filter::parse(&line) {
            prop_assert!(error.at >= 1 && error.at <= line.chars().count() + 1);
        }
        let _ = completions(&line, &activity(), ["t"]);
    }

    #[test]
    fn what_is_read_prints_as_a_line_that_reads_the_same(
        line in "(-?(user:|ip:|lane:|act:|raw:)?(\"[^\"\\\\]{1,4}\"|/[a-z/.]{1,4}/|[a-z0-9.]{1,6}) ){0,4}"
    ) {
        if let Ok(filter) = Filter::parse(&line) {
            let printed = filter.to_string();
            prop_assert_eq!(Filter::parse(&printed), Ok(filter), "{}", printed);
        }
    }

    #[test]
    fn what_is_made_prints_as_a_line_that_reads_the_same(terms in prop::collection::vec(term(), 0..5)) {
        let filter = Filter { terms };
        let printed = filter.to_string();
        prop_assert_eq!(Filter::parse(&printed), Ok(filter), "{}", printed);
    }

    #[test]
    fn a_term_and_its_opposite_share_the_rows(term in term()) {
        let opposite = Term { not: !term.not, ..term.clone() };
        let all = activity();
        let rows = |term: &Term| {
            let filter = Filter { terms: vec![term.clone()] };
            all.select(&filter, Known::default())
        };
        let mut both = [rows(&term), rows(&opposite)].concat();
        both.sort_unstable();
        prop_assert_eq!(both, (0..all.len()).collect::<Vec<_>>());
    }
}
