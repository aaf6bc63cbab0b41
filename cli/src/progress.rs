//! The progress bar on a terminal.

use std::io::IsTerminal;

use firedrill_core::amend::{Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error; nothing where that is not a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    /// The phase that the bar is drawn for, and whether its length is known.
    shown: Option<(Phase, bool)>,
}

impl Bar {
    /// A bar that shows nothing yet.
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
            shown: None,
        }
    }

    /// Takes one step.
    pub(crate) fn show(&mut self, progress: &Progress) {
        // The numbers before the form: a new form never shows the old phase's numbers.
        self.bar.set_position(progress.done);
        self.bar.set_length(progress.total.unwrap_or(0));
        let shown = (progress.phase, progress.total.is_some());
        if self.shown != Some(shown) {
            self.shown = Some(shown);
            let form = match progress.total {
                Some(_) => "{msg:<24} {wide_bar} {pos}/{len} {eta}",
                None => "{msg:<24} {pos}",
            };
            self.bar
                .set_style(ProgressStyle::with_template(form).expect("the template is sound"));
            self.bar.set_message(name(progress.phase));
            self.bar.reset_eta();
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::List => "listing versions",
        Phase::Read => "reading metadata",
        Phase::Compare => "comparing contents",
        Phase::Apply => "restoring",
        Phase::Verify => "listing again",
    }
}
