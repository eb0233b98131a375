//! Tables: comma-, semicolon- or tab-separated values, with or without a header.
//!
//! A quoted cell may contain separators and line breaks. An unclosed quotation mark invalidates its own line only.
//! The roles of columns come from the header, the user ([`Columns`]), or the columns' content.

use std::collections::HashSet;

use super::columns::{self, Columns, Fields, Role};
use crate::text;

/// Number of rows from which separator, header and columns are detected.
const LOOKED_AT: usize = 200;
/// A separator that does not occur, for tables with one column.
const NOTHING: u8 = 0x1f;
/// Least average length of a column of texts.
const LEAST_TEXT: f64 = 10.0;

/// A table's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dialect {
    separator: u8,
    quotes: bool,
    /// Lines before the table: Excel's `sep=;`.
    skip: usize,
}

/// How to read a table.
pub(super) struct TableFormat<'a> {
    text: &'a str,
    dialect: Dialect,
    header: bool,
    width: usize,
    /// The roles of its columns.
    pub fields: Fields,
    /// How that was detected, a sentence.
    pub note: String,
}

/// A row, or a malformed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TableRow {
    /// Its line and cells.
    Cells(usize, Vec<String>),
    /// Its line, and what is wrong with it.
    Bad(usize, String),
}

impl<'a> TableFormat<'a> {
    /// Detects the layout of a table. `promised` says that the file's name implies one; otherwise `None` is
    /// returned unless the text is clearly a table.
    ///
    /// # Errors
    /// A sentence if the columns are not understood.
    pub fn of(
        name: &str,
        text: &'a str,
        promised: Option<char>,
        columns: &Columns,
    ) -> Result<Option<Self>, String> {
        let Some(dialect) = Dialect::of(text, promised, columns)? else { return Ok(None) };
        let rows: Vec<Vec<String>> = TableRows::new(text, dialect, None).cells().take(LOOKED_AT).collect();
        let Some(first) = rows.first() else { return Ok(None) };
        let width = first.len();
        let body: Vec<&Vec<String>> = rows[1..].iter().filter(|row| row.len() == width).collect();
        let header = columns.header().unwrap_or_else(|| is_header(first, &body, columns));
        let names: Vec<String> = match header {
            true => first.iter().map(|name| name.trim().to_string()).collect(),
            false => (1..=width).map(|i| format!("column {i}")).collect(),
        };
        let looked_at: Vec<&Vec<String>> = match header {
            true => body,
            false => rows.iter().filter(|row| row.len() == width).collect(),
        };
        let mut roles = columns::assign(&names, columns)?;
        let by_name = roles.contains(&Some(Role::Text));
        guess(&mut roles, &looked_at, header.then_some(&names), columns);
        let surely =
            by_name && header || !header && roles.contains(&Some(Role::Language)) && (2..=3).contains(&width);
        if promised.is_none() && columns.is_empty() && !surely {
            return Ok(None);
        }
        if !roles.contains(&Some(Role::Text)) {
            return Err(format!(
                "its columns are not understood, it has {}: name them in a first row (text is needed; id, \
                 language, title, question), or say which is which (text=2,id=1)",
                columns::listing(&names)
            ));
        }
        let fields = Fields { file: name.into(), names, roles };
        let separated = match dialect.separator {
            b'\t' => " separated by tabs",
            b',' => " separated by commas",
            b';' => " separated by semicolons",
            b'|' => " separated by bars",
            _ => "",
        };
        let columns = if width == 1 { "1 column".into() } else { format!("{width} columns{separated}") };
        let head = if header { "with a header" } else { "without a header" };
        let why = if by_name { "" } else { " (the column with the longest texts is taken for the text)" };
        let note = format!("{name}: {columns}, {head}: {}{why}.", fields.words("column", header));
        Ok(Some(Self { text, dialect, header, width, fields, note }))
    }

    /// All rows, without the header.
    pub fn rows(&self) -> impl Iterator<Item = TableRow> {
        let width = self.width;
        let mut rows = TableRows::new(self.text, self.dialect, Some(width));
        if self.header {
            rows.next();
        }
        rows.map(move |row| match row {
            TableRow::Cells(line, cells) if cells.len() != width => {
                let found = cells.len();
                let s = if found == 1 { "" } else { "s" };
                TableRow::Bad(line, format!("it has {found} cell{s}, not {width}"))
            }
            row => row,
        })
    }
}

