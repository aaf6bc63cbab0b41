//! Sits between the client and the server, hands everything on as it is, and lets the kills happen.
//!
//! One thread for each connection of the client; a connection of its own to the server for each request, because
//! the server may be another by the next one. Where the server is gone, or breaks off, the client's connection
//! breaks off as well, as if there were nothing between them.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backstage::Backstage;
use super::message::Message;
use super::strike::{Moment, Victim};

/// A relay that works until it is dropped.
#[derive(Debug)]
pub(super) struct Relay {
    /// Where clients are to connect.
    pub(super) address: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Relay {
    /// Begins to work.
    pub(super) fn open(backstage: &Arc<Backstage>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let closed = Arc::new(AtomicBool::new(false));
        let (backstage, closing) = (Arc::clone(backstage), Arc::clone(&closed));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if closing.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (backstage, under_way) = (Arc::clone(&backstage), backstage.under_way());
                std::thread::spawn(move || {
                    let _under_way = under_way;
                    // A connection that broke was broken on purpose, or its client is gone.
                    let _broken = carry(&backstage, &stream);
                    let _closed = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, closed })
    }

    /// Returns when every connection that was made before is under way, or gone: they are taken up in order, and
    /// one more is made here.
    pub(super) fn knock(&self) {
        // Refused or cut off it has ended as well.
        let _ended = TcpStream::connect(self.address).and_then(|mut knock| {
            knock.shutdown(Shutdown::Write)?;
            knock.read(&mut [0])
        });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // It looks up when somebody knocks.
        self.knock();
    }
}

/// Carries one connection's requests and answers to its end.
fn carry(backstage: &Backstage, client: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut requests = BufReader::new(client);
    while let Some(request) = Message::read(&mut requests)? {
        if !request.whole {
            return Ok(());
        }
        if !exchange(backstage, &request, client)? {
            return Ok(());
        }
    }
    Ok(())
}

fn connect(backstage: &Backstage) -> io::Result<TcpStream> {
    let address = backstage.server_address();
    let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One request and its answer. False: the connection is to be broken off.
fn exchange(backstage: &Backstage, request: &Message, mut client: &TcpStream) -> io::Result<bool> {
    let due = backstage.meet(request);
    let strikes = |at: Moment| match due {
        Some((victim, moment)) if moment == at => {
            backstage.kill(victim);
            true
        }
        _ => false,
    };
    if strikes(Moment::Before) {
        return Ok(false);
    }
    let mut server = connect(backstage)?;
    server.write_all(&request.head)?;
    server.write_all(&request.body)?;
    // A server that dies of it has hardly seen it: the faults that it was to meet are left to its successor.
    let dies_of_it = due == Some((Victim::Server, Moment::Sent));
    if !dies_of_it {
        backstage.sent(request);
    }
    strikes(Moment::Sent);
    let Some(answer) = Message::read(&mut BufReader::new(server))? else {
        return Ok(false);
    };
    if dies_of_it {
        // It was quicker than the kill.
        backstage.sent(request);
    }
    if answer.whole {
        backstage.answered(request, &answer);
    }
    if strikes(Moment::Answered) {
        return Ok(false);
    }
    client.write_all(&answer.head)?;
    client.write_all(&answer.body)?;
    strikes(Moment::Told);
    Ok(answer.whole)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use firedrill_core::amend::Options;
    use firedrill_s3_mock::http::Data;
    use firedrill_s3_mock::{Bucket, Effect, Fault, Operation, Position, Time, Versioning};

    use super::*;
    use crate::process::find_binary;
    use crate::process::programs::{BUCKET, Client, data_folder};
    use crate::process::strike::{Among, Strike, Trigger, Victim};

    /// The second GET meets a 503.
    const GET: &[u8] = b"GET /lake/k HTTP/1.1\r\nhost: x\r\n\r\n";

    struct Case {
        backstage: Arc<Backstage>,
        relay: Relay,
        folder: tempfile::TempDir,
    }

    /// None, and one line that says so, where the binary was not built.
    #[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn case() -> Option<Case> {
        let this = std::env::current_exe().expect("a test knows its own file");
        let Some(binary) = find_binary(&this) else {
            println!("skipped: there is no firedrill near {}", this.display());
            return None;
        };
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let mut data = Data::open(&data_folder(folder.path())).expect("the folder is new");
        data.insert(BUCKET, Bucket::new(Versioning::Enabled), Time(0))
            .expect("there is room");
        drop(data);
        let fault = Fault {
            operation: Operation::GetObject,
            key: None,
            nth: 2,
            times: Some(1),
            position: Position::Before,
            effect: Effect::Unavailable,
        };
        let backstage = Backstage::new(binary, folder.path().to_owned(), vec![fault]);
        let backstage = Arc::new(backstage);
        backstage.start_server(&[]).expect("the binary can serve");
        let relay = Relay::open(&backstage).expect("loopback has a free port");
        Some(Case {
            backstage,
            relay,
            folder,
        })
    }

    impl Case {
        fn connect(&self) -> TcpStream {
            TcpStream::connect(self.relay.address).expect("the relay listens")
        }

        fn restart(&self) {
            self.backstage.kill_server();
            self.backstage.start_server(&[]).expect("it could before");
        }
    }

    /// The status of the answer to a GET.
    fn get(mut stream: &TcpStream) -> Option<String> {
        stream.write_all(GET).ok()?;
        let answer = Message::read(&mut BufReader::new(stream)).ok()??;
        let head = String::from_utf8(answer.head).expect("the server writes ASCII");
        head.split(' ').nth(1).map(str::to_owned)
    }

    #[test]
    fn a_connection_outlives_the_server_behind_it() {
        let Some(case) = case() else { return };
        let stream = case.connect();
        assert_eq!(get(&stream).as_deref(), Some("404"));
        case.restart();
        assert_eq!(get(&stream).as_deref(), Some("503"));
        assert_eq!(case.backstage.fired(), [1]);
    }

    #[test]
    fn a_request_that_its_server_dies_of_meets_no_fault() {
        let Some(case) = case() else { return };
        assert_eq!(get(&case.connect()).as_deref(), Some("404"));
        let idle = Client::start(
            Path::new("true"),
            case.folder.path(),
            case.relay.address,
            &Options::new("t/"),
        );
        let strike = Strike {
            victim: Victim::Server,
            trigger: Trigger::Request {
                among: Among::All,
                nth: 1,
                moment: Moment::Sent,
            },
        };
        case.backstage
            .begin(idle.expect("it can be started"), Some(strike));
        // Whoever was quicker, the server or the kill: the fault strikes once.
        let first = get(&case.connect());
        assert_eq!(case.backstage.fired(), [u64::from(first.is_some())]);
        case.restart();
        let second = get(&case.connect());
        let struck = [first, second];
        let struck = struck.iter().filter(|met| met.as_deref() == Some("503"));
        assert_eq!((struck.count(), case.backstage.fired()), (1, vec![1]));
    }

    #[test]
    fn as_long_as_a_connection_lives_a_request_may_come() {
        let Some(case) = case() else { return };
        let stream = case.connect();
        case.relay.knock();
        assert!(case.backstage.is_busy());
        drop(stream);
        let mut looks = 0;
        while case.backstage.is_busy() {
            looks += 1;
            assert!(looks < 60_000, "it is gone");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
