use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::config::sample::SAMPLE;
use crate::config::settings::{SecretSource, Vendor};
use crate::domain::case::UserSource;

const COMMANDS: &[&str] = &["refresh", "focus-cases", "contain"];

const ENVIRONMENT: &str = "[environment]\nname = \"soc\"\nkind = \"production\"\n";

fn okta(more: &str) -> String {
    format!(
        "{ENVIRONMENT}[[connection]]\nname = \"okta\"\nvendor = \"okta\"\nurl = \"https://okta.example.com\"\n\
         secret = {{ file = \"/k\" }}\n{more}\n"
    )
}

fn faults(text: &str) -> String {
    match parse(text, "q.toml", COMMANDS) {
        Ok(_) => String::new(),
        Err(faults) => faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

fn good(text: &str) -> Parsed {
    parse(text, "q.toml", COMMANDS).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn the_sample_parses_without_a_warning_and_shows_every_field() {
    let parsed = good(SAMPLE);
    assert_eq!(parsed.warnings, []);
    let settings = parsed.settings;
    assert_eq!(settings.environment.mode, Mode::DryRun);
    assert_eq!(settings.sha256.len(), 64);
    assert_eq!(settings.timeline, Timeline::default());
    assert_eq!(
        settings.sla.get("critical"),
        Some(&Duration::from_secs(15 * 60))
    );
    assert_eq!(settings.policy.own, ["analyst@example.com"]);
    let [hive, elastic, okta] = &settings.connections[..] else {
        panic!("three connections: {:#?}", settings.connections);
    };
    assert_eq!(
        (hive.vendor, elastic.vendor, okta.vendor),
        (Vendor::Thehive, Vendor::Elasticsearch, Vendor::Okta)
    );
    assert_eq!(
        hive.case_user,
        [
            UserSource::Observable("mail".to_owned()),
            UserSource::Field("user".to_owned()),
            UserSource::TagPrefix("user:".to_owned()),
            UserSource::AlertUserId,
            UserSource::AlertUserName,
        ]
    );
    assert_eq!(okta.secret, SecretSource::Credential("okta".to_owned()));
    assert!(elastic.roles.contains(&Role::Alerts) && elastic.roles.contains(&Role::Activity));
    for field in super::super::connection::FIELDS
        .iter()
        .chain(SECTIONS)
        .chain(SEVERITIES)
    {
        assert!(SAMPLE.contains(field), "the sample says nothing of {field}");
    }
}

#[test]
fn what_the_sample_says_of_defaults_is_so() {
    let lines: String = SAMPLE
        .lines()
        .filter(|line| {
            !["mode", "poll", "index", "alerts_index", "roles"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .filter(|line| !TIMELINE.iter().any(|key| line.starts_with(key)))
        .fold(String::new(), |text, line| text + line + "\n");
    let (short, full) = (good(&lines).settings, good(SAMPLE).settings);
    assert_eq!(short.environment, full.environment);
    assert_eq!(short.connections, full.connections);
    assert_eq!(short.timeline, full.timeline);
    assert_ne!(short.sha256, full.sha256);
}

/// How the fields of the timeline begin.
const TIMELINE: [&str; 15] = [
    "window_hours",
    "failure",
    "max_events",
    "spray_",
    "prompt",
    "travel_",
    "baseline",
    "risky_",
    "after_",
    "downloads",
    "shares",
    "volume_",
    "sensitive",
    "vpn_",
    "hosting_",
];

#[rstest]
#[case::nothing(
    "",
    "\
q.toml:1: environment: is missing
hint: [environment] with name = \"acme-prod\" and kind = \"production\"
q.toml:1: connection: is missing
hint: one [[connection]] for each system; quell init writes a sample"
)]
#[case::environment(
    "[environment]\nname = \"a b\"\nkind = \"prodution\"\nmode = \"dry-run\"\nconnection = 1\n[[connection]]",
    "\
q.toml:2: environment.name: is not 1 to 32 characters out of A-Z a-z 0-9 . _ -
q.toml:3: environment.kind: \"prodution\" is none of production, drill
hint: did you mean \"production\"?
q.toml:4: environment.mode: \"dry-run\" is none of dry_run, live, read_only
hint: did you mean \"dry_run\"?
q.toml:5: environment.connection: is not a known field
hint: known here: name, kind, mode, idle_lock
q.toml:6: connection[1].name: is missing
hint: name = \"okta-prod\"
q.toml:6: connection[1].vendor: is missing
hint: vendor = \"okta\", \"keycloak\", \"entra\", \"google\", \"thehive\" or \"elasticsearch\"
q.toml:6: connection[1].url: is missing
hint: url = \"https://...\"
q.toml:6: connection[1].secret: is missing
hint: secret = { file = \"/etc/quell/okta.token\" }"
)]
fn missing_and_wrong_words(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(faults(text), expected);
}

#[rstest]
#[case::unknown(
    "pol = \"10s\"",
    "\
q.toml:9: connection.okta.pol: is not a known field
hint: did you mean poll?"
)]
#[case::inline_token("token = \"CANARY\"", "\
q.toml:9: connection.okta.token: a secret is not written into the configuration
hint: say where it comes from: secret = { file = \"/etc/quell/okta.token\" }, or command = [...], credential = \"name\", env = \"NAME\"; and renew the one written here")]
#[case::poll_form(
    "poll = \"10\"",
    "\
q.toml:9: connection.okta.poll: \"10\" is not a duration
hint: write a whole number and a unit: 15s, 10m, 2h, 1d"
)]
#[case::poll_short(
    "poll = \"1s\"",
    "q.toml:9: connection.okta.poll: is not within 5s to 1h"
)]
#[case::poll_long(
    "poll = \"2h\"",
    "q.toml:9: connection.okta.poll: is not within 5s to 1h"
)]
#[case::poll_type(
    "poll = 10",
    "q.toml:9: connection.okta.poll: is a whole number, not text in quotes"
)]
#[case::role(
    "roles = [\"identity\", \"cases\"]",
    "\
q.toml:9: connection.okta.roles[2]: Okta has no role cases
hint: roles of Okta: identity, activity"
)]
#[case::role_word(
    "roles = [\"identiy\"]",
    "\
q.toml:9: connection.okta.roles[1]: \"identiy\" is none of cases, activity, alerts, identity
hint: did you mean \"identity\"?"
)]
#[case::no_role(
    "roles = []",
    "\
q.toml:9: connection.okta.roles: is empty
hint: leave it out to use all the vendor has"
)]
#[case::foreign(
    "index = \"logs-*\"",
    "\
q.toml:9: connection.okta.index: has no meaning for Okta
hint: it belongs to a connection to Elasticsearch"
)]
#[case::ca_file(
    "ca_file = \"~/ca.pem\"",
    "\
q.toml:9: connection.okta.ca_file: is not the absolute path of a file
hint: write it from the root on: no ~, no variables, no relative path"
)]
#[case::empty("token_id = \" \"", "q.toml:9: connection.okta.token_id: is empty")]
#[case::control(
    "token_id = \"a\\u001bb\"",
    "q.toml:9: connection.okta.token_id: contains a control character"
)]
#[case::app_without_client(
    "key_id = \"k1\"\nscopes = []",
    "\
q.toml:9: connection.okta.key_id: means nothing without client_id
hint: it belongs to a service app, which client_id names
q.toml:10: connection.okta.scopes: means nothing without client_id
hint: it belongs to a service app, which client_id names"
)]
#[case::app(
    "client_id = \"0oa1\"\nscopes = [\"okta users\", 3]\nrealm = \"acme\"",
    "\
q.toml:10: connection.okta.scopes[1]: is not the name of a scope
q.toml:10: connection.okta.scopes[2]: is a whole number, not text in quotes
q.toml:11: connection.okta.realm: has no meaning for Okta
hint: it belongs to a connection to Keycloak"
)]
#[case::section(
    "[sls]\nx = 1",
    "\
q.toml:9: sls: is not a known field
hint: did you mean sla?"
)]
#[case::sla(
    "[sla]\ncrit = \"15m\"\nhigh = \"10s\"",
    "\
q.toml:10: sla.crit: is not a known field
hint: known here: informational, low, medium, high, critical, fatal
q.toml:11: sla.high: is not within 1m to 30d"
)]
#[case::keys(
    "[keys]\ncontian = \"c\"\nbomb = \"b\"\nrefresh = 3",
    "\
q.toml:10: keys.contian: is not a command
hint: did you mean contain?
q.toml:11: keys.bomb: is not a command
hint: quell keys prints the commands
q.toml:12: keys.refresh: is a whole number, not a list in square brackets"
)]
#[case::theme(
    "[theme]\nname = \"../dark\"",
    "\
q.toml:10: theme.name: is not 1 to 64 characters out of A-Z a-z 0-9 . _ -"
)]
#[case::timeline(
    "[timeline]\nwindow_hours = 0\nfailures = -1\nmax_events = 1.5\nfailure_window = \"5x\"",
    "\
q.toml:10: timeline.window_hours: is not within 1 to 720
q.toml:11: timeline.failures: is not within 2 to 1000
q.toml:12: timeline.max_events: is a number with a fraction, not a whole number
q.toml:13: timeline.failure_window: \"5x\" is not a duration
hint: write a whole number and a unit: 15s, 10m, 2h, 1d"
)]
#[case::rules(
    "[timeline]\nsensitive = \"payroll\"\nvpn_networks = [9009, 0]\nbaseline = \"2h\"\nspray_user = 3",
    "\
q.toml:10: timeline.sensitive: is text, not a list in square brackets
q.toml:11: timeline.vpn_networks[2]: is not within 1 to 4294967295
q.toml:12: timeline.baseline: is not within 1d to 365d
q.toml:13: timeline.spray_user: is not a known field
hint: did you mean spray_users?"
)]
#[case::policy(
    "[policy]\nown = \"mara\"\nprotected = [1, \"ok\"]",
    "\
q.toml:10: policy.own: is text, not a list in square brackets
q.toml:11: policy.protected[1]: is a whole number, not text in quotes"
)]
#[case::same_name(
    "[[connection]]\nname = \"okta\"\nvendor = \"okta\"\nurl = \"https://b.example\"\nsecret = { file = \"/k\" }",
    "\
q.toml:10: connection.okta.name: is the name of the connection in line 5 already
hint: give each connection its own name"
)]
#[case::doubled("url = \"https://c.example\"", "q.toml:9: syntax: duplicate key")]
fn faults_of_further_lines(#[case] more: &str, #[case] expected: &str) {
    assert_eq!(faults(&okta(more)), expected);
}

