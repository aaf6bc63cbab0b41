//! The progress bar on a terminal: what it is at, how fast it reads, how long it will take, what it has found.

use std::io::IsTerminal;
use std::time::Duration;

use firedrill_core::machine::Instant;
use firedrill_core::salvage::{Progress, Step};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on standard error; nothing where that is not a terminal.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    /// The step that the bar is drawn for, and when it began, with the bytes that were read then.
    shown: Option<(Step, Instant, u64)>,
}

impl Bar {
    /// A bar that shows nothing yet.
    pub(super) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let form = "{msg:<46} {wide_bar} {pos}/{len} {eta}";
        let style = ProgressStyle::with_template(form).expect("the template is sound");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { bar, shown: None }
    }

    /// Takes one step.
    pub(super) fn show(&mut self, progress: &Progress, bytes_read: u64, now: Instant) {
        self.bar.set_position(progress.done);
        self.bar.set_length(progress.total);
        let began = self.shown.filter(|(step, ..)| *step == progress.step);
        let (_, began, bytes_before) = *self.shown.insert(began.unwrap_or_else(|| {
            self.bar.reset_eta();
            (progress.step, now, bytes_read)
        }));
        let elapsed = Duration::from_nanos(now.as_nanos().saturating_sub(began.as_nanos()));
        let speed = speed(bytes_read - bytes_before, elapsed.as_secs_f64());
        let records = match progress.records {
            0 => String::new(),
            records => format!(", {records} records"),
        };
        let name = name(progress.step);
        self.bar.set_message(format!("{name}{speed}{records}"));
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn speed(bytes: u64, seconds: f64) -> String {
    if bytes == 0 || seconds < 0.1 {
        return String::new();
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "a speed is shown with three digits"
    )]
    let speed = bytes as f64 / seconds / 1e6;
    format!(", {speed:.0} MB/s")
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Headers => "reading headers",
        Step::Gather => "gathering moved pages",
        Step::Survey => "looking at every page",
        Step::Assemble | Step::AssembleAgain => "putting long values together",
        Step::Search => "searching what is unexplained",
        Step::Mend => "taking flipped bits back",
        Step::Carve => "reading journals",
        Step::Touch | Step::Replay => "redoing journals",
        Step::Extract => "reading records",
        Step::Hash => "checking attachments",
        Step::Render => "writing",
        Step::Finished => "finishing",
    }
}
