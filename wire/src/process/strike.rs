//! Which process is killed, and when: drawn by address, told in words.

use std::fmt;

use firedrill_core::object::Key;
use firedrill_s3_mock::Operation;
use firedrill_s3_mock::http::Address;
use firedrill_sim::draw::{Seed, Stream};

const STRIKE: Stream = Stream::new("process.strike");

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// `firedrill amend`.
    Client,
    /// `firedrill serve`.
    Server,
}

/// When, in the course of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The server never sees it.
    Before,
    /// It is sent to the server, and nobody waits for what becomes of it.
    Sent,
    /// The server has answered, and the client does not hear it.
    Answered,
    /// The client has been sent the answer.
    Told,
}

/// One kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strike {
    /// Who.
    pub(super) victim: Victim,
    /// When.
    pub(super) trigger: Trigger,
}

/// Which requests are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Among {
    /// Whatever is asked for.
    All,
    /// What changes the bucket.
    Writes,
    /// One operation.
    Of(Operation),
    /// Whatever is asked for on one key.
    On(Key),
}

impl Among {
    /// Whether a request of this address is counted.
    pub(super) fn counts(&self, address: &Address) -> bool {
        match self {
            Self::All => true,
            Self::Writes => matches!(
                address.operation,
                Operation::DeleteObjects | Operation::CopyObject | Operation::PutObject
            ),
            Self::Of(operation) => address.operation == *operation,
            Self::On(key) => address.key.as_deref() == Some(key.as_str()),
        }
    }
}

/// What a kill waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trigger {
    /// A request.
    Request {
        /// Of these requests.
        among: Among,
        /// The nth of this life.
        nth: u64,
        /// When in its course.
        moment: Moment,
    },
    /// About so many milliseconds of the client's life.
    Time(u64),
}

impl Strike {
    /// The kill of one life of a case; `keys` are those that a request may be for.
    pub(super) fn draw(seed: Seed, life: u64, keys: &[Key]) -> Self {
        let below = |bound: u64, what: u64| seed.below(bound, STRIKE, what, life);
        let victim = [Victim::Client, Victim::Server][below(2, 0) as usize];
        if below(8, 1) == 0 {
            let trigger = Trigger::Time(5 + below(60, 2));
            return Self { victim, trigger };
        }
        let moments = [
            Moment::Before,
            Moment::Sent,
            Moment::Sent,
            Moment::Answered,
            Moment::Answered,
            Moment::Told,
        ];
        let (among, most) = match below(20, 3) {
            0..=6 => (Among::All, 10),
            // What changes the bucket is where kills hurt.
            7..=13 => (Among::Writes, 3),
            14 => (Among::Of(Operation::GetObject), 4),
            15 => (Among::Of(Operation::ListObjectVersions), 3),
            16 => (Among::Of(Operation::PutObject), 1),
            _ if keys.is_empty() => (Among::All, 4),
            _ => (
                Among::On(keys[below(keys.len() as u64, 4) as usize].clone()),
                2,
            ),
        };
        let trigger = Trigger::Request {
            among,
            nth: 1 + below(most, 6),
            moment: moments[below(moments.len() as u64, 7) as usize],
        };
        Self { victim, trigger }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let victim = match self.victim {
            Victim::Client => "the client",
            Victim::Server => "the server",
        };
        match &self.trigger {
            Trigger::Time(after) => write!(f, "{victim} about {after} ms after the start"),
            Trigger::Request { among, nth, moment } => {
                let moment = match moment {
                    Moment::Before => "before it arrived",
                    Moment::Sent => "when it was sent",
                    Moment::Answered => "when it was answered, unheard",
                    Moment::Told => "when its answer was told",
                };
                match among {
                    Among::All => write!(f, "{victim} at request {nth}, {moment}"),
                    Among::Writes => write!(f, "{victim} at write {nth}, {moment}"),
                    Among::Of(operation) => write!(f, "{victim} at {operation:?} {nth}, {moment}"),
                    Among::On(key) => write!(f, "{victim} at request {nth} on {key}, {moment}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strike_is_a_function_of_seed_and_life_and_all_sorts_are_drawn() {
        let keys = [Key::from("t/a"), Key::from("t/b")];
        let draw = |case, life| Strike::draw(Seed(case), life, &keys);
        assert_eq!(draw(7, 2), draw(7, 2));
        let many: Vec<Strike> = (0..400).map(|case| draw(case, case % 3)).collect();
        for victim in [Victim::Client, Victim::Server] {
            let of_victim = many.iter().filter(|strike| strike.victim == victim);
            assert!(of_victim.count() > 150, "{victim:?}");
        }
        for wanted in [Moment::Before, Moment::Sent, Moment::Answered, Moment::Told] {
            let hit = many.iter().any(|strike| {
                matches!(&strike.trigger, Trigger::Request { moment, among: Among::On(_), .. } if *moment == wanted)
            });
            assert!(hit, "{wanted:?}");
        }
        let timed = many
            .iter()
            .filter(|strike| matches!(strike.trigger, Trigger::Time(_)));
        assert!(timed.count() > 20);
    }
}
