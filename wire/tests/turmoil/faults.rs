//! Each fault of the network strikes, is felt by the driver as what it is, and is survived.

use firedrill_chaos::scenario::{Fault, Scenario};
use firedrill_s3_mock::{Effect, Operation, Position};
use firedrill_wire::compare::{Verdict, compare};

use crate::{BOTH, kept_case, play};

/// A table whose folder was deleted twice: listing, reading and removing markers are needed.
fn deleted() -> Scenario {
    let mut scenario = kept_case("A3-lost-answer-peels-a-version.toml");
    scenario.faults.clear();
    scenario.amend.patience_ms = 2000;
    scenario
}

/// A table on which only copies help.
fn overwritten() -> Scenario {
    let mut scenario = kept_case("A2-overwritten-within-one-second.toml");
    scenario.faults.clear();
    scenario.amend.patience_ms = 2000;
    scenario
}

fn fault(operation: Operation, position: Position, effect: Effect, times: u64) -> Fault {
    Fault {
        operation,
        key: None,
        nth: 1,
        times,
        position,
        effect,
    }
}

/// The fault strikes so often, nothing is violated, and the simulated world comes to the same.
fn survives(mut scenario: Scenario, fault: Fault, strikes: u64) {
    scenario.faults = vec![fault];
    let outcome = play(&scenario, None).expect("it can be set up, and nothing panics");
    let told = &scenario.faults[0];
    assert_eq!(outcome.violations, [], "{told:?}");
    assert_eq!(outcome.fired, [strikes], "{told:?}");
    assert_eq!(compare(&scenario, &BOTH), Verdict::Equal, "{told:?}");
}

#[test]
fn refused_connections() {
    let refused = Effect::Reset { after_bytes: 0 };
    for operation in [
        Operation::GetBucketVersioning,
        Operation::ListObjectVersions,
        Operation::DeleteObjects,
    ] {
        survives(deleted(), fault(operation, Position::Before, refused, 3), 3);
    }
}

#[test]
fn requests_that_hang() {
    for operation in [Operation::ListObjectVersions, Operation::DeleteObjects] {
        survives(
            deleted(),
            fault(operation, Position::Before, Effect::Timeout, 2),
            2,
        );
    }
    let copy = Operation::CopyObject;
    survives(
        overwritten(),
        fault(copy, Position::Before, Effect::Timeout, 1),
        1,
    );
}

#[test]
fn bodies_cut_at_any_byte() {
    for after_bytes in [0, 1, 7, 200] {
        let cut = Effect::Reset { after_bytes };
        for operation in [Operation::ListObjectVersions, Operation::GetObject] {
            survives(deleted(), fault(operation, Position::During, cut, 2), 2);
        }
    }
}

#[test]
fn answers_lost_after_they_took_effect() {
    let lost = [Effect::Reset { after_bytes: 0 }, Effect::Timeout];
    for effect in lost {
        let removal = fault(Operation::DeleteObjects, Position::After, effect, 1);
        survives(deleted(), removal, 1);
        let copy = fault(Operation::CopyObject, Position::After, effect, 1);
        survives(overwritten(), copy, 1);
    }
}

#[test]
fn storms_of_503() {
    let storm = fault(
        Operation::GetObject,
        Position::Before,
        Effect::Unavailable,
        6,
    );
    survives(deleted(), storm, 6);
}

#[test]
fn answers_later_than_the_patience() {
    let late = Effect::Slow { delay_ms: 5000 };
    for position in [Position::Before, Position::After] {
        survives(
            deleted(),
            fault(Operation::DeleteObjects, position, late, 1),
            1,
        );
    }
}

#[test]
fn a_refused_connection_is_opened_where_nobody_listens() {
    let mut scenario = deleted();
    let refused = Effect::Reset { after_bytes: 0 };
    let listing = Operation::ListObjectVersions;
    scenario.faults = vec![fault(listing, Position::Before, refused, 1)];
    let outcome = play(&scenario, None).expect("it can be set up, and nothing panics");
    let events = outcome.trace.events();
    let asked = events.iter().filter(|event| event.kind == "list-versions");
    let arrived = events
        .iter()
        .filter(|event| event.kind == "arrived" && event.entity.contains("?versions"));
    assert_eq!(
        asked.count(),
        arrived.count() + 1,
        "one never reached the server"
    );
    let sure = events
        .iter()
        .filter(|event| event.kind == "reply" && event.detail == "determinate");
    assert_eq!(sure.count(), 1, "its sender knows that nothing was sent");
}
