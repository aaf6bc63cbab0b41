//! The server's side: requests are served as tasks of their own, and everybody is told what they did.
//!
//! A request that has arrived goes on when its sender is gone, as it does on a real server. One way in which
//! the network lies is here too: a gateway that loses the rest of a body and announces the length of what is
//! left, so that no HTTP client can tell.
//!
//! Deliberately not here: the other faults; the mock's HTTP face performs them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use firedrill_chaos::oracle::listing::Page;
use firedrill_core::object::{Cursor, Key, VersionId};
use firedrill_s3_mock::http::{Applied, Body, Broken, Observer, Service};
use firedrill_s3_mock::{
    Bucket, Effect, Error, Fault, ListVersions, Operation, Position, VersionPage, Written,
};
use firedrill_sim::draw::{Stream, fold, hash_bytes};
use firedrill_sim::object_store::{self, Change};
use firedrill_sim::queue::Nanos;
use firedrill_sim::world::{HostId, Settings};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::backstage::Handle;

const GATEWAY: Stream = Stream::new("wire.gateway");
const WAY: Stream = Stream::new("wire.way");

tokio::task_local! {
    /// The request that the present task serves.
    static CALL: Arc<Call>;
}

/// One request on the server.
#[derive(Debug)]
struct Call {
    host: HostId,
    line: u64,
    state: Mutex<CallState>,
}

#[derive(Debug, Default)]
struct CallState {
    /// It counts as under way no more.
    ended: bool,
    /// Its answer's body is to be cut, by this fault.
    cut: Option<Fault>,
}

/// What serving needs beside the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Doorman {
    pub(crate) service: Service,
    pub(crate) backstage: Handle,
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: fn() -> Nanos,
    /// Shortest and longest time that a request, and an answer, takes where the network below takes none.
    pub(crate) way: (Nanos, Nanos),
}

impl Doorman {
    /// The network below takes its own time.
    pub(crate) const NO_WAY: (Nanos, Nanos) = (0, 0);

    /// Serves one connection of a host until either side is done with it.
    pub(crate) async fn serve<I>(self, io: I, host: HostId)
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin,
    {
        let service = service_fn(|request| self.clone().answer(request, host));
        // hyper's own Date is the machine's clock. A connection that broke is the client's to notice.
        let _broken = hyper::server::conn::http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(io, service)
            .await;
    }

    async fn answer(
        self,
        request: Request<Incoming>,
        host: HostId,
    ) -> Result<Response<Body>, Broken> {
        self.travel(host).await;
        let call = self.arrived(&request, host);
        let travelling = self.clone();
        let task = CALL.scope(Arc::clone(&call), async move {
            let answer = self.service.call(request.map(Body::from)).await;
            let answer = match (answer, call.take_cut()) {
                (Ok(answer), Some(fault)) if self.is_behind_gateway(&fault) => {
                    Ok(shortened(answer).await)
                }
                (answer, _) => answer,
            };
            self.left(&call, answer.as_ref().ok());
            answer
        });
        let answer = tokio::spawn(task).await.unwrap_or(Err(Broken));
        travelling.travel(host).await;
        answer
    }

    async fn travel(&self, host: HostId) {
        let (least, most) = self.way;
        if most > 0 {
            let nth = self.backstage.lock().nth("way", "");
            let seed = self.settings.seed;
            let way = seed.between(least, most, WAY, u64::from(host.0), nth);
            tokio::time::sleep(Duration::from_nanos(way)).await;
        }
    }

    fn arrived(&self, request: &Request<Incoming>, host: HostId) -> Arc<Call> {
        let mut backstage = self.backstage.lock();
        backstage.in_service += 1;
        let target = request.uri().path_and_query();
        let target = target.map_or("", |target| target.as_str());
        let now = (self.clock)();
        let head = headers_hash(request.headers());
        let detail = format!("{} {head:016x}", request.method());
        let line = backstage
            .trace
            .push(now, host.0, "arrived", target, &detail, 0);
        Arc::new(Call {
            host,
            line,
            state: Mutex::default(),
        })
    }

    fn left(&self, call: &Call, answer: Option<&Response<Body>>) {
        let detail = answer.map(|answer| {
            let head = headers_hash(answer.headers());
            format!("{} {head:016x}", answer.status().as_u16())
        });
        let detail = detail.as_deref().unwrap_or("broken off");
        let now = (self.clock)();
        let mut backstage = self.backstage.lock();
        backstage
            .trace
            .push(now, call.host.0, "answered", "", detail, call.line);
        if call.end() {
            backstage.in_service -= 1;
        }
    }

    /// Of two bodies that are cut one loses its connection, and one its right length. Addressed like the
    /// fault: by the key and how often it struck there.
    fn is_behind_gateway(&self, fault: &Fault) -> bool {
        let key = fault.key.as_deref().unwrap_or_default();
        let nth = self.backstage.lock().nth("gateway", key);
        self.settings.seed.chance(50, GATEWAY, key, nth)
    }
}

impl Call {
    fn lock(&self) -> std::sync::MutexGuard<'_, CallState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True the first time.
    fn end(&self) -> bool {
        !std::mem::replace(&mut self.lock().ended, true)
    }

    fn take_cut(&self) -> Option<Fault> {
        self.lock().cut.take()
    }
}

/// What the headers say, so that a clock or a random number in one of them shows in the trace.
fn headers_hash(headers: &HeaderMap) -> u64 {
    headers.iter().fold(0, |hash, (name, value)| {
        let name = hash_bytes(name.as_str().as_bytes());
        fold(fold(hash, name), hash_bytes(value.as_bytes()))
    })
}

