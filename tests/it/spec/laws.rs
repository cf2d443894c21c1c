//! What the judge must let pass and what it must refuse.

use super::*;

fn headers(word: &str) -> Vec<(String, String)> {
    vec![
        ("authorization".to_owned(), format!("{word} x")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ]
}

fn request(vendor: &str, method: &str, path: &str, body: &Value) -> Result<(), String> {
    let word = match vendor {
        "okta" => "SSWS",
        "thehive" => "Bearer",
        _ => "ApiKey",
    };
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    check_request(vendor, method, path, &headers(word), &body)
}

#[test]
fn right_requests_pass() {
    if !specifications("spec::right_requests_pass") {
        return;
    }
    let search = json!({
        "pit": {"id": "x", "keep_alive": "1m"}, "size": 100, "_source": ["@timestamp", "event"],
        "sort": [{"@timestamp": {"order": "asc"}}, {"_shard_doc": "asc"}], "search_after": [1_790_000_000_000_i64, 4],
        "track_total_hits": true,
        "query": {"bool": {"filter": [{"term": {"user.id": "a"}}, {"range": {"@timestamp": {"gte": "now-24h"}}}]}},
    });
    let query = json!({"query": [
        {"_name": "listCase"},
        {"_name": "filter", "_and": [{"_eq": {"_field": "status", "_value": "New"}}]},
        {"_name": "sort", "_fields": [{"_createdAt": "desc"}]},
        {"_name": "page", "from": 0, "to": 15, "extraData": ["taskStats"]},
    ]});
    for (vendor, method, path, body) in [
        ("okta", "GET", "/api/v1/users/abc", Value::Null),
        (
            "okta",
            "GET",
            "/api/v1/logs?since=2026-01-01T00:00:00Z&limit=100&sortOrder=ASCENDING",
            Value::Null,
        ),
        (
            "okta",
            "POST",
            "/api/v1/users/abc/lifecycle/suspend",
            Value::Null,
        ),
        (
            "okta",
            "DELETE",
            "/api/v1/users/abc/sessions?oauthTokens=true",
            Value::Null,
        ),
        ("thehive", "POST", "/api/v1/query?name=cases", query),
        (
            "thehive",
            "PATCH",
            "/api/v1/case/~12",
            json!({"status": "InProgress", "addTags": ["x"]}),
        ),
        (
            "thehive",
            "POST",
            "/api/v1/case/~12/comment",
            json!({"message": "x"}),
        ),
        (
            "elasticsearch",
            "POST",
            "/logs-*/_pit?keep_alive=1m",
            Value::Null,
        ),
        ("elasticsearch", "POST", "/_search", search),
        ("elasticsearch", "DELETE", "/_pit", json!({"id": "x"})),
    ] {
        assert_eq!(
            request(vendor, method, path, &body),
            Ok(()),
            "{method} {path}"
        );
    }
}

#[test]
fn misspelt_requests_fail() {
    if !specifications("spec::misspelt_requests_fail") {
        return;
    }
    let eq =
        |field: &str| json!({"query": [{"_name": "listCase"}, {"_name": "filter", field: {}}]});
    for (vendor, method, path, body) in [
        (
            "okta",
            "POST",
            "/api/v1/users/abc/lifecycle/suspnd",
            Value::Null,
        ),
        (
            "okta",
            "PUT",
            "/api/v1/users/abc/lifecycle/suspend",
            Value::Null,
        ),
        (
            "okta",
            "DELETE",
            "/api/v1/users/abc/sessions?oauthToken=true",
            Value::Null,
        ),
        (
            "okta",
            "DELETE",
            "/api/v1/users/abc/sessions?oauthTokens=yes",
            Value::Null,
        ),
        ("okta", "GET", "/api/v1/logs?limit=many", Value::Null),
        ("okta", "GET", "/api/v1/logs?sortOrder=DOWN", Value::Null),
        ("okta", "GET", "/api/v1/users//sessions", Value::Null),
        (
            "thehive",
            "PATCH",
            "/api/v1/case/~12",
            json!({"stauts": "InProgress"}),
        ),
        (
            "thehive",
            "PATCH",
            "/api/v1/case/~12",
            json!({"severity": 7}),
        ),
        (
            "thehive",
            "POST",
            "/api/v1/case/~12/comment",
            json!({"text": "x"}),
        ),
        ("thehive", "POST", "/api/v1/case/~12/comment", Value::Null),
        (
            "thehive",
            "POST",
            "/api/v1/query",
            json!({"query": [{"_name": "listCases"}]}),
        ),
        ("thehive", "POST", "/api/v1/query", eq("_eqq")),
        ("elasticsearch", "POST", "/logs-*/_pit", Value::Null),
        (
            "elasticsearch",
            "POST",
            "/_search",
            json!({"pitt": {"id": "x"}}),
        ),
        (
            "elasticsearch",
            "POST",
            "/_search",
            json!({"query": {"term": {"a": {"valu": 1}}}}),
        ),
        (
            "elasticsearch",
            "POST",
            "/_search",
            json!({"query": {"bool": {"filer": []}}}),
        ),
        ("elasticsearch", "DELETE", "/_pit", json!({"ids": "x"})),
    ] {
        assert!(
            request(vendor, method, path, &body).is_err(),
            "{method} {path} {body}"
        );
    }
    assert!(check_request("okta", "GET", "/api/v1/users/a", &headers("Basic"), b"").is_err());
}

#[test]
fn wrong_answers_fail() {
    if !specifications("spec::wrong_answers_fail") {
        return;
    }
    for (vendor, method, path, status, body) in [
        (
            "okta",
            "GET",
            "/api/v1/users/a",
            200,
            r#"{"status":"LOCKED"}"#,
        ),
        (
            "okta",
            "GET",
            "/api/v1/logs",
            200,
            r#"[{"published":"yesterday"}]"#,
        ),
        ("okta", "DELETE", "/api/v1/users/a/sessions", 204, "{}"),
        ("okta", "GET", "/api/v1/users/a", 418, "{}"),
        ("thehive", "GET", "/api/v1/case/1", 200, r#"{"_id":"~1"}"#),
        (
            "thehive",
            "POST",
            "/api/v1/query",
            200,
            r#"[{"_type":"Case"}]"#,
        ),
        ("elasticsearch", "POST", "/_search", 200, r#"{"hits":{}}"#),
        (
            "elasticsearch",
            "POST",
            "/_search",
            404,
            r#"{"error":"no"}"#,
        ),
    ] {
        assert!(
            check_answer(vendor, method, path, status, body.as_bytes()).is_err(),
            "{path} {body}"
        );
    }
}
