//! Sentence splitting, for texts without marked boundaries.

use std::ops::Range;

/// The sentences of a text as byte ranges, in order, trimmed: split after sentence-ending marks followed by a space
/// or the end, directly after those of scripts without spaces, and at line breaks. The dot of an abbreviation ends a
/// sentence too; Thai, which has no such marks, is split at line breaks only.
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

/// Like [`sentences`], for a script without sentence-ending marks: a line is split at the first space
/// after `least` letters. Dots are ignored: they belong to abbreviations and numbers.
pub(crate) fn pieces(text: &str, least: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (mut start, mut end, mut letters) = (0, 0, 0);
    for (at, c) in text.char_indices() {
        if c == '\n' || (c.is_whitespace() && letters >= least) {
            out.extend((letters > 0).then_some(start..end));
            letters = 0;
        } else if letters > 0 || !c.is_whitespace() {
            if letters == 0 {
                start = at;
            }
            letters += 1;
            if !c.is_whitespace() {
                end = at + c.len_utf8();
            }
        }
    }
    out.extend((letters > 0).then_some(start..end));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_at_spaces_and_lines() {
        for (text, expected) in [
            ("ab cd ef", vec!["ab cd", "ef"]),
            ("abcdefg hij", vec!["abcdefg", "hij"]),
            (" a b \n c. d ", vec!["a b", "c. d"]),
            ("กขคง จ", vec!["กขคง", "จ"]),
            (" \n ", vec![]),
        ] {
            let got: Vec<&str> = pieces(text, 4).into_iter().map(|range| &text[range]).collect();
            assert_eq!(got, expected);
        }
    }

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
