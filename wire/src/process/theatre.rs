//! Processes as a theatre: lives are processes, and what they did is read from the server's log.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firedrill_chaos::judge::Judge;
use firedrill_chaos::scenario::When;
use firedrill_chaos::theatre::{self, Opening, Theatre};
use firedrill_core::amend::{Decision, Options, Report};
use firedrill_core::object::{Answer as BucketAnswer, Entry, Key, Request, Versioning};
use firedrill_s3_mock::http::{Data, Follower};
use firedrill_s3_mock::{self as mock, Fault, Said, Time};
use firedrill_sim::draw::Seed;
use firedrill_sim::object_store::{Change, ObjectStore};
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::{Trace, Tracing};
use firedrill_sim::world::{Applied, HostId, Limits, Pause, Plight, Stage, Watcher as _};

use super::Settings;
use super::backstage::{Answer, Backstage};
use super::document;
use super::ledger::Ledger;
use super::programs::{BUCKET, Client, data_folder};
use super::relay::Relay;
use super::strike::{Strike, Trigger, Victim};
use super::translate::{Translated, translate};
use crate::placement::policy;

/// How long a look around the stage takes at least. Looks are the only clock here.
const LOOK: Duration = Duration::from_millis(1);

/// A client that has not ended after so many looks never will: its own patience with one request is a minute.
const LOOKS_MAX: u64 = 150_000;

/// The processes of one case.
pub(super) struct Processes<'l> {
    judge: Judge,
    /// Only its clock is of use: what a log says is judged as of the moment that it names.
    shadow: ObjectStore,
    trace: Trace,
    seed: Seed,
    ledger: &'l RefCell<Ledger>,
    backstage: Arc<Backstage>,
    relay: Relay,
    follower: Follower,
    /// Faults that no heal ends.
    always: Vec<Fault>,
    healed: bool,
    lives: Vec<Life>,
    looks: u64,
    /// Every version that the log has ever had.
    stored: BTreeSet<(Key, String)>,
    // Last, so that the processes are gone before their folder is.
    folder: tempfile::TempDir,
}

struct Life {
    options: Options,
    plight: Plight,
    report: Option<Report>,
    down: bool,
    misconduct: Option<String>,
}

impl<'l> Processes<'l> {
    pub(super) fn open(
        opening: Opening,
        seed: Seed,
        settings: &Settings,
        ledger: &'l RefCell<Ledger>,
    ) -> Self {
        let Opening {
            store,
            faults,
            judge,
            ..
        } = opening;
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let data = data_folder(folder.path());
        let mut seeded = Data::open(&data).expect("the folder is new");
        seeded
            .insert(BUCKET, store.bucket.clone(), Time(store.wall_start))
            .expect("there is room for the table");
        drop(seeded);
        let mut follower = Follower::new(&data).expect("the folder has a log");
        let filled = follower.read_on().expect("it was written a moment ago");
        let always = policy(store.denies_version_delete);
        let own = folder.path().to_owned();
        let backstage = Backstage::new(settings.binary.clone(), own, faults);
        let backstage = Arc::new(backstage);
        backstage
            .start_server(&always)
            .expect("the binary can serve");
        let relay = Relay::open(&backstage).expect("loopback has a free port");
        let mut processes = Self {
            judge,
            shadow: store,
            trace: Trace::new(Tracing::Hash),
            seed,
            ledger,
            backstage,
            relay,
            follower,
            always,
            healed: false,
            lives: Vec::new(),
            looks: 0,
            stored: BTreeSet::new(),
            folder,
        };
        for (_, change) in filled.into_iter().flatten() {
            processes.remember(&change.says());
        }
        processes
    }

    fn look(&mut self) {
        std::thread::sleep(LOOK);
        self.looks += 1;
    }

    /// Starts the server again, on its folder, if it was killed; before it can change anything, what its
    /// predecessor answered is looked for in the log.
    fn revive(&mut self) {
        if self.backstage.server_runs() {
            return;
        }
        self.read_log();
        self.backstage
            .start_server(&self.always)
            .expect("a server that was killed can be started again");
    }

    /// Lets what a client that has ended left on its way come to its end, and reads what became of it.
    fn settle(&mut self) {
        self.relay.knock();
        let begin = self.looks;
        while self.backstage.is_busy() {
            let looks = self.looks - begin;
            assert!(looks <= LOOKS_MAX, "a connection outlives its client");
            self.look();
        }
        self.revive();
        self.read_log();
    }

