//! Roles of a table's columns and of JSON fields: by name, or as the user says.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The role of a column or field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The searched text.
    Text,
    /// Where it is from, for display.
    Title,
    /// Its language's code.
    Language,
    /// Its id; translations share one.
    Id,
    /// A question that it answers.
    Question,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Text, Self::Title, Self::Language, Self::Id, Self::Question];

    /// Its name in `--columns` and in notes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Title => "title",
            Self::Language => "language",
            Self::Id => "id",
            Self::Question => "question",
        }
    }

    /// Names of such columns and fields in published data, the likeliest first.
    pub fn known(self) -> &'static [&'static str] {
        match self {
            Self::Text => &[
                "text",
                "contents",
                "content",
                "body",
                "passage",
                "passage_text",
                "document",
                "doc",
                "sentence",
                "paragraph",
                "context",
                "abstract",
            ],
            Self::Title => &["title", "headline", "heading"],
            Self::Language => &["lang", "language", "locale", "lang_code", "language_code"],
            Self::Id => &[
                "id",
                "_id",
                "docid",
                "doc_id",
                "pid",
                "passage_id",
                "document_id",
                "docno",
                "corpus_id",
                "uuid",
            ],
            Self::Question => &["question", "query"],
        }
    }

    /// The role of a column of this name, and the index of the name among those of the role.
    pub(super) fn of(name: &str) -> Option<(Self, usize)> {
        let plain = name.trim().to_lowercase().replace([' ', '-'], "_");
        Self::ALL.into_iter().find_map(|role| Some((role, role.known().iter().position(|k| *k == plain)?)))
    }
}

/// The user's choice of columns; without one, names and content decide.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The column's or field's name, or a table's column by its number from 1; `None` for no such column.
    chosen: Vec<(Role, Option<String>)>,
    /// Whether a table's first row names its columns.
    header: Option<bool>,
}

impl Columns {
    /// Adds `role` in this column; in none for `None`.
    pub fn with(mut self, role: Role, column: Option<String>) -> Self {
        self.chosen.retain(|(other, _)| *other != role);
        self.chosen.push((role, column));
        self
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.chosen.is_empty() && self.header.is_none()
    }

    /// The choice for `role`.
    pub fn of(&self, role: Role) -> Option<Option<&str>> {
        self.chosen.iter().find(|(other, _)| *other == role).map(|(_, column)| column.as_deref())
    }

    pub(super) fn header(&self) -> Option<bool> {
        self.header
    }

    /// Whether a column of this name was chosen.
    pub(super) fn names(&self, name: &str) -> bool {
        self.chosen.iter().any(|(_, column)| column.as_deref().is_some_and(|c| same(c, name)))
    }
}

impl FromStr for Columns {
    type Err = Error;

    /// `text=body,language=lang,id=key`; `title=none` for no column, `header=no` if the first row is data.
    fn from_str(words: &str) -> Result<Self> {
        let mut columns = Self::default();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (key, column) = word.split_once('=').unwrap_or((word, ""));
            let (key, column) = (key.trim().to_lowercase(), column.trim());
            let role = Role::ALL
                .into_iter()
                .find(|role| role.name() == key || (*role == Role::Language && key == "lang"));
            match (role, key.as_str(), column) {
                (_, _, "") => {
                    return Err(Error::Input(format!(
                        "--columns: {word:?} names no column; give for instance text=body,language=lang,id=key"
                    )));
                }
                (Some(role), _, "none") => columns = columns.with(role, None),
                (Some(role), _, column) => columns = columns.with(role, Some(column.into())),
                (None, "header", "yes" | "no") => columns.header = Some(column == "yes"),
                _ => {
                    return Err(Error::Input(format!(
                        "--columns: {word:?} is not understood; give text, title, language, id or question \
                         with a column's name or number (or none), and header=yes or header=no"
                    )));
                }
            }
        }
        Ok(columns)
    }
}

/// How a table or JSON lines were read, which the user may want to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fields {
    /// The file.
    pub file: String,
    /// Names of the columns or fields.
    pub names: Vec<String>,
    /// The role of each; `None` for those that were not read.
    pub roles: Vec<Option<Role>>,
}

impl Fields {
    /// The column that was read as `role`.
    pub fn column(&self, role: Role) -> Option<usize> {
        self.roles.iter().position(|r| *r == Some(role))
    }

