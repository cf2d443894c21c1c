//! Which rights of an application reach so far that a grant of them counts by itself: whole mailboxes, all files, the
//! directory.
//!
//! Source: Google's OAuth 2.0 scopes; permissions of Microsoft Graph and Exchange Online.

use super::fields::path;
use super::tree::Value;

/// Google's scopes, without the address in front of them.
const GOOGLE: [&str; 12] = [
    "gmail.readonly",
    "gmail.modify",
    "gmail.insert",
    "gmail.settings.sharing",
    "drive",
    "drive.readonly",
    "ediscovery",
    "cloud-platform",
    "cloud_search",
    "cloud_search.query",
    "apps.groups.settings",
    "devstorage.full_control",
];

/// Tells whether a text names such a right among its words.
pub(super) fn reach_far(text: &str) -> bool {
    let is_part =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@');
    text.split(|c| !is_part(c))
        .any(|word| google(word) || microsoft(word))
}

/// Tells whether changed properties, in the form of Entra's audit or of Microsoft 365, name such a right.
pub(super) fn changes_reach_far(changes: &Value) -> bool {
    let all = changes.as_array().into_iter().flatten();
    all.filter(|one| {
        let name = path(one, "displayName").or_else(|| path(one, "name"));
        let name = name
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_ascii_lowercase();
        ["permission", "scope", "approle"]
            .iter()
            .any(|part| name.contains(part))
    })
    .any(|one| {
        path(one, "newValue")
            .and_then(Value::as_str)
            .is_some_and(reach_far)
    })
}

fn google(word: &str) -> bool {
    let word = word.trim_end_matches('/');
    if word == "https://mail.google.com" {
        return true;
    }
    let name = word.strip_prefix("https://www.googleapis.com/auth/");
    name.is_some_and(|name| name.starts_with("admin.") || GOOGLE.contains(&name))
}

fn microsoft(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let starts = |heads: &[&str]| heads.iter().any(|head| name.starts_with(head));
    let all = name.rsplit('.').next() == Some("all");
    name == "full_access_as_app"
        || name == "mailboxsettings.readwrite"
        || name == "mail.read"
        || name == "mail.readwrite"
        || starts(&["mail.read.", "mail.readwrite.", "rolemanagement.readwrite."])
        || all && (starts(&["files.", "sites."]) || name.contains("accessasuser"))
        || all && name.contains(".readwrite.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://www.googleapis.com/auth/admin.directory.user", true)]
    #[case("openid https://mail.google.com/", true)]
    #[case("https://www.googleapis.com/auth/drive", true)]
    #[case("https://www.googleapis.com/auth/drive.file", false)]
    #[case(
        "https://www.googleapis.com/auth/calendar https://www.googleapis.com/auth/gmail.send",
        false
    )]
    #[case("Mail.ReadWrite Mail.Send offline_access", true)]
    #[case(
        "[] => [[Id: x, Scope:  https://graph.microsoft.com/Files.Read.All, CreatedDateTime: ]]",
        true
    )]
    #[case("EWS.AccessAsUser.All", true)]
    #[case("User.Read openid profile Mail.ReadBasic", false)]
    #[case("", false)]
    fn far_and_near(#[case] text: &str, #[case] far: bool) {
        assert_eq!(reach_far(text), far, "{text}");
    }
}
