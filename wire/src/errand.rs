//! One life of a machine on a host: the driver, from the machine's start to its report or the host's crash.

use std::time::Duration;

use firedrill_core::amend::{Effect, Event, Report};
use firedrill_core::machine::{Instant, Machine};
use firedrill_driver::RunError;
use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::queue::Nanos;
use firedrill_sim::world::HostId;

use crate::backstage::Handle;
use crate::connector::{self, Dial};
use crate::watched::Watched;

const CRASH: Stream = Stream::new("wire.crash");
const JITTER: Stream = Stream::new("wire.jitter");

/// What a host needs to run a machine.
pub(crate) struct Errand {
    pub(crate) host: HostId,
    pub(crate) backstage: Handle,
    pub(crate) seed: Seed,
    pub(crate) patience: Duration,
    /// When its life began.
    pub(crate) born: Nanos,
    /// The world's time.
    pub(crate) clock: fn() -> Nanos,
}

impl Errand {
    /// Runs it. A crash ends it a drawn moment after the effect that the crash was tied to: what it has sent by
    /// then arrives.
    pub(crate) async fn run<M>(self, machine: Watched<M>, dial: impl Dial)
    where
        Watched<M>: Machine<Event = Event, Effect = Effect>,
    {
        let (crash, interrupt) = {
            let backstage = self.backstage.lock();
            let host = backstage.see(self.host);
            (host.crash.clone(), host.interrupt.clone())
        };
        let client = connector::client(dial, self.patience);
        let entity = u64::from(self.host.0);
        let mut timers = 0;
        let jitter = |most: Duration| {
            timers += 1;
            let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX - 1);
            let drawn = self.seed.below(most + 1, JITTER, entity, timers);
            Duration::from_nanos(drawn)
        };
        let now = || Instant::from_nanos((self.clock)() - self.born);
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
