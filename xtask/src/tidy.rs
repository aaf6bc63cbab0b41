//! The architecture's invariants, as far as a program can check them, each with its reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which workspace crates each crate may build on, so that core reads like a textbook, the mock is of use to
/// others, and the pure drill builds without an S3 client.
const LAYERS: [(&str, &[&str]); 12] = [
    ("core", &[]),
    ("s3-mock", &[]),
    ("sim", &["firedrill-core", "firedrill-s3-mock"]),
    (
        "chaos",
        &["firedrill-core", "firedrill-s3-mock", "firedrill-sim"],
    ),
    ("driver", &["firedrill-core"]),
    (
        "wire",
        &[
            "firedrill-core",
            "firedrill-s3-mock",
            "firedrill-sim",
            "firedrill-chaos",
            "firedrill-driver",
        ],
    ),
    (
        "cli",
        &["firedrill-core", "firedrill-driver", "firedrill-s3-mock"],
    ),
    (
        "golden",
        &[
            "firedrill-core",
            "firedrill-s3-mock",
            "firedrill-sim",
            "firedrill-chaos",
        ],
    ),
    (
        "benches",
        &[
            "firedrill-core",
            "firedrill-s3-mock",
            "firedrill-sim",
            "firedrill-chaos",
        ],
    ),
    ("examples", &["firedrill-core", "firedrill-chaos"]),
    ("fuzz", &["firedrill-core"]),
    ("xtask", &[]),
];

/// What the pure drill must not pull in: it builds in seconds.
const HEAVY: [&str; 6] = ["aws-", "hyper", "tokio", "rustls", "s3s", "reqwest"];

/// A file that grows beyond this many lines holds two ideas.
const LINES_MAX: usize = 600;

/// Every broken invariant, as a sentence.
pub(crate) fn check() -> Vec<String> {
    let mut broken = Vec::new();
    layers(&mut broken);
    pure_drill(&mut broken);
    production(&mut broken);
    sources(&mut broken);
    broken
}

pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .expect("xtask lies in the workspace")
        .to_path_buf()
}

fn layers(broken: &mut Vec<String>) {
    for (folder, allowed) in LAYERS {
        let path = root().join(folder).join("Cargo.toml");
        let manifest = fs::read_to_string(&path).expect("every crate has a manifest");
        // What tests build on is no layer.
        let normal = manifest
            .split("[dev-dependencies]")
            .next()
            .unwrap_or_default();
        let dependencies = normal.split("[dependencies]").nth(1).unwrap_or_default();
        let names = dependencies
            .lines()
            .filter(|line| line.starts_with("firedrill-"));
        for name in names.filter_map(|line| line.split(['.', ' ', '=']).next()) {
            if !allowed.contains(&name) {
                broken.push(format!(
                    "{folder} must not build on {name}: see the map in ARCHITECTURE.md"
                ));
            }
        }
    }
}

fn pure_drill(broken: &mut Vec<String>) {
    let tree = tree(&["-p", "firedrill-chaos", "-e", "normal", "--prefix", "none"]);
    for line in tree.lines() {
        if let Some(heavy) = HEAVY.iter().find(|heavy| line.starts_with(**heavy)) {
            broken.push(format!(
                "the pure drill pulls in {line} ({heavy}…): it has to build in seconds"
            ));
        }
    }
    let core = tree_of_core();
    for line in core
        .lines()
        .filter(|line| line.starts_with("tokio") || line.starts_with("futures"))
    {
        broken.push(format!("core pulls in {line}: core is sans-I/O"));
    }
}

fn tree_of_core() -> String {
    tree(&["-p", "firedrill-core", "-e", "normal", "--prefix", "none"])
}

fn production(broken: &mut Vec<String>) {
    let features = tree(&[
        "-p",
        "firedrill",
        "-e",
        "features,normal",
        "--prefix",
        "none",
    ]);
    if !features.contains("firedrill-core") {
        broken.push("the tree of the production binary lacks core: this check sees nothing".into());
    }
    for line in features.lines().filter(|line| line.contains("\"drill\"")) {
        broken.push(format!("a production build holds harness code: {line}"));
    }
}

fn tree(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn sources(broken: &mut Vec<String>) {
    for (folder, _) in LAYERS {
        let mut files = Vec::new();
        rust_files(&root().join(folder), &mut files);
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file can be read");
            let name = file
                .strip_prefix(root())
                .unwrap_or(&file)
                .display()
                .to_string();
            let lines = text.lines().count();
            if lines > LINES_MAX {
                broken.push(format!("{name} has {lines} lines: it holds two ideas"));
            }
            if !text.starts_with("//!") {
                broken.push(format!(
                    "{name} does not say what it is: begin with a module header"
                ));
            }
        }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_architectures_invariants_hold() {
        assert_eq!(super::check(), Vec::<String>::new());
    }
}
