//! `firedrill serve --data`: killed with SIGKILL while clients write, and started again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use super::{finish, firedrill, status, stderr, text};

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(folder: &Path, words: &[&str]) -> Self {
        let mut command = firedrill(&["serve", "--listen", "127.0.0.1:0", "--bucket", "lake"]);
        let mut child = command
            .args(["--data", text(folder)])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command was built with this test");
        let out = child.stdout.take().expect("it is piped");
        let mut line = String::new();
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it announces itself");
        let words = line.split_whitespace();
        let address = words.filter_map(|word| word.strip_prefix("http://")).next();
        let address = address.unwrap_or_else(|| panic!("no endpoint in {line:?}"));
        let address = address.to_owned();
        Self { child, address }
    }

    /// SIGKILL. What it said on standard error.
    fn kill(mut self) -> String {
        self.child.kill().expect("it runs");
        let mut said = String::new();
        let mut err = self.child.stderr.take().expect("it is piped");
        err.read_to_string(&mut said).expect("it writes UTF-8");
        self.child.wait().expect("it ends");
        said
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Dead already, if all went well.
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One request on a connection of its own; none if it broke.
fn ask(address: &str, line: &str, body: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let stated = header(head, "content-length").map_or(Ok(0), str::parse::<usize>);
    let whole = line.starts_with("HEAD") || stated.ok()? == body.len();
    whole.then(|| (head.to_owned(), body.to_owned()))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// What was answered: the body of each version.
type Answered = BTreeMap<(String, String), String>;

/// Puts until the server is gone.
fn put_until_it_dies(
    address: &str,
    client: u64,
    round: u64,
    answered: &Mutex<Answered>,
    count: &AtomicU64,
) {
    for nth in 0.. {
        let key = format!("k{}", (client + nth) % 5);
        let body = format!("body {round} {client} {nth}");
        let Some((head, _)) = ask(address, &format!("PUT /lake/{key}"), &body) else {
            return;
        };
        let id = header(&head, "x-amz-version-id").expect("the bucket is versioned");
        let mut answered = answered.lock().expect("no client panics");
        answered.insert((key, id.to_owned()), body);
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_kill_under_load_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answered = Mutex::new(Answered::new());
    for round in 0..6 {
        let server = Server::start(folder.path(), &[]);
        let address = server.address.clone();
        let count = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let (address, answered, count) = (&address, &answered, &count);
            let put = |client| move || put_until_it_dies(address, client, round, answered, count);
            let clients: Vec<_> = (0..4).map(|client| scope.spawn(put(client))).collect();
            while count.load(Ordering::Relaxed) < 20 + 7 * round {
                let gave_up = clients.iter().all(ScopedJoinHandle::is_finished);
                assert!(!gave_up, "the server was gone before it was killed");
                std::thread::sleep(Duration::from_millis(1));
            }
            server.kill();
        });
    }
    let server = Server::start(folder.path(), &[]);
    let answered = answered.into_inner().expect("no client panicked");
    assert!(answered.len() > 200, "{} puts", answered.len());
    for ((key, id), body) in &answered {
        let line = format!("GET /lake/{key}?versionId={id}");
        let (head, found) = ask(&server.address, &line, "").expect("nobody kills it now");
        assert!(head.starts_with("HTTP/1.1 200"), "{key} {id}: {head}");
        assert_eq!(&found, body, "{key} {id}");
    }
    assert_eq!(server.kill(), "", "a kill of the process tears no record");
}

#[test]
fn what_was_answered_looks_the_same_after_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(folder.path(), &["--versioning", "off"]);
    let ask_all = |address: &str| {
        let answer = |line: &str| {
            let (head, body) = ask(address, line, "").expect("it runs");
            let date =
                |line: &&str| !line.starts_with("date:") && !line.starts_with("x-amz-request-id:");
            let head: Vec<&str> = head.lines().filter(date).collect();
            (head.join("\n"), body)
        };
        [
            "GET /lake?versions",
            "GET /lake?versioning",
            "GET /lake/k",
            "HEAD /lake/l",
            "GET /",
        ]
        .map(answer)
    };
    let enable = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    for (line, body) in [
        ("PUT /lake/k", "null version"),
        ("PUT /lake?versioning", enable),
        ("PUT /lake/k", "two"),
        ("PUT /lake/l", "l"),
        ("DELETE /lake/l", ""),
    ] {
        ask(&server.address, line, body).expect("it runs");
    }
    let before = ask_all(&server.address);
    assert_eq!(server.kill(), "");
    // Its versioning is what it was made, whatever is said now.
    let server = Server::start(folder.path(), &["--versioning", "suspended"]);
    assert_eq!(ask_all(&server.address), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_in_use_or_not_empty_or_damaged_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let seed = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(seed.path().join("versions.json"), "[]").expect("the folder can be written");
    let seeded = ["--seed-from", text(seed.path())];
    let again = |words: &[&str]| {
        let mut command = firedrill(&["serve", "--listen", "127.0.0.1:0", "--bucket", "lake"]);
        command.args(["--data", text(folder.path())]).args(words);
        finish(command)
    };
    let server = Server::start(folder.path(), &seeded);
    let output = again(&[]).await;
    assert_eq!(status(&output), Some(2));
    assert!(stderr(&output).contains("in use by another server"));
    ask(&server.address, "PUT /lake/k", "x").expect("it runs");
    ask(&server.address, "PUT /lake/l", "x").expect("it runs");
    server.kill();

    let output = again(&seeded).await;
    assert_eq!(status(&output), Some(2));
    assert!(stderr(&output).contains("--seed-from fills only an empty folder"));

    let log = folder.path().join("log");
    let sound = std::fs::read(&log).expect("there is a log");
    let mut flipped = sound.clone();
    flipped[20] ^= 1;
    std::fs::write(&log, &flipped).expect("the folder can be written");
    let output = again(&[]).await;
    assert_eq!(status(&output), Some(2));
    assert!(
        stderr(&output).contains("truncate --size 16 "),
        "{}",
        stderr(&output)
    );

    std::fs::write(&log, &sound[..sound.len() - 1]).expect("the folder can be written");
    let server = Server::start(folder.path(), &[]);
    let (head, _) = ask(&server.address, "GET /lake/k", "").expect("it runs");
    assert!(head.starts_with("HTTP/1.1 200"));
    let said = server.kill();
    assert!(said.contains("cut off"), "{said}");
}
