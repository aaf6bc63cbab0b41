//! A folder that holds what a server holds, so that killing the server loses nothing that it answered.
//!
//! ```text
//!  request ─► state changes ─► one record at the end of DIR/log, by write(2) ─► the lock is let go ─► answer
//!  start   ─► DIR/lock, locked ─► DIR/log, record by record ─► the state as it was
//! ```
//!
//! Invariants:
//! - What is answered was written before. A process that is killed leaves what it wrote to the operating
//!   system; so a SIGKILL at any moment loses only what nobody heard of.
//! - One record for each change of the state: what belongs together is there together or not at all.
//! - A server that can no longer write answers nothing but errors until it is started again.
//! - An end that is no sound record is cut off and told. A damaged record with something behind it is refused:
//!   nothing is guessed, and nothing is skipped.
//!
//! Deliberately not here: `fsync`. It would add that a power cut or a crash of the machine loses nothing
//! either, for a millisecond or more on each write; this is a server for trials, whose own host is not what
//! is on trial. After a power cut the log is cut at its first unsound record, as above, or refused. Also not
//! here: compaction (a log grows until its folder is deleted); faults and counts of requests, which begin anew.

mod event;
mod follow;
mod log;
mod record;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

pub(super) use event::Event;
pub use follow::Follower;
pub(super) use log::Log;

use super::state::State;
use crate::{Bucket, Time};

/// A folder that was opened, and all that is in it. No other server can open it until this one is dropped.
pub struct Data {
    pub(super) state: State,
    folder: PathBuf,
    notice: Option<String>,
}

impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read or written.
    #[error("{} cannot be used: {source}", path.display())]
    Unusable {
        /// What exactly.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server has it.
    #[error("{} is in use by another server; stop that one, or take another folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Its log is something else.
    #[error("{} is no log of this server; take an empty folder", path.display())]
    NotALog {
        /// The log.
        path: PathBuf,
    },
    /// Its log was written by a later release.
    #[error("{} has version {version}, and this release reads version {} and older; take a later release", path.display(), log::VERSION)]
    Later {
        /// The log.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A record is damaged, and it is not the end.
    #[error(
        "{path}: record {record}, at byte {offset}, is damaged, and more follows it, so this is no write that was cut short; nothing was changed. Put back a copy of the file; or, to give up this record and everything behind it, cut the file there: truncate --size {offset} {path}",
        path = path.display()
    )]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Which record, from 1 on.
        record: u64,
        /// Where it begins, in bytes from the file's first.
        offset: u64,
    },
    /// What was read before is no longer there.
    #[error("{} is shorter than the {read} bytes of it that were read before", path.display())]
    Shorter {
        /// The log.
        path: PathBuf,
        /// Bytes that were read.
        read: u64,
    },
    /// A record is whole and says what this release does not understand.
    #[error("{}: record {record} is whole, and says what this release does not understand ({why})", path.display())]
    NotUnderstood {
        /// The log.
        path: PathBuf,
        /// Which record, from 1 on.
        record: u64,
        /// What.
        why: String,
    },
}

impl Data {
    /// Opens a folder, or makes it, and reads all that is in it.
    ///
    /// # Errors
    /// [`DataError`]; the folder is then as it was, but for an empty file `lock`.
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |source| DataError::Unusable { path, source }
        };
        fs::create_dir_all(folder).map_err(unusable(folder))?;
        let lock = lock(folder)?;
        let path = folder.join("log");
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(unusable(&path))?;
        let mut state = State::default();
        let (log, cut) = Log::open(path, file, lock, |events| {
            events.into_iter().for_each(|event| state.apply(event));
        })?;
        state.keep_in(log);
        Ok(Self {
            state,
            folder: folder.to_owned(),
            notice: cut.map(|cut| cut.to_string()),
        })
    }

    /// Whether nothing was ever done in it.
    pub fn is_empty(&self) -> bool {
        self.state.buckets.is_empty() && self.state.records() == 0
    }

    /// What a person should know about how it was found, in one sentence.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One of its buckets.
    pub fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.state.buckets.get(name).map(|held| &held.bucket)
    }

    /// Adds a bucket with all that is in it, in one record; one of the same name is replaced.
    ///
    /// # Errors
    /// [`DataError::Unusable`]: the log cannot be written.
    pub fn insert(&mut self, name: &str, bucket: Bucket, created: Time) -> Result<(), DataError> {
        self.state.insert(name.to_owned(), bucket, created);
        self.state
            .write_log()
            .map_err(|source| DataError::Unusable {
                path: self.folder.join("log"),
                source,
            })
    }
}

/// The lock belongs to the open file, so it ends with its process, however that ends.
fn lock(folder: &Path) -> Result<File, DataError> {
    let path = folder.join("lock");
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path);
    let file = opened.map_err(|source| DataError::Unusable {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(DataError::Unusable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use s3s::Body;

    use super::*;
    use crate::Versioning;
    use crate::http::{Server, Service};

    async fn ask(server: &Service, method: &str) -> (u16, String) {
        let request = hyper::Request::builder()
            .method(method)
            .uri("/lake/k")
            .header("host", "localhost")
            .body(Body::from("x".to_owned()))
            .expect("a request");
        let response = server.call(request).await.expect("no fault breaks it");
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let bytes = body.store_all_limited(1 << 20).await.expect("a body");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn a_server_that_cannot_log_answers_nothing_else_any_more() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut data = Data::open(folder.path()).expect("it is new");
        let bucket = Bucket::new(Versioning::Enabled);
        data.insert("lake", bucket, Time(0)).expect("there is room");
        let path = folder.path().join("log");
        let before = fs::read(&path).expect("there is a log");
        let lock = File::create(folder.path().join("other")).expect("there is room");
        data.state.keep_in(Log::read_only(path.clone(), lock));
        let server = Server::builder().data(data).build();

        assert_eq!(ask(&server, "GET").await.0, 404, "nothing was to be logged");
        let (status, body) = ask(&server, "PUT").await;
        assert_eq!(status, 500);
        assert!(body.contains("cannot be written"), "{body}");
        let (status, _) = ask(&server, "GET").await;
        assert_eq!(status, 500, "it may see what is nowhere but in memory");
        assert_eq!(fs::read(&path).expect("there is a log"), before);
    }

    #[tokio::test]
    async fn a_folder_whose_log_could_not_be_written_is_of_no_more_use() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut data = Data::open(folder.path()).expect("it is new");
        let lock = File::create(folder.path().join("other")).expect("there is room");
        let path = folder.path().join("log");
        data.state.keep_in(Log::read_only(path, lock));
        let lake = Bucket::new(Versioning::Enabled);
        data.insert("lake", lake, Time(0)).expect_err("read only");
        let server = Server::builder().data(data).build();
        let (status, body) = ask(&server, "GET").await;
        assert_eq!(status, 500, "its bucket is nowhere but in memory: {body}");
    }
}
