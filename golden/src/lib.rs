//! Snapshot tests alone: what reports, plans, histories and listings look like, to be read by people.
//!
//! A change here is a change that users see. After a look at the difference, accept it with
//! `INSTA_UPDATE=always cargo test -p firedrill-golden`.
