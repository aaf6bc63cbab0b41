//! The scoreboard and the matrix as pages.

use super::matrix::Matrix;
use super::scoreboard::Scoreboard;

/// The scoreboard. `command` made it.
pub fn scoreboard(_board: &Scoreboard, _command: &str) -> String {
    String::new()
}

/// The matrix. `command` made it.
pub fn matrix(_matrix: &Matrix, _command: &str) -> String {
    String::new()
}
