//! The tier over simulated TCP: the driver, its S3 client and the S3 server, on hosts of `turmoil`.
//!
//! ```text
//!   machine-1 ── driver ── aws-sdk-s3 ── hyper ══ simulated TCP ══ hyper ── s3s ── Bucket      host "s3"
//!   machine-2 ── …                                                            │
//!                                                                        Observer ─► Judge
//! ```
//!
//! A case is one simulation; each life of a machine is a host of its own, so that nothing of an earlier one is
//! left on it. A crash stops a host's software a drawn moment after the effect that it was tied to: what it
//! has sent by then arrives.
//!
//! Invariants: no wall clock, no unseeded draw; the same case gives the same trace on any thread at any time.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use firedrill_chaos::judge::Judge;
use firedrill_chaos::runner::Subject;
use firedrill_chaos::scenario::When;
use firedrill_chaos::theatre::{self, Opening, Theatre};
use firedrill_core::amend::{Options, Report};
use firedrill_core::drill::planted;
use firedrill_core::machine::Instant;
use firedrill_core::object::{Entry, Key};
use firedrill_driver::RunError;
use firedrill_s3_mock::http::{Address, Server, Service};
use firedrill_s3_mock::{Effect, Fault, Operation, Position, Time};
use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::Trace;
use firedrill_sim::world::{HostId, Limits, Pause, Plight, Settings};
use hyper_util::rt::TokioIo;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

use crate::BUCKET;
use crate::backstage::{Handle, JudgeGuard};
use crate::connector::{self, Dial};
use crate::server::{Doorman, Messenger};
use crate::watched::Watched;

const CRASH: Stream = Stream::new("wire.crash");
const JITTER: Stream = Stream::new("wire.jitter");
const NETWORK: Stream = Stream::new("wire.network");

const SERVER: &str = "s3";
const PORT: u16 = 80;
/// Nobody listens there.
const PORT_REFUSED: u16 = 81;

/// Simulated time from one step to the next. A finer step changes nothing but the hour and costs as much more.
const TICK: Duration = Duration::from_millis(10);

/// So much longer than a message can take, that nothing is under way any more.
const QUIET_TICKS: u32 = 12;

/// A stage of simulated hosts.
pub struct Turmoil<'a, S: Subject> {
    sim: Sim<'static>,
    service: Service,
    backstage: Handle,
    subject: &'a S,
    settings: Settings,
    /// Denials of removing versions that are the bucket's own, and no fault.
    policy: Vec<Fault>,
    /// Where each of the scenario's faults is kept.
    places: Vec<Place>,
}

/// Who performs a fault.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// The server: its number there, the policy's not counted.
    Server(usize),
    /// The network, before a connection comes about: its number there.
    Network(usize),
}

impl<'a, S> Turmoil<'a, S>
where
    S: Subject,
    S::Machine: 'static,
{
    /// A stage on which `subject` makes the machines.
    pub fn open(subject: &'a S, opening: Opening) -> Self {
        let Opening {
            settings,
            store,
            faults,
            judge,
        } = opening;
        let wall_start = store.wall_start;
        let policy = policy(store.denies_version_delete);
        let (at_server, at_network, places) = place(faults);
        let seed = settings.seed;
        fastrand::seed(seed.draw(NETWORK, "client", 0));
        let mut sim = turmoil::Builder::new()
            .epoch(std::time::UNIX_EPOCH + Duration::from_millis(wall_start.unsigned_abs()))
            .simulation_duration(Duration::from_secs(1 << 40))
            .tick_duration(TICK)
            .min_message_latency(Duration::from_nanos(settings.way_min))
            .max_message_latency(Duration::from_nanos(settings.way_max))
            .rng_seed(seed.draw(NETWORK, "links", 0))
            .build();
        let (backstage, bucket) = Handle::new(judge, store, at_network, settings.keep_trace);
        let clock_of = backstage.clone();
        let service = Server::builder()
            .bucket_with(BUCKET, bucket)
            .faults([policy.clone(), at_server].concat())
            .clock(move || clock_of.lock().wall(now_nanos()))
            .observer(Messenger {
                backstage: backstage.clone(),
                clock: now_nanos,
            })
            .build();
        let doorman = Doorman {
            service: service.clone(),
            backstage: backstage.clone(),
            seed,
            clock: now_nanos,
        };
        sim.host(SERVER, move || serve(doorman.clone()));
        Self {
            sim,
            service,
            backstage,
            subject,
            settings,
            policy,
            places,
        }
    }

    fn elapsed(&self) -> Nanos {
        nanos(self.sim.elapsed())
    }

    fn step(&mut self) {
        let stepped = self.sim.step();
        let panicked = self.backstage.lock().panicked.take();
        if let Some(words) = panicked {
            panic!("{words}");
        }
        if let Err(error) = stepped {
            panic!("a host's software failed: {error}");
        }
    }

    /// The first host that has crashed since the last look.
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
}

