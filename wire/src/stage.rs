//! The theatre of the tiers that run within one process: the driver and the server on a runtime with simulated
//! time.
//!
//! What differs from tier to tier is a [`Runtime`]: how time passes, and how a host gets a connection.

use std::sync::Arc;
use std::time::Duration;

use firedrill_chaos::judge::Judge;
use firedrill_chaos::runner::Subject;
use firedrill_chaos::scenario::When;
use firedrill_chaos::theatre::{self, Opening, Theatre};
use firedrill_core::amend::{Effect, Event, Options, Report};
use firedrill_core::machine::Machine;
use firedrill_core::object::{Entry, Key};
use firedrill_s3_mock::http::{Clock, Server, Service, Sleep};
use firedrill_s3_mock::{Bucket, FaultPlan, Time};
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::Trace;
use firedrill_sim::world::{HostId, Limits, Pause, Plight, Settings};

use crate::BUCKET;
use crate::backstage::{Handle, Host, JudgeGuard};
use crate::errand::Errand;
use crate::placement::Placement;
use crate::server::{Doorman, Messenger};
use crate::watched::Watched;

/// For so many steps nothing must be under way before a life counts as over: longer than a message can take.
const QUIET_STEPS: u32 = 12;

/// Simulated time, hosts, and a network between them.
pub trait Runtime: Sized {
    /// Time since the start, for whoever runs on one of the hosts.
    const CLOCK: fn() -> Nanos;

    /// A runtime whose hosts can reach this server.
    #[doc(hidden)]
    fn open(settings: &Settings, wall_start: i64, doorman: Door) -> Self;

    /// Time since the start, for whoever does not.
    fn elapsed(&self) -> Nanos;

    /// Lets about ten milliseconds pass.
    fn step(&mut self);

    /// Boots a host that runs this machine.
    #[doc(hidden)]
    fn boot<M>(&mut self, life: Life<M>)
    where
        M: Machine<Event = Event, Effect = Effect> + 'static;
}

/// The server, for a runtime to put on a host.
#[derive(Debug, Clone)]
pub struct Door(pub(crate) Doorman);

/// A machine, for a runtime to put on a host.
pub struct Life<M> {
    pub(crate) errand: Errand,
    pub(crate) machine: Watched<M>,
}

/// A stage on such a runtime.
pub struct Wire<'a, S: Subject, R> {
    runtime: R,
    service: Service,
    backstage: Handle,
    subject: &'a S,
    settings: Settings,
    placement: Placement,
}

/// Simulated time for the server.
struct WallClock {
    backstage: Handle,
    elapsed: fn() -> Nanos,
}

impl Clock for WallClock {
    fn now(&self) -> Time {
        self.backstage.lock().wall((self.elapsed)())
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl<'a, S: Subject, R: Runtime> Wire<'a, S, R> {
    /// A stage on which `subject` makes the machines.
    pub fn open(subject: &'a S, opening: Opening) -> Self {
        let Opening {
            settings,
            store,
            faults,
            judge,
        } = opening;
        let wall_start = store.wall_start;
        let denies = store.denies_version_delete;
        let (placement, at_server, at_network) = Placement::of(faults, denies);
        let (backstage, bucket) = Handle::new(judge, store, at_network, settings.tracing);
        let service = Server::builder()
            .bucket_with(BUCKET, bucket)
            .faults(at_server)
            .clock(WallClock {
                backstage: backstage.clone(),
                elapsed: R::CLOCK,
            })
            .observer(Messenger {
                backstage: backstage.clone(),
                clock: R::CLOCK,
            })
            .build();
        let doorman = Doorman {
            service: service.clone(),
            backstage: backstage.clone(),
            settings: Arc::new(settings.clone()),
            clock: R::CLOCK,
            way: Doorman::NO_WAY,
        };
        Self {
            runtime: R::open(&settings, wall_start, Door(doorman)),
            service,
            backstage,
            subject,
            settings,
            placement,
        }
    }

    /// Lets a little time pass. What a task of the server panicked with goes on here.
    fn step(&mut self) {
        self.runtime.step();
        let panicked = self.backstage.lock().panicked.take();
        if let Some(words) = panicked {
            panic!("{words}");
        }
    }

    /// The first host that has crashed, of those behind the known ones.
    fn crashed(&self, known: usize) -> Option<HostId> {
        let backstage = self.backstage.lock();
        let mut hosts = backstage.hosts.iter().enumerate().skip(known);
        let (index, _) = hosts.find(|(_, host)| host.frozen && host.ended)?;
        Some(HostId(index as u32 + 1))
    }

    fn is_quiet(&self) -> bool {
        let backstage = self.backstage.lock();
        backstage.in_service == 0 && backstage.hosts.iter().all(|host| host.ended)
    }

    fn bucket<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        self.service
            .bucket(BUCKET, look)
            .expect("the bucket is there")
    }
}

impl<S, R> Theatre for Wire<'_, S, R>
where
    S: Subject,
    S::Machine: 'static,
    R: Runtime,
{
    type Judge<'a>
        = JudgeGuard<'a>
    where
        Self: 'a;

    fn judge(&mut self) -> JudgeGuard<'_> {
        self.backstage.judge()
    }

