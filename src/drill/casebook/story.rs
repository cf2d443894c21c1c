//! What the cases are about: the background, text chosen by an attacker, and the live story.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::{Casebook, Draft};
use crate::drill::company::{
    ANALYST, ATTACKER_IP, CEO, COLLEAGUE, Directory, LOOK_ALIKE, TWIN, VICTIM,
};

/// Title, severity, status, assignee, age in minutes, user, type of the observable that names the user.
type Row = (
    &'static str,
    i64,
    &'static str,
    Option<usize>,
    i64,
    Option<usize>,
    &'static str,
);

/// The first of the staff that the background is about.
const STAFF: usize = 12;

#[rustfmt::skip]
const BACKGROUND: [Row; 11] = [
    ("Phishing mail reported by several people", 2, "InProgress", Some(COLLEAGUE), 190, Some(STAFF), "mail"),
    ("Endpoint protection disabled on a workstation", 3, "New", None, 65, Some(STAFF + 1), "username"),
    ("Sign-in from a new country", 2, "New", None, 48, Some(CEO), "username"),
    ("Many MFA prompts refused", 3, "InProgress", Some(COLLEAGUE), 130, Some(STAFF + 3), "username"),
    ("Data volume to a personal cloud drive", 2, "New", None, 300, Some(STAFF + 4), "mail"),
    ("Port scan of the guest network", 1, "New", None, 520, None, ""),
    ("Privilege change outside of the maintenance window", 3, "InProgress", Some(ANALYST), 84, Some(TWIN), "mail"),
    ("Contractor account signed in for the first time", 1, "New", None, 33, Some(LOOK_ALIKE), "username"),
    ("Password spraying, closed as harmless", 2, "FalsePositive", Some(COLLEAGUE), 8_640, Some(VICTIM), "username"),
    ("Malware found and removed by the endpoint protection", 2, "TruePositive", Some(ANALYST), 4_320, Some(STAFF + 6), "hostname"),
    ("Ransomware note on a test server", 4, "Duplicated", Some(ANALYST), 2_880, None, ""),
];

impl Casebook {
    /// The cases that were there before the story.
    pub(super) fn background(&mut self, start: DateTime<Utc>, directory: &Directory) {
        let login = |index: usize| directory.people[index].login.clone();
        let tag = |index: usize| format!("user:{}", login(index));
        for (title, severity, status, assignee, age, user, kind) in BACKGROUND {
            let age = TimeDelta::minutes(age);
            let tags: Vec<String> = user
                .map(tag)
                .into_iter()
                .chain(["triage".to_owned()])
                .collect();
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let description = "Raised by a detection rule of the SIEM.";
            let draft = Draft {
                title,
                severity,
                status,
                assignee,
                age,
                tags: &tags,
                description,
            };
            let id = self.case(start, &draft, directory);
            let at = (start - age).timestamp_millis();
            if let Some(user) = user {
                let data = if kind == "mail" {
                    directory.people[user].email.clone()
                } else {
                    login(user)
                };
                let (kind, tags): (&str, &[&str]) = if kind == "username" {
                    ("other", &["username"])
                } else {
                    (kind, &[])
                };
                self.observable(&id, kind, &data, tags, at);
            }
            let fields = json!({"title": title, "severity": severity});
            self.alert(&id, &fields, at - 60_000);
            self.add_comment(
                &id,
                "Seen, looking into it.",
                &login(COLLEAGUE),
                at + 300_000,
            );
        }
        self.two_users(start, directory);
        self.hostile(start, directory);
    }

    /// A case about two people: the console must ask which.
    fn two_users(&mut self, start: DateTime<Utc>, directory: &Directory) {
        let people = [&directory.people[14], &directory.people[15]];
        let tags: Vec<String> = people
            .iter()
            .map(|person| format!("user:{}", person.login))
            .collect();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let age = TimeDelta::minutes(70);
        let draft = Draft {
            title: "Two people signed in from the same new device",
            severity: 2,
            status: "New",
            assignee: None,
            age,
            tags: &tags,
            description: "Both accounts were used within two minutes.",
        };
        let id = self.case(start, &draft, directory);
        for person in people {
            let at = (start - age).timestamp_millis();
            self.observable(&id, "other", &person.login, &["username"], at);
        }
        self.custom_fields(&[("asset-class", "workstation")]);
    }

