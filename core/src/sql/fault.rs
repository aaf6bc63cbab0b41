//! Why a text could not be parsed, gathered from all alternatives that were tried.
//!
//! The alternative that came furthest knows best what was meant; of several that came equally far, each may be
//! right, so all of their expectations are named.

use std::ops::Range;

use winnow::error::ParserError;
use winnow::stream::{LocatingSlice, Location};

use super::{SyntaxError, parse};

/// A text that is being parsed.
pub(super) type Text<'t> = LocatingSlice<&'t str>;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// One of these would have to stand here.
    Expected { at: usize, what: Vec<&'static str> },
    /// What begins here does not end. No alternative can make anything of that.
    Unclosed {
        at: Range<usize>,
        what: &'static str,
    },
}

impl Fault {
    /// For people, about the text that was parsed.
    pub(super) fn told(self, text: &str) -> SyntaxError {
        let (at, what) = match self {
            Self::Unclosed { at, what } => {
                let message = format!("this {what} does not end");
                return SyntaxError { message, at };
            }
            Self::Expected { at, what } => (at, what),
        };
        let found = text.get(at..).unwrap_or_default();
        let length = parse::token_length(found);
        let unexpected = match &found[..length] {
            "" => "unexpected end".to_owned(),
            token => format!("unexpected `{}`", token.replace(char::is_control, " ")),
        };
        SyntaxError {
            message: format!("{unexpected}, expecting {}", or(&what)),
            at: at..at + length,
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
fn or(what: &[&str]) -> String {
    match what {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        one => one.concat(),
    }
}

impl ParserError<Text<'_>> for Fault {
    type Inner = Self;

    fn from_input(text: &Text<'_>) -> Self {
        Self::Expected {
            at: text.current_token_start(),
            what: Vec::new(),
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Expected { at, mut what },
                Self::Expected {
                    at: other,
                    what: more,
                },
            ) if at == other => {
                what.extend(more);
                Self::Expected { at, what }
            }
            (Self::Expected { at, .. }, further @ Self::Expected { at: other, .. })
                if other > at =>
            {
                further
            }
            (_, unclosed @ Self::Unclosed { .. }) => unclosed,
            (this, _) => this,
        }
    }

    fn is_backtrack(&self) -> bool {
        matches!(self, Self::Expected { .. })
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}
