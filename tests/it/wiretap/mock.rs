//! What passes the tap, shown to mock servers of the vendors' specifications too, where somebody started them.
//!
//! `tests/live/prism` starts them, says in `QUELL_MOCKS` where each is (`okta=http://127.0.0.1:4010,...`) and reads from the
//! file `QUELL_MOCKS_LOG` what they answered. Without these variables nothing of this happens.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::raw_http::Raw;

/// Names the specification that a request belongs to.
fn specification(vendor: &str, path: &str) -> &'static str {
    let path = path.split('?').next().unwrap_or_default();
    match vendor {
        // A log of Google's has the same name.
        _ if path.ends_with("/token") && !path.starts_with("/admin/reports/") => "token",
        "okta" => "okta",
        "keycloak" => "keycloak",
        "entra" => "entra",
        "google" if path.starts_with("/admin/directory/") => "directory",
        "google" if path.starts_with("/admin/reports/") => "reports",
        "google" if path.starts_with("/gmail/") => "gmail",
        "google" => "alertcenter",
        _ => "none",
    }
}

/// Sends a request to the mock server of its specification, and notes what that answered.
pub async fn show(http: &reqwest::Client, vendor: &str, raw: &Raw) {
    let (Ok(places), Ok(log)) = (
        std::env::var("QUELL_MOCKS"),
        std::env::var("QUELL_MOCKS_LOG"),
    ) else {
        return;
    };
    let wanted = specification(vendor, &raw.path);
    let mut places = places.split(',').filter_map(|place| place.split_once('='));
    let Some((_, base)) = places.find(|(name, _)| *name == wanted) else {
        return;
    };
    let method = reqwest::Method::from_bytes(raw.method.as_bytes()).expect("a method");
    let path = raw.path.strip_prefix("/v1.0").unwrap_or(&raw.path);
    let mut request = http.request(method, format!("{base}{path}"));
    for (name, value) in raw.headers.iter().filter(|(name, _)| name != "host") {
        request = request.header(name, value);
    }
    let answer = request.body(raw.body.clone()).send().await;
    let (status, words) = match answer {
        Ok(answer) => {
            let status = answer.status().as_u16();
            (status, answer.text().await.unwrap_or_default())
        }
        Err(error) => (0, error.to_string()),
    };
    // The words of a mock server are wanted only where it refuses; it may be wrong about a `null`, which then stands there.
    let sent = String::from_utf8_lossy(&raw.body);
    let words = match status {
        ..400 => String::new(),
        _ if sent.contains(":null") => format!("{words} for {sent}"),
        _ => words,
    };
    let words = words.replace(['\n', '\t'], " ");
    let line = format!("{wanted}\t{status}\t{}\t{path}\t{words}\n", raw.method);
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)
        .expect("the log can be written");
    file.write_all(line.as_bytes()).expect("the log takes it");
}
