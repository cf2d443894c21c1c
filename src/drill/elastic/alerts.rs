//! The alerts of the detection rules, as documents of the alerts index.

use serde_json::{Value, json};

use crate::drill::company::{ATTACKER_IP, VICTIM};
use crate::drill::wire::iso;
use crate::drill::world::World;

/// The alerts of the detection rules that belong to the story.
pub(super) fn documents(world: &World) -> Vec<Value> {
    let victim = &world.directory.people[VICTIM];
    let [a, b, c, d] = ATTACKER_IP;
    let rules = [
        (
            "Password spraying",
            "password_spray",
            "medium",
            47,
            33_i64,
            "198.51.100.20".to_owned(),
            "blocked: no",
        ),
        (
            "Impossible travel",
            "impossible_travel",
            "critical",
            91,
            30,
            format!("{a}.{b}.{c}.{d}"),
            "blocked: no",
        ),
        (
            "Consent to an unknown application",
            "oauth_grant",
            "high",
            73,
            25,
            format!("{a}.{b}.{c}.{d}"),
            "blocked: no",
        ),
    ];
    rules
        .into_iter()
        .enumerate()
        .map(
            |(index, (name, rule, severity, risk, minutes, ip, reason))| {
                let at = iso(world.start - chrono::TimeDelta::minutes(minutes));
                json!({
                    "@timestamp": at,
                    "ecs": {"version": "8.17.0"},
                    "event": {"kind": "signal"},
                    "kibana.alert.uuid": format!("a1e27000-0000-4000-a000-{index:012}"),
                    "kibana.alert.rule.name": name,
                    "kibana.alert.rule.rule_id": rule,
                    "kibana.alert.rule.uuid": format!("b0e27000-0000-4000-a000-{index:012}"),
                    "kibana.alert.severity": severity,
                    "kibana.alert.risk_score": risk,
                    "kibana.alert.workflow_status": "open",
                    "kibana.alert.status": "active",
                    "kibana.alert.start": at,
                    "kibana.alert.reason": format!("{name} for {}, {reason}", victim.login),
                    "user": {"id": victim.id, "name": victim.login, "email": victim.email},
                    "source": {"ip": ip},
                    "related": {"user": [victim.login, victim.id], "ip": [ip]},
                    "message": name,
                })
            },
        )
        .collect()
}
