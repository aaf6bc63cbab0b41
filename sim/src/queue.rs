//! What happens next: events by time, ties broken by a draw.
//!
//! Ties are frequent (a table's requests start in one step), and an order of insertion would hide every
//! race among them.
//!
//! The heap holds places alone, and the events stay where they were put: an event is large, and a heap moves
//! what it holds at every step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::draw::{Seed, Stream};

const TIE: Stream = Stream::new("queue.tie");

/// Nanoseconds since the world's start.
pub type Nanos = u64;

/// Events that are still to come.
#[derive(Debug)]
pub struct Queue<T> {
    seed: Seed,
    heap: BinaryHeap<Reverse<Place>>,
    events: Vec<Option<T>>,
    free: Vec<usize>,
    pushed: u64,
}

/// When an event comes, and where it is kept. The order is that of the fields, and the number is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    at: Nanos,
    tie: u64,
    number: u64,
    index: usize,
}

impl<T> Queue<T> {
    /// An empty queue whose ties this seed breaks.
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            heap: BinaryHeap::new(),
            events: Vec::new(),
            free: Vec::new(),
            pushed: 0,
        }
    }

    /// Adds an event. `entity` and `nth` address the draw that places it among events of the same time.
    pub fn push(&mut self, at: Nanos, entity: u64, nth: u64, what: T) {
        self.pushed += 1;
        let index = match self.free.pop() {
            Some(index) => {
                self.events[index] = Some(what);
                index
            }
            None => {
                self.events.push(Some(what));
                self.events.len() - 1
            }
        };
        self.heap.push(Reverse(Place {
            at,
            tie: self.seed.draw(TIE, entity, nth),
            number: self.pushed,
            index,
        }));
    }

    /// Takes the next event and its time.
    pub fn pop(&mut self) -> Option<(Nanos, T)> {
        let Reverse(place) = self.heap.pop()?;
        self.free.push(place.index);
        let what = self.events[place.index].take();
        Some((place.at, what.expect("a place in the heap keeps an event")))
    }

    /// Takes the next event and its time, if that is not after this moment.
    pub fn pop_until(&mut self, moment: Nanos) -> Option<(Nanos, T)> {
        let is_due = self
            .heap
            .peek()
            .is_some_and(|Reverse(place)| place.at <= moment);
        if is_due { self.pop() } else { None }
    }

    /// Forgets the events that do not pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) {
        let (events, free) = (&mut self.events, &mut self.free);
        self.heap.retain(|Reverse(place)| {
            let what = events[place.index].as_mut();
            let kept = keep(what.expect("a place in the heap keeps an event"));
            if !kept {
                events[place.index] = None;
                free.push(place.index);
            }
            kept
        });
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<u64> {
        let mut queue = Queue::new(Seed(seed));
        for number in 0..8 {
            queue.push(5, number, 0, number);
        }
        std::iter::from_fn(|| queue.pop().map(|(_, what)| what)).collect()
    }

    #[test]
    fn earlier_events_come_first() {
        let mut queue = Queue::new(Seed(1));
        queue.push(9, 0, 0, "late");
        queue.push(2, 1, 0, "early");
        assert_eq!(queue.pop(), Some((2, "early")));
        assert_eq!(queue.pop(), Some((9, "late")));
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn ties_are_broken_by_the_seed_and_not_by_insertion() {
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        assert!((0..8).any(|seed| order(seed) != [0, 1, 2, 3, 4, 5, 6, 7]));
    }
}