impl Dialect {
    fn of(text: &str, promised: Option<char>, columns: &Columns) -> Result<Option<Self>, String> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        if let Some(separator) = first.trim().to_ascii_lowercase().strip_prefix("sep=").map(str::as_bytes)
            && let [separator] = separator
        {
            let skip = text.lines().position(|line| line == first).unwrap_or(0) + 1;
            return Ok(Some(Self { separator: *separator, quotes: true, skip }));
        }
        // Among equally good ones the last is taken.
        let order: &[u8] = match promised {
            Some('\t') => b"|;,\t",
            Some(_) => b"|\t;,",
            None => b"|;,\t",
        };
        let mut best: Option<((bool, f64, usize), Self)> = None;
        let mut seen = Vec::new();
        for &separator in order {
            if !first.as_bytes().contains(&separator) {
                continue;
            }
            let dialect = Self { separator, quotes: quotes(text, separator), skip: 0 };
            let rows: Vec<Vec<String>> =
                TableRows::new(text, dialect, None).cells().take(LOOKED_AT).collect();
            let width = rows.first().map_or(0, Vec::len);
            let equal =
                rows.iter().filter(|row| row.len() == width).count() as f64 / rows.len().max(1) as f64;
            let names = rows.first().map(Vec::as_slice).unwrap_or_default();
            let said = names.iter().any(|name| columns.names(name));
            let known: Vec<Role> = names.iter().filter_map(|name| Some(Role::of(name)?.0)).collect();
            let named = said || known.contains(&Role::Text);
            seen.push(width);
            // If names or the user say that it is a table, some rows may be malformed.
            let enough = if named || !columns.is_empty() { 0.0 } else { 0.8 };
            // Prose has commas, too.
            let plain = separator == b'\t' || promised.is_some() || said || known.len() > 1 && equal > 0.5;
            if width < 2 || equal < enough || !plain {
                continue;
            }
            let good = (named, equal, width);
            if best.as_ref().is_none_or(|(other, _)| good >= *other) {
                best = Some((good, dialect));
            }
        }
        match (best, promised) {
            (Some((_, dialect)), _) => Ok(Some(dialect)),
            (None, None) => Ok(None),
            (None, Some(_)) if seen.is_empty() => {
                Ok(Some(Self { separator: NOTHING, quotes: true, skip: 0 }))
            }
            (None, Some(_)) => {
                Err("its rows do not have the same number of cells: quote cells that contain \
                 separators, or name the file .txt to read each line as a passage"
                    .into())
            }
        }
    }
}

/// Whether quotation marks around cells are quoting rather than text. In comma-separated values they
/// are; in tab-separated ones mostly not, unless written by a spreadsheet.
fn quotes(text: &str, separator: u8) -> bool {
    if separator != b'\t' {
        return true;
    }
    let (mut whole, mut open) = (0, 0);
    for line in text.lines().take(1000) {
        for rest in line.split('\t').filter_map(|cell| cell.strip_prefix('"')) {
            let rest = rest.replace("\"\"", "");
            match rest.find('"') {
                Some(at) if at + 1 == rest.len() => whole += 1,
                // The text continues after it.
                Some(_) => return false,
                None => open += 1,
            }
        }
    }
    if open == 0 {
        return whole > 0;
    }
    // A cell over several lines, or a text that begins with a quotation.
    let uneven = |quotes: bool| {
        let rows = TableRows::new(text, Dialect { separator, quotes, skip: 0 }, None).take(1000);
        let (mut width, mut uneven) = (None, 0);
        for row in rows {
            match row {
                TableRow::Cells(_, cells) if cells.len() == *width.get_or_insert(cells.len()) => {}
                _ => uneven += 1,
            }
        }
        uneven
    };
    uneven(true) <= uneven(false)
}

/// The rows of a table.
struct TableRows<'a> {
    text: &'a str,
    dialect: Dialect,
    /// The number of cells in a row, if known.
    width: Option<usize>,
    reader: csv::Reader<&'a [u8]>,
    /// The byte at which the reader started.
    begin: usize,
    /// A byte, and the number of line ends before it.
    counted: (usize, usize),
}

impl<'a> TableRows<'a> {
    fn new(text: &'a str, dialect: Dialect, width: Option<usize>) -> Self {
        let begin = text.split_inclusive('\n').take(dialect.skip).map(str::len).sum();
        Self { text, dialect, width, reader: reader(&text[begin..], dialect), begin, counted: (0, 0) }
    }