    /// Waits for the client's end, carries out kills that wait for their moment, and revives the server.
    fn watch(&mut self, limits: Limits) -> Option<ExitStatus> {
        let begin = self.looks;
        loop {
            let ended = self.backstage.client_ended();
            if let Some(status) = ended.expect("the client was started") {
                return Some(status);
            }
            let looks = self.looks - begin;
            if let Some(Strike {
                victim,
                trigger: Trigger::Time(after),
            }) = self.backstage.strike()
                && looks >= after
            {
                self.backstage.kill(victim);
            }
            self.revive();
            if looks > LOOKS_MAX || self.backstage.requests() > limits.effects {
                return None;
            }
            self.look();
        }
    }

    /// Reads what the log says since the last time, and lets the judge see it.
    fn read_log(&mut self) {
        let answered = self.backstage.take_answered();
        let records = match self.follower.read_on() {
            Ok(records) => records,
            Err(error) => {
                self.ledger.borrow_mut().lost.push(error.to_string());
                return;
            }
        };
        for record in records {
            self.judge_record(&record);
        }
        self.ledger.borrow_mut().answers += answered.len() as u64;
        for answer in answered {
            self.check_answer(&answer);
        }
    }

    /// What the server said it had done must be in its log.
    fn check_answer(&mut self, answer: &Answer) {
        let lost = match answer {
            Answer::Stored(key, id) => {
                let there = self.stored.contains(&(key.clone(), id.clone()));
                (!there)
                    .then(|| format!("{key} was answered as stored ({id}) and is not in the log"))
            }
            Answer::Removed(key, id) => {
                let history = self.judge.scene.log.history(key);
                let there = id != "null" && history.iter().any(|held| held.id.as_str() == id);
                there.then(|| format!("{key} was answered as removed ({id}) and is there"))
            }
        };
        self.ledger.borrow_mut().lost.extend(lost);
    }

    fn remember(&mut self, said: &Said<'_>) {
        if let Said::Stored {
            key, version_id, ..
        } = said
        {
            self.stored
                .insert((Key::from(*key), (*version_id).to_owned()));
        }
    }

    /// One record is one request's effect.
    fn judge_record(&mut self, record: &[(String, mock::Change)]) {
        for (nth, (_, change)) in record.iter().enumerate() {
            let said = change.says();
            self.remember(&said);
            let next = record.get(nth + 1).map(|(_, change)| change.says());
            match translate(&self.judge.scene.log, &said, next.as_ref()) {
                Translated::Change(moment, change) => {
                    let moment = moment.unwrap_or(Time(self.shadow.wall_start));
                    self.judge_change(moment, &change);
                }
                Translated::Nothing => {}
                Translated::Strange(sentence) => self.ledger.borrow_mut().lost.push(sentence),
            }
        }
    }

    fn judge_change(&mut self, moment: Time, change: &Change) {
        let host = HostId(self.lives.len() as u32);
        self.shadow.wall_start = moment.0;
        self.shadow.wall_frozen = true;
        let mut stage = Stage {
            store: &mut self.shadow,
            trace: &mut self.trace,
            now: 0,
        };
        // What was asked for plays no part in judging what was done.
        let applied = Applied {
            host,
            request: &Request::GetVersioning,
            reply: &Ok(BucketAnswer::Versioning(Versioning::Enabled)),
            changes: std::slice::from_ref(change),
        };
        self.judge.applied(&applied, &mut stage);
    }

    /// The end of a client that was not killed itself.
    fn hear(&mut self, status: ExitStatus, printed: &str) -> Option<Report> {
        let report = document::report(printed);
        let misconduct = match (&report, status.code()) {
            (Ok(report), Some(code)) if i32::from(report.exit_status()) == code => None,
            (Ok(report), _) => Some(format!(
                "its report asks for exit status {} and it ended with {status}",
                report.exit_status()
            )),
            (Err(why), _) => Some(format!("it ended with {status} and no report ({why})")),
        };
        let life = self.lives.last_mut().expect("a life was begun");
        life.misconduct = misconduct;
        report.ok()
    }

    /// Compares what the folder holds when it is opened once more with what the log told on the way.
    fn compare_folder(&self, bucket: &mock::Bucket) -> Vec<String> {
        let log = &self.judge.scene.log;
        let found: BTreeMap<Key, Bytes> = bucket
            .keys()
            .filter_map(|key| Some((Key::from(key), bucket.current_body(key)?.clone())))
            .collect();
        let told: BTreeMap<Key, Bytes> = log
            .under("")
            .filter_map(|(key, held)| Some((key.clone(), held.first()?.body.clone()?)))
            .collect();
        let keys: BTreeSet<&Key> = found.keys().chain(told.keys()).collect();
        let unequal = keys
            .into_iter()
            .filter(|key| found.get(*key) != told.get(*key));
        unequal
            .map(|key| format!("{key} holds something else than the log told"))
            .collect()
    }
}