/// An answer with as much of its body as arrives, announced as the whole.
async fn shortened(response: Response<Body>) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    let mut whole = BytesMut::new();
    while let Some(Ok(frame)) =
        std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
    {
        if let Ok(piece) = frame.into_data() {
            whole.extend_from_slice(&piece);
        }
    }
    let length = HeaderValue::from(whole.len());
    head.headers.insert(CONTENT_LENGTH, length);
    Response::from_parts(head, Body::from(whole.freeze()))
}

/// Tells the judge, as the simulated world would.
#[derive(Debug)]
pub(crate) struct Messenger {
    pub(crate) backstage: Handle,
    pub(crate) clock: fn() -> Nanos,
}

impl Observer for Messenger {
    fn struck(&self, fault: &Fault) {
        let Ok(call) = CALL.try_with(Arc::clone) else {
            return;
        };
        let mut backstage = self.backstage.lock();
        let now = (self.clock)();
        let key = fault.key.as_deref().unwrap_or_default();
        backstage.trace.push(now, 0, "struck", key, "", call.line);
        let before_or_after = fault.position != Position::During;
        match fault.effect {
            // It will never end, and nothing more will come of it.
            Effect::Timeout if before_or_after && call.end() => backstage.in_service -= 1,
            Effect::Reset { .. } if fault.operation == Operation::GetObject => {
                call.lock().cut = (!before_or_after).then(|| fault.clone());
            }
            _ => {}
        }
    }

    fn applied(&self, bucket: &mut Bucket, applied: &Applied<'_>) {
        let Ok(call) = CALL.try_with(Arc::clone) else {
            return;
        };
        match applied {
            Applied::Listed { asked, page } => self.listed(&call, bucket, asked, page),
            Applied::Put { key, body, result } => {
                let change = |written: &Written| put(key, body, written);
                self.written(&call, bucket, key, result.map(change));
            }
            Applied::Copied {
                key,
                version,
                result,
                ..
            } => {
                let change = |written: &Written| copied(key, version.unwrap_or("null"), written);
                self.written(&call, bucket, key, result.map(change));
            }
            Applied::Deleted {
                key,
                version: Some(version),
                of_batch,
                result,
            } => {
                let removed = |_| Change::Removed {
                    key: Key::from(*key),
                    version: VersionId::from(*version),
                };
                self.changed(&call, bucket, key, result.map(removed));
                if !of_batch {
                    self.counted(&call, bucket);
                }
            }
            Applied::Deleted { version: None, .. } => {
                let odd = "a deletion without a version id: no machine can have asked for it";
                let mut backstage = self.backstage.lock();
                backstage.host(call.host).misconduct = Some(odd.into());
            }
            Applied::BatchEnded => self.counted(&call, bucket),
        }
    }
}

impl Messenger {
    fn listed(&self, call: &Call, bucket: &mut Bucket, asked: &ListVersions, page: &VersionPage) {
        let entries: Vec<_> = page.entries.iter().map(object_store::entry).collect();
        let after = asked.key_marker.as_deref().map(|key| Cursor {
            key: key.into(),
            version: asked.version_id_marker.as_deref().map(VersionId::from),
        });
        let next = page.next_key_marker.as_deref().filter(|_| page.truncated);
        let next = next.map(|key| Cursor {
            key: key.into(),
            version: page.next_version_id_marker.as_deref().map(VersionId::from),
        });
        let now = (self.clock)();
        let mut backstage = self.backstage.lock();
        backstage.on_stage(bucket, now, |judge, stage| {
            let page = Page {
                prefix: &asked.prefix,
                after: after.as_ref(),
                entries: &entries,
                next: next.as_ref(),
            };
            judge.listed(page, stage);
        });
        let prefix = &asked.prefix;
        backstage
            .trace
            .push(now, 0, "listed", prefix, "", call.line);
        backstage.served(call.host, (entries, next));
    }

    fn written(&self, call: &Call, bucket: &mut Bucket, key: &str, change: Result<Change, &Error>) {
        self.changed(call, bucket, key, change);
        self.counted(call, bucket);
    }

    fn changed(&self, call: &Call, bucket: &mut Bucket, key: &str, change: Result<Change, &Error>) {
        let now = (self.clock)();
        let mut backstage = self.backstage.lock();
        let (detail, change) = match change {
            Ok(change) => ("ok", Some(change)),
            Err(error) => (error.code(), None),
        };
        backstage
            .trace
            .push(now, 0, "applied", key, detail, call.line);
        backstage.on_stage(bucket, now, |judge, stage| {
            judge.changed(call.host, change.as_slice(), stage);
        });
    }

    fn counted(&self, call: &Call, bucket: &mut Bucket) {
        let now = (self.clock)();
        let mut backstage = self.backstage.lock();
        backstage.on_stage(bucket, now, |judge, stage| judge.written(call.host, stage));
    }
}

fn put(key: &str, body: &Bytes, written: &Written) -> Change {
    Change::Put {
        key: Key::from(key),
        version: id(written),
        body: body.clone(),
        etag: (&*written.etag).into(),
    }
}

fn copied(key: &str, from: &str, written: &Written) -> Change {
    Change::Copied {
        key: Key::from(key),
        from: VersionId::from(from),
        version: id(written),
        etag: (&*written.etag).into(),
    }
}

fn id(written: &Written) -> VersionId {
    VersionId::from(written.version_id.as_deref().unwrap_or("null"))
}
