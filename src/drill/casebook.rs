//! The case system's records as they are at the start, in the vendor's own shape.
//!
//! What must not live here: paths, queries.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::company::{ANALYST, ATTACKER_IP, CEO, COLLEAGUE, Directory, LOOK_ALIKE, TWIN, VICTIM};

/// A record with what it belongs to (the id of a case, task or alert; empty for none).
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub parent: String,
    pub value: Arc<Value>,
}

/// All records by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Casebook {
    pub cases: Vec<Record>,
    pub alerts: Vec<Record>,
    pub tasks: Vec<Record>,
    pub logs: Vec<Record>,
    pub comments: Vec<Record>,
    pub observables: Vec<Record>,
    next: u64,
    /// The login of the token's owner.
    pub owner: String,
    pub owner_name: String,
}

const SEVERITY: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

/// What a case of the start is made of.
struct Draft<'a> {
    title: &'a str,
    severity: i64,
    status: &'a str,
    assignee: Option<usize>,
    age: TimeDelta,
    tags: &'a [&'a str],
    description: &'a str,
}

impl Casebook {
    /// Builds the background, the story, and `extra` further cases.
    pub fn new(seed: u64, start: DateTime<Utc>, extra: usize, directory: &Directory) -> Self {
        let mut book = Self {
            next: 4_000,
            owner: directory.people[ANALYST].login.clone(),
            owner_name: directory.people[ANALYST].name(),
            ..Self::default()
        };
        book.fill(start, extra, seed, directory);
        book.background(start, directory);
        book.story(start, directory);
        book
    }

    /// Draws the next id, as the vendor prints it.
    pub fn next_id(&mut self) -> String {
        self.next += 8;
        format!("~{}", self.next)
    }

    fn case(&mut self, start: DateTime<Utc>, draft: &Draft<'_>, directory: &Directory) -> String {
        let id = self.next_id();
        // Numbers are given in order, so the count of cases is the last one.
        let number = self.cases.len() + 1;
        let created = start - draft.age;
        let at = created.timestamp_millis();
        let stage = match draft.status {
            "New" => "New",
            "InProgress" => "InProgress",
            _ => "Closed",
        };
        let mut value = json!({
            "_id": id, "_type": "Case", "_createdBy": "siem-connector@acme.example", "_createdAt": at,
            "number": number, "title": draft.title, "description": draft.description,
            "severity": draft.severity, "severityLabel": severity_label(draft.severity),
            "startDate": at, "tags": draft.tags, "flag": false,
            "tlp": 2, "tlpLabel": "AMBER", "pap": 2, "papLabel": "AMBER",
            "status": draft.status, "stage": stage, "access": {"_kind": "OrganisationAccessKind"},
            "customFields": [], "userPermissions": ["manageCase/update", "manageTask", "manageComment"],
            "extraData": {}, "newDate": at, "timeToDetect": 0,
        });
        if let Some(person) = draft.assignee {
            value["assignee"] = json!(directory.people[person].login);
        }
        if stage != "New" {
            value["inProgressDate"] = json!(at + 600_000);
        }
        if stage == "Closed" {
            value["closedDate"] = json!(at + 5_400_000);
            value["endDate"] = json!(at + 5_400_000);
            value["impactStatus"] = json!("NoImpact");
            value["summary"] = json!("Closed after review.");
        }
        self.cases.push(Record {
            parent: String::new(),
            value: Arc::new(value),
        });
        id
    }

    fn observable(&mut self, case: &str, kind: &str, data: &str, tags: &[&str], at: i64) {
        let id = self.next_id();
        let value = json!({
            "_id": id, "_type": "Observable", "_createdBy": "siem-connector@acme.example",
            "_createdAt": at, "dataType": kind, "data": data, "startDate": at,
            "tlp": 2, "tlpLabel": "AMBER", "pap": 2, "papLabel": "AMBER", "tags": tags,
            "ioc": kind == "ip", "sighted": true, "sightedAt": at, "reports": {}, "message": "",
            "extraData": {}, "ignoreSimilarity": false, "external": false,
        });
        self.observables.push(Record {
            parent: case.to_owned(),
            value: Arc::new(value),
        });
    }

    /// Adds a task; `fields` are those of the vendor's body.
    pub fn add_task(
        &mut self,
        case: &str,
        fields: &Map<String, Value>,
        by: &str,
        at: i64,
    ) -> Arc<Value> {
        let id = self.next_id();
        let order = self.tasks.iter().filter(|task| task.parent == case).count();
        let mut value = json!({
            "_id": id, "_type": "Task", "_createdBy": by, "_createdAt": at,
            "group": "default", "status": "Waiting", "flag": false, "order": order,
            "mandatory": false, "extraData": {},
        });
        merge(&mut value, fields);
        let value = Arc::new(value);
        self.tasks.push(Record {
            parent: case.to_owned(),
            value: Arc::clone(&value),
        });
        value
    }

    /// Adds a comment to a case or an alert.
    pub fn add_comment(&mut self, parent: &str, message: &str, by: &str, at: i64) -> Arc<Value> {
        let id = self.next_id();
        let value = Arc::new(json!({
            "_id": id, "_type": "Comment", "createdBy": by, "createdAt": at, "message": message,
            "isEdited": false, "external": false, "extraData": {},
        }));
        self.comments.push(Record {
            parent: parent.to_owned(),
            value: Arc::clone(&value),
        });
        value
    }

