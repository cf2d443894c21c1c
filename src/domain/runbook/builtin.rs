//! The runbooks that quell brings along, embedded in the binary; a configured folder overrides them.

/// Gives every runbook of our own as file name and text.
pub fn builtin() -> &'static [(&'static str, &'static str)] {
    &[(
        "compromised-account.md",
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/runbooks/compromised-account.md"
        )),
    )]
}
