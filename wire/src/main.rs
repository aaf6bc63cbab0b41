//! `firedrill-wire`: the drill's outer tiers.

fn main() {}
