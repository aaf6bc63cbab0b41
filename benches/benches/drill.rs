//! How many simulated disasters a second one core gets through.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use firedrill_chaos::campaign::{case_seed, run_caught};
use firedrill_chaos::generate;
use firedrill_core::amend::Amend;

/// Cases in one sample: enough that no single large one decides.
const CASES: u64 = 200;

fn cases(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("drill");
    group.throughput(Throughput::Elements(CASES));
    group.bench_function("amend-cases", |bencher| {
        bencher.iter(|| {
            let seeds = (0..CASES).map(|number| case_seed(20_261_121, number));
            let outcomes =
                seeds.map(|seed| run_caught(&generate::scenario(seed), &Amend::new, None, false));
            outcomes.filter(Result::is_ok).count()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = cases
}
criterion_main!(benches);
