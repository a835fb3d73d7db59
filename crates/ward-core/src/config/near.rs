//! "Did you mean …".

/// The candidate closest to `word`, when it is close enough to be what was meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| {
            (
                distance(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, a swap of neighbours counting as one.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if j > 0 && previous == Some(y) && b[j - 1] == x {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        previous = Some(x);
        before_last = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, wanted) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("kitten", "sitting", 3),
            ("", "abc", 3),
        ] {
            assert_eq!(distance(a, b), wanted, "{a} {b}");
        }
    }

    #[test]
    fn nearest_is_near() {
        let words = ["max_restarts", "min_uptime", "watch", "name"];
        for (word, wanted) in [
            ("max_restart", Some("max_restarts")),
            ("minuptime", Some("min_uptime")),
            ("wacth", Some("watch")),
            ("Name", Some("name")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, words.into_iter()), wanted, "{word}");
        }
    }
}
