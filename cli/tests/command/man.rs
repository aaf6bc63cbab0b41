//! What shells and `man` get.

use std::process::Command;

use super::{finish, firedrill, status, stderr, stdout};

/// What a shell with the script in it offers behind these words.
async fn offered(words: &[&str]) -> Vec<String> {
    let script = finish(firedrill(&["completions", "bash"])).await;
    assert_eq!(status(&script), Some(0));
    let last = words.len() - 1;
    let (word, before) = (words[last], words[last - 1]);
    let asks = format!(
        "{}\nCOMP_WORDS=({}); COMP_CWORD={last}; _firedrill firedrill '{word}' '{before}'; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        stdout(&script),
        words.join(" "),
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &asks]);
    let output = finish(bash).await;
    assert_eq!(stderr(&output), "");
    stdout(&output).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn bash_completes_commands_and_their_options() {
    assert_eq!(offered(&["firedrill", "am"]).await, ["amend"]);
    assert_eq!(offered(&["firedrill", "amend", "--as"]).await, ["--as-of"]);
    assert_eq!(
        offered(&["firedrill", "amend", "--layout", "pre"]).await,
        ["prefix"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_shell_has_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = finish(firedrill(&["completions", shell])).await;
        assert_eq!(status(&output), Some(0), "{shell}");
        assert!(stdout(&output).contains("salvage"), "{shell}");
    }
    let output = finish(firedrill(&["completions", "dos"])).await;
    assert_eq!(status(&output), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_every_option_of_its_command() {
    for command in ["amend", "sql", "salvage", "serve"] {
        let page = stdout(&finish(firedrill(&["man", command])).await);
        assert!(page.starts_with(".ie"), "{page}");
        assert!(
            page.contains(&format!(".TH firedrill-{command} 1")),
            "{page}"
        );
        let help = stdout(&finish(firedrill(&[command, "--help"])).await);
        let options: Vec<&str> = help
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("--"))
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert!(options.len() >= 3, "{help}");
        for option in options {
            let name = option.replace('-', "\\-");
            assert!(
                page.contains(&format!("\\-\\-{name}")),
                "{command}: {option}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_and_exit_statuses_keep_their_lines() {
    let page = stdout(&finish(firedrill(&["man", "amend"])).await);
    let (_, notes) = page.split_once(".SH NOTES\n.nf\n").expect("it has notes");
    assert!(
        notes.contains("\n  1    finished, but something required is lost\n"),
        "{notes}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_names_all_commands_and_a_wrong_name_is_told_them() {
    let page = stdout(&finish(firedrill(&["man"])).await);
    for command in ["amend", "sql", "salvage", "serve", "completions", "man"] {
        assert!(
            page.contains(&format!("firedrill\\-{command}(1)")),
            "{page}"
        );
    }
    let output = finish(firedrill(&["man", "undo"])).await;
    assert_eq!(status(&output), Some(2));
    let names = "amend, sql, salvage, serve, completions, man";
    assert!(
        stderr(&output).ends_with(&format!("there are {names}\n")),
        "{}",
        stderr(&output)
    );
}
