//! Trees: of keys of any length, and of whole numbers.
//!
//! ```text
//!  leaf or branch   64: offsets u16 … ─► lower      upper ◄─ … nodes
//!  node             size i32 | 4 bytes | flags u8 | key size u16 | key | value          (page i64 instead of
//!                                                                                        size, flags 2)
//!  numbers          64: number i64, value │ number i64, value │ …   in branches the value is a page
//! ```
//!
//! Invariants: a tree is laid out anew from its entries at each commit, and only pages that come out
//! different are written. What lies between lower and upper is whatever lay there before: readers must not
//! care. The first key of a branch is empty (of numbers: the least of all), for its child takes all below.

use super::bytes::{HEADER_SIZE, PAGE_SIZE, array, put_i32, put_i64, put_u16};
use super::pages::Pages;
use super::truth::PageUse;

/// A value of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// It lies in the leaf.
    Inline(Vec<u8>),
    /// It lies in a run that begins at this page.
    Run(u64),
}

/// A tree's pages; its entries are its owner's.
#[derive(Debug)]
pub(super) struct Tree {
    name: String,
    leaves: Vec<u64>,
    branches: Vec<u64>,
    entries: usize,
    depth: usize,
}

/// Largest node, its offset included: four fit at least.
const NODE_MAX: usize = (PAGE_SIZE - HEADER_SIZE) / 2;
const NODE_HEADER: usize = 11;
const BRANCH: u8 = 1;
const LEAF: u8 = 2;

/// Whether an entry is too large for a leaf, so that its value needs a run.
pub(super) fn needs_run(key: usize, value: usize) -> bool {
    NODE_HEADER + key + value + 3 > NODE_MAX
}

/// A tree as another one names it, 62 bytes.
pub(super) type TreeHeader = [u8; 62];

impl Tree {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            leaves: Vec::new(),
            branches: Vec::new(),
            entries: 0,
            depth: 0,
        }
    }

    pub(super) fn is_written(&self) -> bool {
        !self.leaves.is_empty()
    }

    /// Lays the tree out; `entries` are in the order of their keys. Gives the leaf of each.
    pub(super) fn write(&mut self, pages: &mut Pages, entries: &[(Vec<u8>, Value)]) -> Vec<u64> {
        let mut supply = Supply::of(self);
        let mut leaf_of = Vec::with_capacity(entries.len());
        let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
        let mut rest = entries;
        while level.is_empty() || !rest.is_empty() {
            let (nodes, behind) = filled(rest, |(key, value)| node(key, value));
            let page = supply.leaf(pages);
            write_variable(pages, page, LEAF, &nodes);
            leaf_of.extend(std::iter::repeat_n(page, nodes.len()));
            level.push((
                rest.first().map_or_else(Vec::new, |(key, _)| key.clone()),
                page,
            ));
            rest = behind;
        }
        self.depth = 1;
        while level.len() > 1 {
            let mut above: Vec<(Vec<u8>, u64)> = Vec::new();
            let mut rest = &level[..];
            while !rest.is_empty() {
                let first = rest[0].0.clone();
                let mut children = rest.to_vec();
                children[0].0.clear();
                let (nodes, behind) =
                    filled(&children, |(key, child)| node(key, &Value::Run(*child)));
                let taken = children.len() - behind.len();
                let page = supply.branch(pages);
                write_variable(pages, page, BRANCH, &nodes);
                above.push((first, page));
                rest = &rest[taken..];
            }
            level = above;
            self.depth += 1;
        }
        self.entries = entries.len();
        supply.finish(self, pages);
        leaf_of
    }

    /// The header that names the tree: its object type, 1 a tree and 5 a table, and its flags.
    pub(super) fn header(&self, object_type: u8, flags: u8) -> TreeHeader {
        let mut header = [0; 62];
        header[0] = object_type;
        header[1] = flags;
        let branches = self.branches.len() as i64;
        let leaves = self.leaves.len() as i64;
        put_i64(&mut header, 2, self.root() as i64);
        put_i64(&mut header, 10, branches);
        put_i64(&mut header, 18, leaves);
        put_i64(&mut header, 42, branches + leaves);
        put_i64(&mut header, 50, self.entries as i64);
        put_i32(&mut header, 58, self.depth as i32);
        header
    }

    fn root(&self) -> u64 {
        *self.branches.last().unwrap_or(&self.leaves[0])
    }

    /// Lays out a tree of numbers; gives what names it: the tree itself while it is small, 32 bytes when it
    /// has pages.
    pub(super) fn write_numbers<const N: usize>(
        &mut self,
        pages: &mut Pages,
        entries: &[(i64, [u8; N])],
        embedded_max: usize,
    ) -> Vec<u8> {
        let mut supply = Supply::of(self);
        if entries.len() <= embedded_max {
            supply.finish(self, pages);
            return embedded_numbers(entries);
        }
        let mut level: Vec<(i64, u64)> = Vec::new();
        for chunk in entries.chunks((PAGE_SIZE - HEADER_SIZE) / (8 + N)) {
            let page = supply.leaf(pages);
            write_numbers_page(pages, page, LEAF, N, chunk);
            level.push((chunk[0].0, page));
        }
        self.depth = 1;
        while level.len() > 1 {
            let mut above = Vec::new();
            for chunk in level.chunks((PAGE_SIZE - HEADER_SIZE) / 16) {
                let page = supply.branch(pages);
                let mut children: Vec<(i64, [u8; 8])> = chunk
                    .iter()
                    .map(|(least, child)| (*least, child.to_le_bytes()))
                    .collect();
                children[0].0 = i64::MIN;
                write_numbers_page(pages, page, BRANCH, N, &children);
                above.push((chunk[0].0, page));
            }
            level = above;
            self.depth += 1;
        }
        self.entries = entries.len();
        supply.finish(self, pages);
        let mut named = vec![0; 32];
        named[0] = 3;
        put_u16(&mut named, 2, N);
        put_i64(&mut named, 4, entries.len() as i64);
        put_i64(&mut named, 12, self.root() as i64);
        put_i32(&mut named, 20, self.depth as i32);
        put_i64(
            &mut named,
            24,
            (self.leaves.len() + self.branches.len()) as i64,
        );
        named
    }
}

