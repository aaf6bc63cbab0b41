//! What was done to the processes of one case, and what of theirs got lost.

/// What was done to the processes of one case, and what of theirs got lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Clients that were killed.
    pub client_kills: u64,
    /// Servers that were killed.
    pub server_kills: u64,
    /// Of these, those that their client outlived knowing everything.
    pub outlived: u64,
    /// Clients that were started.
    pub clients: u64,
    /// Requests that they sent.
    pub requests: u64,
    /// Answers to writes that were looked for in the log.
    pub answers: u64,
    /// Records that a killed server left unfinished.
    pub torn: u64,
    /// Each kill, in words.
    pub kills: Vec<String>,
    /// What was answered and is not there, or is there and ought not to be.
    pub lost: Vec<String>,
}
