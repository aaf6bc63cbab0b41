//! Reads the metadata of Databend's fuse tables.
