//! The two programs: how they are started, and what they say.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use firedrill_core::amend::{Layout, Options, Target};
use firedrill_s3_mock::{Fault, FaultFile};

/// The bucket's name in every case.
pub(super) const BUCKET: &str = "lake";

/// The binary `firedrill` that cargo has put near this program: beside it, above it (a test's), or in the
/// folder of the profile `dev`.
pub fn find_binary(this: &Path) -> Option<PathBuf> {
    let folder = this.parent()?;
    let above = folder.parent()?;
    let candidates = [folder.to_owned(), above.to_owned(), above.join("debug")];
    let mut paths = candidates
        .map(|folder| folder.join("firedrill"))
        .into_iter();
    paths.find(|path| path.is_file())
}

/// `firedrill serve --data`.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    /// Held open, so that the server never writes into nothing.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it listens, on any free port: its predecessor's may be somebody else's by now.
    /// What it complains of is added to the file `folder/complaints`.
    pub(super) fn start(binary: &Path, folder: &Path, faults: &[Fault]) -> io::Result<Self> {
        let file = folder.join("faults.toml");
        let faults = FaultFile {
            faults: faults.to_vec(),
        };
        let text = toml::to_string(&faults).map_err(io::Error::other)?;
        std::fs::write(&file, text)?;
        let mut child = bare(binary)
            .args(["serve", "--bucket", BUCKET, "--listen", "127.0.0.1:0"])
            .arg("--data")
            .arg(data_folder(folder))
            .arg("--faults")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints(folder)?)
            .spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let words = line.split_whitespace();
        let address = words.filter_map(|word| word.strip_prefix("http://")).next();
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            // It is gone, or of no use.
            let _gone = child.kill();
            child.wait()?;
            let said = std::fs::read_to_string(folder.join("complaints"))?;
            return Err(io::Error::other(format!(
                "the server did not start: {said}"
            )));
        };
        Ok(Self {
            child,
            _stdout: stdout,
            address,
        })
    }

    /// SIGKILL, and it is gone when this returns.
    pub(super) fn kill(&mut self) {
        // It was dead already: as good.
        let _dead = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the server keeps what it holds.
pub(super) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn complaints(folder: &Path) -> io::Result<File> {
    let path = folder.join("complaints");
    OpenOptions::new().create(true).append(true).open(path)
}

/// `firedrill amend`.
#[derive(Debug)]
pub(super) struct Client {
    child: Child,
    stdout: Option<JoinHandle<String>>,
}

impl Client {
    /// Starts it against a server at this address.
    pub(super) fn start(
        binary: &Path,
        folder: &Path,
        endpoint: SocketAddr,
        options: &Options,
    ) -> io::Result<Self> {
        let mut child = bare(binary)
            .args(arguments(options))
            .args(["--endpoint-url", &format!("http://{endpoint}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(complaints(folder)?)
            .spawn()?;
        let mut stdout = child.stdout.take().expect("it is piped");
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            // What a killed client leaves is no document, and that will be seen.
            let _cut = stdout.read_to_string(&mut text);
            text
        });
        Ok(Self {
            child,
            stdout: Some(reader),
        })
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        // It ended by itself a moment ago: as good.
        let _dead = self.child.kill();
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// All that it printed; waits for its end.
    pub(super) fn printed(&mut self) -> String {
        let reader = self.stdout.take().map(JoinHandle::join);
        reader.and_then(Result::ok).unwrap_or_default()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
        let _reaped = self.child.wait();
    }
}

/// A command in an environment where nothing is configured but the keys.
fn bare(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "any");
    command
}

/// The words of the command line that ask for this.
fn arguments(options: &Options) -> Vec<String> {
    let mut words = vec![
        "amend".to_owned(),
        format!("s3://{BUCKET}/{}", options.prefix),
        "--json".to_owned(),
        "--concurrency".to_owned(),
        options.window.to_string(),
    ];
    let mut add = |more: &[&str]| words.extend(more.iter().map(|word| (*word).to_owned()));
    if options.apply {
        add(&["--apply"]);
    }
    if options.history {
        add(&["--history"]);
    }
    if options.layout == Layout::Prefix {
        add(&["--layout", "prefix"]);
    }
    match &options.target {
        Target::Current => {}
        Target::AsOf(time) => add(&["--as-of", &time.to_rfc3339()]),
        Target::Snapshot(location) => add(&["--snapshot", location]),
    }
    words
}