/// Time since the simulation's start, on any of its hosts.
fn now_nanos() -> Nanos {
    nanos(turmoil::sim_elapsed().unwrap_or_default())
}

fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Where removing versions is denied for good, every deletion that names one is.
fn policy(denies_version_delete: bool) -> Vec<Fault> {
    let denial = Fault {
        operation: Operation::DeleteObjectVersion,
        key: None,
        nth: 1,
        times: None,
        position: Position::Before,
        effect: Effect::Denied,
    };
    denies_version_delete
        .then_some(denial)
        .into_iter()
        .collect()
}

/// Who performs which fault: a connection that is refused never reaches the server.
fn place(faults: Vec<Fault>) -> (Vec<Fault>, Vec<Fault>, Vec<Place>) {
    let (mut server, mut network, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for fault in faults {
        let refuses = fault.position == Position::Before
            && matches!(fault.effect, Effect::Reset { .. })
            && fault.operation != Operation::DeleteObjectVersion;
        if refuses {
            places.push(Place::Network(network.len()));
            network.push(fault);
        } else {
            places.push(Place::Server(server.len()));
            server.push(fault);
        }
    }
    (server, network, places)
}

async fn serve(doorman: Doorman) -> turmoil::Result {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        let (stream, peer) = listener.accept().await?;
        let host = doorman.backstage.lock().at(peer.ip());
        let host = host.ok_or("a connection from nobody's host")?;
        tokio::spawn(doorman.clone().serve(TokioIo::new(stream), host));
    }
}

/// What a host needs to run a machine.
struct Errand {
    host: HostId,
    backstage: Handle,
    seed: Seed,
    patience: Duration,
    born: Nanos,
}

impl Errand {
    async fn run<M>(self, machine: Watched<M>) -> turmoil::Result
    where
        Watched<M>: firedrill_core::machine::Machine<
                Event = firedrill_core::amend::Event,
                Effect = firedrill_core::amend::Effect,
            >,
    {
        let (crash, interrupt) = {
            let backstage = self.backstage.lock();
            let host = backstage.see(self.host);
            (host.crash.clone(), host.interrupt.clone())
        };
        let dial = Network {
            backstage: self.backstage.clone(),
        };
        let client = connector::client(dial, self.patience);
        let born = self.born;
        let entity = u64::from(self.host.0);
        let mut timers = 0;
        let jitter = |most: Duration| {
            timers += 1;
            let drawn = self.seed.below(nanos(most) + 1, JITTER, entity, timers);
            Duration::from_nanos(drawn)
        };
        let now = || Instant::from_nanos(now_nanos() - born);
        let run = firedrill_driver::run(
            machine,
            &client,
            now,
            jitter,
            async move { interrupt.notified().await },
            |_| {},
        );
        let lingers = self.seed.below(4, CRASH, entity, 0) * 25;
        let crashed = async {
            crash.notified().await;
            tokio::time::sleep(Duration::from_millis(lingers)).await;
        };
        let ended = tokio::select! {
            biased;
            () = crashed => None,
            ended = run => Some(ended),
        };
        self.end(ended);
        Ok(())
    }

    fn end(&self, ended: Option<Result<Report, RunError>>) {
        let mut backstage = self.backstage.lock();
        let host = backstage.host(self.host);
        host.ended = true;
        match ended {
            Some(Ok(report)) if host.report.as_deref() != Some(&report) => {
                host.misconduct = Some("the driver hands on another report".into());
            }
            Some(Err(RunError::Stalled)) if !host.frozen => host.waiting.clear(),
            _ => {}
        }
    }
}