    fn cells(self) -> impl Iterator<Item = Vec<String>> {
        self.filter_map(|row| match row {
            TableRow::Cells(_, cells) => Some(cells),
            TableRow::Bad(..) => None,
        })
    }

    /// The reader's position.
    fn at(&self) -> usize {
        (self.begin + self.reader.position().byte() as usize).min(self.text.len())
    }

    /// Skips the line that begins at `start`.
    fn leave_out(&mut self, start: usize, line: usize, problem: String) -> TableRow {
        self.begin = self.text[start..].find('\n').map_or(self.text.len(), |end| start + end + 1);
        self.reader = reader(&self.text[self.begin..], self.dialect);
        TableRow::Bad(line, problem)
    }
}

fn reader(text: &str, dialect: Dialect) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(dialect.separator)
        .quoting(dialect.quotes)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

impl Iterator for TableRows<'_> {
    type Item = TableRow;

    fn next(&mut self) -> Option<TableRow> {
        let mut record = csv::StringRecord::new();
        loop {
            let at = self.at();
            let read = self.reader.read_record(&mut record);
            // Line ends before the row are read with it.
            let raw = &self.text[at..self.at()];
            let start = at + raw.len() - raw.trim_start_matches(['\n', '\r']).len();
            let raw = raw.trim_matches(['\n', '\r']);
            let (before, lines) = self.counted;
            self.counted = (start, lines + self.text[before..start].matches('\n').count());
            let line = self.counted.1 + 1;
            match read {
                Ok(false) => return None,
                Ok(true) => {}
                Err(problem) => return Some(self.leave_out(start, line, problem.to_string())),
            }
            if self.dialect.quotes && raw.contains('\n') {
                let fits = self.width.is_none_or(|width| width == record.len());
                if !fits || !well_quoted(raw, self.dialect.separator) {
                    return Some(self.leave_out(start, line, "a quotation mark in it is not closed".into()));
                }
            }
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                return Some(TableRow::Cells(line, record.iter().map(Into::into).collect()));
            }
        }
    }
}

/// Whether each cell of a row that begins with a quotation mark also ends with one.
fn well_quoted(row: &str, separator: u8) -> bool {
    #[derive(PartialEq)]
    enum ParserState {
        Start,
        Plain,
        Quoted,
        /// After a quotation mark in a quoted cell: the cell ends, or a second one follows.
        Closing,
    }
    let mut state = ParserState::Start;
    for byte in row.bytes() {
        state = match (state, byte) {
            (ParserState::Quoted, b'"') => ParserState::Closing,
            (ParserState::Quoted, _) => ParserState::Quoted,
            (ParserState::Closing, b'"') => ParserState::Quoted,
            (ParserState::Start, b'"') => ParserState::Quoted,
            (_, b) if b == separator => ParserState::Start,
            (ParserState::Closing, _) => return false,
            _ => ParserState::Plain,
        };
    }
    state != ParserState::Quoted
}

/// Statistics of a column's cells.
struct Content {
    /// Average number of characters.
    length: f64,
    /// Whether nearly all are numbers, or clearly language codes.
    numbers: bool,
    codes: bool,
    /// Whether none has a space or is long.
    words: bool,
}

impl Content {
    fn of(rows: &[&Vec<String>], column: usize) -> Self {
        let cells: Vec<&str> = rows.iter().map(|row| row[column].trim()).filter(|c| !c.is_empty()).collect();
        let nearly_all = |is: &dyn Fn(&str) -> bool| {
            !cells.is_empty() && cells.iter().filter(|cell| is(cell)).count() * 20 >= cells.len() * 19
        };
        Self {
            length: cells.iter().map(|c| c.chars().count()).sum::<usize>() as f64 / cells.len().max(1) as f64,
            numbers: nearly_all(&|cell| cell.parse::<f64>().is_ok()),
            codes: nearly_all(&text::is_code),
            words: cells.iter().all(|cell| cell.len() <= 64 && !cell.contains(char::is_whitespace)),
        }
    }
}

