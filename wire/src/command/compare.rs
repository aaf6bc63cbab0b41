//! `firedrill-wire compare`: the same scenarios on several tiers, and whether they come to the same.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::time::Instant;

#[cfg(not(madsim))]
use anyhow::Context as _;
use anyhow::ensure;
use firedrill_wire::campaign::{self, Case, Control, Orders};
use firedrill_wire::compare::{Player, Verdict, compare};
#[cfg(not(madsim))]
use firedrill_wire::process::{Settings, find_binary};
use firedrill_wire::tier::Tier;

use super::case::{jobs, replay_line, scenario, silence_panics, watched};

/// Which tiers, and which cases.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// Two tiers or more; the first one is what the others are compared with.
    #[arg(long, value_delimiter = ',', default_values = Tier::ALL.map(Tier::name))]
    tiers: Vec<String>,
    /// So many cases.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..))]
    cases: u64,
    /// Root of all cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// With faults of the network besides the case's own: refused, hanging and cut connections.
    #[arg(long)]
    network: bool,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

/// Compares.
pub(crate) fn run(arguments: &Compare) -> anyhow::Result<u8> {
    let processes = arguments.tiers.iter().any(|name| name == "process");
    ensure!(
        !(processes && arguments.network),
        "the process tier has no --network: leave one of them out"
    );
    let players = arguments.tiers.iter().map(|name| player(name));
    let players: Vec<Player> = players.collect::<anyhow::Result<_>>()?;
    let enough = players.len() > 1;
    ensure!(enough, "name two tiers at least: --tiers des,turmoil");
    let orders = Orders {
        seed: arguments.seed,
        cases: Some(arguments.cases),
        jobs: jobs(arguments.jobs),
    };
    silence_panics();
    let started = Instant::now();
    let control = Control::default();
    let work = |case: Case| {
        let scenario = scenario(case.seed, arguments.network);
        let verdict = compare(&scenario, &players);
        if matches!(verdict, Verdict::Differs(_)) {
            control.failed.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    };
    let done = watched(&control, None, orders.cases, || {
        campaign::each(orders, &control, work)
    });
    let names: Vec<&str> = players.iter().map(Player::name).collect();
    let (mut equal, mut different) = (0, 0);
    let mut excluded: BTreeMap<&str, u64> = BTreeMap::new();
    for (case, verdict) in &done {
        match verdict {
            Verdict::Equal => equal += 1,
            Verdict::Excluded(reason) => *excluded.entry(reason).or_default() += 1,
            Verdict::Differs(sentences) => {
                different += 1;
                let name = format!("{:#018x}", case.seed);
                println!("case {} comes to something else:", case.number);
                for sentence in sentences {
                    println!("  {sentence}");
                }
                for tier in &names {
                    println!("  {}", replay_line(&name, tier, arguments.network, None));
                }
            }
        }
    }
    println!(
        "{} scenarios on {} in {:.1} s: {equal} come to the same, {different} do not, {} are not compared.",
        done.len(),
        names.join(" and "),
        started.elapsed().as_secs_f64(),
        excluded.values().sum::<u64>(),
    );
    for (reason, count) in excluded {
        println!("  not compared  {count}: {reason}");
    }
    println!("root seed {}", orders.seed);
    Ok(u8::from(different > 0))
}

fn player(name: &str) -> anyhow::Result<Player> {
    if let Some(tier) = Tier::of_name(name) {
        return Ok(Player::Within(tier));
    }
    processes(name)
}

#[cfg(madsim)]
fn processes(name: &str) -> anyhow::Result<Player> {
    anyhow::bail!("no tier is called {name} in this build; they are des and madsim")
}

#[cfg(not(madsim))]
fn processes(name: &str) -> anyhow::Result<Player> {
    ensure!(
        name == "process",
        "no tier is called {name}; they are des, turmoil and process (madsim is another build)"
    );
    let this = std::env::current_exe()?;
    let binary = find_binary(&this).with_context(|| {
        let near = this.display();
        format!("there is no firedrill near {near}: build it (cargo build -p firedrill)")
    })?;
    Ok(Player::Processes(Settings { binary }))
}
