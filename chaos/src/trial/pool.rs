//! Work shared among threads: whoever is free takes the next task.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does every task on so many threads, and answers the results in the order of the tasks.
pub(super) fn share<T: Sync, R: Send>(
    jobs: usize,
    tasks: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(nth) else { return };
                    let result = work(task);
                    let mut results = results.lock().expect("no task panics");
                    results.push((nth, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no task panics");
    results.sort_by_key(|(nth, _)| *nth);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn results_come_in_the_order_of_the_tasks() {
        let tasks: Vec<u64> = (0..100).collect();
        for jobs in [0, 1, 3] {
            let squares = share(jobs, &tasks, |task| task * task);
            assert!(
                squares
                    .iter()
                    .zip(&tasks)
                    .all(|(square, task)| *square == task * task)
            );
            assert_eq!(squares.len(), tasks.len());
        }
    }
}
