//! Suggestions for unknown names.

/// The candidate with the smallest edit distance (Levenshtein 1966), the first on ties; `None` if more than
/// half of the letters would change. Abbreviations count as near too: `lr` is near `learning_rate`, which
/// contains its letters in order, starting with the first.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    let candidates: Vec<(&str, String)> = candidates.into_iter().map(|c| (c, c.to_lowercase())).collect();
    let by_letters = candidates
        .iter()
        .map(|(candidate, lower)| (distance(&word, lower), lower.chars().count(), *candidate))
        .filter(|(distance, other, _)| distance * 2 <= length.max(*other))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate);
    by_letters.or_else(|| {
        let short = candidates.iter().filter(|(_, lower)| abbreviates(&word, lower));
        short.min_by_key(|(_, lower)| lower.chars().count()).map(|(candidate, _)| *candidate)
    })
}

/// Edit distance: letters inserted, removed or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn abbreviates(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    !short.is_empty()
        && short.chars().next() == long.chars().next()
        && short.chars().all(|c| rest.any(|l| l == c))
}

/// A suggestion for serde's `unknown field`, `unknown variant` and similar errors: the nearest of the names
/// that the message lists.
pub fn did_you_mean(message: &str) -> Option<String> {
    let (head, tail) = message.split_once(", expected ").filter(|(head, _)| head.contains("unknown "))?;
    let quoted =
        |text: &'_ str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(String::from).collect() };
    let wrong = quoted(head).pop()?;
    let valid = quoted(tail);
    nearest(&wrong, valid.iter().map(String::as_str)).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("wärme", "warme", 1), ("abc", "", 3)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_name_or_none() {
        let keys = ["name", "batch", "warmup", "learning_rate", "embedding_rate", "max_tokens"];
        for (word, expected) in [
            ("warm_up", Some("warmup")),
            ("Batch_size", Some("batch")),
            ("learn_rate", Some("learning_rate")),
            ("lr", Some("learning_rate")),
            ("tokens", Some("max_tokens")),
            ("quux", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        #[serde(rename = "warmup")]
        _warmup: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
    enum Many {
        CrossLingual {
            #[serde(rename = "alpha")]
            _alpha: f64,
        },
        Hybrid,
    }

    #[test]
    fn serde_lists_what_it_expected() {
        let problem = |json: &str| serde_json::from_str::<Many>(json).unwrap_err().to_string();
        let one = serde_json::from_str::<One>(r#"{"warm_up":1}"#).unwrap_err().to_string();
        assert_eq!(did_you_mean(&one).unwrap(), "did you mean `warmup`?");
        let kind = problem(r#"{"kind":"crosslingual"}"#);
        assert_eq!(did_you_mean(&kind).unwrap(), "did you mean `cross-lingual`?");
        let field = problem(r#"{"kind":"cross-lingual","alfa":1}"#);
        assert_eq!(did_you_mean(&field).unwrap(), "did you mean `alpha`?");
        assert_eq!(did_you_mean(&problem(r#"{"alpha":1}"#)), None);
        assert_eq!(did_you_mean("missing field `alpha`"), None);
    }
}
