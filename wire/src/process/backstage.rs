//! What the relay's threads and the theatre share: the processes, the kill that is due, and what was answered.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firedrill_core::object::Key;
use firedrill_s3_mock::{Fault, Operation};

use super::message::Message;
use super::programs::{Client, Server};
use super::strike::{Moment, Strike, Trigger, Victim};

/// Shared by all threads of one case.
#[derive(Debug)]
pub(super) struct Backstage {
    /// The production binary.
    pub(super) binary: PathBuf,
    /// The case's own folder.
    pub(super) folder: PathBuf,
    server: Mutex<Option<Server>>,
    client: Mutex<Option<Client>>,
    life: Mutex<Life>,
    faults: Mutex<Vec<Counted>>,
    answered: Mutex<Vec<Answer>>,
    connections: AtomicU64,
    requests: AtomicU64,
}

/// The present life of the client.
#[derive(Debug, Default)]
struct Life {
    strike: Option<Strike>,
    met: u64,
    killed: Option<Victim>,
}

/// Something that the server said it had done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// This version was stored.
    Stored(Key, String),
    /// This version or marker is gone.
    Removed(Key, String),
}

/// A fault, and how many requests of its address the servers have seen: a server that starts again begins to
/// count anew, and must go on where its predecessor was.
#[derive(Debug, Clone)]
struct Counted {
    fault: Fault,
    met: u64,
}

impl Counted {
    fn fired(&self) -> u64 {
        let behind = (self.met + 1).saturating_sub(self.fault.nth);
        self.fault.times.map_or(behind, |times| behind.min(times))
    }

    /// What is left of it.
    fn rest(&self) -> Option<Fault> {
        let times = self.fault.times.map(|times| times - self.fired());
        (times != Some(0)).then(|| Fault {
            nth: self.fault.nth.saturating_sub(self.met).max(1),
            times,
            ..self.fault.clone()
        })
    }
}