    /// Text chosen by an attacker in every place that a screen shows.
    fn hostile(&mut self, start: DateTime<Utc>, directory: &Directory) {
        let age = TimeDelta::minutes(41);
        let draft = Draft {
            title: "Mail \u{1b}]0;owned\u{7}\u{1b}[2J from \u{202e}elpmaxe.live\u{202c}",
            severity: 2,
            status: "New",
            assignee: None,
            age,
            tags: &["user:\u{1b}[31mroot", "triage"],
            description: "line one\r\nline two\u{1b}[1A\u{1b}[2K\u{9b}31mred\u{2066}\u{200b}",
        };
        let id = self.case(start, &draft, directory);
        let at = (start - age).timestamp_millis();
        self.observable(&id, "other", "adm\u{202e}nimda\u{1b}[8m", &["username"], at);
        self.observable(&id, "mail", "m\u{430}ra.lind@acme.example", &[], at);
        self.observable(
            &id,
            "url",
            "https://acme.example\u{2044}login@198.51.100.9/\u{1b}]8;;x\u{7}",
            &[],
            at,
        );
        self.add_comment(
            &id,
            "\u{1b}]52;c;cm0gLXJm\u{7}harmless",
            "x\u{1b}[5m@acme.example",
            at,
        );
        let task = json!({"title": "Check \u{1b}[41mthis\u{7}\u{feff}"});
        if let Value::Object(task) = task {
            self.add_task(&id, &task, "siem-connector@acme.example", at);
        }
    }

    /// The live case: the payroll lead's account is in other hands.
    pub(super) fn story(&mut self, start: DateTime<Utc>, directory: &Directory) {
        let victim = &directory.people[VICTIM];
        let tag = format!("user:{}", victim.login);
        let age = TimeDelta::minutes(11);
        let draft = Draft {
            title: "Impossible travel after password spraying: payroll lead",
            severity: 4,
            status: "New",
            assignee: None,
            age,
            tags: &[&tag, "identity", "compromised-account"],
            description: "Sixteen failed sign-ins, then a success from São Paulo 64 minutes after a sign-in from \
                          Copenhagen. A new second factor was enrolled. Payroll rows were exported.",
        };
        let id = self.case(start, &draft, directory);
        self.custom_fields(&[("asset-class", "payroll"), ("user", &victim.login)]);
        let at = (start - age).timestamp_millis();
        let [a, b, c, d] = ATTACKER_IP;
        let ip = format!("{a}.{b}.{c}.{d}");
        self.observable(&id, "other", &victim.login, &["username"], at);
        self.observable(&id, "mail", &victim.email, &[], at);
        self.observable(&id, "ip", &ip, &["source"], at);
        self.observable(&id, "hostname", "vdi-pay-03", &[], at);
        let details = |name: &str, value: &str| json!({"_id": format!("~cf-{name}"), "name": name, "type": "string", "value": value, "order": 0});
        let fields = json!({
            "title": "Impossible travel", "severity": 4,
            "description": "Blocked: no. Threat type: account takeover.",
            "tags": [tag, "blocked:no", "threat:account-takeover"],
            "observableCount": 2,
            "customFields": [
                details("blocked", "no"), details("threat-type", "account takeover"),
                details("source-ip", &ip), details("user-id", &victim.id), details("user-name", &victim.login),
            ],
        });
        let alert = self.alert(&id, &fields, at - 60_000);
        self.observable(&alert, "other", &victim.login, &["username"], at);
        self.observable(&alert, "ip", &ip, &["source"], at);
        let fields = json!({
            "title": "Password spraying", "severity": 3,
            "description": "Blocked: no. Threat type: credential access.",
            "tags": ["blocked:no", "threat:credential-access"],
        });
        self.alert(&id, &fields, at - 19 * 60_000);
        for title in [
            "Confirm with the user on a second channel",
            "Lock out the account",
            "Tell the helpdesk",
        ] {
            let mut task = Map::new();
            task.insert("title".to_owned(), json!(title));
            self.add_task(&id, &task, "siem-connector@acme.example", at);
        }
        self.add_comment(
            &id,
            "Raised automatically.",
            "siem-connector@acme.example",
            at,
        );
    }

    /// Further cases for measurements.
    pub(super) fn fill(
        &mut self,
        start: DateTime<Utc>,
        count: usize,
        seed: u64,
        directory: &Directory,
    ) {
        let mut dice = fastrand::Rng::with_seed(seed ^ 0x00ca_5e50);
        for index in 0..count {
            let person = dice.usize(10..directory.people.len());
            let login = directory.people[person].login.clone();
            let tag = format!("user:{login}");
            let draft = Draft {
                title: &format!("Detection {index:05} of rule {}", dice.u32(100..180)),
                severity: dice.i64(1..5),
                status: ["New", "InProgress", "FalsePositive", "TruePositive"][dice.usize(0..4)],
                assignee: (dice.u8(0..2) == 0).then_some(COLLEAGUE),
                age: TimeDelta::minutes(dice.i64(600..40_000)),
                tags: &[&tag],
                description: "Raised by a detection rule of the SIEM.",
            };
            let id = self.case(start, &draft, directory);
            let at = (start - draft.age).timestamp_millis();
            self.observable(&id, "other", &login, &["username"], at);
        }
    }
}
