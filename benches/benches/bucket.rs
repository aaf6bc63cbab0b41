//! What the mock's operations cost, without HTTP.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use firedrill_s3_mock::{Bucket, GetOptions, ListVersions, PutOptions, Time, Versioning};

const KEYS: usize = 10_000;

fn full() -> Bucket {
    let mut bucket = Bucket::new(Versioning::Enabled);
    for nth in 0..KEYS {
        put(&mut bucket, nth);
    }
    bucket
}

fn put(bucket: &mut Bucket, nth: usize) {
    let body = Bytes::from_static(&[7; 1024]);
    let key = format!("folder/{nth:06}");
    bucket
        .put(Time(0), &key, body, &PutOptions::default())
        .expect("a plain put succeeds");
}

fn operations(criterion: &mut Criterion) {
    let mut bucket = full();
    let mut nth = 0;
    criterion.bench_function("bucket/put-1-KiB", |bencher| {
        bencher.iter(|| {
            nth = (nth + 1) % KEYS;
            put(&mut bucket, nth);
        });
    });
    let bucket = full();
    criterion.bench_function("bucket/get-1-KiB", |bencher| {
        bencher.iter(|| {
            bucket
                .get("folder/005000", None, &GetOptions::default())
                .expect("there")
        });
    });
    let mut group = criterion.benchmark_group("bucket");
    group.throughput(Throughput::Elements(1000));
    group.bench_function("page-of-1000-versions", |bencher| {
        let request = ListVersions {
            key_marker: Some("folder/005000".into()),
            ..ListVersions::default()
        };
        bencher.iter(|| bucket.list_versions(&request));
    });
    group.bench_function("batch-delete-of-1000", |bencher| {
        let objects: Vec<_> = (0..1000)
            .map(|nth| (format!("folder/{nth:06}"), None))
            .collect();
        bencher.iter_batched_ref(
            || bucket.clone(),
            |bucket| {
                bucket
                    .delete_many(Time(1), &objects)
                    .expect("1000 are accepted")
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = operations
}
criterion_main!(benches);