impl Backstage {
    pub(super) fn new(binary: PathBuf, folder: PathBuf, faults: Vec<Fault>) -> Self {
        let count = |fault| Counted { fault, met: 0 };
        Self {
            binary,
            folder,
            server: Mutex::new(None),
            client: Mutex::new(None),
            life: Mutex::new(Life::default()),
            faults: Mutex::new(faults.into_iter().map(count).collect()),
            answered: Mutex::new(Vec::new()),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// Starts a server with what is left of the faults, behind `always`.
    pub(super) fn start_server(&self, always: &[Fault]) -> io::Result<()> {
        let rest = lock(&self.faults);
        let rest = rest.iter().filter_map(Counted::rest);
        let faults: Vec<Fault> = always.iter().cloned().chain(rest).collect();
        let server = Server::start(&self.binary, &self.folder, &faults)?;
        *lock(&self.server) = Some(server);
        Ok(())
    }

    /// A new life begins.
    pub(super) fn begin(&self, client: Client, strike: Option<Strike>) {
        *lock(&self.life) = Life {
            strike,
            met: 0,
            killed: None,
        };
        *lock(&self.client) = Some(client);
    }

    /// Whether the client has ended.
    pub(super) fn client_ended(&self) -> io::Result<Option<std::process::ExitStatus>> {
        match lock(&self.client).as_mut() {
            Some(client) => client.ended(),
            None => Err(io::Error::other("no client was started")),
        }
    }

    /// The client, for whoever wants to read what it printed.
    pub(super) fn take_client(&self) -> Option<Client> {
        lock(&self.client).take()
    }

    /// Whether the server runs.
    pub(super) fn server_runs(&self) -> bool {
        lock(&self.server).is_some()
    }

    /// Where it listens.
    pub(super) fn server_address(&self) -> Option<SocketAddr> {
        lock(&self.server).as_ref().map(|server| server.address)
    }

    /// SIGKILL.
    pub(super) fn kill_server(&self) {
        // Dropped, it is killed and waited for.
        drop(lock(&self.server).take());
    }

    /// Whom this life's kill has struck.
    pub(super) fn killed(&self) -> Option<Victim> {
        lock(&self.life).killed
    }

    /// The kill that this life still waits for.
    pub(super) fn strike(&self) -> Option<Strike> {
        lock(&self.life).strike.clone()
    }

    /// Carries out this life's kill.
    pub(super) fn kill(&self, victim: Victim) {
        {
            let mut life = lock(&self.life);
            life.strike = None;
            life.killed = Some(victim);
        }
        match victim {
            Victim::Server => self.kill_server(),
            Victim::Client => {
                if let Some(client) = lock(&self.client).as_mut() {
                    client.kill();
                }
            }
        }
    }

    /// Counts a request, and answers whether it is the one at which somebody is killed.
    pub(super) fn meet(&self, message: &Message) -> Option<(Victim, Moment)> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let address = message.address()?;
        let mut life = lock(&self.life);
        let strike = life.strike.clone()?;
        let Trigger::Request { among, nth, moment } = strike.trigger else {
            return None;
        };
        if !among.counts(&address) {
            return None;
        }
        life.met += 1;
        if life.met < nth {
            return None;
        }
        // Nobody else is to carry it out.
        life.strike = None;
        Some((strike.victim, moment))
    }

    /// A request was sent on to a server.
    pub(super) fn sent(&self, message: &Message) {
        let Some(address) = message.address() else {
            return;
        };
        let mut met = vec![(address.operation, address.key)];
        if address.operation == Operation::DeleteObjects {
            let entries = message.versions("Object").into_iter();
            met.extend(entries.map(|(key, _)| (Operation::DeleteObjectVersion, Some(key))));
        }
        for counted in lock(&self.faults).iter_mut() {
            let here = met
                .iter()
                .filter(|(operation, key)| counted.fault.is_at(*operation, key.as_deref()));
            counted.met += here.count() as u64;
        }
    }

    /// A server answered this request wholly, whether or not anybody heard it.
    pub(super) fn answered(&self, request: &Message, answer: &Message) {
        let Some(address) = request.address().filter(|_| answer.is_success()) else {
            return;
        };
        let mut answered = lock(&self.answered);
        match (address.operation, address.key) {
            (Operation::PutObject | Operation::CopyObject, Some(key)) => {
                if let Some(id) = answer.header("x-amz-version-id") {
                    answered.push(Answer::Stored(Key::from(key), id.to_owned()));
                }
            }
            (Operation::DeleteObjects, _) => {
                let removed = answer.versions("Deleted").into_iter();
                answered.extend(removed.map(|(key, id)| Answer::Removed(Key::from(key), id)));
            }
            _ => {}
        }
    }

    /// What was answered since the last time.
    pub(super) fn take_answered(&self) -> Vec<Answer> {
        std::mem::take(&mut *lock(&self.answered))
    }

    /// How often each fault has struck.
    pub(super) fn fired(&self) -> Vec<u64> {
        lock(&self.faults).iter().map(Counted::fired).collect()
    }

    /// No fault strikes any more.
    pub(super) fn forget_faults(&self) {
        lock(&self.faults).clear();
    }

    /// Requests of all clients so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether a client's connection is under way: a request may be on it that nobody has read yet.
    pub(super) fn is_busy(&self) -> bool {
        self.connections.load(Ordering::SeqCst) > 0
    }

    /// A connection is under way for as long as what this answers is held.
    pub(super) fn under_way(self: &Arc<Self>) -> UnderWay {
        self.connections.fetch_add(1, Ordering::SeqCst);
        UnderWay(Arc::clone(self))
    }
}

/// A connection under way.
pub(super) struct UnderWay(Arc<Backstage>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A thread that panicked with the lock held says enough by itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firedrill_s3_mock::{Effect, FaultPlan, Position};

    /// Two servers, one after the other, strike what one would have struck.
    #[test]
    fn a_fault_goes_on_where_the_killed_server_was() {
        for (nth, times) in [(1, Some(1)), (1, Some(3)), (2, Some(2)), (3, None)] {
            let fault = Fault {
                operation: Operation::GetObject,
                key: Some("k".into()),
                nth,
                times,
                position: Position::Before,
                effect: Effect::Unavailable,
            };
            let strikes = |plan: &mut FaultPlan, count: u64| -> Vec<bool> {
                let strike = |_| plan.strike(Operation::GetObject, Some("k")).is_some();
                (0..count).map(strike).collect()
            };
            let one = strikes(&mut FaultPlan::new(vec![fault.clone()]), 6);
            for killed_after in 0..6 {
                let mut counted = Counted {
                    fault: fault.clone(),
                    met: killed_after,
                };
                let mut first = FaultPlan::new(vec![fault.clone()]);
                let mut two = strikes(&mut first, killed_after);
                assert_eq!(counted.fired(), first.fired()[0]);
                let mut second = FaultPlan::new(counted.rest().into_iter().collect());
                two.extend(strikes(&mut second, 6 - killed_after));
                assert_eq!(one, two, "{nth} {times:?} killed after {killed_after}");
                counted.met = 6;
                let struck = one.iter().filter(|struck| **struck).count() as u64;
                assert_eq!(counted.fired(), struck);
            }
        }
    }
}