/// Whether the first row names the columns of the others.
fn is_header(first: &[String], body: &[&Vec<String>], columns: &Columns) -> bool {
    let names: Vec<&str> = first.iter().map(|name| name.trim()).collect();
    let known = |role: Option<Role>| {
        names
            .iter()
            .filter_map(|name| Role::of(name))
            .filter(|(r, _)| role.is_none_or(|role| role == *r))
            .count()
    };
    if known(Some(Role::Text)) > 0 || known(None) > 1 || names.iter().any(|name| columns.names(name)) {
        return true;
    }
    let distinct: HashSet<&str> = names.iter().copied().collect();
    if body.is_empty()
        || distinct.len() < names.len()
        || names.iter().any(|n| n.is_empty() || n.chars().count() > 60)
    {
        return false;
    }
    // A name is unlike the cells below it.
    names.iter().enumerate().any(|(i, name)| {
        let content = Content::of(body, i);
        let short = name.chars().count() <= 30 && !name.trim().contains(' ');
        content.numbers && name.parse::<f64>().is_err()
            || content.codes && body.len() > 1 && !text::is_code(name)
            || content.length >= 30.0 && !content.words && short
    })
}

/// Finds the text, and without a header also language and id, by the columns' content.
fn guess(roles: &mut [Option<Role>], rows: &[&Vec<String>], header: Option<&Vec<String>>, columns: &Columns) {
    let contents: Vec<Content> = (0..roles.len()).map(|i| Content::of(rows, i)).collect();
    let open =
        |roles: &[Option<Role>], role: Role| !roles.contains(&Some(role)) && columns.of(role).is_none();
    if open(roles, Role::Language) {
        // Countries have two-letter codes as well: the header has to agree.
        let agrees = |i: usize| {
            header.is_none_or(|names| {
                ["lang", "locale", "sprache"].iter().any(|w| names[i].to_lowercase().contains(w))
            })
        };
        if let Some(at) = (0..roles.len()).find(|&i| roles[i].is_none() && contents[i].codes && agrees(i)) {
            roles[at] = Some(Role::Language);
        }
    }
    if open(roles, Role::Text) {
        let texts: Vec<usize> = (0..roles.len())
            .filter(|&i| roles[i].is_none() && !contents[i].numbers && !contents[i].codes)
            .collect();
        let longest =
            texts.iter().copied().max_by(|&a, &b| contents[a].length.total_cmp(&contents[b].length));
        if let Some(at) = longest
            && (texts.len() < 3 || contents[at].length >= LEAST_TEXT)
        {
            roles[at] = Some(Role::Text);
        }
    }
    if open(roles, Role::Id)
        && header.is_none()
        && let Some(at) = (0..roles.len()).find(|&i| {
            // Translations share an id.
            let lang = roles.iter().position(|role| *role == Some(Role::Language));
            let ids: HashSet<_> =
                rows.iter().map(|row| (row[i].trim(), lang.map(|lang| row[lang].trim()))).collect();
            roles[i].is_none() && contents[i].words && ids.len() == rows.len()
        })
    {
        roles[at] = Some(Role::Id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table<'a>(
        text: &'a str,
        promised: Option<char>,
        columns: &str,
    ) -> Result<Option<TableFormat<'a>>, String> {
        TableFormat::of("a", text, promised, &columns.parse().unwrap())
    }

    fn roles(text: &str, promised: Option<char>, columns: &str) -> String {
        let table = table(text, promised, columns).unwrap().unwrap();
        let name = |role: &Option<Role>| role.map_or("-", Role::name);
        table.fields.roles.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn rows(text: &str, promised: Option<char>) -> Vec<TableRow> {
        table(text, promised, "").unwrap().unwrap().rows().collect()
    }

    fn cells(line: usize, cells: &[&str]) -> TableRow {
        TableRow::Cells(line, cells.iter().map(|c| c.to_string()).collect())
    }

    #[test]
    fn cells_may_hold_separators_quotes_and_line_breaks() {
        let text = "id,lang,text\n1,en,\"Bees keep honey in combs, made of wax.\"\r\n\r\n2,en,\"Cats \"\"like\"\" the sun,\n\nand sleep.\"\n3,en,Spring.";
        assert_eq!(
            rows(text, Some(',')),
            [
                cells(2, &["1", "en", "Bees keep honey in combs, made of wax."]),
                cells(4, &["2", "en", "Cats \"like\" the sun,\n\nand sleep."]),
                cells(7, &["3", "en", "Spring."]),
            ]
        );
        for separator in [';', '\t', '|'] {
            let text = format!(
                "text{separator}source\n\"Bees keep{separator} honey\nin combs.\"{separator}a\nSpring.{separator}b\n"
            );
            let expected = [
                cells(2, &[&format!("Bees keep{separator} honey\nin combs."), "a"]),
                cells(4, &["Spring.", "b"]),
            ];
            assert_eq!(rows(&text, Some(',')), expected);
        }
        let excel = rows("sep=;\ntext;id\n\"a; b\";1\n", Some(','));
        assert_eq!(excel, [cells(3, &["a; b", "1"])]);
        // One column, whose commas are not separators.
        assert_eq!(rows("text\nBees, cats, dogs.\n\"Two\nlines.\"\n", Some(',')).len(), 2);
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_costs_its_line() {
        let text = "id,text\n1,\"open\n2,Bees keep honey.\n3,\"Cats, too.\"\n4,\"open again\n5,Spring.\n";
        let bad = |line| TableRow::Bad(line, "a quotation mark in it is not closed".into());
        assert_eq!(
            rows(text, Some(',')),
            [
                bad(2),
                cells(3, &["2", "Bees keep honey."]),
                cells(4, &["3", "Cats, too."]),
                bad(5),
                cells(6, &["5", "Spring."])
            ]
        );
        let short = rows("id,text\n1,a\n2\n3,a,b\n", Some(','));
        assert_eq!(short[1], TableRow::Bad(3, "it has 1 cell, not 2".into()));
        assert_eq!(short[2], TableRow::Bad(4, "it has 3 cells, not 2".into()));
    }

    #[test]
    fn tabs_leave_quotation_marks_to_the_text() {
        let text = "id\ttext\n1\t\"Bees\" are insects\n2\tShe said \"no\".\n3\t\"Cats\n";
        assert_eq!(rows(text, Some('\t'))[0], cells(2, &["1", "\"Bees\" are insects"]));
        assert_eq!(rows(text, Some('\t'))[2], cells(4, &["3", "\"Cats"]));
        let spreadsheet = "id\ttext\n1\t\"Bees\tand \"\"wax\"\".\"\n2\tSpring.\n";
        assert_eq!(rows(spreadsheet, Some('\t'))[0], cells(2, &["1", "Bees\tand \"wax\"."]));
    }

    #[test]
    fn columns_are_told_by_name_then_by_content() {
        let csv = Some(',');
        assert_eq!(roles("id,lang,text\n1,en,Bees\n", csv, ""), "id language text");
        assert_eq!(roles("text,source\nBees,a\n", csv, ""), "text -");
        assert_eq!(
            roles("key,tongue,body_text\n7,de,Die Bienen lagern Honig in Waben.\n", csv, ""),
            "- - text"
        );
        let given = "text=body_text,language=tongue,id=key";
        assert_eq!(roles("key,tongue,body_text\n7,de,Honig\n", csv, given), "id language text");
        assert_eq!(
            roles("7,de,Die Bienen lagern Honig.\n8,en,Bees keep honey.\n", csv, ""),
            "id language text"
        );
        assert_eq!(roles("7\tBees keep honey in combs.\n", Some('\t'), ""), "id text");
        assert_eq!(roles("a,b\nx,y\n", csv, "text=2,header=no"), "id text");
        assert_eq!(
            roles(
                "country,review\nDE,Die Bienen lagern Honig.\nFR,Du miel, vraiment.\n"
                    .replace("miel,", "miel")
                    .as_str(),
                csv,
                ""
            ),
            "- text"
        );
        let table = table("n,review\n1,Bees keep honey in combs.\n", csv, "").unwrap().unwrap();
        assert_eq!(
            table.note,
            "a: 2 columns separated by commas, with a header: text is column 2 \"review\"; \"n\" is not read (the column with the longest texts is taken for the text)."
        );
        for (text, promised, columns, said) in [
            ("one\ttwo\tthree\tfour\n", '\t', "", "are not understood"),
            ("a,b\nc,d\n", ',', "text=c", "no column \"c\""),
            ("Bees, cats.\nDogs.\nSpring, summer, autumn.\n", ',', "", "same number of cells"),
        ] {
            let problem = super::tests::table(text, Some(promised), columns).err().unwrap();
            assert!(problem.contains(said), "{problem} should say {said}");
        }
    }

    #[test]
    fn only_what_is_surely_a_table_is_one_without_its_name_saying_so() {
        for text in [
            "id,text\n1,Bees.\n",
            "de\tHallo\nen\tHello\n",
            "1\tde\tHallo\n2\ten\tHi\n",
            "lang\ttext\nde\tHallo\n",
        ] {
            assert!(table(text, None, "").unwrap().is_some(), "{text}");
        }
        for text in [
            "one\ttwo\tthree\n",
            "In text, there are commas.\nThe content, too.\n",
            "Bees; cats\nDogs; bees\n",
            "text\nBees\n",
        ] {
            assert!(table(text, None, "").unwrap().is_none(), "{text}");
        }
    }
}
