//! Language detection for short texts: by script where that decides, else by letters, common words and, for
//! longer texts, trigrams (the whatlang crate).

use whatlang::{Detector, Lang};

/// The language code of `text`; `None` if undecided.
///
/// Meant for queries and passages of a few words or more, primarily in XQuAD-R's eleven languages.
pub fn detect(text: &str) -> Option<&'static str> {
    // The beginning of a long passage is enough.
    let head: String = text.chars().take(1_000).collect();
    let counts = Scripts::of(&head);
    let letters: usize = counts.0.iter().sum();
    let (most, n) = counts.most()?;
    if n == 0 {
        return None;
    }
    match most {
        // Latin names are common in Chinese and Japanese, and so is kanji in Japanese.
        Script::Han | Script::Kana => {
            let kana = counts.0[Script::Kana as usize];
            Some(if kana * 10 > n { "ja" } else { "zh" })
        }
        Script::Latin => counts.minority(letters).or_else(|| latin(&head)),
        script => other(script, &head),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Arabic,
    Greek,
    Devanagari,
    Cyrillic,
    Thai,
    Han,
    Kana,
    Hangul,
    Hebrew,
    Bengali,
    Telugu,
}

const SCRIPTS: [Script; 12] = [
    Script::Latin,
    Script::Arabic,
    Script::Greek,
    Script::Devanagari,
    Script::Cyrillic,
    Script::Thai,
    Script::Han,
    Script::Kana,
    Script::Hangul,
    Script::Hebrew,
    Script::Bengali,
    Script::Telugu,
];

fn script(c: char) -> Option<Script> {
    Some(match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Script::Latin,
        '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{FB50}'..='\u{FEFC}' => Script::Arabic,
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Script::Greek,
        '\u{900}'..='\u{97F}' => Script::Devanagari,
        '\u{400}'..='\u{52F}' => Script::Cyrillic,
        '\u{E00}'..='\u{E7F}' => Script::Thai,
        '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{2FA1F}' => Script::Han,
        '\u{3041}'..='\u{30FF}' => Script::Kana,
        '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' => Script::Hangul,
        '\u{590}'..='\u{5FF}' => Script::Hebrew,
        '\u{980}'..='\u{9FF}' => Script::Bengali,
        '\u{C00}'..='\u{C7F}' => Script::Telugu,
        _ => return None,
    })
}

/// Number of letters in each script.
struct Scripts([usize; SCRIPTS.len()]);

impl Scripts {
    fn of(text: &str) -> Self {
        let mut counts = [0; SCRIPTS.len()];
        for script in text.chars().filter(|c| c.is_alphabetic()).filter_map(script) {
            counts[script as usize] += 1;
        }
        Self(counts)
    }

    /// The script with the most letters; Han and kana count as one.
    fn most(&self) -> Option<(Script, usize)> {
        let mut counts = self.0;
        counts[Script::Han as usize] += counts[Script::Kana as usize];
        counts[Script::Kana as usize] = 0;
        SCRIPTS.into_iter().zip(counts).max_by_key(|&(_, n)| n)
    }

    /// The language of a text with more Latin letters than others, if those make up more than a fifth of all
    /// letters (Han counts three times): a short question about a long English name is written in the script
    /// around the name.
    fn minority(&self, letters: usize) -> Option<&'static str> {
        let mut rest = Self(self.0);
        rest.0[Script::Latin as usize] = 0;
        let (script, _) = rest.most()?;
        let n: usize = rest.0.iter().sum();
        // A Han character is a word; a letter of another script may belong to a formula.
        let weight = if script == Script::Han { 3 } else { 1 };
        (n * weight * 5 > letters && n * weight > 2).then(|| only(script)).flatten()
    }
}

/// The language that a script alone suggests.
fn only(script: Script) -> Option<&'static str> {
    Some(match script {
        Script::Latin => return None,
        Script::Arabic => "ar",
        Script::Greek => "el",
        Script::Devanagari => "hi",
        Script::Cyrillic => "ru",
        Script::Thai => "th",
        Script::Han => "zh",
        Script::Kana => "ja",
        Script::Hangul => "ko",
        Script::Hebrew => "he",
        Script::Bengali => "bn",
        Script::Telugu => "te",
    })
}