#[rstest]
#[case::text("\"CANARY\"", "a secret is not written into the configuration")]
#[case::value(
    "{ value = \"CANARY\" }",
    "a secret is not written into the configuration"
)]
#[case::none("{}", "names no source")]
#[case::two("{ file = \"/CANARY\", env = \"CANARY\" }", "has 2 sources: file, env")]
#[case::relative("{ file = \"CANARY\" }", "is not the absolute path of a file")]
#[case::shell(
    "{ command = \"pass show CANARY\" }",
    "is text, not a list in square brackets"
)]
#[case::no_program("{ command = [] }", "names no program")]
#[case::relative_program(
    "{ command = [\"pass\", \"CANARY\"] }",
    "is not the absolute path of a program"
)]
#[case::argument(
    "{ command = [\"/bin/pass\", 1] }",
    "is a whole number, not text in quotes"
)]
#[case::env("{ env = \"00CANARY\" }", "is not a name out of A-Z a-z 0-9 _")]
#[case::credential(
    "{ credential = \"../CANARY\" }",
    "is not a name out of A-Z a-z 0-9 . _ -"
)]
#[case::number("7", "is a whole number, not a table")]
fn faults_of_the_secret_never_show_it(#[case] secret: &str, #[case] what: &str) {
    let text = okta("").replace("{ file = \"/k\" }", secret);
    let found = parse(&text, "q.toml", COMMANDS).expect_err("must be refused");
    assert_eq!(
        found
            .iter()
            .map(|fault| (fault.line, fault.what.as_str()))
            .collect::<Vec<_>>(),
        [(8, what)]
    );
    assert!(!format!("{found:?}").contains("CANARY"), "{found:?}");
}

