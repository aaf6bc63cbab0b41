//! A case's panic is silent, and nobody else's: a test of its own process, for the hook is the process's.

use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

use firedrill_chaos::campaign::{self, Attempt, case_seed};
use firedrill_chaos::generate;
use firedrill_core::amend::Amend;

static TOLD: AtomicU64 = AtomicU64::new(0);

#[test]
fn only_a_cases_panic_is_silent() {
    panic::set_hook(Box::new(|_| {
        TOLD.fetch_add(1, Ordering::Relaxed);
    }));
    campaign::silence_panics();
    let panics = |number: &u64| {
        let scenario = generate::scenario(case_seed(1, *number));
        let attempt = campaign::attempt(&scenario, &Amend::new, Some("AM-30"), false);
        matches!(attempt, Attempt::Panicked(_))
    };
    assert!((0..1000).find(panics).is_some());
    assert_eq!(TOLD.load(Ordering::Relaxed), 0);
    assert!(panic::catch_unwind(|| panic!("outside of every case")).is_err());
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
}
