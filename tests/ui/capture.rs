//! A template takes its arguments after it, where their types are checked.

use quell::safe;

fn main() {
    let name = String::from("from outside");
    let _ = safe!("user {name}");
    let _ = safe!("{} of {}", 1);
    let _ = safe!("bell \u{7}");
}
