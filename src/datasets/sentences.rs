//! Where sentences end, for texts that come without marks for it.

use std::ops::Range;

/// The sentences of a text as byte ranges, in order, without the spaces around them: cut after
/// sentence-ending marks where a space or the end follows, or at once after those of scripts that
/// have no space there, and at line breaks. An abbreviation's dot ends a sentence too; Thai, which
/// writes no marks, is cut at line breaks alone.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut push = |range: Range<usize>| {
        let part = &text[range.clone()];
        let start = range.start + (part.len() - part.trim_start().len());
        let end = start + part.trim().len();
        if start < end {
            out.push(start..end);
        }
    };
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|&(_, next)| next);
        let ends = match c {
            '。' | '！' | '？' => !matches!(next, Some('」' | '』' | '”')),
            '.' | '!' | '?' | '।' | '؟' | '۔' => next.is_none_or(char::is_whitespace),
            '\n' => true,
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            push(start..end);
            start = end;
        }
    }
    push(start..text.len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_in_every_script() {
        for (text, expected) in [
            ("One 1.5 two. Three? Four", vec!["One 1.5 two.", "Three?", "Four"]),
            ("一。二？三", vec!["一。", "二？", "三"]),
            ("他说「好。」走了。", vec!["他说「好。」走了。"]),
            ("एक। दो।", vec!["एक।", "दो।"]),
            ("أين؟ هنا.", vec!["أين؟", "هنا."]),
            (" \n a\n\nb ", vec!["a", "b"]),
            ("", vec![]),
        ] {
            let got: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(got, expected);
        }
    }
}
