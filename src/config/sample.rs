//! The sample configuration: a commented file that parses, and documents every field.

/// The text that `quell init` writes: all sections and fields, each with its meaning and default.
pub const SAMPLE: &str = include_str!("sample.toml");
