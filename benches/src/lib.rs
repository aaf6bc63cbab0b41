//! Criterion benches alone: `cargo xtask bench`.
