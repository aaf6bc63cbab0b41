//! A scenario as the runtimes want it: the machine's options, the faults at their keys, and what they deny.

use std::collections::BTreeSet;

use firedrill_core::amend::{Layout, Options, Target as Wanted};
use firedrill_core::object::{Key, WallTime};
use firedrill_s3_mock as mock;

use crate::scenario::{Scenario, Target};
use crate::scene::Scene;

/// What the machine is asked for, in its own words.
pub(super) fn options(scenario: &Scenario, scene: &Scene) -> Options {
    let commits = &scene.truth.commits;
    let commit = |number: usize| &commits[number.min(commits.len() - 1)];
    let target = match &scenario.amend.target {
        _ if commits.is_empty() => Wanted::Current,
        Target::Current => Wanted::Current,
        Target::Snapshot { .. } if scenario.amend.plain_prefix => Wanted::Current,
        Target::Snapshot { commit: number } => {
            Wanted::Snapshot(commit(*number).snapshot.as_str().to_owned())
        }
        Target::AsOf {
            commit: number,
            plus_ms,
        } => Wanted::AsOf(WallTime(commit(*number).time.0 + plus_ms * 1000)),
    };
    Options {
        layout: if scenario.amend.plain_prefix {
            Layout::Prefix
        } else {
            Layout::Fuse
        },
        target,
        history: scenario.amend.history,
        apply: !scenario.amend.dry_run,
        window: scenario.amend.window.max(1),
        ..Options::new(scene.truth.prefix.as_str())
    }
}

/// The scenario's faults at the keys that they mean. A fault on a key that is not there strikes nothing.
pub(super) fn plan(scenario: &Scenario, scene: &Scene) -> Vec<mock::Fault> {
    let fault = |fault: &crate::scenario::Fault| {
        let key = fault.key.map(|selector| {
            let key = scene.truth.select(selector);
            key.map_or_else(|| "nothing".to_owned(), |key| key.as_str().to_owned())
        });
        mock::Fault {
            operation: fault.operation,
            key,
            nth: fault.nth.max(1),
            times: (fault.times > 0).then_some(fault.times),
            position: fault.position,
            effect: fault.effect,
        }
    };
    scenario.faults.iter().map(fault).collect()
}

pub(super) fn is_denial(fault: &&mock::Fault) -> bool {
    fault.effect == mock::Effect::Denied
}

pub(super) fn removes(fault: &mock::Fault) -> bool {
    use mock::Operation::{DeleteObjectVersion, DeleteObjects};
    matches!(fault.operation, DeleteObjectVersion | DeleteObjects)
}

/// Keys on which something other than removing a version is denied.
pub(super) fn denied_keys(faults: &[mock::Fault]) -> BTreeSet<Key> {
    let denials = faults.iter().filter(is_denial);
    let denials = denials.filter(|fault| !removes(fault));
    denials
        .filter_map(|fault| fault.key.as_deref().map(Key::from))
        .collect()
}

/// Whether something is denied without which nothing can be told: the listing, the hint, a snapshot, or
/// an operation on every key.
pub(super) fn denies_root(faults: &[mock::Fault]) -> bool {
    use mock::Operation::ListObjectVersions;
    use mock::Operation::{DeleteObjectVersion, DeleteObjects, GetBucketVersioning};
    let denials = faults.iter().filter(is_denial);
    denials.clone().any(|fault| {
        let key = fault.key.as_deref();
        let root = key.is_some_and(|key| key.contains("/_ss/") || key.contains("location_hint"));
        match fault.operation {
            ListObjectVersions | GetBucketVersioning => true,
            DeleteObjects | DeleteObjectVersion => false,
            mock::Operation::GetObject => root || key.is_none(),
            _ => key.is_none(),
        }
    })
}
