//! Runs one scenario to its end and judges every life of every machine in it.
//!
//! ```text
//!   set up ─► lives with faults on (crash → outsiders act → new machine) ─► heal ─► run ─► run again
//!             every life is judged                                          │       A5
//!                                                                          faults off
//! ```
//!
//! Every life is judged exactly, by an atlas drawn at its start, with an excuse for each key that somebody else
//! changed meanwhile and for whatever struck. Where what must come back is open (see the atlas), where the
//! faults exceed every budget, and where two machines at once see what nobody can tell, only lies and harm
//! count. What a crashed host had in flight is judged for harm when all is over. Where a crash is all that went
//! wrong, the whole is compared with itself undisturbed (A6, in `undisturbed`).

mod aftermath;
mod setting;

use std::collections::BTreeSet;

use firedrill_core::amend::{Effect, Event, Options, Report, State};
use firedrill_core::drill::{self, ProbeSet};
use firedrill_core::machine::Machine;
use firedrill_core::object::Key;
use firedrill_s3_mock as mock;
use firedrill_s3_mock::FaultPlan;
use firedrill_sim::draw::Seed;
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::{Trace, Tracing};
use firedrill_sim::world::{HostId, Limits, Pause, Plight, Settings};

use crate::atlas::{self, Atlas, Known, Must};
use crate::checkers::{self, Circumstances, Run};
use crate::chronicle::{Chronicle, Life};
use crate::judge::Judge;
use crate::property::{Property, Violation};
use crate::scenario::{Act, Scenario, When};
use crate::scene::{Scene, SceneError};
use crate::theatre::{Opening, Simulated, Theatre};
use crate::undisturbed;

use aftermath::{Crashed, judge_bucket, judge_late};
use setting::{denied_keys, denies_root, is_denial, options, plan, removes};

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1000 * MILLISECOND;

/// Simulated time that one life may take: generous, and finite. Eight attempts with the pauses between them
/// last some twenty seconds and eight times the patience, and only looks, levels and rounds follow each other.
const LIFE_MAX: Nanos = 6 * 3600 * SECOND;

/// A machine under test: anything that makes amend machines.
pub trait Subject: Sync {
    /// The machine.
    type Machine: Machine<Event = Event, Effect = Effect>;

    /// A new one, at its start.
    fn machine(&self, options: Options) -> Self::Machine;

    /// Whether this scenario asks for what it does. Others are not run.
    fn takes(&self, _scenario: &Scenario) -> bool {
        true
    }

    /// Whether its reports name no objects: then what is current afterwards is judged, not what it says.
    fn is_silent(&self) -> bool {
        false
    }
}

impl<M, F> Subject for F
where
    M: Machine<Event = Event, Effect = Effect>,
    F: Fn(Options) -> M + Sync,
{
    type Machine = M;

    fn machine(&self, options: Options) -> M {
        self(options)
    }
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// What was violated, worst first.
    pub violations: Vec<Violation>,
    /// What happened.
    pub trace: Trace,
    /// How often each of the scenario's faults struck.
    pub fired: Vec<u64>,
    /// Lives of machines.
    pub lives: u64,
    /// Effects of all machines.
    pub effects: u64,
    /// Crashes.
    pub crashes: u64,
    /// Reports of the lives that ended, in order.
    pub reports: Vec<Report>,
    /// What others did while a machine ran or was down, in order.
    pub acts: Vec<Act>,
    /// Places in core that were reached.
    pub probes: ProbeSet,
    /// Why a life was judged for lies and damage only, for each such life.
    pub open: Vec<&'static str>,
    /// Why one object was, for each such object of a life that was else judged exactly.
    pub open_objects: Vec<&'static str>,
    /// The table and the log at the end.
    pub scene: Scene,
    /// What whoever tells it wants to know; empty unless the trace is kept.
    pub chronicle: Chronicle,
}

/// Runs a scenario in the simulated world.
///
/// # Errors
/// The scenario cannot be set up.
pub fn run<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    keep_trace: bool,
) -> Result<Outcome, SceneError> {
    run_in(scenario, subject, keep_trace, |opening| {
        Simulated::open(subject, opening)
    })
}

/// Runs a scenario in the simulated world, and only counts the lines of its trace: what nobody compares with
/// another run is not hashed, which is worth a few cases of a hundred.
///
/// # Errors
/// The scenario cannot be set up.
pub fn run_uncompared<S: Subject>(scenario: &Scenario, subject: &S) -> Result<Outcome, SceneError> {
    run_tracing(scenario, subject, Tracing::Count, |opening| {
        Simulated::open(subject, opening)
    })
}

