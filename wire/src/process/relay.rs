//! Sits between the client and the server, hands everything on as it is, and lets the kills happen.
//!
//! One thread for each connection, with one connection of its own to the server. Where the server is gone, or
//! breaks off, the client's connection breaks off as well, as if there were nothing between them.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::backstage::Backstage;
use super::message::Message;
use super::strike::Moment;

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
                let backstage = Arc::clone(&backstage);
                let Ok(stream) = stream else { continue };
                std::thread::spawn(move || {
                    // A connection that broke was broken on purpose, or its client is gone.
                    let _broken = carry(&backstage, &stream);
                    let _closed = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Ok(Self { address, closed })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // It looks up when somebody knocks.
        let _knock = TcpStream::connect(self.address);
    }
}

/// Carries one connection's requests and answers to its end.
fn carry(backstage: &Backstage, client: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut requests = BufReader::new(client);
    let mut server = None;
    while let Some(request) = Message::read(&mut requests)? {
        if !request.whole {
            return Ok(());
        }
        let _under_way = backstage.under_way();
        let server = match &mut server {
            Some(server) => server,
            None => server.insert(connect(backstage)?),
        };
        if !exchange(backstage, &request, client, server)? {
            return Ok(());
        }
    }
    Ok(())
}

fn connect(backstage: &Backstage) -> io::Result<BufReader<TcpStream>> {
    let address = backstage.server_address();
    let address = address.ok_or(io::ErrorKind::ConnectionRefused)?;
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

/// One request and its answer. False: the connection is to be broken off.
fn exchange(
    backstage: &Backstage,
    request: &Message,
    mut client: &TcpStream,
    server: &mut BufReader<TcpStream>,
) -> io::Result<bool> {
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
    server.get_mut().write_all(&request.head)?;
    server.get_mut().write_all(&request.body)?;
    backstage.sent(request);
    strikes(Moment::Sent);
    let Some(answer) = Message::read(server)? else {
        return Ok(false);
    };
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
