//! A set of tasks that end in any order.
//!
//! It is tokio's own. The simulated tokio of the drill's scheduling tier has none, so there it is made here of
//! what that has, with the same three functions.

#[cfg(madsim)]
pub(crate) use simulated::JoinSet;
#[cfg(not(madsim))]
pub(crate) use tokio::task::JoinSet;

#[cfg(madsim)]
mod simulated {
    use std::any::Any;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use tokio::task::JoinHandle;

    /// Tasks; those that have not ended are cancelled when it is dropped.
    pub(crate) struct JoinSet<T>(Vec<JoinHandle<T>>);

    /// A task that was cancelled. One that panics takes the whole simulation with it.
    pub(crate) struct Cancelled;

    impl Cancelled {
        pub(crate) fn into_panic(self) -> Box<dyn Any + Send> {
            Box::new("a task was cancelled")
        }
    }

    impl<T: Send + 'static> JoinSet<T> {
        pub(crate) fn new() -> Self {
            Self(Vec::new())
        }

        pub(crate) fn spawn(&mut self, task: impl Future<Output = T> + Send + 'static) {
            self.0.push(tokio::spawn(task));
        }

        /// The first that has ended; none if there are no more.
        pub(crate) async fn join_next(&mut self) -> Option<Result<T, Cancelled>> {
            poll_fn(|context| {
                if self.0.is_empty() {
                    return Poll::Ready(None);
                }
                for index in 0..self.0.len() {
                    if let Poll::Ready(ended) = Pin::new(&mut self.0[index]).poll(context) {
                        drop(self.0.swap_remove(index));
                        return Poll::Ready(Some(ended.map_err(|_| Cancelled)));
                    }
                }
                Poll::Pending
            })
            .await
        }
    }

    impl<T> Drop for JoinSet<T> {
        fn drop(&mut self) {
            for task in &self.0 {
                task.abort();
            }
        }
    }
}