/// Runs a scenario wherever `open` lets it run. What it would have come to without its crashes is found out in
/// the simulated world.
///
/// # Errors
/// The scenario cannot be set up.
pub fn run_in<S: Subject, T: Theatre>(
    scenario: &Scenario,
    subject: &S,
    keep_trace: bool,
    open: impl FnOnce(Opening) -> T,
) -> Result<Outcome, SceneError> {
    let tracing = match keep_trace {
        true => Tracing::Lines,
        false => Tracing::Hash,
    };
    run_tracing(scenario, subject, tracing, open)
}

fn run_tracing<S: Subject, T: Theatre>(
    scenario: &Scenario,
    subject: &S,
    tracing: Tracing,
    open: impl FnOnce(Opening) -> T,
) -> Result<Outcome, SceneError> {
    if !subject.takes(scenario) {
        return Err(SceneError::NotTaken);
    }
    let mut outcome = play(scenario, tracing, open)?;
    let otherwise = undisturbed::compare(scenario, &outcome, |other| {
        play(other, Tracing::Count, |opening| {
            Simulated::open(subject, opening)
        })
    })?;
    if !otherwise.is_empty() {
        outcome.violations.extend(otherwise);
        let by_property = |violation: &Violation| violation.property;
        outcome.violations.sort_by_key(by_property);
    }
    Ok(outcome)
}

/// Runs a scenario wherever `open` lets it run.
fn play<T: Theatre>(
    scenario: &Scenario,
    tracing: Tracing,
    open: impl FnOnce(Opening) -> T,
) -> Result<Outcome, SceneError> {
    let _ = drill::take_reached();
    let (scene, mut store) = Scene::set_up(scenario)?;
    let settings = Settings {
        seed: Seed(scenario.seed),
        way_min: MILLISECOND,
        way_max: 50 * MILLISECOND,
        patience: scenario.amend.patience_ms.max(200) * MILLISECOND,
        tracing,
    };
    let faults = plan(scenario, &scene);
    store.faults = FaultPlan::new(faults.clone());
    let options = options(scenario, &scene);
    let mut drill = Drill {
        scenario,
        options,
        denied: denied_keys(&faults),
        denied_root: denies_root(&faults),
        removal_denied: faults.iter().filter(is_denial).any(removes),
        violations: Vec::new(),
        reports: Vec::new(),
        open: Vec::new(),
        open_objects: Vec::new(),
        fired: vec![0; faults.len()],
        lives: 0,
        crashes: 0,
        crashed: Vec::new(),
        chronicle: Chronicle::default(),
        theatre: open(Opening {
            settings,
            store,
            faults,
            judge: Judge::new(scene, Atlas::empty(), &scenario.operations),
        }),
    };
    drill.rehearse();
    drill.finish()
}

/// One scenario on its way.
struct Drill<'a, T: Theatre> {
    scenario: &'a Scenario,
    options: Options,
    theatre: T,
    denied: BTreeSet<Key>,
    denied_root: bool,
    removal_denied: bool,
    violations: Vec<Violation>,
    reports: Vec<Report>,
    open: Vec<&'static str>,
    open_objects: Vec<&'static str>,
    fired: Vec<u64>,
    lives: u64,
    crashes: u64,
    crashed: Vec<Crashed>,
    chronicle: Chronicle,
}

/// How a life ended.
enum End {
    /// Judged exactly, and with nothing left to do.
    Final,
    /// Something disturbed it, or it was told to stop.
    Disturbed,
    /// The host crashed.
    Crashed,
    /// It did not end.
    Stuck,
}

