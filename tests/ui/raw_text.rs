//! Text from outside cannot become `Safe` but through `show`.

use quell::domain::text::{Safe, Untrusted, safe};

fn main() {
    let text = String::from("from outside");
    let _ = Safe::fixed(text.as_str());
    let _ = Safe::from(text.as_str());
    let _: Safe = text.clone().into();
    let _ = Safe { text: text.clone() };
    let _ = safe!("{}", text.as_str());
    let _ = safe!("{}", text);
    let untrusted = Untrusted::new(text);
    let _ = safe!("{}", untrusted);
    let _: Safe = untrusted.into();
    println!("{untrusted}");
}
