//! `firedrill sql`: what statements answer, what they do to the bucket, and what is said of those that cannot be
//! carried out.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use firedrill_core::amend::Class;
use firedrill_s3_mock::{Effect, Fault, Operation, Position};
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;
use serde_json::Value;
use tempfile::TempDir;

use super::schema_file::assert_fits;
use super::{World, all_current, finish, firedrill, status, stderr, stdout, text};

const CALL: &str = "CALL system$fuse_amend('default', 'orders')";

/// The bucket of a table all of whose objects are deleted, and a folder with a catalog that knows the table.
pub(super) struct Lake {
    pub(super) world: World,
    pub(super) folder: TempDir,
}

impl Lake {
    pub(super) async fn new(mut table: Table, faults: Vec<Fault>) -> Self {
        table.delete_all();
        let prefix = table.prefix.clone();
        let world = World::new(table.store.bucket, faults).await;
        let lake = Self {
            world,
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        let endpoint = lake.world.server.endpoint();
        lake.write(
            "lake.toml",
            &format!(
                "endpoint-url = \"{endpoint}\"\n\
                 [tables.default.orders]\nlocation = \"s3://lake/{prefix}\"\n\
                 [tables.default.drained]\nlocation = \"s3://swamp/{prefix}\"\n"
            ),
        );
        lake
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).expect("the folder can be written");
    }

    /// `firedrill sql` with the catalog and these words, in the folder. Only the catalog knows the endpoint.
    pub(super) fn sql(&self, words: &[&str]) -> Command {
        let mut command = firedrill(&["sql", "--catalog", "lake.toml"]);
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("AWS_ACCESS_KEY_ID", "access")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    }
}