#[rstest]
#[case("https://okta.example.com", "production", None)]
#[case("https://okta.example.com:8443/base/", "production", None)]
#[case("http://127.0.0.1:9000", "production", None)]
#[case("http://[::1]:9000", "drill", None)]
#[case("http://127.8.8.8", "drill", None)]
#[case(
    "http://localhost:9000",
    "production",
    Some("is http to another machine: the secret would travel in the clear")
)]
#[case(
    "http://okta.example.com",
    "production",
    Some("is http to another machine: the secret would travel in the clear")
)]
#[case(
    "http://127.0.0.1.example.com",
    "production",
    Some("is http to another machine: the secret would travel in the clear")
)]
#[case(
    "https://okta.example.com",
    "drill",
    Some("is not on this machine, and this is a drill")
)]
#[case(
    "https://localhost",
    "drill",
    Some("is not on this machine, and this is a drill")
)]
#[case(
    "https://mara:CANARY@okta.example.com",
    "production",
    Some("contains a user or a password")
)]
#[case(
    "https://okta.example.com/?token=CANARY",
    "production",
    Some("contains a query or a fragment")
)]
#[case(
    "ftp://okta.example.com",
    "production",
    Some("is not an https address")
)]
#[case(
    "okta.example.com",
    "production",
    Some("is not an address: relative URL without a base")
)]
#[case("https://", "production", Some("is not an address: empty host"))]
#[case(
    "https://mara:CANARY@[::1",
    "production",
    Some("is not an address: invalid IPv6 address")
)]
fn addresses(#[case] url: &str, #[case] kind: &str, #[case] what: Option<&str>) {
    let text = okta("")
        .replace("https://okta.example.com", url)
        .replace("\"production\"", &format!("\"{kind}\""));
    let found = parse(&text, "q.toml", COMMANDS)
        .map(|_| ())
        .err()
        .unwrap_or_default();
    assert_eq!(
        found
            .iter()
            .map(|fault| fault.what.as_str())
            .collect::<Vec<_>>(),
        Vec::from_iter(what)
    );
    assert!(!format!("{found:?}").contains("CANARY"), "{found:?}");
}

