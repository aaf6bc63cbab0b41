//! The grammar, from whole texts down to single tokens.
//!
//! ```text
//! script     = { [ statement ] ";" } [ statement ]
//! statement  = fuse_amend
//! fuse_amend = "CALL" "SYSTEM$FUSE_AMEND" "(" name "," name ")"
//! name       = 'string' │ "name" │ `name` │ word
//! word       = letters, digits, "_" and "$"
//! ```
//!
//! Databend takes the arguments in each of these forms, and a word as it is written.

use winnow::Parser;
use winnow::combinator::{alt, delimited, repeat, separated_pair};
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, none_of, one_of, take_till, take_until, take_while};

use super::fault::{Fault, Text};
use super::{Name, Statement};

type Parsed<T> = Result<T, Fault>;

const QUOTES: [char; 3] = ['\'', '"', '`'];

pub(super) fn script(text: &mut Text<'_>) -> Parsed<Vec<Statement>> {
    let mut statements = Vec::new();
    loop {
        repeat::<_, _, (), _, _>(0.., symbol(";", "`;`")).parse_next(text)?;
        if is_at_end(text)? {
            return Ok(statements);
        }
        statements.push(statement(text)?);
        if !is_at_end(text)? {
            symbol(";", "`;`").parse_next(text)?;
        }
    }
}

fn statement(text: &mut Text<'_>) -> Parsed<Statement> {
    fuse_amend.parse_next(text)
}

fn fuse_amend(text: &mut Text<'_>) -> Parsed<Statement> {
    keyword("CALL", "`CALL`").parse_next(text)?;
    keyword("SYSTEM$FUSE_AMEND", "`system$fuse_amend`").parse_next(text)?;
    let (database, table) = delimited(
        symbol("(", "`(`"),
        separated_pair(
            name("the database's name"),
            symbol(",", "`,`"),
            name("the table's name"),
        ),
        symbol(")", "`)`"),
    )
    .parse_next(text)?;
    Ok(Statement::FuseAmend { database, table })
}

fn keyword<'t>(upper: &'static str, expected: &'static str) -> impl Parser<Text<'t>, (), Fault> {
    let same = move |word: &str| word.eq_ignore_ascii_case(upper);
    token(word.verify(same).void(), expected)
}

fn symbol<'t>(symbol: &'static str, expected: &'static str) -> impl Parser<Text<'t>, (), Fault> {
    token(symbol.void(), expected)
}

fn name<'t>(expected: &'static str) -> impl Parser<Text<'t>, Name, Fault> {
    let form = alt((quoted, word.map(str::to_owned)));
    let name = form.with_span().map(|(text, at)| Name { text, at });
    token(name, expected)
}

/// What `parser` finds behind blanks; `expected` says what that would be.
fn token<'t, T>(
    mut parser: impl Parser<Text<'t>, T, Fault>,
    expected: &'static str,
) -> impl Parser<Text<'t>, T, Fault> {
    move |text: &mut Text<'t>| {
        blank(text)?;
        let at = text.current_token_start();
        parser.parse_next(text).map_err(|fault| match fault {
            Fault::Expected { what, .. } if what.is_empty() => Fault::Expected {
                at,
                what: vec![expected],
            },
            precise => precise,
        })
    }
}

/// What stands between quotes of one kind, in which the same quote is written twice. In strings, a backslash
/// stands before quotes and backslashes; Databend makes control characters of other letters behind it, which no
/// name has.
fn quoted(text: &mut Text<'_>) -> Parsed<String> {
    let start = text.current_token_start();
    let quote = one_of(QUOTES).parse_next(text)?;
    let unclosed = Fault::Unclosed {
        at: start..start + 1,
        what: if quote == '\'' { "string" } else { "name" },
    };
    let mut content = String::new();
    loop {
        content.push_str(take_till(0.., [quote, '\\']).parse_next(text)?);
        match any::<_, Fault>.parse_next(text) {
            Ok('\\') if quote == '\'' => {
                let escaped = alt(('\\', '\'')).parse_next(text);
                content.push(escaped.map_err(|_: Fault| Fault::Expected {
                    at: text.current_token_start(),
                    what: vec!["`\\`", "`'` behind a backslash"],
                })?);
            }
            Ok('\\') => content.push('\\'),
            Ok(_) if text.starts_with(quote) => content.push(any(text)?),
            Ok(_) => return Ok(content),
            Err(_) => return Err(unclosed),
        }
    }
}

fn word<'t>(text: &mut Text<'t>) -> Parsed<&'t str> {
    take_while(1.., |letter: char| {
        letter.is_alphanumeric() || matches!(letter, '_' | '$')
    })
    .parse_next(text)
}

/// White space and comments.
fn blank(text: &mut Text<'_>) -> Parsed<()> {
    let space = take_while(1.., char::is_whitespace).void();
    let line = ("--", take_till(0.., '\n')).void();
    repeat(0.., alt((space, line, block_comment))).parse_next(text)
}

fn block_comment(text: &mut Text<'_>) -> Parsed<()> {
    let start = text.current_token_start();
    "/*".parse_next(text)?;
    let content = (take_until(0.., "*/"), "*/").void();
    let mut content = content.map_err(|_: Fault| Fault::Unclosed {
        at: start..start + 2,
        what: "comment",
    });
    content.parse_next(text)
}

fn is_at_end(text: &mut Text<'_>) -> Parsed<bool> {
    blank(text)?;
    Ok(text.is_empty())
}

/// Any token at all.
fn any_token<'t>(text: &mut Text<'t>) -> Parsed<&'t str> {
    alt((quoted.void(), word.void(), none_of(QUOTES).void()))
        .take()
        .parse_next(text)
}

/// The last token of a text, if it has any.
pub(super) fn last_token<'t>(text: &mut Text<'t>) -> Parsed<Option<&'t str>> {
    let mut last = None;
    while !is_at_end(text)? {
        last = Some(any_token(text)?);
    }
    Ok(last)
}

/// How many bytes the token has that `text` begins with.
pub(super) fn token_length(text: &str) -> usize {
    let token = any_token.parse_next(&mut LocatingSlice::new(text));
    let first = || text.chars().next().map_or(0, char::len_utf8);
    token.map_or_else(|_| first(), str::len)
}