    fn start(&mut self, options: &Options, plight: Plight) -> HostId {
        let host = self.backstage.lock().boot(plight);
        let machine = Watched {
            machine: self.subject.machine(options.clone()),
            host,
            backstage: self.backstage.clone(),
            service: self.service.clone(),
            clock: R::CLOCK,
        };
        let errand = Errand {
            host,
            backstage: self.backstage.clone(),
            seed: self.settings.seed,
            patience: Duration::from_nanos(self.settings.patience),
            born: self.runtime.elapsed(),
            clock: R::CLOCK,
        };
        self.runtime.boot(Life { errand, machine });
        host
    }

    fn run(&mut self, limits: Limits) -> Pause {
        let known = {
            let backstage = self.backstage.lock();
            let ended = |host: &&Host| host.ended;
            backstage.hosts.iter().take_while(ended).count()
        };
        let mut quiet = 0;
        while quiet < QUIET_STEPS {
            if self.now() > limits.until || self.effects() > limits.effects {
                return Pause::Exhausted;
            }
            self.step();
            if let Some(host) = self.crashed(known) {
                return Pause::Crashed(host);
            }
            quiet = if self.is_quiet() { quiet + 1 } else { 0 };
        }
        Pause::Quiet
    }

    fn wait(&mut self, nanos: Nanos) {
        let until = self.now() + nanos;
        while self.now() < until {
            self.step();
        }
    }

    fn act(&mut self, due: fn(When) -> bool) {
        let now = self.now();
        self.bucket(|bucket| {
            let mut backstage = self.backstage.lock();
            backstage.on_stage(bucket, now, |judge, stage| judge.act(due, stage));
        });
    }

    fn heal(&mut self) {
        self.service.set_faults(self.placement.policy.clone());
        self.backstage.lock().refusals = FaultPlan::default();
        self.placement.heal();
    }

    fn fired(&mut self) -> Vec<u64> {
        let server = self.service.faults_fired();
        let network = self.backstage.lock().refusals.fired();
        self.placement.fired(&server, &network)
    }

    fn now(&self) -> Nanos {
        self.runtime.elapsed()
    }

    fn effects(&self) -> u64 {
        self.backstage.lock().effects
    }

    fn report(&self, host: HostId) -> Option<Report> {
        let backstage = self.backstage.lock();
        backstage.see(host).report.as_deref().cloned()
    }

    fn misconduct(&self, host: HostId) -> Option<String> {
        self.backstage.lock().see(host).misconduct.clone()
    }

    fn is_down(&self, host: HostId) -> bool {
        self.backstage.lock().see(host).frozen
    }

    fn is_silent(&self) -> bool {
        self.subject.is_silent()
    }

    fn waiting(&self, host: HostId) -> usize {
        self.backstage.lock().see(host).waiting.len()
    }

    fn lines(&self) -> Option<u64> {
        let trace = &self.backstage.lock().trace;
        trace.is_kept().then(|| trace.len())
    }

    fn everything(&mut self) -> Vec<(Key, Entry)> {
        self.bucket(theatre::everything)
    }

    fn close(self) -> (Judge, Trace) {
        self.backstage.lock().close()
    }
}

/// A duration as the world counts it.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