#[rstest]
#[case(
    "[\"alert_user\"]",
    "\"alert_user\" is none of alert_user_id, alert_user_name"
)]
#[case(
    "[{ observable = \"mail\", field = \"user\" }]",
    "is not exactly one source"
)]
#[case("[{}]", "is not exactly one source")]
#[case("[{ title = \"user\" }]", "is not a known field")]
#[case("[{ field = \"\" }]", "is empty")]
#[case("[3]", "is a whole number, not a table")]
#[case("[\"alert_user_id\", \"alert_user_id\"]", "stands in the list twice")]
#[case("\"mail\"", "is text, not a list in square brackets")]
fn faults_of_the_users_sources(#[case] sources: &str, #[case] what: &str) {
    let text = okta(&format!("case_user = {sources}")).replace("\"okta\"", "\"thehive\"");
    let found = parse(&text, "q.toml", COMMANDS).expect_err("must be refused");
    assert_eq!(
        found
            .iter()
            .map(|fault| (fault.line, fault.what.as_str()))
            .collect::<Vec<_>>(),
        [(9, what)]
    );
}

#[test]
fn warnings_name_their_line() {
    let text = okta("")
        .replace("{ file = \"/k\" }", "{ env = \"OKTA\" }")
        .replace("\"okta\"", "\"thehive\"");
    let shown: Vec<String> = good(&text)
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown.len(), 2);
    assert!(
        shown[0].starts_with("q.toml:4: connection.thehive: no case will name its user"),
        "{shown:?}"
    );
    assert!(
        shown[1].starts_with("q.toml:8: connection.thehive.secret: a secret in the environment"),
        "{shown:?}"
    );
    let none = good(&okta("")).warnings;
    assert_eq!(none.len(), 1);
    assert_eq!(
        none[0].what.as_str(),
        "none has the role cases: the queue stays empty"
    );
}

#[test]
fn keys_and_theme_keep_their_lines() {
    let text = okta(
        "[keys]\nrefresh = [\"r\", \"F5\"]\ncontain = \"C\"\nfocus-cases = []\n[theme]\nname = \"dark\"",
    );
    let parsed = good(&text);
    assert_eq!(parsed.settings.keys["refresh"], ["r", "F5"]);
    assert_eq!(parsed.settings.keys["contain"], ["C"]);
    assert!(parsed.settings.keys["focus-cases"].is_empty());
    let (keys, lines) = keys_of(&text, COMMANDS);
    assert_eq!((keys, lines["contain"]), (parsed.settings.keys, 11));
    assert_eq!(
        (parsed.settings.theme.as_deref(), parsed.theme_line),
        (Some("dark"), Some(14))
    );
}

