//! Holds a target to a bound of memory: libFuzzer's own looks once a second, and only at pages that were touched.

use std::alloc::System;
use std::panic;
use std::sync::Once;

use cap::Cap;

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

static LIFTED_BY_PANICS: Once = Once::new();

/// Runs it with so many bytes beyond those that are in use. Whoever asks for more is refused and aborts, and
/// libFuzzer keeps the input. What C libraries take is not counted.
pub fn within<T>(bytes: usize, run: impl FnOnce() -> T) -> T {
    LIFTED_BY_PANICS.call_once(|| {
        // A backtrace takes megabytes, and one that is refused them never ends.
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            let lifted = MEMORY.set_limit(usize::MAX);
            lifted.expect("that is no limit");
            tell(about);
        }));
    });
    let limit = MEMORY.allocated().saturating_add(bytes);
    MEMORY
        .set_limit(limit)
        .expect("nobody else allocates meanwhile");
    let result = run();
    MEMORY.set_limit(usize::MAX).expect("that is no limit");
    result
}
