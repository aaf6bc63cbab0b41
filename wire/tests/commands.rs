//! The command line: what could only mislead is refused before anything runs.

use std::process::Command;

#[test]
fn what_would_run_nothing_or_could_not_be_replayed_is_refused_in_a_sentence() {
    let times =
        ["inf", "NaN", "1e300", "0", "-1"].map(|minutes| format!("chaos --minutes={minutes}"));
    let rest = [
        "process --minutes inf",
        "process --jobs 0",
        "chaos --jobs 0",
        "chaos --cases 0",
        "compare --jobs 0",
        "compare --cases 0",
        "doublecheck --jobs 0",
        "doublecheck --cases 0",
        "compare --tiers des,process --network --cases 1",
    ];
    for line in times.iter().map(String::as_str).chain(rest) {
        let output = Command::new(env!("CARGO_BIN_EXE_firedrill-wire"))
            .args(line.split(' '))
            .output()
            .expect("the command was built with this test");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        let flag = line
            .split(' ')
            .find(|word| word.starts_with("--") && !word.starts_with("--tiers"));
        let flag = flag.and_then(|flag| flag.split('=').next());
        assert!(
            said.contains(flag.expect("each line has one")),
            "{line}: {said}"
        );
    }
}
