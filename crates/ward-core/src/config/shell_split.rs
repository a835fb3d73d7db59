//! A string where a list is wanted: PM2's shell-like splitting, for files and for options.

/// Cuts at white space. Quotes around a whole word are taken off; quotes that follow other characters
/// (`--x='y z'`) keep their spaces and stay.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    let mut began = false;
    for c in text.chars() {
        match quote {
            Some(q) => {
                word.push(c);
                if c == q {
                    quote = None;
                }
            }
            None if c.is_whitespace() => {
                if began {
                    words.push(unquoted(std::mem::take(&mut word)));
                    began = false;
                }
            }
            None => {
                if c == '"' || c == '\'' {
                    quote = Some(c);
                }
                began = true;
                word.push(c);
            }
        }
    }
    if began {
        words.push(unquoted(word));
    }
    words
}

fn unquoted(word: String) -> String {
    let mut chars = word.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first @ ('"' | '\'')), Some(last))
            if first == last && !chars.as_str().contains(first) =>
        {
            chars.as_str().to_owned()
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_like() {
        for (text, wanted) in [
            ("", &[][..]),
            ("   ", &[]),
            ("a b", &["a", "b"]),
            ("a \"b c\" d='e f'", &["a", "b c", "d='e f'"]),
            ("a \"b c\" --x='y z'", &["a", "b c", "--x='y z'"]),
            ("''", &[""]),
            ("it's", &["it's"]),
            (
                r#"a "b c" 'd e' k="x y"  z"#,
                &["a", "b c", "d e", "k=\"x y\"", "z"],
            ),
            ("\"a\"b\"c\"", &["\"a\"b\"c\""]),
            ("--port  80\t-v", &["--port", "80", "-v"]),
        ] {
            assert_eq!(words(text), wanted, "{text}");
        }
    }
}