impl<T: Theatre> Drill<'_, T> {
    fn rehearse(&mut self) {
        let mut end = self.life(0, false);
        let mut life = 1;
        while matches!(end, End::Crashed) {
            self.while_down();
            end = self.life(life, false);
            life += 1;
        }
        if matches!(end, End::Stuck) || self.scenario.amend.dry_run {
            return;
        }
        self.heal();
        // A life lasts until nothing is in flight, so whatever was sent before the heal has landed by now, and
        // nothing disturbs this one.
        if !matches!(end, End::Final) {
            end = self.life(usize::MAX, false);
        }
        if matches!(end, End::Final) {
            self.life(usize::MAX, true);
        }
    }

    /// The faults end, and nobody else acts any more.
    fn heal(&mut self) {
        self.count_fired();
        self.theatre.heal();
        self.theatre.judge().forget_pending();
        self.denied.clear();
        self.denied_root = false;
        self.removal_denied = false;
        self.theatre.wait(SECOND);
    }

    fn while_down(&mut self) {
        self.crashes += 1;
        self.theatre.act(|when| when == When::WhileDown);
        self.theatre.wait(SECOND);
    }

    /// One life of the machine, or of two at once. `number` counts lives with faults on.
    fn life(&mut self, number: usize, second: bool) -> End {
        self.lives += 1;
        let (began, found) = (self.theatre.lines(), self.violations.len());
        let atlas = self.draw_atlas();
        let hosts = &self.scenario.hosts;
        let first = number == 0;
        let plight = Plight {
            crash_after: hosts.crash_after.get(number).copied(),
            interrupt_after: hosts.interrupt_after.filter(|_| first),
        };
        let mut ids = vec![self.start(plight)];
        if hosts.twin && first && hosts.crash_after.is_empty() {
            ids.push(self.start(Plight::default()));
        }
        self.theatre.judge().begin(atlas, ids.clone());
        let strikes_before = self.strikes();
        let limits = Limits {
            until: self.theatre.now() + LIFE_MAX,
            effects: self.theatre.effects() + self.effects_max(),
        };
        let pause = self.theatre.run(limits);
        let (committed, acted) = {
            let judge = self.theatre.judge();
            (judge.committed, judge.acted)
        };
        let circumstances = Circumstances {
            strikes: self.strikes() - strikes_before,
            denied_root: self.denied_root,
            removal_denied: self.removal_denied,
            interrupted: plight.interrupt_after.is_some(),
            dry_run: self.scenario.amend.dry_run,
            committed,
            after_crash: self.crashes > 0,
            second,
            silent: self.theatre.is_silent(),
            // Behind the heal nothing exceeds anything.
            beyond: (self.scenario.beyond && number != usize::MAX)
                || (ids.len() > 1 && self.is_ambiguous_to_two(acted)),
        };
        let beyond = circumstances.beyond.then_some(if self.scenario.beyond {
            "the faults exceed every budget"
        } else {
            "two machines at once saw what one did half-way"
        });
        self.note_open(beyond);
        let (ended, state) = self.judge_life(&ids, circumstances);
        self.remember(&ids, began, found, (number == usize::MAX, second));
        if let Pause::Crashed(_) = pause {
            let mut judge = self.theatre.judge();
            judge.rest();
            self.crashed.push(Crashed {
                host: ids[0],
                referenced: std::mem::take(&mut judge.atlas.referenced),
                circumstances,
            });
        }
        match pause {
            Pause::Crashed(_) => End::Crashed,
            _ if !ended => End::Stuck,
            Pause::Exhausted => {
                let sentence = "the world did not come to rest after its last report";
                let endless = Violation::of_run(Property::Finishes, sentence);
                self.violations.push(endless);
                End::Stuck
            }
            Pause::Quiet => self.is_final(&ids, state, circumstances),
        }
    }

    /// What of this life is not judged exactly, and why.
    fn note_open(&mut self, beyond: Option<&'static str>) {
        let atlas = &self.theatre.judge().atlas;
        let objects = atlas.objects.values();
        let free = objects.filter_map(|expected| match expected.must {
            Must::Free(why) => Some(why),
            _ => None,
        });
        let whole = atlas.free.or(beyond);
        if whole.is_none() {
            self.open_objects.extend(free);
        }
        self.open.extend(whole);
    }

    fn start(&mut self, plight: Plight) -> HostId {
        self.theatre.start(&self.options, plight)
    }

    /// Which of two machines saw what another one did, nobody can tell: somebody else's act, or, half-way
    /// through the other's publishing, a history that looks as if a vacuum had ended it.
    fn is_ambiguous_to_two(&self, acted: bool) -> bool {
        acted || self.scenario.amend.history
    }

    fn draw_atlas(&mut self) -> Atlas {
        let scenario = self.scenario;
        let judge = self.theatre.judge();
        atlas::draw(Known {
            truth: &judge.scene.truth,
            log: &judge.scene.log,
            amend: &scenario.amend,
            // A plan cannot know what will be denied.
            deny_version_delete: scenario.bucket.deny_version_delete && !scenario.amend.dry_run,
        })
    }

    /// Judges what each host of this life did. Answers whether all came to an end or crashed, and in which
    /// state the last one ended.
    fn judge_life(
        &mut self,
        hosts: &[HostId],
        circumstances: Circumstances,
    ) -> (bool, Option<State>) {
        let (mut all_ended, mut state) = (true, None);
        for host in hosts {
            let report = self.theatre.report(*host);
            let crash = self.scenario.hosts.crash_after.len() as u64 > self.crashes;
            if let Some(misconduct) = self.theatre.misconduct(*host) {
                let violation = Violation::of_run(Property::Finishes, misconduct);
                self.violations.push(violation);
            }
            if report.is_none() && !(crash && self.theatre.is_down(*host)) {
                all_ended = false;
                let sentence = match self.theatre.waiting(*host) {
                    0 => "the machine waits for nothing and has not ended",
                    _ => "the machine did not end within its bound of time and effects",
                };
                let stuck = Violation::of_run(Property::Finishes, sentence);
                self.violations.push(stuck);
            }
            let judge = self.theatre.judge();
            let writes = judge.writes.iter().filter(|write| write.host == *host);
            let writes: Vec<_> = writes.cloned().collect();
            let run = Run {
                truth: &judge.scene.truth,
                log: &judge.scene.log,
                atlas: &judge.atlas,
                report: report.as_ref(),
                writes: &writes,
                touched: &judge.touched,
                shared: &judge.shared,
                denied: &self.denied,
                circumstances,
            };
            self.violations.extend(checkers::check(&run));
            drop(judge);
            state = report.as_ref().map(|report| report.state);
            self.reports.extend(report);
        }
        (all_ended, state)
    }

    /// Writes a life down, where somebody will want to read of it.
    fn remember(
        &mut self,
        hosts: &[HostId],
        began: Option<u64>,
        found: usize,
        (healed, second): (bool, bool),
    ) {
        let (Some(began), Some(ended)) = (began, self.theatre.lines()) else {
            return;
        };
        let reports = hosts.iter().map(|host| self.theatre.report(*host));
        let reports = reports.collect();
        let atlas = self.theatre.judge().atlas.clone();
        self.chronicle.lives.push(Life {
            hosts: hosts.to_vec(),
            began,
            ended,
            healed,
            second,
            atlas,
            reports,
            violations: self.violations[found..].to_vec(),
        });
    }

    fn is_final(
        &mut self,
        hosts: &[HostId],
        state: Option<State>,
        circumstances: Circumstances,
    ) -> End {
        let untouched = self.theatre.judge().touched.is_empty();
        let undisturbed = circumstances.strikes == 0
            && untouched
            && self.denied.is_empty()
            && !self.denied_root
            && !self.removal_denied
            && hosts.len() == 1;
        match state {
            Some(State::Interrupted) => End::Disturbed,
            _ if undisturbed => End::Final,
            _ => End::Disturbed,
        }
    }

    fn strikes(&mut self) -> u64 {
        let fired = self.theatre.fired();
        let faults = self.scenario.faults.iter().zip(fired);
        faults
            .filter(|(fault, _)| fault.effect != mock::Effect::Denied)
            .map(|(_, fired)| fired)
            .sum()
    }

    fn count_fired(&mut self) {
        let fired = self.theatre.fired();
        for (sum, fired) in self.fired.iter_mut().zip(fired) {
            *sum += fired;
        }
    }

    /// Effects that one life may ask for: generous, and finite.
    fn effects_max(&mut self) -> u64 {
        let judge = self.theatre.judge();
        let histories = judge.scene.log.under("");
        let entries: usize = histories.map(|(_, held)| held.len() + 1).sum();
        5000 + 200 * entries as u64
    }

    fn finish(mut self) -> Result<Outcome, SceneError> {
        if let Some(error) = self.theatre.judge().error.take() {
            return Err(error);
        }
        if self.fired.iter().all(|fired| *fired == 0) {
            self.count_fired();
        }
        let entries = self.theatre.everything();
        let effects = self.theatre.effects();
        let (mut judge, trace) = self.theatre.close();
        if trace.is_kept() {
            let lines = judge.wrong_at.iter().copied();
            self.chronicle.wrong_pages = lines.zip(judge.wrong_pages.clone()).collect();
        }
        self.violations.append(&mut judge.wrong_pages);
        self.violations
            .extend(judge_late(&judge, std::mem::take(&mut self.crashed)));
        self.violations.extend(judge_bucket(&judge, &entries));
        if self.scenario.mock_operations > 0 {
            let seed = Seed(self.scenario.seed);
            let found = crate::mock_workload::run(seed, self.scenario.mock_operations);
            self.violations.extend(found);
        }
        self.violations.sort_by_key(|violation| violation.property);
        self.violations.dedup();
        Ok(Outcome {
            violations: self.violations,
            fired: self.fired,
            lives: self.lives,
            effects,
            crashes: self.crashes,
            reports: self.reports,
            probes: drill::take_reached(),
            open: self.open,
            open_objects: self.open_objects,
            trace,
            acts: judge.acts_done,
            scene: judge.scene,
            chronicle: self.chronicle,
        })
    }
}
