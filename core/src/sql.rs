//! SQL: the statements of the systems that the mechanisms are taken from, as one front door to them.
//!
//! ```text
//! text ──parse──► statements         CALL system$fuse_amend('default', 'orders')    as in Databend
//!   └──► SyntaxError: what stands there, what could stand there, and where that is
//! ```
//!
//! Pure, so that whatever wants statements (a command, a test, a scenario) reads the same language. Comments are
//! `-- …` and `/* … */`; keywords may be written in either case. Nothing is carried out here, and which tables
//! exist is somebody else's knowledge: each name keeps its place, so that who knows can point at it.
//!
//! A further statement is a variant of [`Statement`] and a parser among those of `parse::statement`; what the
//! errors say of it follows from the parsers.

mod fault;
mod parse;

use std::ops::Range;

use winnow::stream::LocatingSlice;

use fault::Fault;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// `CALL system$fuse_amend('database', 'table')`: brings the table's objects back.
    FuseAmend {
        /// The database.
        database: Name,
        /// The table in it.
        table: Name,
    },
}

/// A name as it was meant, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Without quotes and escapes.
    pub text: String,
    /// Bytes of the text that was parsed, quotes included.
    pub at: Range<usize>,
}

/// Why a text is no sequence of statements.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What is wrong, in one line.
    pub message: String,
    /// The bytes where it is; empty at the end of the text.
    pub at: Range<usize>,
}

/// All statements of a text, separated by semicolons.
///
/// # Errors
/// The first place that cannot be understood. Nothing is known of what comes before it then, so that nobody
/// carries out half of a text.
pub fn parse(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    let mut rest = LocatingSlice::new(text);
    parse::script(&mut rest).map_err(|fault| fault.told(text))
}

/// Whether a text ends behind a semicolon, or with an error that no further line can mend: somebody who types
/// need not go on.
pub fn is_finished(text: &str) -> bool {
    let mut rest = LocatingSlice::new(text);
    match parse::last_token(&mut rest) {
        Ok(last) => last == Some(";"),
        Err(fault) => !matches!(fault, Fault::Unclosed { .. }),
    }
}
