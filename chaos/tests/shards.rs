//! A run spread over many machines says what one run says.

use firedrill_chaos::campaign::{self, Control, Orders, Source, Tally};
use firedrill_chaos::shard::{self, MergeError, ResultDocument, Shard};
use firedrill_core::amend::Amend;

const ROOT: u64 = 31;
const CASES: u64 = 600;
const BUG: &str = "AM-10";

type Spoil = fn(&mut ResultDocument);

fn run(shard: Shard, jobs: usize) -> Tally {
    let orders = Orders {
        seed: ROOT,
        cases: Some(CASES),
        jobs,
        planted: Some(BUG),
        until: &[],
        failures_max: usize::MAX,
    };
    let source = Source {
        shard,
        ..Source::default()
    };
    campaign::run_of(source, orders, &Amend::new, &Control::default())
}

fn shard(text: &str) -> Shard {
    text.parse().expect("it is written as one")
}

/// The document as another machine would read it.
fn result(shard: Shard) -> ResultDocument {
    let document = ResultDocument {
        version: shard::VERSION,
        commit: None,
        fingerprint: shard::fingerprint(ROOT, Some(BUG)),
        seed: ROOT,
        shard,
        cases: Some(CASES),
        planted: Some(BUG.into()),
        seconds: 2.0,
        jobs: 3,
        cases_per_second_per_core: 1.0,
        tally: run(shard, 2),
    };
    let text = serde_json::to_string(&document).expect("it is plain data");
    serde_json::from_str(&text).expect("it reads back")
}

#[test]
fn four_shards_merged_are_the_single_run() {
    let single = run(Shard::WHOLE, 1);
    assert!(single.failures.len() > 3, "the bug fails several cases");
    let order = ["3/4", "1/4", "4/4", "2/4"];
    let merged = shard::merge(order.map(|name| result(shard(name))).to_vec());
    let merged = merged.expect("they belong together");
    assert_eq!(merged.result.tally, single);
    assert_eq!((merged.missing, merged.unfinished), (vec![], vec![]));
    assert_eq!(merged.result.shard, Shard::WHOLE);
    assert_eq!(merged.result.jobs, 12);
    let speed = CASES as f64 / (4.0 * 2.0 * 3.0);
    assert_eq!(merged.result.cases_per_second_per_core, speed);
}

#[test]
fn what_does_not_belong_together_is_not_merged() {
    let parts = ["1/3", "2/3"].map(|name| result(shard(name)));
    let [first, second] = parts.clone();
    let incomplete = shard::merge(parts.to_vec()).expect("a part is missing, none is wrong");
    assert_eq!(incomplete.missing, [shard("3/3")]);
    let twice = shard::merge(vec![first.clone(), second.clone(), first.clone()]);
    assert_eq!(twice, Err(MergeError::Doubled(shard("1/3"))));
    assert_eq!(shard::merge(Vec::new()), Err(MergeError::Nothing));
    let spoil: [(&str, Spoil); 5] = [
        ("root seed", |result| result.seed += 1),
        ("number of shards", |result| result.shard = shard("3/4")),
        ("fingerprint", |result| result.fingerprint.push('0')),
        ("number of cases", |result| result.cases = None),
        ("planted bug", |result| result.planted = None),
    ];
    for (wanted, spoil) in spoil {
        let mut other = second.clone();
        spoil(&mut other);
        let refused = shard::merge(vec![first.clone(), other]);
        let is_foreign =
            matches!(&refused, Err(MergeError::Foreign { what, .. }) if *what == wanted);
        assert!(is_foreign, "{wanted}: {refused:?}");
    }
}

#[test]
fn a_shard_that_ended_early_is_named() {
    let mut part = result(shard("2/2"));
    part.tally.cases -= 1;
    let merged = shard::merge(vec![result(shard("1/2")), part]).expect("they belong together");
    assert_eq!(merged.unfinished, [shard("2/2")]);
}

#[test]
fn shards_cover_each_case_once() {
    for of in 1..=7 {
        let mut seen = Vec::new();
        for number in 1..=of {
            let shard = shard(&format!("{number}/{of}"));
            let own: Vec<u64> = (0..)
                .map(|nth| shard.case(nth))
                .take_while(|case| *case < 23)
                .collect();
            assert_eq!(own.len() as u64, shard.share(23), "{shard}");
            seen.extend(own);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..23).collect::<Vec<u64>>());
    }
    for text in ["0/4", "5/4", "1", "1/0", "a/b", "1/2/3", "-1/2"] {
        assert!(text.parse::<Shard>().is_err(), "{text}");
    }
}