/// Connections of one host to the server.
#[derive(Debug)]
struct Network {
    backstage: Handle,
}

impl Dial for Network {
    type Io = TokioIo<TcpStream>;

    async fn dial(&self, refused: bool) -> io::Result<Self::Io> {
        let port = if refused { PORT_REFUSED } else { PORT };
        Ok(TokioIo::new(TcpStream::connect((SERVER, port)).await?))
    }

    fn is_refused(&self, request: &connector::Outgoing) -> bool {
        let address = Address::of(request.method(), request.uri(), request.headers());
        address.is_some_and(|address| {
            let mut backstage = self.backstage.lock();
            let refusals = &mut backstage.refusals;
            let struck = refusals.strike(address.operation, address.key.as_deref());
            struck.is_some()
        })
    }

    fn wall(&self) -> Duration {
        if planted("H1-01") {
            return machine_time();
        }
        let Time(milliseconds) = self.backstage.lock().wall(now_nanos());
        Duration::from_millis(milliseconds.unsigned_abs())
    }
}

/// What [`planted`] H1-01 reads: the double check must find it by the signatures.
#[allow(
    clippy::disallowed_methods,
    reason = "planted: a clock of the machine's, for the double check to find"
)]
fn machine_time() -> Duration {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default()
}

impl<S> Theatre for Turmoil<'_, S>
where
    S: Subject,
    S::Machine: 'static,
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
            clock: now_nanos,
        };
        let errand = Errand {
            host,
            backstage: self.backstage.clone(),
            seed: self.settings.seed,
            patience: Duration::from_nanos(self.settings.patience),
            born: self.elapsed(),
        };
        let name = format!("machine-{}", host.0);
        self.sim.client(name.as_str(), errand.run(machine));
        let address = self.sim.lookup(name.as_str());
        self.backstage.lock().host(host).address = Some(address);
        host
    }

    fn run(&mut self, limits: Limits) -> Pause {
        let known = {
            let backstage = self.backstage.lock();
            let ended = |host: &&crate::backstage::Host| host.ended;
            backstage.hosts.iter().take_while(ended).count()
        };
        let mut quiet = 0;
        while quiet < QUIET_TICKS {
            let effects = self.backstage.lock().effects;
            if self.elapsed() > limits.until || effects > limits.effects {
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
        let until = self.elapsed() + nanos;
        while self.elapsed() < until {
            self.step();
        }
    }

    fn act(&mut self, due: fn(When) -> bool) {
        let now = self.elapsed();
        let act = |bucket: &mut firedrill_s3_mock::Bucket| {
            let mut backstage = self.backstage.lock();
            backstage.on_stage(bucket, now, |judge, stage| judge.act(due, stage));
        };
        self.service
            .bucket(BUCKET, act)
            .expect("the bucket is there");
    }

    fn heal(&mut self) {
        self.service.set_faults(self.policy.clone());
        self.backstage.lock().refusals = firedrill_s3_mock::FaultPlan::default();
        self.places.clear();
    }

    fn fired(&mut self) -> Vec<u64> {
        let server = self.service.faults_fired();
        let network = self.backstage.lock().refusals.fired();
        let skipped = self.policy.len();
        let fired = |place: &Place| match place {
            Place::Server(number) => server[number + skipped],
            Place::Network(number) => network[*number],
        };
        self.places.iter().map(fired).collect()
    }

    fn now(&self) -> Nanos {
        self.elapsed()
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

    fn waiting(&self, host: HostId) -> usize {
        self.backstage.lock().see(host).waiting.len()
    }

    fn is_silent(&self) -> bool {
        self.subject.is_silent()
    }

    fn lines(&self) -> Option<u64> {
        let trace = &self.backstage.lock().trace;
        trace.is_kept().then(|| trace.len())
    }

    fn everything(&mut self) -> Vec<(Key, Entry)> {
        let everything = self.service.bucket(BUCKET, theatre::everything);
        everything.expect("the bucket is there")
    }

    fn close(self) -> (Judge, Trace) {
        self.backstage.lock().close()
    }
}
