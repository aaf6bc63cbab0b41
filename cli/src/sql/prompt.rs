//! Statements from somebody who types them, with what was typed before at the arrow keys.

use std::fs;
use std::path::{Path, PathBuf};

use firedrill_core::sql::is_finished;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Editor, Helper};

use crate::output::{complain, show};

const GREETING: &str = "CALL system$fuse_amend('database', 'table');   exit or Ctrl-D ends.\n";

/// Texts that are remembered.
const REMEMBERED_MAX: usize = 1000;

pub(super) struct Prompt {
    editor: Editor<Statements, FileHistory>,
    /// Where what was typed is remembered; none: only until the end.
    history: Option<PathBuf>,
    label: &'static str,
}

impl Prompt {
    /// A prompt that remembers what is typed in the folder `state`.
    ///
    /// # Errors
    /// A sentence on why the terminal will not do.
    pub(super) fn new(state: Option<PathBuf>, is_dry_run: bool) -> Result<Self, String> {
        let unusable = |error: ReadlineError| format!("the terminal cannot be used ({error})");
        let config = Config::builder()
            .max_history_size(REMEMBERED_MAX)
            .map_err(unusable)?
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let history = FileHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(unusable)?;
        editor.set_helper(Some(Statements));
        let history = state.and_then(|folder| remember(&mut editor, &folder));
        show(GREETING);
        Ok(Self {
            editor,
            history,
            label: if is_dry_run {
                "dry run> "
            } else {
                "firedrill> "
            },
        })
    }

    /// The next text that ends in a semicolon; none when nothing more comes.
    pub(super) fn next(&mut self) -> Option<String> {
        loop {
            match self.editor.readline(self.label) {
                Ok(text) if is_farewell(&text) => return None,
                Ok(text) => {
                    self.keep();
                    return Some(text);
                }
                // Ctrl-C takes back what stands on the line.
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return None,
                Err(error) => {
                    complain(&format!("the terminal cannot be read ({error})"));
                    return None;
                }
            }
        }
    }

    /// Keeps what was typed at once, because whoever brings data back may be killed in the middle.
    fn keep(&mut self) {
        let Some(path) = &self.history else { return };
        if let Err(error) = self.editor.append_history(path) {
            let shown = path.display();
            complain(&format!(
                "{shown} cannot be written ({error}); nothing is remembered"
            ));
            self.history = None;
        }
    }
}

/// Takes over what was typed in earlier sessions, and says where to keep more.
fn remember(editor: &mut Editor<Statements, FileHistory>, folder: &Path) -> Option<PathBuf> {
    let path = folder.join("sql-history");
    let there = fs::create_dir_all(folder).map_err(ReadlineError::from);
    let loaded = there.and_then(|()| match path.exists() {
        true => editor.load_history(&path),
        false => Ok(()),
    });
    match loaded {
        Ok(()) => Some(path),
        Err(error) => {
            let shown = path.display();
            complain(&format!(
                "{shown} cannot be read ({error}); nothing is remembered"
            ));
            None
        }
    }
}

fn is_farewell(text: &str) -> bool {
    matches!(text.trim().trim_end_matches(';'), "exit" | "quit")
}

/// Lets the editor go on to another line until a statement is finished.
struct Statements;

impl Validator for Statements {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        Ok(match is_farewell(text) || is_finished(text) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Completer for Statements {
    type Candidate = String;
}

impl Hinter for Statements {
    type Hint = String;
}

impl Highlighter for Statements {}

impl Helper for Statements {}
