//! Work shared among threads: whoever is free takes the next task.

use std::sync::Mutex;

/// Does every task on so many threads, and answers the results in the order of the tasks. A task is made when
/// somebody takes it, so that what a million of them would fill is never there at once.
pub(crate) fn share<T, R: Send>(
    jobs: usize,
    tasks: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let tasks = Mutex::new(tasks.enumerate());
    let next = || tasks.lock().expect("making a task does not panic").next();
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((nth, task)) = next() {
                    let result = work(task);
                    let mut results = results.lock().expect("nothing panics while it holds this");
                    results.push((nth, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("every thread has ended");
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
            let squares = share(jobs, tasks.iter(), |task| task * task);
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