#[test]
fn broken_text_reports_its_place_and_what_else_is_certain() {
    let text = format!("{}poll = 10s\ntoken = \"CANARY\"\n", okta(""));
    let found = faults(&text);
    let lines: Vec<&str> = found
        .lines()
        .filter(|line| line.starts_with("q.toml:"))
        .collect();
    assert_eq!(lines.len(), 2, "{found}");
    assert!(lines[0].starts_with("q.toml:10: syntax: "), "{found}");
    assert!(
        lines[1].starts_with("q.toml:11: connection.okta.token: a secret"),
        "{found}"
    );
    assert!(!found.contains("CANARY"));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics_and_never_passes_in_silence(text in "(?s).{0,400}") {
        if let Err(found) = parse(&text, "q.toml", COMMANDS) {
            prop_assert!(!found.is_empty());
        }
    }

    #[test]
    fn text_near_to_a_configuration_never_panics(
        cuts in prop::collection::vec((0_usize..SAMPLE.len(), 0_usize..60, "[\\PC\n]{0,8}"), 1..6)
    ) {
        let mut chars: Vec<char> = SAMPLE.chars().collect();
        for (at, len, insert) in cuts {
            let from = at.min(chars.len());
            let to = (from + len).min(chars.len());
            chars.splice(from..to, insert.chars());
        }
        let text: String = chars.into_iter().collect();
        match parse(&text, "q.toml", COMMANDS) {
            Ok(parsed) => prop_assert!(!parsed.settings.connections.is_empty()),
            Err(found) => {
                prop_assert!(!found.is_empty());
                let last = u32::try_from(text.matches('\n').count()).unwrap() + 1;
                prop_assert!(found.iter().all(|fault| (1..=last).contains(&fault.line)));
            }
        }
    }

    #[test]
    fn a_secret_under_any_name_of_one_is_refused_and_not_shown(
        name in "[a-z]{1,6}_secret|([a-z]{1,6}_)?(token|password|api_key|Bearer)", value in "[A-Z]{12}"
    ) {
        let text = okta(&format!("{name} = \"{value}\""));
        let found = faults(&text);
        prop_assert!(found.contains("a secret is not written into the configuration"), "{}", found);
        prop_assert!(!found.contains(&value), "{}", found);
    }
}

#[rstest]
#[case("", true, true)]
#[case("[terminal]", true, true)]
#[case("[terminal]\nbell = false", false, true)]
#[case("[terminal]\nbell = true\ntitle = false", true, false)]
fn bell_and_title_are_on_until_switched_off(
    #[case] section: &str,
    #[case] bell: bool,
    #[case] title: bool,
) {
    let terminal = good(&okta(section)).settings.terminal;
    assert_eq!((terminal.bell, terminal.title), (bell, title));
}

#[test]
fn a_switch_is_true_or_false() {
    let said = faults(&okta("[terminal]\nbell = \"yes\"\ntitel = true"));
    for part in [
        "terminal.bell: is text, not true or false",
        "terminal.titel: is not a known field",
        "did you mean title?",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[rstest]
#[case::there("subject = \"quell@acme.example\"", "")]
#[case::missing(
    "",
    "q.toml:4: connection.google.subject: is missing\nhint: subject = \"quell@example.com\""
)]
#[case::no_address(
    "subject = \"quell\"",
    "q.toml:9: connection.google.subject: is not the mail address of an administrator\nhint: subject = \"quell@example.com\""
)]
#[case::foreign(
    "subject = \"a@b\"\nrealm = \"acme\"",
    "q.toml:10: connection.google.realm: has no meaning for Google\nhint: it belongs to a connection to Keycloak"
)]
fn google_needs_the_administrator_it_acts_for(#[case] more: &str, #[case] expected: &str) {
    let text = okta(more).replace("\"okta\"", "\"google\"");
    assert_eq!(faults(&text), expected);
}

#[rstest]
#[case::left_out("", 72 * 60)]
#[case::longer("recovery_watch = \"14d\"", 14 * 24 * 60)]
#[case::none("recovery_watch = \"0h\"", 0)]
fn an_account_that_is_enabled_again_is_watched(#[case] line: &str, #[case] minutes: u64) {
    let policy = good(&okta(&format!("[policy]\n{line}"))).settings.policy;
    assert_eq!(policy.hold.recovery, Duration::from_secs(minutes * 60));
}

#[rstest]
#[case("5m", "q.toml:10: policy.recovery_watch: is shorter than 10m")]
#[case("91d", "q.toml:10: policy.recovery_watch: is not within 0ms to 90d")]
#[case("soon", "q.toml:10: policy.recovery_watch: \"soon\" is not a duration")]
fn a_watch_has_a_length(#[case] length: &str, #[case] says: &str) {
    let found = faults(&okta(&format!("[policy]\nrecovery_watch = \"{length}\"")));
    assert!(found.starts_with(says), "{found}");
}
