//! Planted bugs: what a drill switches on to prove that it would notice.
//!
//! In a production build [`planted`] is a constant `false` and every planted branch is compiled away.
//! With the feature `drill` it is true for the one bug that the runner made active on this thread. The crate
//! has its own switch because it depends on no other crate of the workspace.
//!
//! | id | bug |
//! |---|---|
//! | MK-01 | markers and versions of one second are listed in another order |
//! | MK-02 | the entry at a page boundary is skipped when only the version marker moves |
//! | MK-03 | a delete under suspension leaves the old null version beside the new null marker |
//! | MK-04 | keys are listed in the order of their UTF-16 units, not of their UTF-8 bytes |
//! | MK-05 | deleting a key that ends in a slash leaves no marker, although one is answered |
//! | MK-06 | behind an entry of a key beyond ASCII the page begins with that entry again |

#[cfg(feature = "drill")]
mod active {
    use std::cell::Cell;

    thread_local! {
        static ACTIVE: Cell<Option<&'static str>> = const { Cell::new(None) };
    }

    /// Makes one planted bug active on this thread, or none.
    pub fn activate(bug: Option<&'static str>) {
        ACTIVE.set(bug);
    }

    /// Whether this planted bug is the active one.
    pub fn planted(id: &str) -> bool {
        ACTIVE.get() == Some(id)
    }
}

#[cfg(feature = "drill")]
pub use active::{activate, planted};

/// Whether this planted bug is the active one: never, in a production build.
#[cfg(not(feature = "drill"))]
pub const fn planted(_id: &str) -> bool {
    false
}
