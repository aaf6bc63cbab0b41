//! Planted bugs and probes: what the drill switches on to prove that it would notice, and what it must
//! reach.
//!
//! In a production build [`planted`] is a constant `false` and every planted branch is compiled away.
//! With the feature `drill` it is true for the one bug that the runner made active on this thread, so one
//! build holds all of them.

mod probe;

#[cfg(feature = "drill")]
mod active {
    use std::cell::{Cell, RefCell};

    thread_local! {
        static ACTIVE: Cell<Option<&'static str>> = const { Cell::new(None) };
        static STASH: RefCell<Option<Box<dyn std::any::Any>>> = const { RefCell::new(None) };
        static TOSSED: Cell<u64> = const { Cell::new(0) };
    }

    /// Makes one planted bug active on this thread, or none.
    pub fn activate(bug: Option<&'static str>) {
        ACTIVE.set(bug);
        forget();
    }

    /// Whether this planted bug is the active one.
    pub fn planted(id: &str) -> bool {
        ACTIVE.get() == Some(id)
    }

    /// Forgets what a planted bug remembers: another world begins.
    pub fn forget() {
        STASH.with(|stash| stash.borrow_mut().take());
    }

    /// What no machine may do: an answer that depends on what this thread did before (AM-29).
    pub fn coin() -> bool {
        let tossed = TOSSED.get() + 1;
        TOSSED.set(tossed);
        tossed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 1
    }

    /// What a planted bug wrongly remembers across a restart (AM-16, AM-24, AM-25).
    pub fn stash<T: 'static>(value: T) {
        STASH.with(|stash| *stash.borrow_mut() = Some(Box::new(value)));
    }

    /// Takes back what [`stash`] remembered.
    pub fn unstash<T: 'static>() -> Option<T> {
        let value = STASH.with(|stash| stash.borrow_mut().take())?;
        value.downcast().ok().map(|value| *value)
    }
}

#[cfg(feature = "drill")]
pub use active::{activate, coin, forget, planted, stash, unstash};
pub use probe::{Probe, reached, sometimes};
#[cfg(feature = "drill")]
pub use probe::{ProbeSet, take_reached};

/// Whether this planted bug is the active one: never, in a production build.
#[cfg(not(feature = "drill"))]
pub const fn planted(_id: &str) -> bool {
    false
}

/// Only a planted bug tosses it.
#[cfg(not(feature = "drill"))]
pub const fn coin() -> bool {
    false
}