/// Languages that share a script, told apart by letters that only one of them has.
fn other(script: Script, text: &str) -> Option<&'static str> {
    let has = |letters: &str| text.chars().any(|c| letters.contains(c));
    match script {
        Script::Arabic if has("ٹڈڑےںہھ") => Some("ur"),
        Script::Arabic if has("پچژگکی") && !has("يكة") => Some("fa"),
        Script::Cyrillic if has("іїєґІЇЄҐ") => Some("uk"),
        // Trigrams often take short Russian for Bulgarian, which uses this letter a lot.
        Script::Cyrillic if has("ъЪ") && !has("ыэёЫЭЁ") => {
            let allowed = vec![Lang::Rus, Lang::Bul];
            let found = Detector::with_allowlist(allowed).detect(text);
            Some(found.filter(|f| f.lang() == Lang::Bul).map_or("ru", |_| "bg"))
        }
        _ => only(script),
    }
}

/// Languages in Latin script, told apart by letters and words. The words are the most frequent ones, question
/// words above all; a word may be listed for several languages.
struct Latin {
    code: &'static str,
    lang: Lang,
    letters: &'static str,
    words: &'static [&'static str],
}

#[rustfmt::skip]
static LATIN: [Latin; 15] = [
    Latin { code: "en", lang: Lang::Eng, letters: "", words: &["the", "of", "is", "are", "was", "were", "what", "who", "how", "when", "where", "which", "why", "did", "does", "do", "to", "and", "for", "from", "with", "by", "many", "much", "has", "have", "that", "this", "it", "a", "an", "in", "on", "at", "be", "can", "you", "i", "my", "not", "his", "their"] },
    Latin { code: "de", lang: Lang::Deu, letters: "äöüß", words: &["der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "ist", "sind", "war", "waren", "wird", "wurde", "wurden", "was", "wer", "wie", "wann", "wo", "welche", "welcher", "welches", "welchem", "welchen", "warum", "und", "von", "vom", "zu", "zur", "zum", "mit", "für", "auf", "im", "in", "an", "bei", "nicht", "viele", "viel", "hat", "haben", "hatte", "sich", "es", "ich", "man", "kann", "nach", "aus", "als", "auch", "wofür", "womit", "wen", "wem"] },
    Latin { code: "es", lang: Lang::Spa, letters: "ñ¿¡áéíóú", words: &["el", "la", "los", "las", "un", "una", "de", "del", "que", "qué", "quién", "quiénes", "cómo", "cuándo", "cuál", "cuáles", "cuánto", "cuántos", "cuántas", "cuánta", "dónde", "por", "para", "con", "en", "es", "son", "fue", "era", "fueron", "y", "se", "su", "sus", "al", "a", "no", "tiene", "hay", "está", "ha", "lo", "le", "qu", "como", "donde", "cuando", "más", "muy"] },
    Latin { code: "tr", lang: Lang::Tur, letters: "ğışİçöü", words: &["ve", "bir", "bu", "ne", "kim", "nasıl", "nerede", "nereye", "neden", "niçin", "hangi", "kaç", "zaman", "için", "ile", "mi", "mı", "mu", "mü", "da", "de", "olarak", "en", "kadar", "göre", "nedir", "kimdir", "var", "olan", "oldu", "daha", "hangisi", "nelerdir", "nereden", "ama", "çok", "ya", "kimin", "neyi", "neye"] },
    Latin { code: "vi", lang: Lang::Vie, letters: "ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ", words: &["là", "gì", "ai", "của", "và", "các", "có", "được", "trong", "nào", "khi", "cho", "một", "những", "với", "bao", "nhiêu", "đâu", "sao", "không", "cái", "con", "người", "năm", "ở", "từ", "theo", "tên", "thế", "hai"] },
    Latin { code: "fr", lang: Lang::Fra, letters: "éèêàâçœîôûëï", words: &["le", "la", "les", "un", "une", "des", "de", "du", "et", "est", "sont", "qui", "que", "quoi", "quel", "quelle", "quels", "quelles", "comment", "quand", "où", "pourquoi", "combien", "dans", "en", "par", "pour", "avec", "sur", "il", "elle", "ce", "cette", "pas", "ne", "au", "aux", "se", "sa", "son", "été", "était", "a", "à", "d", "l", "qu"] },
    Latin { code: "it", lang: Lang::Ita, letters: "èàòùìé", words: &["il", "lo", "la", "i", "gli", "le", "un", "una", "di", "del", "della", "dei", "delle", "che", "chi", "cosa", "come", "quando", "dove", "quale", "quali", "quanto", "quanti", "perché", "per", "con", "in", "è", "sono", "e", "nel", "nella", "si", "non", "da", "al", "alla", "era", "ha", "su", "qual"] },
    Latin { code: "pt", lang: Lang::Por, letters: "ãõçáéíóúâêô", words: &["o", "a", "os", "as", "um", "uma", "de", "do", "da", "dos", "das", "que", "quem", "como", "quando", "onde", "qual", "quais", "quanto", "quantos", "quantas", "por", "para", "com", "em", "no", "na", "é", "são", "foi", "e", "se", "não", "ao", "à", "mais", "está"] },
    Latin { code: "nl", lang: Lang::Nld, letters: "", words: &["de", "het", "een", "van", "is", "zijn", "was", "wat", "wie", "hoe", "wanneer", "waar", "welke", "welk", "waarom", "en", "in", "op", "met", "voor", "door", "niet", "hoeveel", "er", "dat", "die", "aan", "naar", "werd", "wordt", "uit", "te", "heeft", "om", "bij"] },
    Latin { code: "pl", lang: Lang::Pol, letters: "ąćęłńśźż", words: &["i", "w", "z", "na", "do", "jest", "są", "był", "była", "co", "kto", "jak", "kiedy", "gdzie", "który", "która", "które", "dlaczego", "ile", "czy", "nie", "się", "to", "jaki", "jaka", "jakie", "od", "po", "przez", "dla"] },
    Latin { code: "cs", lang: Lang::Ces, letters: "ěščřžýůťďň", words: &["a", "v", "z", "na", "do", "je", "jsou", "byl", "byla", "co", "kdo", "jak", "kdy", "kde", "který", "která", "které", "proč", "kolik", "ne", "se", "to", "jaký", "jaká", "od", "po", "pro", "ve", "s", "si"] },
    Latin { code: "sv", lang: Lang::Swe, letters: "åäö", words: &["och", "i", "en", "ett", "är", "var", "vad", "vem", "hur", "när", "vilken", "vilket", "vilka", "varför", "av", "på", "med", "för", "till", "från", "inte", "det", "den", "som", "att", "många", "de", "har", "om", "hette", "vilkens", "finns"] },
    Latin { code: "fi", lang: Lang::Fin, letters: "äö", words: &["ja", "on", "mikä", "kuka", "miten", "milloin", "missä", "miksi", "kuinka", "monta", "ei", "se", "oli", "ovat", "että", "mitä", "minkä", "kun", "mutta", "joka", "mistä", "mihin", "montako"] },
    Latin { code: "hu", lang: Lang::Hun, letters: "őűöüáéíóú", words: &["a", "az", "és", "egy", "mi", "ki", "hogyan", "mikor", "hol", "melyik", "miért", "hány", "mennyi", "nem", "van", "volt", "hogy", "is", "milyen", "meg", "de", "mit", "melyek", "ez"] },
    Latin { code: "id", lang: Lang::Ind, letters: "", words: &["yang", "dan", "di", "apa", "siapa", "bagaimana", "kapan", "mana", "mengapa", "berapa", "dari", "untuk", "dengan", "pada", "adalah", "ini", "itu", "ke", "tidak", "dalam", "oleh", "ada", "apakah", "sebuah", "banyak", "dimana"] },
];

fn latin(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
    let shape = whatlang_scores(text);
    let long = text.chars().filter(|c| c.is_alphabetic()).count() >= 40;
    let scored = LATIN.iter().map(|language| {
        let known = words.iter().filter(|w| language.words.contains(w)).count() as f32;
        let letters = lower.chars().filter(|&c| language.letters.contains(c)).count() as f32;
        let evidence = known + 0.5 * letters.min(4.0);
        // Trigrams decide what words leave open; for a few words they are little more than noise.
        let trigrams = match shape {
            Some((lang, confidence)) if lang == language.lang => {
                if long {
                    1.0 + 2.0 * confidence
                } else {
                    0.4
                }
            }
            _ => 0.0,
        };
        (language.code, evidence, evidence + trigrams)
    });
    let best = scored.max_by(|a, b| a.2.total_cmp(&b.2))?;
    (best.1 > 0.0 || (long && best.2 > 1.5)).then_some(best.0)
}

fn whatlang_scores(text: &str) -> Option<(Lang, f32)> {
    let detector = Detector::with_allowlist(LATIN.iter().map(|l| l.lang).collect());
    detector.detect(text).map(|info| (info.lang(), info.confidence() as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_questions_in_the_eleven() {
        for (lang, questions) in [
            ("ar", ["ما هي عاصمة فرنسا؟", "من كتب هذا الكتاب؟", "كم عدد سكان المدينة؟"]),
            ("de", ["Wer hat das Buch geschrieben?", "Wie viele Beine hat eine Spinne?", "Was ist DNA?"]),
            ("el", ["Ποια είναι η πρωτεύουσα;", "Πότε άρχισε ο πόλεμος;", "Τι είναι το DNA;"]),
            ("en", ["Who wrote the book?", "How many legs does a spider have?", "What is DNA?"]),
            ("es", ["¿Quién escribió el libro?", "¿Qué es el ADN?", "cuantas patas tiene una araña"]),
            ("hi", ["भारत की राजधानी क्या है?", "किताब किसने लिखी?", "DNA क्या है?"]),
            ("ru", ["Кто написал книгу?", "Сколько ног у паука?", "Что такое DNA?"]),
            ("th", ["ใครเขียนหนังสือเล่มนี้", "แมงมุมมีกี่ขา", "DNA คืออะไร"]),
            ("tr", ["Kitabı kim yazdı?", "Örümceğin kaç bacağı var?", "DNA nedir?"]),
            ("vi", ["Ai đã viết cuốn sách?", "Con nhện có bao nhiêu chân?", "DNA là gì?"]),
            ("zh", ["谁写了这本书？", "蜘蛛有几条腿？", "DNA是什么？"]),
        ] {
            for question in questions {
                assert_eq!(detect(question), Some(lang), "{question}");
            }
        }
    }

    #[test]
    fn neighbours_are_told_apart() {
        for (text, lang) in [
            ("日本の首都はどこですか", "ja"),
            ("한국의 수도는 어디입니까?", "ko"),
            ("Яка столиця України?", "uk"),
            ("Къде се намира Българската академия?", "bg"),
            ("Quelle est la capitale de la France ?", "fr"),
            ("Qual è la capitale d'Italia?", "it"),
            ("Wat is de hoofdstad van Nederland?", "nl"),
            ("پایتخت ایران کجاست؟", "fa"),
            ("پاکستان کا دارالحکومت کیا ہے؟", "ur"),
        ] {
            assert_eq!(detect(text), Some(lang), "{text}");
        }
    }

    #[test]
    fn what_says_nothing_has_no_language() {
        for text in ["", "1234", "?!", "😀😀", "xq"] {
            assert_eq!(detect(text), None, "{text}");
        }
    }

    #[test]
    fn questions_about_made_up_places_are_recognised() {
        let corpus = crate::datasets::xquad::tests::made_up();
        assert_eq!(corpus.questions.len(), 24);
        for question in &corpus.questions {
            assert_eq!(detect(&question.text), Some(question.lang.as_str()), "{}", question.text);
        }
    }

    /// Below this rate the scope switch would be wrong too often to be useful.
    #[test]
    #[ignore = "needs XQuAD-R: run scripts/fetch-xquad-r"]
    fn the_real_xquad_r_is_recognised() {
        let corpus = crate::datasets::xquad::XQUAD_R.read(&crate::fetched::xquad_r(), &[]).unwrap();
        for lang in crate::datasets::xquad::XQUAD_R.languages {
            let questions: Vec<_> = corpus.questions.iter().filter(|q| q.lang == *lang).collect();
            let wrong: Vec<_> =
                questions.iter().filter(|q| detect(&q.text) != Some(lang)).map(|q| &q.text).collect();
            let rate = 1.0 - wrong.len() as f64 / questions.len() as f64;
            println!("{lang} {rate:.4} {:?}", &wrong[..wrong.len().min(12)]);
            assert!(rate > 0.98, "{lang}: {rate}, for example {:?}", &wrong[..wrong.len().min(5)]);
        }
    }
}
