//! `firedrill-wire`: the drill's outer tiers.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "x"
)]
use firedrill_chaos::{campaign, generate};
use firedrill_core::amend::Amend;
use firedrill_wire::tier::Tier;

fn main() {
    let mut a = std::env::args().skip(1);
    let tier = Tier::of_name(&a.next().expect("tier")).expect("tier");
    let from: u64 = a.next().expect("from").parse().expect("number");
    let n: u64 = a.next().expect("n").parse().expect("number");
    let verbose = a.next().is_some();
    let t = std::time::Instant::now();
    let mut bad = 0;
    let mut effects = 0;
    for number in from..from + n {
        let s = generate::scenario(campaign::case_seed(1, number));
        let t1 = std::time::Instant::now();
        match tier.run(&s, &Amend::new, None, verbose) {
            Ok(o) => {
                effects += o.effects;
                if verbose {
                    o.trace.write_jsonl(std::io::stdout().lock()).expect("x");
                    println!(
                        "{number}: {} lives {} effects {:?}",
                        o.lives,
                        o.effects,
                        t1.elapsed()
                    );
                }
                if !o.violations.is_empty() {
                    bad += 1;
                    println!("{number}: {:?}", o.violations);
                }
            }
            Err(v) => {
                bad += 1;
                println!("{number}: {v:?}");
            }
        }
    }
    println!("{n} cases, {bad} bad, {effects} effects, {:?}", t.elapsed());
}