fn table() -> Table {
    Table::usual(Flavour::V1_2_895)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_row_and_the_table_is_back() {
    let written = all_current(&World::new(table().store.bucket, Vec::new()).await);
    let lake = Lake::new(table(), Vec::new()).await;
    let objects = lake.world.look(|bucket| bucket.keys().count());

    let dry = finish(lake.sql(&["-e", CALL, "--dry-run"])).await;
    assert_eq!(status(&dry), Some(0), "{}", stderr(&dry));
    let row = stdout(&dry);
    assert!(
        row.starts_with("Restorable: the table can come back, "),
        "{row}"
    );
    assert_eq!(row.lines().count(), 1);
    assert_eq!(lake.world.writes(), 0);

    let output = finish(lake.sql(&["-e", CALL])).await;
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));
    assert_eq!(
        (stdout(&output).as_str(), stderr(&output).as_str()),
        ("Ok\n", "")
    );
    let back = all_current(&lake.world);
    assert!(back.len() <= objects && back.iter().all(|object| written.contains(object)));
    assert!(
        back.iter().any(|(key, _)| key.contains("hint")),
        "the table is seen again"
    );

    let writes = lake.world.writes();
    let again = finish(lake.sql(&["-e", CALL])).await;
    assert_eq!(stdout(&again), "Ok\n");
    assert_eq!(lake.world.writes(), writes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_named_and_the_rest_comes_back() {
    let mut table = table();
    let block = table.keys_of(Class::Block).remove(0);
    table.purge(&block);
    let lake = Lake::new(table, Vec::new()).await;
    let output = finish(lake.sql(&["-e", CALL])).await;
    assert_eq!(status(&output), Some(1));
    assert_eq!(stdout(&output), "");
    let error = stderr(&output);
    let first = "firedrill: default.orders: Partial: 1 object that the table needs is lost; ";
    assert!(error.starts_with(first), "{error}");
    assert!(
        error.contains(&format!("Lost, and required (1):\n  {block} (block): ")),
        "{error}"
    );
    assert!(!all_current(&lake.world).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_hint_it_is_said_which_commit_came_back() {
    let mut table = table();
    let hint = table.keys_of(Class::Hint).remove(0);
    table.purge(&hint);
    let snapshot = table.keys_of(Class::Snapshot).remove(0);
    let lake = Lake::new(table, Vec::new()).await;
    let output = finish(lake.sql(&["-e", CALL])).await;
    assert_eq!(status(&output), Some(1));
    let error = stderr(&output);
    let commit = format!(": {snapshot} (no hint survives: the newest snapshot ");
    let line = error.lines().nth(1).unwrap_or_default();
    assert!(
        line.starts_with("Commit of ") && line.contains(&commit),
        "{error}"
    );
    assert!(error.contains(&format!("  {hint} (hint): ")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_is_named_beside_the_row() {
    let mut table = table();
    let index = table.keys_of(Class::BloomIndex).remove(0);
    table.purge(&index);
    let lake = Lake::new(table, Vec::new()).await;
    let output = finish(lake.sql(&["-e", CALL])).await;
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (Some(0), "Ok\n")
    );
    let error = stderr(&output);
    assert!(
        error.contains(&format!(
            "Lost, not required (1):\n  {index} (bloom index): "
        )),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_refused_does_not_keep_the_next_from_coming_back() {
    let lake = Lake::new(table(), Vec::new()).await;
    let script = format!("-- both\nCALL system$fuse_amend(default, drained);\n{CALL};\n");
    lake.write("recover.sql", &script);
    let output = finish(lake.sql(&["recover.sql"])).await;
    assert_eq!(status(&output), Some(3));
    assert_eq!(stdout(&output), "Ok\n");
    let error = stderr(&output);
    assert!(error.starts_with("firedrill: default.drained: "), "{error}");
    assert!(error.contains("no such bucket"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_carried_out_unless_all_can_be() {
    let lake = Lake::new(table(), Vec::new()).await;
    for (second, shown) in [
        (
            "CALL system$fuse_amend('default', 'ordres')",
            "\
error: the catalog has no table default.ordres
 --> SQL:2:24
  |
2 | CALL system$fuse_amend('default', 'ordres')
  |                        ^^^^^^^^^^^^^^^^^^^
  |
  = help: it has default.drained, default.orders
",
        ),
        (
            "CALL system$fuse_amend('default' 'orders')",
            "\
error: unexpected `'orders'`, expecting `,`
 --> SQL:2:34
  |
2 | CALL system$fuse_amend('default' 'orders')
  |                                  ^^^^^^^^
",
        ),
    ] {
        let output = finish(lake.sql(&["-e", &format!("{CALL};\n{second}")])).await;
        assert_eq!(status(&output), Some(2));
        assert_eq!(
            (stdout(&output).as_str(), stderr(&output).as_str()),
            ("", shown)
        );
    }
    assert_eq!(lake.world.server.service().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_json_for_each_statement() {
    let lake = Lake::new(table(), Vec::new()).await;
    let both = format!("CALL system$fuse_amend('default', 'drained'); {CALL}");
    let output = finish(lake.sql(&["-e", &both, "--json"])).await;
    assert_eq!(status(&output), Some(3));
    let lines = stdout(&output);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is a document"))
        .collect();
    lines.iter().for_each(|line| assert_fits("sql", line));
    let [drained, orders] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(drained["table"], "drained");
    assert_eq!(drained["answer"], Value::Null);
    assert_eq!(drained["report"]["state"], "refused");
    assert_eq!(orders["database"], "default");
    assert_eq!(orders["answer"], "Ok");
    assert_eq!(orders["report"]["state"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_from_a_pipe() {
    let lake = Lake::new(table(), Vec::new()).await;
    let mut command = lake.sql(&[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .expect("the command was built with this test");
    let mut pipe = child.stdin.take().expect("it is piped");
    pipe.write_all(CALL.as_bytes())
        .expect("the command listens");
    drop(pipe);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await;
    let output = output.expect("waiting does not panic").expect("it ends");
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (Some(0), "Ok\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_a_sentence_and_status_2() {
    let lake = Lake::new(table(), Vec::new()).await;
    lake.write(
        "odd.toml",
        "[tables.default.orders]\nlocation = \"lake/9/16\"\n",
    );
    for (words, part) in [
        (&["sql", "-e", CALL][..], "--catalog"),
        (
            &["sql", "-e", CALL, "--catalog", "none.toml"],
            "the catalog none.toml cannot be read",
        ),
        (
            &["sql", "-e", CALL, "--catalog", "odd.toml"],
            "odd.toml is no catalog: ",
        ),
        (
            &["sql", "none.sql", "--catalog", "lake.toml"],
            "none.sql cannot be read",
        ),
        (
            &["sql", "a.sql", "-e", CALL, "--catalog", "lake.toml"],
            "cannot be used with",
        ),
    ] {
        let mut command = firedrill(words);
        command.current_dir(lake.folder.path());
        let output = finish(command).await;
        assert_eq!(status(&output), Some(2), "{words:?}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_the_statement_and_those_behind_it() {
    let slow = Fault {
        operation: Operation::DeleteObjects,
        key: None,
        nth: 1,
        times: Some(1),
        position: Position::After,
        effect: Effect::Slow { delay_ms: 3000 },
    };
    let lake = Lake::new(table(), vec![slow]).await;
    let twice = format!("{CALL}; {CALL}");
    let mut command = lake.sql(&["-e", &twice, "--json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let child = child.expect("the command was built with this test");
    while lake.world.writes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("there is a kill").success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await;
    let output = output.expect("waiting does not panic").expect("it ends");
    assert_eq!(status(&output), Some(130), "{}", stderr(&output));
    assert_eq!(
        stdout(&output).lines().count(),
        1,
        "the second was not begun"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_prompt_statements_take_several_lines_and_come_back_with_the_arrow() {
    let lake = Lake::new(table(), Vec::new()).await;
    let state = lake.folder.path().join("state");
    let mut command = lake.sql(&[]);
    command
        .env("XDG_STATE_HOME", text(&state))
        .env("TERM", "xterm");
    let session = tokio::task::spawn_blocking(move || {
        let (mut terminal, mut child) = terminal::start(command);
        terminal.wait_for("firedrill> ");
        terminal.type_in("CALL system$fuse_amend('default',\r");
        terminal.type_in("'nothing');\r");
        terminal.wait_for("error: the catalog has no table default.nothing");
        terminal.wait_for("firedrill> ");
        terminal.type_in("CALL system$fuse_amend('default', 'orders');\r");
        terminal.wait_for("Ok");
        terminal.wait_for("firedrill> ");
        terminal.type_in("\u{1b}[A\r");
        terminal.wait_for("Ok");
        terminal.wait_for("firedrill> ");
        terminal.type_in("\u{4}");
        child.wait().expect("it ends")
    });
    assert_eq!(session.await.expect("no step panics").code(), Some(0));
    assert!(!all_current(&lake.world).is_empty());
    let history = state.join("firedrill/sql-history");
    let history = std::fs::read_to_string(history).expect("it was kept");
    assert!(history.contains("'orders'"), "{history}");
}

/// A terminal, and somebody who types.
mod terminal {
    use std::fs::File;
    use std::io::{Read as _, Write as _};
    use std::process::{Child, Command, Stdio};

    pub(super) struct Terminal {
        keyboard: File,
        /// What was shown and not yet waited for.
        shown: String,
    }

    pub(super) fn start(mut command: Command) -> (Terminal, Child) {
        let pair = nix::pty::openpty(None, None).expect("the system has terminals");
        let side = || {
            pair.slave
                .try_clone()
                .map(Stdio::from)
                .expect("it can be shared")
        };
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command
            .spawn()
            .expect("the command was built with this test");
        let terminal = Terminal {
            keyboard: File::from(pair.master),
            shown: String::new(),
        };
        (terminal, child)
    }

    impl Terminal {
        pub(super) fn type_in(&mut self, text: &str) {
            let typed = self.keyboard.write_all(text.as_bytes());
            typed.expect("the command has the terminal");
        }

        /// Reads on until this is shown.
        pub(super) fn wait_for(&mut self, text: &str) {
            loop {
                if let Some(at) = self.shown.find(text) {
                    self.shown.drain(..at + text.len());
                    return;
                }
                let mut piece = [0; 4096];
                let read = self.keyboard.read(&mut piece);
                let read = read.unwrap_or_else(|_| panic!("it ended after {:?}", self.shown));
                self.shown
                    .push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        }
    }
}
