//! As much of Rust's lexis as it takes to see imports and calls without being fooled by comments and texts.

/// A word or a sign of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'c> {
    pub(super) line: usize,
    pub(super) text: &'c str,
}

/// Blanks out comments, texts and characters; lines stay where they are.
pub(super) fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(
                chars[at..end]
                    .iter()
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    code
}

/// Gives where the comment, text or character that begins here ends; the same place if none begins.
fn skip(chars: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    let within_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if is(0, '/') && is(1, '/') {
        return chars[at..]
            .iter()
            .position(|c| *c == '\n')
            .map_or(chars.len(), |end| at + end);
    }
    if is(0, '/') && is(1, '*') {
        return block_end(chars, at);
    }
    if is(0, '"') {
        return text_end(chars, at + 1);
    }
    if is(0, 'r') && !raw_prefix(chars, at, within_word) {
        return at;
    }
    if is(0, 'r') {
        let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
        return raw_end(chars, at + 2 + hashes, hashes);
    }
    if is(0, '\'') {
        // A character has its end after one character or an escape; a lifetime has none.
        if is(1, '\\') {
            return chars[at + 3..]
                .iter()
                .position(|c| *c == '\'')
                .map_or(chars.len(), |end| at + end + 4);
        }
        if is(2, '\'') {
            return at + 3;
        }
    }
    at
}

/// Tells whether `r` begins a raw text here, also after `b` or `c`.
fn raw_prefix(chars: &[char], at: usize, within_word: bool) -> bool {
    let after = chars[at + 1..].iter().find(|c| **c != '#');
    let word_before = at > 1 && (chars[at - 2].is_alphanumeric() || chars[at - 2] == '_');
    let prefixed = at > 0 && matches!(chars[at - 1], 'b' | 'c') && !word_before;
    after == Some(&'"') && (!within_word || prefixed)
}

fn block_end(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn text_end(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_end(chars: &[char], from: usize, hashes: usize) -> usize {
    let closes = |at: usize| {
        chars[at] == '"' && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    (from..chars.len())
        .find(|at| closes(*at))
        .map_or(chars.len(), |at| at + 1 + hashes)
}

/// Cuts out every item behind `#[cfg(test)]`: a module with its body, or a single item.
pub(super) fn without_tests(code: &str) -> String {
    let mut rest = code;
    let mut own = String::new();
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        own.push_str(before);
        let mut depth = 0_usize;
        let end = after.find(|c: char| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(c, '}' | ';')
        });
        rest = end.and_then(|end| after.get(end + 1..)).unwrap_or_default();
    }
    own + rest
}

/// Splits code into words, `::`, and single signs.
pub(super) fn tokens_of(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (at, mut rest) in code.lines().enumerate() {
        while let Some(first) = rest.chars().next() {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let length = if word(first) {
                rest.find(|c: char| !word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (text, after) = rest.split_at(length);
            if !first.is_whitespace() {
                tokens.push(Token { line: at + 1, text });
            }
            rest = after;
        }
    }
    tokens
}

/// Gives every path of the code with its line: calls and types as written, imports taken apart.
pub(super) fn paths_of<'c>(tokens: &[Token<'c>]) -> Vec<(usize, Vec<&'c str>)> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_word(&tokens[at]) {
            at = read_path(tokens, at, &[], &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

/// Reads a path and, where it ends in braces, what stands in them; gives the place behind it.
fn read_path<'c>(
    tokens: &[Token<'c>],
    from: usize,
    before: &[&'c str],
    paths: &mut Vec<(usize, Vec<&'c str>)>,
) -> usize {
    let mut segments = before.to_vec();
    let mut at = from;
    let line = tokens[from].line;
    loop {
        segments.push(tokens[at].text);
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        match tokens.get(at + 1) {
            Some(next) if is_word(next) => at += 1,
            // `a::{b, c}` occurs in imports only.
            Some(next) if next.text == "{" => {
                at += 2;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    if is_word(&tokens[at]) {
                        at = read_path(tokens, at, &segments, paths);
                    } else {
                        at += 1;
                    }
                }
                return at + 1;
            }
            _ => break,
        }
    }
    paths.push((line, segments));
    at
}

fn is_word(token: &Token<'_>) -> bool {
    token
        .text
        .starts_with(|c: char| c.is_alphanumeric() || c == '_')
}
