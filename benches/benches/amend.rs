//! What a decision and a whole plan cost.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firedrill_core::amend::{Evidence, Options, Rules, Wanted, decide};
use firedrill_core::object::{ETag, Entry, History, Marker, Version, Versioning, WallTime};
use firedrill_s3_mock::Versioning as Mode;
use firedrill_sim::fixture::{Table, segment};
use firedrill_sim::fuse::{Change, Flavour, TableSpec};

fn decisions(criterion: &mut Criterion) {
    let marker = |nth| Marker {
        id: format!("m{nth}").into(),
        last_modified: WallTime(0),
    };
    let version = |nth, size| Version {
        id: format!("v{nth}").into(),
        size,
        etag: ETag::from(format!("e{nth}")),
        last_modified: WallTime(0),
        archived: false,
    };
    let rules = Rules {
        versioning: Versioning::Enabled,
        markers_denied: false,
    };
    let stacked: History = (0..4)
        .map(|nth| Entry::Marker(marker(nth)))
        .chain([Entry::Version(version(1, 7)), Entry::Version(version(0, 9))])
        .collect();
    criterion.bench_function("decide/four-markers-garbage-original", |bencher| {
        let wanted = Wanted::Sized(Some(9));
        bencher.iter(|| decide(black_box(&stacked), &wanted, &Evidence::default(), rules));
    });
}

fn plans(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    for objects in [100u64, 10_000] {
        let segments = (objects / 1000).max(1);
        let blocks = objects / 2 / segments;
        let mut table = Table::of(TableSpec::new(Flavour::V1_2_453, 1, 2), Mode::Enabled);
        table.commit(&Change::Insert {
            segments: (0..segments).map(|_| segment(blocks)).collect(),
        });
        table.delete_all();
        group.throughput(Throughput::Elements(objects));
        group.bench_function(format!("{objects}-deleted-objects"), |bencher| {
            let options = Options {
                apply: false,
                ..table.options()
            };
            bencher.iter_batched(
                || options.clone(),
                |options| table.run(options).0,
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = decisions, plans
}
criterion_main!(benches);
