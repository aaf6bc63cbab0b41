//! How the commands tell a failure: run it with its trace, and hand what came of it to the story.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use firedrill_chaos::campaign::{self, Attempt, PlantedBug};
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::report::story::{Story, Telling};
use firedrill_chaos::report::{html, text};
use firedrill_chaos::scenario::Scenario;
use firedrill_chaos::shrink::{self, Counterfactual, Shrunk};
use firedrill_chaos::swarm::Profile;
use firedrill_core::amend::Amend;
use firedrill_sim::draw::Seed;

use super::case::{read_case, replay_line, seed};

/// Runs that a failure is shrunk in before it is told, so that the drill's answer does not keep anybody waiting.
pub(crate) const SHRINK_RUNS: u64 = 400;

/// A failing case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failing<'a> {
    /// Its seed or its file, as a person writes it.
    pub(crate) case: &'a str,
    /// Itself.
    pub(crate) scenario: &'a Scenario,
    /// What it violates.
    pub(crate) property: Property,
    /// The planted bug that is active.
    pub(crate) planted: Option<&'static str>,
}

impl Failing<'_> {
    /// The whole case as it is, and the line that shrinks it.
    pub(crate) fn tell_whole(&self) -> anyhow::Result<Story> {
        let commands = [self.replay(), self.shrink()];
        self.tell(self.scenario, None, None, &commands)
    }

    /// The minimal case in place of the whole one, as far as a small budget goes.
    pub(crate) fn tell_minimal(&self) -> anyhow::Result<Story> {
        let (property, planted) = (self.property, self.planted);
        let shrunk = shrink::shrink(
            self.scenario,
            property,
            &Amend::new,
            planted,
            SHRINK_RUNS,
            &mut |_| {},
        );
        // What does not fail again is told as it is.
        let Ok(shrunk) = shrunk else {
            return self.tell_whole();
        };
        let without = shrink::counterfactuals(&shrunk.scenario, property, &Amend::new, planted);
        self.tell_shrunk(&shrunk, &without, &[self.replay(), self.shrink()])
    }

    /// A shrunk case.
    pub(crate) fn tell_shrunk(
        &self,
        shrunk: &Shrunk,
        without: &[Counterfactual],
        commands: &[(String, String)],
    ) -> anyhow::Result<Story> {
        self.tell(&shrunk.scenario, Some(shrunk), Some(without), commands)
    }

    /// What replays the case.
    pub(crate) fn replay(&self) -> (String, String) {
        ("replay".into(), replay_line(self.case, self.planted))
    }

    /// What shrinks the case into a file.
    pub(crate) fn shrink(&self) -> (String, String) {
        let replay = replay_line(self.case, self.planted);
        let shrink = replay.replacen(" replay ", " shrink ", 1);
        let line = format!("{shrink} --property {} --out FILE.toml", self.property);
        ("shrink".into(), line)
    }

    fn tell(
        &self,
        scenario: &Scenario,
        shrunk: Option<&Shrunk>,
        without: Option<&[Counterfactual]>,
        commands: &[(String, String)],
    ) -> anyhow::Result<Story> {
        let attempt = campaign::attempt(scenario, &Amend::new, self.planted, true);
        let ended = match &attempt {
            Attempt::Ended(outcome) => Ok(outcome),
            Attempt::Panicked(words) => Err(words.as_str()),
            Attempt::NotSetUp(why) => anyhow::bail!("the scenario cannot be set up: {why}"),
        };
        let profile = seed(self.case).map(|seed| Profile::draw(Seed(seed)));
        Ok(Story::of(&Telling {
            scenario,
            ended,
            property: self.property,
            planted: self.planted,
            shrunk,
            counterfactuals: without,
            profile: profile.as_ref(),
            commands,
        }))
    }
}

/// Tells one failure of a drill, and writes its page into a folder of them.
pub(crate) fn failure(
    case: &str,
    violations: &[Violation],
    bug: Option<PlantedBug>,
    pages: Option<&Path>,
) -> anyhow::Result<()> {
    let scenario = read_case(case)?;
    let mut found = violations.iter().map(|violation| violation.property);
    let first = found.clone().next();
    // What the catalogue says of a planted bug is what somebody wants to read of it.
    let wanted = |property: &Property| bug.is_some_and(|(_, wanted)| wanted.contains(property));
    let Some(property) = found.find(wanted).or(first) else {
        return Ok(());
    };
    let failing = Failing {
        case,
        scenario: &scenario,
        property,
        planted: bug.map(|(id, _)| id),
    };
    let story = failing.tell_minimal()?;
    println!("{}", text::text(&story));
    if let Some(folder) = pages {
        write_page(&page_of(folder, property, case), &html::page(&story))?;
    }
    Ok(())
}

/// Writes a page, and says so.
pub(crate) fn write_page(path: &Path, page: &str) -> anyhow::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    std::fs::write(path, page).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("page: {}", path.display());
    Ok(())
}

/// Where the page of a case lies in a folder of them.
fn page_of(folder: &Path, property: Property, case: &str) -> PathBuf {
    let stem = Path::new(case)
        .file_stem()
        .map_or(case.into(), |stem| stem.to_string_lossy());
    folder.join(format!("{property}-{stem}.html"))
}
