//! On which line of a JSON text each key stands.
//!
//! `serde_json` keeps no positions, so this walks the text once more, looking only
//! at strings, braces and line ends. It is given text that has already parsed; on
//! other text its answer is incomplete, never a panic.

use std::collections::HashMap;

/// The line (from 1) of every key, by its dotted path.
pub fn lines_of_keys(text: &str) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    let mut line = 1;
    // One entry per open brace or bracket: the key that it is the value of.
    let mut open: Vec<String> = Vec::new();
    let mut last_string = (String::new(), 1);
    let mut current_key = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\n' => line += 1,
            '"' => last_string = (string(&mut characters), line),
            ':' => {
                let above = open.last().map_or("", String::as_str);
                let (name, at) = &last_string;
                current_key = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
                lines.insert(current_key.clone(), *at);
            }
            '{' | '[' => open.push(current_key.clone()),
            '}' | ']' => {
                open.pop();
            }
            _ => {}
        }
    }
    lines
}

/// The rest of a string whose opening quote has been taken.
fn string(characters: &mut std::str::Chars<'_>) -> String {
    let mut content = String::new();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => content.extend(characters.next()),
            other => content.push(other),
        }
    }
    content
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn braces_and_colons_inside_strings_and_lists_do_not_confuse_it() {
        let text = "{\"a\": \"x: {\\\"\",\n\"b\": [\"c: {\", \"d\"],\n\"e\": {\n\"f\": 1}, \"g\": 2}";
        let lines = lines_of_keys(text);
        let line = |key: &str| lines.get(key).copied();
        assert_eq!(
            [line("a"), line("b"), line("e"), line("e.f"), line("g")],
            [Some(1), Some(2), Some(3), Some(4), Some(4)]
        );
        assert_eq!(lines.len(), 5);
    }
}