impl Theatre for Processes<'_> {
    type Judge<'a>
        = &'a mut Judge
    where
        Self: 'a;

    fn judge(&mut self) -> &mut Judge {
        &mut self.judge
    }

    fn start(&mut self, options: &Options, plight: Plight) -> HostId {
        self.lives.push(Life {
            options: options.clone(),
            plight,
            report: None,
            down: false,
            misconduct: None,
        });
        HostId(self.lives.len() as u32)
    }

    fn run(&mut self, limits: Limits) -> Pause {
        let number = self.lives.len() as u64;
        let life = self.lives.last().expect("a life was begun");
        let keys: Vec<Key> = self.judge.scene.truth.objects.keys().cloned().collect();
        let strike = life.plight.crash_after;
        let strike = strike.map(|_| Strike::draw(self.seed, number, &keys));
        let client = Client::start(
            &self.backstage.binary,
            self.folder.path(),
            self.relay.address,
            &life.options,
        );
        self.backstage
            .begin(client.expect("the binary can be started"), strike.clone());
        let status = self.watch(limits);
        let mut client = self.backstage.take_client().expect("it was started");
        if status.is_none() {
            client.kill();
        }
        let printed = client.printed();
        drop(client);
        self.settle();
        let killed = self.backstage.killed();
        {
            let mut ledger = self.ledger.borrow_mut();
            ledger.clients += 1;
            let told = strike.filter(|_| killed.is_some());
            ledger.kills.extend(told.map(|strike| strike.to_string()));
            match killed {
                Some(Victim::Client) => ledger.client_kills += 1,
                Some(Victim::Server) => ledger.server_kills += 1,
                None => {}
            }
        }
        let host = HostId(number as u32);
        let Some(status) = status else {
            return Pause::Exhausted;
        };
        // Killed when it had ended already: it is judged by what it said.
        let cut_down = killed == Some(Victim::Client) && status.code().is_none();
        let report = match cut_down {
            true => None,
            false => self.hear(status, &printed),
        };
        let knows_all = report.as_ref().is_some_and(knows_all);
        let disturbed = cut_down || (killed == Some(Victim::Server) && !knows_all);
        if killed == Some(Victim::Server) && knows_all {
            self.ledger.borrow_mut().outlived += 1;
        }
        let life = self.lives.last_mut().expect("a life was begun");
        if disturbed {
            life.down = true;
            return Pause::Crashed(host);
        }
        life.report = report;
        Pause::Quiet
    }

    fn wait(&mut self, _nanos: Nanos) {
        self.settle();
    }

    fn act(&mut self, _due: fn(When) -> bool) {
        // Playable scenarios have nobody who acts.
    }

    fn heal(&mut self) {
        self.healed = true;
        self.backstage.forget_faults();
        self.backstage.kill_server();
        self.revive();
    }

    fn fired(&mut self) -> Vec<u64> {
        match self.healed {
            true => Vec::new(),
            false => self.backstage.fired(),
        }
    }

    fn now(&self) -> Nanos {
        self.looks * LOOK.as_nanos() as u64
    }

    fn effects(&self) -> u64 {
        self.backstage.requests()
    }

    fn report(&self, host: HostId) -> Option<Report> {
        self.life(host).report.clone()
    }

    fn misconduct(&self, host: HostId) -> Option<String> {
        self.life(host).misconduct.clone()
    }

    fn is_down(&self, host: HostId) -> bool {
        self.life(host).down
    }

    fn waiting(&self, host: HostId) -> usize {
        // A process that has not ended waits for something.
        usize::from(self.life(host).report.is_none())
    }

    fn lines(&self) -> Option<u64> {
        None
    }

    fn everything(&mut self) -> Vec<(Key, Entry)> {
        self.backstage.kill_server();
        self.read_log();
        let data = Data::open(&data_folder(self.folder.path()));
        let data = data.expect("what the server wrote is sound");
        let bucket = data.bucket(BUCKET).expect("the bucket is there");
        let mut lost = self.compare_folder(bucket);
        let complaints = self.folder.path().join("complaints");
        let complaints = std::fs::read_to_string(complaints).unwrap_or_default();
        let mut ledger = self.ledger.borrow_mut();
        ledger.lost.append(&mut lost);
        ledger.requests = self.backstage.requests();
        ledger.torn = complaints.matches("cut off").count() as u64;
        theatre::everything(&mut bucket.clone())
    }

    fn close(self) -> (Judge, Trace) {
        (self.judge, self.trace)
    }
}

impl Processes<'_> {
    fn life(&self, host: HostId) -> &Life {
        &self.lives[host.0 as usize - 1]
    }
}

/// Whether nothing that a server's death may have hidden is open.
fn knows_all(report: &Report) -> bool {
    let open = |decision: &Decision| matches!(decision, Decision::Unknown);
    report.exit_status() <= 1 && !report.objects.iter().any(|object| open(&object.decision))
}
