//! The known word that an unknown one was probably meant to be, for "did you mean …".

/// The candidate closest to `word` without regard to case, when it is close enough to be what was meant:
/// one edit in words of up to five letters, two up to eight, three in longer ones. A swap of neighbours
/// counts as one edit.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let word = word.to_lowercase();
    candidates
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

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
