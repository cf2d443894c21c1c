//! Words that tell an order from a name: *Block the sender* is a step, *Slow disk issue* is not.
//!
//! What must not live here: Markdown, and any word that is not the first of its sentence.

/// Verbs that orders of a response begin with, sorted.
#[rustfmt::skip]
const VERBS: &[&str] = &[
    "acquire", "activate", "add", "address", "adjust", "alert", "analyse", "analyze", "apply", "archive", "ask",
    "assemble", "assess", "assign", "attach", "audit", "backup", "ban", "begin", "block", "bring", "build", "call",
    "capture", "categorise", "categorize", "change", "check", "choose", "classify", "clean", "clear", "click",
    "close", "collate", "collect", "communicate", "compare", "complete", "conduct", "configure", "confirm", "connect",
    "consider", "consult", "contact", "contain", "continue", "coordinate", "copy", "correlate", "create", "cut",
    "deactivate", "decide", "decode", "define", "delete", "deny", "deploy", "detach", "detect", "determine", "develop",
    "disable", "disconnect", "discuss", "document", "download", "draft", "draw", "educate", "elevate", "eliminate",
    "enable", "engage", "enrich", "ensure", "enumerate", "eradicate", "escalate", "establish", "evaluate", "examine",
    "execute", "expand", "export", "extract", "file", "filter", "find", "focus", "follow", "force", "gather",
    "generate", "get", "go", "harden", "hunt", "identify", "implement", "improve", "inform", "initiate", "inspect",
    "install", "interview", "inventory", "investigate", "invoke", "isolate", "issue", "join", "keep", "kill", "limit",
    "list", "locate", "lock", "log", "look", "maintain", "make", "map", "mark", "measure", "migrate", "mitigate",
    "monitor", "move", "navigate", "notify", "observe", "obtain", "open", "patch", "pause", "perform", "pivot",
    "place", "plan", "post", "power", "practice", "prepare", "preserve", "prevent", "prioritise", "prioritize",
    "protect", "provide", "pull", "purge", "put", "quarantine", "query", "raise", "re-enable", "re-image", "rebuild",
    "recall", "record", "recover", "reduce", "refer", "refine", "register", "reimage", "reinforce", "reinstall",
    "release", "remediate", "remove", "repeat", "replace", "report", "request", "require", "reset", "resolve",
    "respond", "restart", "restore", "restrict", "retain", "retrieve", "return", "review", "revoke", "rotate", "run",
    "save", "scan", "schedule", "scope", "search", "secure", "see", "select", "send", "separate", "set", "share",
    "shut", "sign", "start", "stop", "store", "submit", "summarize", "suspend", "switch", "synthesize", "tag", "take",
    "talk", "tell", "terminate", "test", "throttle", "track", "train", "triage", "trigger", "tune", "turn", "unblock",
    "undo", "update", "upload", "use", "validate", "verify", "view", "wait", "warn", "watch", "wipe", "work", "write",
];

/// Words before the verb that change nothing of the order.
const BEFORE: &[&str] = &[
    "then",
    "now",
    "immediately",
    "next",
    "please",
    "also",
    "optionally",
    "thoroughly",
    "do",
    "don't",
];

/// Tells whether a text begins like an order.
pub(super) fn is_order(text: &str) -> bool {
    let mut words = text
        .split(|c: char| c.is_whitespace() || ",:;.()[]*`\"/".contains(c))
        .filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return false;
    };
    if !BEFORE.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return is_verb(first);
    }
    words
        .next()
        .is_some_and(|second| second.eq_ignore_ascii_case("not") || is_verb(second))
}

fn is_verb(word: &str) -> bool {
    let lower = || word.bytes().map(|byte| byte.to_ascii_lowercase());
    VERBS
        .binary_search_by(|verb| verb.bytes().cmp(lower()))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_verbs_are_sorted() {
        assert!(VERBS.is_sorted());
    }

    #[rstest]
    #[case("Block a domain name on the mail server", true)]
    #[case("Re-enable the account", true)]
    #[case("Do not log in", true)]
    #[case("Then review:", true)]
    #[case("Slow disk issue", false)]
    #[case("Evidence Documentation", false)]
    #[case("Is the IP marked as risky?", false)]
    #[case("", false)]
    fn orders(#[case] text: &str, #[case] order: bool) {
        assert_eq!(is_order(text), order);
    }
}
