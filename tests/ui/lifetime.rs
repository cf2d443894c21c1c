//! A `&str` is own text only where it lives as long as the program.

use quell::domain::text::{Safe, safe};

fn fixed(text: &str) -> Safe {
    Safe::fixed(text)
}

fn template(text: &str) -> Safe {
    safe!("{}", text)
}

fn main() {
    let _ = (fixed("a"), template("b"));
}
