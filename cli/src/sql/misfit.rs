//! A text that cannot be carried out, with the place where that shows.
//!
//! ```text
//! error: unexpected `'t'`, expecting `,`
//!  --> SQL:1:34
//!   |
//! 1 | CALL system$fuse_amend('default' 't')
//!   |                                  ^^^
//! ```

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use firedrill_core::sql::{Name, SyntaxError};

use super::catalog::Catalog;

/// Names that are offered in place of one that does not exist.
const OFFERED_MAX: usize = 10;

pub(super) struct Misfit {
    message: String,
    at: Range<usize>,
    help: Option<String>,
}

/// What is left of `system$fuse_amend` where a shell saw the name of a variable in it.
const WITHOUT_VARIABLE: &str = "system";

impl Misfit {
    /// The text is no sequence of statements.
    pub(super) fn wrong(text: &str, error: SyntaxError) -> Self {
        let was_expanded = text[error.at.clone()].eq_ignore_ascii_case(WITHOUT_VARIABLE);
        let help = "a shell takes $fuse_amend for a variable, but not between single quotes: \
                    'CALL system$fuse_amend(default, orders)'";
        Self {
            message: error.message,
            at: error.at,
            help: was_expanded.then(|| help.to_owned()),
        }
    }

    /// The catalog has no such table.
    pub(super) fn unknown(catalog: &Catalog, database: &Name, table: &Name) -> Self {
        let names: Vec<String> = catalog.names().collect();
        let offered = names[..names.len().min(OFFERED_MAX)].join(", ");
        let help = match names.len() {
            0 => "it has none; a table is written [tables.DATABASE.TABLE]".to_owned(),
            1..=OFFERED_MAX => format!("it has {offered}"),
            all => format!("it has {offered} and {} more", all - OFFERED_MAX),
        };
        Self {
            message: format!("the catalog has no table {}.{}", database.text, table.text),
            at: database.at.start..table.at.end,
            help: Some(help),
        }
    }

    /// As compilers show it.
    pub(super) fn render(&self, origin: &str, text: &str) -> String {
        let place = AnnotationKind::Primary.span(self.at.clone());
        let snippet = Snippet::source(text).path(origin).annotation(place);
        let mut group = Level::ERROR.primary_title(&*self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(&**help));
        }
        let mut shown = Renderer::plain().render(&[group]);
        shown.push('\n');
        shown
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::sql::parse;

    use super::*;

    fn shown(text: &str) -> String {
        let error = parse(text).expect_err("it is wrong");
        Misfit::wrong(text, error).render("recover.sql", text)
    }

    #[test]
    fn the_line_and_below_it_the_place() {
        assert_eq!(
            shown("-- two\nCALL system$fuse_amend('default' 't');\n"),
            "\
error: unexpected `'t'`, expecting `,`
 --> recover.sql:2:34
  |
2 | CALL system$fuse_amend('default' 't');
  |                                  ^^^
"
        );
    }

    #[test]
    fn the_end_is_behind_the_last_line() {
        assert_eq!(
            shown("CALL system$fuse_amend("),
            "\
error: unexpected end, expecting the database's name
 --> recover.sql:1:24
  |
1 | CALL system$fuse_amend(
  |                        ^
"
        );
    }

    #[test]
    fn who_let_a_shell_take_the_variable_is_told() {
        assert_eq!(
            shown("CALL system('default', 'orders')"),
            "\
error: unexpected `system`, expecting `system$fuse_amend`
 --> recover.sql:1:6
  |
1 | CALL system('default', 'orders')
  |      ^^^^^^
  |
  = help: a shell takes $fuse_amend for a variable, but not between single quotes: 'CALL system$fuse_amend(default, orders)'
"
        );
    }

    #[test]
    fn wide_letters_take_two_columns_and_nothing_commands_the_terminal() {
        assert_eq!(
            shown("CALL system$fuse_amend('表' '\u{1b}[2J')"),
            "\
error: unexpected `' [2J'`, expecting `,`
 --> recover.sql:1:28
  |
1 | CALL system$fuse_amend('表' '␛[2J')
  |                             ^^^^^^
"
        );
    }
}
