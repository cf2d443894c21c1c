//! The case system's records as they are at the start, in the vendor's own shape.
//!
//! What must not live here: paths, queries.

mod story;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::company::{ANALYST, COLLEAGUE, Directory};
use super::thehive;

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
    /// The login of the first key's owner.
    pub owner: String,
    /// Everybody with a key.
    pub users: Vec<User>,
}

/// Somebody with a key of the case system.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub id: &'static str,
    pub key: &'static str,
    pub login: String,
    pub name: String,
    /// The vendor's word for the kind of account.
    pub kind: &'static str,
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
            users: users(directory),
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

    /// Adds an alert that was imported into a case, and answers its id.
    fn alert(&mut self, case: &str, fields: &Value, at: i64) -> String {
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
            merge(&mut value, fields);
        }
        value["severityLabel"] = json!(severity_label(value["severity"].as_i64().unwrap_or(2)));
        self.alerts.push(Record {
            parent: case.to_owned(),
            value: Arc::new(value),
        });
        id
    }

    /// Gives the last case custom fields.
    fn custom_fields(&mut self, fields: &[(&str, &str)]) {
        let mut list = Vec::new();
        for (order, (name, value)) in fields.iter().enumerate() {
            let id = self.next_id();
            list.push(json!({
                "_id": id, "name": name, "type": "string", "value": value, "order": order,
            }));
        }
        if let Some(record) = self.cases.last_mut() {
            Arc::make_mut(&mut record.value)["customFields"] = Value::Array(list);
        }
    }
}

fn users(directory: &Directory) -> Vec<User> {
    let person = |index: usize, id, key| User {
        id,
        key,
        login: directory.people[index].login.clone(),
        name: directory.people[index].name(),
        kind: "Normal",
    };
    vec![
        person(ANALYST, "~40964256", thehive::TOKEN),
        person(COLLEAGUE, "~40964264", thehive::SECOND),
        User {
            id: "~40964272",
            key: thehive::SHARED,
            login: "soc-console@acme.example".to_owned(),
            name: "SOC console".to_owned(),
            kind: "Service",
        },
    ]
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
