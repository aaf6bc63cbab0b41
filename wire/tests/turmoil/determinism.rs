//! A case is a function of its scenario: on another thread, later, the same trace.

use std::time::Duration;

use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::generate;
use firedrill_sim::trace::TraceEvent;

use crate::play;

const CASES: u64 = 6;

fn traces(planted: Option<&'static str>) -> Vec<Vec<TraceEvent>> {
    let trace = |number| {
        let scenario = generate::scenario(case_seed(10, number));
        let outcome = play(&scenario, planted).expect("it can be set up, and nothing panics");
        outcome.trace.events().to_vec()
    };
    (0..CASES).map(trace).collect()
}

/// Longer than a clock that is read in whole seconds takes to tick.
fn later_on_another_thread(planted: Option<&'static str>) -> Vec<Vec<TraceEvent>> {
    std::thread::sleep(Duration::from_millis(1100));
    let thread = std::thread::spawn(move || traces(planted));
    thread.join().expect("a case's panic is caught inside")
}

#[test]
fn two_runs_have_the_same_trace() {
    let (first, second) = (traces(None), later_on_another_thread(None));
    for (number, (first, second)) in first.iter().zip(&second).enumerate() {
        assert!(first.len() > 10, "case {number} did something");
        for (one, two) in first.iter().zip(second) {
            assert_eq!(one, two, "case {number}");
        }
        assert_eq!(first.len(), second.len(), "case {number}");
    }
}

/// The headers are in the trace, so a signature by the machine's clock is seen where it is sent.
#[test]
fn a_clock_that_leaks_into_a_signature_is_seen() {
    let bug = Some("H1-01");
    let (first, second) = (traces(bug), later_on_another_thread(bug));
    for (first, second) in first.iter().zip(&second) {
        let mut pairs = first.iter().zip(second);
        let (here, there) = pairs.find(|(one, two)| one != two).expect("it shows");
        assert_eq!((here.kind, there.kind), ("arrived", "arrived"));
    }
}
