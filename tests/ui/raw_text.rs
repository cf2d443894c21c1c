//! Text from outside cannot become `Safe` but through `show`.
//!
//! Arguments of `safe!` are tried in the doc tests: the compiler's message there lists other types.

use quell::domain::text::{Safe, Untrusted};

fn main() {
    let text = String::from("from outside");
    let _ = Safe::fixed(text.as_str());
    let _ = Safe::from(text.as_str());
    let _: Safe = text.clone().into();
    let _ = Safe { text: text.clone() };
    let untrusted = Untrusted::new(text);
    let _: Safe = untrusted.into();
    println!("{untrusted}");
}