    /// `text is column 3 "body", id column 1 "key"; column 2 "url" is not read`.
    pub(super) fn words(&self, kind: &str, numbered: bool) -> String {
        let call = |i: usize| match numbered {
            true => format!("{kind} {} {:?}", i + 1, self.names[i]),
            false => format!("{kind} {:?}", self.names[i]),
        };
        let read: Vec<String> = Role::ALL
            .into_iter()
            .filter_map(|role| Some(format!("{} is {}", role.name(), call(self.column(role)?))))
            .collect();
        let others: Vec<String> = (0..self.names.len())
            .filter(|i| self.roles[*i].is_none())
            .map(|i| format!("{:?}", self.names[i]))
            .collect();
        match others.len() {
            0 => read.join(", "),
            n if n > 8 => format!("{}; {n} others are not read", read.join(", ")),
            1 => format!("{}; {} is not read", read.join(", "), others[0]),
            _ => format!("{}; {} are not read", read.join(", "), others.join(", ")),
        }
    }
}

/// Whether the user's word for a column means this name.
pub(super) fn same(said: &str, name: &str) -> bool {
    said.trim() == name.trim() || said.trim().to_lowercase() == name.trim().to_lowercase()
}

/// The roles of a table's columns, by their names and the user's choice.
///
/// # Errors
/// A sentence if the user names a column that does not exist.
pub(super) fn assign(names: &[String], columns: &Columns) -> std::result::Result<Vec<Option<Role>>, String> {
    let mut roles: Vec<Option<Role>> = vec![None; names.len()];
    for role in Role::ALL {
        let Some(Some(said)) = columns.of(role) else { continue };
        let by_name = names.iter().position(|name| same(said, name));
        let by_number = || said.parse::<usize>().ok()?.checked_sub(1).filter(|i| *i < names.len());
        let Some(at) = by_name.or_else(by_number) else {
            return Err(format!("it has no column {said:?}; it has {}", listing(names)));
        };
        if let Some(other) = roles[at] {
            return Err(format!("the column {said:?} cannot be both {} and {}", other.name(), role.name()));
        }
        roles[at] = Some(role);
    }
    for role in Role::ALL {
        if columns.of(role).is_some() {
            continue;
        }
        let known = names.iter().enumerate().filter(|(i, _)| roles[*i].is_none());
        let best =
            known.filter_map(|(i, name)| Some((Role::of(name).filter(|(r, _)| *r == role)?.1, i))).min();
        if let Some((_, at)) = best {
            roles[at] = Some(role);
        }
    }
    Ok(roles)
}

/// `1 "id", 2 "body"`.
pub(super) fn listing(names: &[String]) -> String {
    let shown = names.iter().take(20).enumerate().map(|(i, name)| format!("{} {name:?}", i + 1));
    let more = if names.len() > 20 { " and more" } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &str) -> Vec<String> {
        words.split(' ').map(Into::into).collect()
    }

    #[test]
    fn columns_are_known_by_their_names_and_by_what_a_person_says() {
        let given: Columns = "text=Body, language=2,id=none".parse().unwrap();
        let roles = assign(&names("id tongue body text"), &given).unwrap();
        assert_eq!(roles, [None, Some(Role::Language), Some(Role::Text), None]);
        let plain = assign(&names("Doc-ID passage TEXT lang headline url"), &Columns::default()).unwrap();
        let expected = [Role::Id, Role::Text, Role::Language, Role::Title];
        assert_eq!([plain[0], plain[2], plain[3], plain[4]], expected.map(Some));
        assert_eq!((plain[1], plain[5]), (None, None));
        let missing = assign(&names("a b"), &"text=c".parse().unwrap()).unwrap_err();
        assert_eq!(missing, "it has no column \"c\"; it has 1 \"a\", 2 \"b\"");
        assert!(
            assign(&names("a b"), &"text=a,id=a".parse().unwrap()).unwrap_err().contains("both text and id")
        );
        for wrong in ["body", "text=", "colour=red", "header=maybe"] {
            assert!(wrong.parse::<Columns>().unwrap_err().to_string().contains("--columns"), "{wrong}");
        }
        assert_eq!("header=no".parse::<Columns>().unwrap().header(), Some(false));
    }

    #[test]
    fn what_was_read_is_told() {
        let fields = Fields {
            file: "a.csv".into(),
            names: names("id body url"),
            roles: vec![Some(Role::Id), Some(Role::Text), None],
        };
        assert_eq!(
            fields.words("column", true),
            "text is column 2 \"body\", id is column 1 \"id\"; \"url\" is not read"
        );
        assert_eq!(fields.column(Role::Text), Some(1));
    }
}