    /// Adds a log line to a task.
    pub fn add_log(&mut self, task: &str, message: &str, by: &str, at: i64) -> Arc<Value> {
        let id = self.next_id();
        let value = Arc::new(json!({
            "_id": id, "_type": "Log", "_createdBy": by, "_createdAt": at, "message": message,
            "date": at, "owner": by, "extraData": {},
        }));
        self.logs.push(Record {
            parent: task.to_owned(),
            value: Arc::clone(&value),
        });
        value
    }

    fn alert(&mut self, case: &str, fields: Value, at: i64) {
        let id = self.next_id();
        let number = self.alerts.len() + 1;
        let mut value = json!({
            "_id": id, "_type": "Alert", "_createdBy": "siem-connector@acme.example", "_createdAt": at,
            "type": "siem", "source": "elastic", "sourceRef": format!("rule-hit-{number:05}"),
            "description": "", "date": at, "tags": [], "tlp": 2, "tlpLabel": "AMBER", "pap": 2,
            "papLabel": "AMBER", "follow": true, "customFields": [], "observableCount": 0,
            "caseId": case, "status": "Imported", "stage": "Imported", "extraData": {},
            "newDate": at, "importedDate": at + 30_000, "timeToDetect": 0,
        });
        if let Value::Object(fields) = fields {
            merge(&mut value, &fields);
        }
        value["severityLabel"] = json!(severity_label(value["severity"].as_i64().unwrap_or(2)));
        self.alerts.push(Record {
            parent: case.to_owned(),
            value: Arc::new(value),
        });
    }

    /// Gives the last case a custom field.
    fn custom_field(&mut self, name: &str, value: &str) {
        let id = self.next_id();
        if let Some(record) = self.cases.last_mut() {
            let case = Arc::make_mut(&mut record.value);
            case["customFields"] = json!([
                {"_id": id, "name": name, "type": "string", "value": value, "order": 0}
            ]);
        }
    }

    /// The cases that were there before the story.
    fn background(&mut self, start: DateTime<Utc>, directory: &Directory) {
        let login = |index: usize| directory.people[index].login.clone();
        let minutes = TimeDelta::minutes;
        let tag = |index: usize| format!("user:{}", login(index));
        let staff = 12;
        let rows: [(
            &str,
            i64,
            &str,
            Option<usize>,
            TimeDelta,
            Option<usize>,
            &str,
        ); 11] = [
            (
                "Phishing mail reported by several people",
                2,
                "InProgress",
                Some(COLLEAGUE),
                minutes(190),
                Some(staff),
                "mail",
            ),
            (
                "Endpoint protection disabled on a workstation",
                3,
                "New",
                None,
                minutes(65),
                Some(staff + 1),
                "username",
            ),
            (
                "Sign-in from a new country",
                2,
                "New",
                None,
                minutes(48),
                Some(CEO),
                "username",
            ),
            (
                "Many MFA prompts refused",
                3,
                "InProgress",
                Some(COLLEAGUE),
                minutes(130),
                Some(staff + 3),
                "username",
            ),
            (
                "Data volume to a personal cloud drive",
                2,
                "New",
                None,
                minutes(300),
                Some(staff + 4),
                "mail",
            ),
            (
                "Port scan of the guest network",
                1,
                "New",
                None,
                minutes(520),
                None,
                "",
            ),
            (
                "Privilege change outside of the maintenance window",
                3,
                "InProgress",
                Some(ANALYST),
                minutes(84),
                Some(TWIN),
                "mail",
            ),
            (
                "Contractor account signed in for the first time",
                1,
                "New",
                None,
                minutes(33),
                Some(LOOK_ALIKE),
                "username",
            ),
            (
                "Password spraying, closed as harmless",
                2,
                "FalsePositive",
                Some(COLLEAGUE),
                TimeDelta::days(6),
                Some(VICTIM),
                "username",
            ),
            (
                "Malware found and removed by the endpoint protection",
                2,
                "TruePositive",
                Some(ANALYST),
                TimeDelta::days(3),
                Some(staff + 6),
                "hostname",
            ),
            (
                "Ransomware note on a test server",
                4,
                "Duplicated",
                Some(ANALYST),
                TimeDelta::days(2),
                None,
                "",
            ),
        ];
        for (title, severity, status, assignee, age, user, kind) in rows {
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
            self.alert(
                &id,
                json!({"title": title, "severity": severity}),
                at - 60_000,
            );
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
        self.custom_field("asset-class", "workstation");
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
    fn story(&mut self, start: DateTime<Utc>, directory: &Directory) {
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
        self.custom_field("asset-class", "payroll");
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
            "observableCount": 4,
            "customFields": [
                details("blocked", "no"), details("threat-type", "account takeover"),
                details("source-ip", &ip), details("user-id", &victim.id), details("user-name", &victim.login),
            ],
        });
        self.alert(&id, fields, at - 60_000);
        let fields = json!({
            "title": "Password spraying", "severity": 3,
            "description": "Blocked: no. Threat type: credential access.",
            "tags": ["blocked:no", "threat:credential-access"],
        });
        self.alert(&id, fields, at - 19 * 60_000);
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
    fn fill(&mut self, start: DateTime<Utc>, count: usize, seed: u64, directory: &Directory) {
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

/// Answers the vendor's word for a severity of 1 to 4.
pub(crate) fn severity_label(severity: i64) -> &'static str {
    usize::try_from(severity - 1)
        .ok()
        .and_then(|index| SEVERITY.get(index))
        .copied()
        .unwrap_or("MEDIUM")
}

/// Copies fields over those of a record.
pub(crate) fn merge(value: &mut Value, fields: &Map<String, Value>) {
    if let Value::Object(map) = value {
        for (name, field) in fields {
            map.insert(name.clone(), field.clone());
        }
    }
}
