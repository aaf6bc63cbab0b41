//! Delta debugging over one list: large pieces are taken away first, then smaller ones, at last single items.
//!
//! Invariant: in what is left no single item can be taken away, unless the floor forbids it or the test
//! changed its mind.

/// Which of `length` items stay, at least `least` of them. `test` says whether it still fails with only these,
/// in their order; it is taken to fail with all of them, and is never asked that.
pub(crate) fn ddmin(
    length: usize,
    least: usize,
    mut test: impl FnMut(&[usize]) -> bool,
) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..length).collect();
    let mut piece = length;
    while piece > 0 {
        let mut shorter = false;
        let mut end = kept.len();
        // From the back, since what comes later builds on what came earlier.
        while end > 0 {
            let start = end.saturating_sub(piece);
            if kept.len() - (end - start) >= least {
                let candidate = [&kept[..start], &kept[end..]].concat();
                if test(&candidate) {
                    kept = candidate;
                    shorter = true;
                }
            }
            end = start;
        }
        // A single item that was needed may not be any more once another one is gone.
        piece = match piece {
            1 if shorter => 1,
            _ => piece / 2,
        };
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::ddmin;

    proptest! {
        #[test]
        fn exactly_what_is_needed_stays(
            length in 0usize..50,
            needed in prop::collection::btree_set(0usize..50, 0..5),
        ) {
            let needed: BTreeSet<usize> = needed.into_iter().filter(|at| *at < length).collect();
            let kept = ddmin(length, 0, |kept| needed.iter().all(|at| kept.contains(at)));
            prop_assert_eq!(kept, needed.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn no_single_item_can_be_taken_away(length in 1usize..16, salt: u32) {
            // An arbitrary test that is not monotone, except that it fails with everything.
            let fails = |kept: &[usize]| {
                let mixed = kept.iter().fold(salt, |mixed, at| {
                    (mixed ^ *at as u32).wrapping_mul(0x9e37_79b1).rotate_left(7)
                });
                kept.len() == length || mixed % 3 == 0
            };
            let kept = ddmin(length, 0, fails);
            prop_assert!(fails(&kept));
            for gone in 0..kept.len() {
                let mut fewer = kept.clone();
                fewer.remove(gone);
                prop_assert!(!fails(&fewer), "{:?} without {}", kept, kept[gone]);
            }
        }

        #[test]
        fn the_floor_is_kept(length in 0usize..20, least in 0usize..20) {
            let kept = ddmin(length, least, |_| true);
            prop_assert_eq!(kept.len(), length.min(least));
        }
    }

    #[test]
    fn a_few_of_many_take_few_tests() {
        let mut tests = 0;
        ddmin(1024, 0, |kept| {
            tests += 1;
            kept.contains(&77) && kept.contains(&900)
        });
        assert!(tests < 100, "{tests} tests");
    }
}
