//! The tier of random task scheduling: which of the tasks that could go on does is drawn each time.
//!
//! The driver's tasks, the S3 client's and the server's are on one executor of `madsim`, with pipes instead of a
//! network and drawn times on the way. Whatever the order in which requests are sent, arrive and are answered,
//! the outcome is the same; the tier looks for an order of completions that changes it.
//!
//! Built with `--cfg madsim`, in a target directory of its own: the driver then stands on a simulated tokio.

use std::io;
use std::time::Duration;

use firedrill_core::amend::{Effect, Event};
use firedrill_core::machine::Machine;
use firedrill_sim::draw::Stream;
use firedrill_sim::queue::Nanos;
use firedrill_sim::world::{HostId, Settings};
use hyper_util::rt::TokioIo;
use madsim::time::TimeHandle;
use tokio::io::DuplexStream;

use crate::backstage::Handle;
use crate::connector::Dial;
use crate::server::Doorman;
use crate::stage::{Door, Life, Runtime, nanos};

const SCHEDULE: Stream = Stream::new("wire.schedule");

/// From one look at how things stand to the next.
const STEP: Duration = Duration::from_millis(10);

/// Bytes that a pipe holds.
const PIPE: usize = 64 * 1024;

/// One executor for all hosts.
pub struct Madsim {
    runtime: madsim::runtime::Runtime,
    doorman: Doorman,
    elapsed: Nanos,
}

impl Runtime for Madsim {
    const CLOCK: fn() -> Nanos =
        || nanos(TimeHandle::try_current().map_or(Duration::ZERO, |time| time.elapsed()));

    fn open(settings: &Settings, _wall_start: i64, Door(mut doorman): Door) -> Self {
        let seed = settings.seed;
        fastrand::seed(seed.draw(SCHEDULE, "client", 0));
        doorman.way = (settings.way_min, settings.way_max);
        let schedule = seed.draw(SCHEDULE, "tasks", 0);
        let config = madsim::Config::default();
        Self {
            runtime: madsim::runtime::Runtime::with_seed_and_config(schedule, config),
            doorman,
            elapsed: 0,
        }
    }

    fn elapsed(&self) -> Nanos {
        self.elapsed
    }

    fn step(&mut self) {
        self.elapsed = self.runtime.block_on(async {
            tokio::time::sleep(STEP).await;
            Self::CLOCK()
        });
    }

    fn boot<M>(&mut self, life: Life<M>)
    where
        M: Machine<Event = Event, Effect = Effect> + 'static,
    {
        let Life { errand, machine } = life;
        let dial = Pipes {
            doorman: self.doorman.clone(),
            host: errand.host,
        };
        self.runtime.block_on(async move {
            drop(tokio::task::spawn_local(errand.run(machine, dial)));
        });
    }
}

/// Pipes from one host to the server.
#[derive(Debug)]
struct Pipes {
    doorman: Doorman,
    host: HostId,
}

impl Dial for Pipes {
    type Io = TokioIo<DuplexStream>;

    async fn dial(&self, refused: bool) -> io::Result<Self::Io> {
        if refused {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (here, there) = tokio::io::duplex(PIPE);
        let doorman = self.doorman.clone();
        drop(tokio::spawn(doorman.serve(TokioIo::new(there), self.host)));
        Ok(TokioIo::new(here))
    }

    fn backstage(&self) -> &Handle {
        &self.doorman.backstage
    }

    fn elapsed(&self) -> Nanos {
        Madsim::CLOCK()
    }
}
