//! Medians and percentiles of a few numbers, by nearest rank: always one of the numbers themselves.

/// The number below which at least so many of a hundred lie; none of no numbers.
pub(super) fn percentile<T: PartialOrd + Copy>(numbers: &[T], percent: usize) -> Option<T> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(|one, other| {
        one.partial_cmp(other)
            .expect("times and counts can be compared")
    });
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// The middle one.
pub(super) fn median<T: PartialOrd + Copy>(numbers: &[T]) -> Option<T> {
    percentile(numbers, 50)
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn the_nearest_rank_is_one_of_the_numbers() {
        let numbers = [5, 1, 4, 2, 3, 10, 9, 8, 7, 6];
        assert_eq!(median(&numbers), Some(5));
        assert_eq!(percentile(&numbers, 90), Some(9));
        assert_eq!(percentile(&numbers, 100), Some(10));
        assert_eq!(percentile(&numbers, 0), Some(1));
        assert_eq!(median(&[7.5]), Some(7.5));
        assert_eq!(median::<u64>(&[]), None);
    }
}
