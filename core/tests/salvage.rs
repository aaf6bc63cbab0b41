//! The salvage machine on real databases.
//!
//! `FIREDRILL_SAMPLES` names the folder of the samples; without it these tests say that they were skipped.

mod salvage {
    pub mod play;
}

use salvage::play::{Played, play};

#[test]
fn print() {
    let Ok(folder) = std::env::var("SALVAGE_FOLDER") else {
        return;
    };
    let played: Played = play(std::path::Path::new(&folder));
    println!(
        "{}",
        serde_json::to_string_pretty(&played.report.counts).expect("it is plain")
    );
    println!(
        "{}",
        serde_json::to_string_pretty(&played.report.contents).expect("it is plain")
    );
    println!(
        "{}",
        serde_json::to_string_pretty(
            &played
                .report
                .files
                .iter()
                .map(|f| (&f.name, &f.bytes, f.damage.len()))
                .collect::<Vec<_>>()
        )
        .expect("it is plain")
    );
    println!(
        "transactions {} unread {} lost {} over {}",
        played.report.transactions,
        played.report.unread,
        played.report.lost.len(),
        played.report.over_budget.len()
    );
    for lost in played.report.lost.iter().take(10) {
        println!("{lost:?}");
    }
    for (path, bytes) in &played.written {
        println!("{path} {}", bytes.len());
        std::fs::create_dir_all("/tmp/salvage-out").expect("x");
        std::fs::write(format!("/tmp/salvage-out/{path}"), bytes).expect("x");
    }
}
