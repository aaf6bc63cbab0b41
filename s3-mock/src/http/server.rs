//! Building a server, and letting it listen.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::{JoinHandle, JoinSet};

use super::clock::{Clock, TickingClock};
use super::data::Data;
use super::listings::Listings;
use super::observer::Observer;
use super::operations::Operations;
use super::service::Service;
use super::state::Shared;
use crate::{Bucket, Fault, FaultPlan, Versioning};

/// What a server is to be.
pub struct Builder {
    buckets: Vec<(String, Bucket)>,
    faults: Vec<Fault>,
    key: Option<(String, String)>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn Observer>>,
    data: Option<Data>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

/// A server that listens until it is dropped.
#[derive(Debug)]
pub struct Server {
    service: Service,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Builder {
    /// With an empty bucket of this name (3 to 63 characters).
    #[must_use]
    pub fn bucket(self, name: &str, versioning: Versioning) -> Self {
        self.bucket_with(name, Bucket::new(versioning))
    }

    /// With a bucket that holds something already; a folder's own bucket of the same name goes before.
    #[must_use]
    pub fn bucket_with(mut self, name: &str, bucket: Bucket) -> Self {
        self.buckets.push((name.to_owned(), bucket));
        self
    }

    /// Requests must be signed with this key. Without a key any signature is taken, and none is needed.
    #[must_use]
    pub fn key(mut self, access_key: &str, secret_key: &str) -> Self {
        self.key = Some((access_key.to_owned(), secret_key.to_owned()));
        self
    }

    /// With these faults.
    #[must_use]
    pub fn faults(mut self, faults: Vec<Fault>) -> Self {
        self.faults = faults;
        self
    }

    /// With time from here; else a [`TickingClock`] that begins behind all that its buckets hold.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Watched by this observer.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// With all that is in a folder, and from now on everything that changes is there before it is answered.
    #[must_use]
    pub fn data(mut self, data: Data) -> Self {
        self.data = Some(data);
        self
    }

    /// The server without a socket.
    pub fn build(self) -> Service {
        let plan = FaultPlan::new(self.faults);
        let open = self.key.is_none();
        let state = self.data.map(|data| data.state).unwrap_or_default();
        let clock = self.clock.unwrap_or_else(|| {
            let kept = state.buckets.values().map(|held| &held.bucket);
            let buckets = kept.chain(self.buckets.iter().map(|(_, bucket)| bucket));
            Arc::new(TickingClock::behind(
                buckets.filter_map(Bucket::newest).max(),
            ))
        });
        let shared = Shared::new(state, self.buckets, plan, clock, self.observer, open);
        let shared = Arc::new(shared);
        let mut s3 = S3ServiceBuilder::new(Operations(Arc::clone(&shared)));
        s3.set_route(Listings(Arc::clone(&shared)));
        if let Some((access_key, secret_key)) = self.key {
            s3.set_auth(SimpleAuth::from_single(access_key, secret_key));
        }
        // s3s compares with the machine's clock, and ours may be another.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        s3.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Service {
            shared,
            s3: s3.build(),
        }
    }

    /// Listens. Port 0 takes any free one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(self, address: impl ToSocketAddrs) -> std::io::Result<Server> {
        let service = self.build();
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(accept(listener, service.clone()));
        Ok(Server {
            service,
            address,
            accepting,
        })
    }
}

async fn accept(listener: TcpListener, service: Service) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, say: connections that end make room.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            continue;
        };
        // Without it an ordinary client waits 40 ms for each body. A failure only makes it slow.
        let _slow_but_right = stream.set_nodelay(true);
        let service = service.clone();
        connections.spawn(async move {
            // A connection that broke is the client's to notice.
            let _broken = service.serve_connection(TokioIo::new(stream)).await;
        });
    }
}

impl Server {
    /// Begins with no bucket, no key, no faults and a clock that ticks by itself.
    pub fn builder() -> Builder {
        Builder {
            buckets: Vec::new(),
            faults: Vec::new(),
            key: None,
            clock: None,
            observer: None,
            data: None,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Looks at a bucket, or does to it what the API cannot; none: no such bucket.
    pub fn bucket<T>(&self, name: &str, look: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        self.service.bucket(name, look)
    }

    /// The server without its socket: faults, counts, requests from within the process.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Serves until the task is cancelled.
    pub async fn wait(mut self) {
        // The task ends only by a panic or by being aborted.
        let _ended = (&mut self.accepting).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