/// A small tree of numbers, as a value of another tree.
pub(super) fn embedded_numbers<const N: usize>(entries: &[(i64, [u8; N])]) -> Vec<u8> {
    let mut out = vec![2, 0];
    out.extend_from_slice(&(N as u16).to_le_bytes());
    out.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    for (number, value) in entries {
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(value);
    }
    out
}

/// The pages that a tree had, handed out again in order.
struct Supply {
    name: String,
    old_leaves: std::vec::IntoIter<u64>,
    old_branches: std::vec::IntoIter<u64>,
    leaves: Vec<u64>,
    branches: Vec<u64>,
}

impl Supply {
    fn of(tree: &mut Tree) -> Self {
        Self {
            name: tree.name.clone(),
            old_leaves: std::mem::take(&mut tree.leaves).into_iter(),
            old_branches: std::mem::take(&mut tree.branches).into_iter(),
            leaves: Vec::new(),
            branches: Vec::new(),
        }
    }

    fn leaf(&mut self, pages: &mut Pages) -> u64 {
        let page = self.old_leaves.next();
        let page = page.unwrap_or_else(|| self.fresh(pages));
        self.leaves.push(page);
        page
    }

    fn branch(&mut self, pages: &mut Pages) -> u64 {
        let page = self.old_branches.next();
        let page = page.unwrap_or_else(|| self.fresh(pages));
        self.branches.push(page);
        page
    }

    fn fresh(&self, pages: &mut Pages) -> u64 {
        let name = self.name.clone();
        pages.allocate(&PageUse::Tree { name })
    }

    fn finish(self, tree: &mut Tree, pages: &mut Pages) {
        for page in self.old_leaves.chain(self.old_branches) {
            pages.release(page);
        }
        tree.leaves = self.leaves;
        tree.branches = self.branches;
    }
}

/// As many nodes as one page takes, and the entries that are left.
fn filled<T>(entries: &[T], node: impl Fn(&T) -> Vec<u8>) -> (Vec<Vec<u8>>, &[T]) {
    let mut room = PAGE_SIZE - HEADER_SIZE;
    let mut nodes = Vec::new();
    for entry in entries {
        let node = node(entry);
        let needed = node.len() + 2;
        if needed > room {
            break;
        }
        room -= needed;
        nodes.push(node);
    }
    let taken = nodes.len();
    (nodes, &entries[taken..])
}

/// A node, filled up to an even length.
fn node(key: &[u8], value: &Value) -> Vec<u8> {
    let mut out = vec![0; NODE_HEADER];
    put_u16(&mut out, 9, key.len());
    out.extend_from_slice(key);
    match value {
        Value::Inline(bytes) => {
            put_i32(&mut out, 0, bytes.len() as i32);
            out[8] = 1;
            out.extend_from_slice(bytes);
        }
        Value::Run(page) => {
            put_i64(&mut out, 0, *page as i64);
            out[8] = 2;
        }
    }
    if out.len() % 2 == 1 {
        out.push(0);
    }
    out
}

fn write_variable(pages: &mut Pages, number: u64, tree_flags: u8, nodes: &[Vec<u8>]) {
    let mut page: [u8; PAGE_SIZE] = array(pages.page(number));
    let lower = HEADER_SIZE + 2 * nodes.len();
    let mut upper = PAGE_SIZE;
    for (nth, node) in nodes.iter().enumerate() {
        upper -= node.len();
        page[upper..upper + node.len()].copy_from_slice(node);
        put_u16(&mut page, HEADER_SIZE + 2 * nth, upper);
    }
    page[12] = 1 | 4;
    page[13] = tree_flags;
    put_u16(&mut page, 14, lower);
    put_u16(&mut page, 16, upper);
    write_if_changed(pages, number, &page);
}

fn write_numbers_page<const N: usize>(
    pages: &mut Pages,
    number: u64,
    tree_flags: u8,
    value_size: usize,
    entries: &[(i64, [u8; N])],
) {
    let mut page: [u8; PAGE_SIZE] = array(pages.page(number));
    put_u16(&mut page, 8, HEADER_SIZE);
    put_u16(&mut page, 10, entries.len());
    page[12] = 1 | 8;
    page[13] = tree_flags;
    put_u16(&mut page, 14, value_size);
    let mut at = HEADER_SIZE;
    for (key, value) in entries {
        put_i64(&mut page, at, *key);
        page[at + 8..at + 8 + N].copy_from_slice(value);
        at += 8 + N;
    }
    write_if_changed(pages, number, &page);
}

fn write_if_changed(pages: &mut Pages, number: u64, page: &[u8]) {
    if pages.page(number) != page {
        pages.page_mut(number).copy_from_slice(page);
    }
}
