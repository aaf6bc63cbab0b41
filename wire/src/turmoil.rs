//! The tier over simulated TCP: the driver, its S3 client and the S3 server, on hosts of `turmoil`.
//!
//! ```text
//!   machine-1 ── driver ── aws-sdk-s3 ── hyper ══ simulated TCP ══ hyper ── s3s ── Bucket      host "s3"
//!   machine-2 ── …                                                            │
//!                                                                        Observer ─► Judge
//! ```
//!
//! A case is one simulation; each life of a machine is a host of its own, so that nothing of an earlier one is
//! left on it.
//!
//! Invariants: no wall clock, no unseeded draw; the same case gives the same trace on any thread at any time.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use firedrill_core::amend::{Effect, Event};
use firedrill_core::machine::Machine;
use firedrill_sim::draw::Stream;
use firedrill_sim::queue::Nanos;
use firedrill_sim::world::Settings;
use hyper_util::rt::TokioIo;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

use crate::backstage::Handle;
use crate::connector::Dial;
use crate::server::Doorman;
use crate::stage::{Door, Life, Runtime, nanos};

const NETWORK: Stream = Stream::new("wire.network");

const SERVER: &str = "s3";
const PORT: u16 = 80;
/// Nobody listens there.
const PORT_REFUSED: u16 = 81;

/// Simulated time from one step to the next. A finer step changes nothing but the hour and costs as much more.
const TICK: Duration = Duration::from_millis(10);

/// Hosts, and simulated TCP between them.
pub struct Turmoil {
    sim: Sim<'static>,
    backstage: Handle,
}

impl Runtime for Turmoil {
    const CLOCK: fn() -> Nanos = || nanos(turmoil::sim_elapsed().unwrap_or_default());

    fn open(settings: &Settings, wall_start: i64, Door(doorman): Door) -> Self {
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
        let backstage = doorman.backstage.clone();
        sim.host(SERVER, move || serve(doorman.clone()));
        Self { sim, backstage }
    }

    fn elapsed(&self) -> Nanos {
        nanos(self.sim.elapsed())
    }

    fn step(&mut self) {
        if let Err(error) = self.sim.step() {
            panic!("a host's software failed: {error}");
        }
    }

    fn boot<M>(&mut self, life: Life<M>)
    where
        M: Machine<Event = Event, Effect = Effect> + 'static,
    {
        let Life { errand, machine } = life;
        let host = errand.host;
        let name = format!("machine-{}", host.0);
        let dial = Network {
            backstage: self.backstage.clone(),
        };
        self.sim.client(name.as_str(), async move {
            errand.run(machine, dial).await;
            Ok(())
        });
        let address = self.sim.lookup(name.as_str());
        self.backstage.lock().host(host).address = Some(address);
    }
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

    fn backstage(&self) -> &Handle {
        &self.backstage
    }

    fn elapsed(&self) -> Nanos {
        Turmoil::CLOCK()
    }
}
