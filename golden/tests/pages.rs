//! One page of each kind, and a transaction, as the writer writes them and the readers read them: drawn field by
//! field, after `core/FORMATS.md`.

use std::fmt::Write as _;

use firedrill_core::voron::export::{Dialect, write_document};
use firedrill_core::voron::journal::pages::{self, Change};
use firedrill_core::voron::journal::{Found, Limits, payload, transactions};
use firedrill_core::voron::page::{HEADER_BYTES, Kind, PAGE_BYTES, Verdict, verdict};
use firedrill_core::voron::raw::{self, Piece};
use firedrill_core::voron::rows::{Row, Table};
use firedrill_core::voron::run::Run;
use firedrill_core::voron::stream::{ChunkBytes, StreamInfo};
use firedrill_core::voron::tree::{self, NodeValue, StorageId};
use firedrill_sim::voron::{Database, DatabaseSpec, Flavour};

/// Where a field lies, how many bytes it has, and what it is.
type Field = (usize, usize, &'static str);

const HEAD: [Field; 4] = [
    (0, 8, "page number"),
    (12, 1, "flags"),
    (13, 1, "kind"),
    (32, 8, "checksum"),
];
const ROWS: [Field; 5] = [
    (8, 2, "entries"),
    (10, 2, "next allocation"),
    (14, 2, "place in section"),
    (22, 8, "section owner"),
    (30, 1, "table type"),
];
const SECTION: [Field; 6] = [
    (8, 4, "entries"),
    (14, 2, "last page used"),
    (16, 4, "allocated"),
    (20, 2, "pages"),
    (22, 8, "section owner"),
    (30, 1, "table type"),
];
const LARGE: [Field; 3] = [
    (8, 4, "value size"),
    (16, 8, "section owner"),
    (24, 1, "table type"),
];
const STREAM: [Field; 3] = [
    (8, 4, "value size"),
    (14, 8, "next page"),
    (22, 8, "chunk size"),
];
const TREE: [Field; 2] = [(14, 2, "lower"), (16, 2, "upper")];
const TRANSACTION: [Field; 10] = [
    (0, 8, "marker"),
    (8, 8, "transaction"),
    (16, 8, "next page"),
    (24, 8, "last page"),
    (32, 4, "page list"),
    (36, 4, "flags"),
    (40, 8, "hash"),
    (110, 1, "committed"),
    (112, 8, "compressed"),
    (120, 8, "uncompressed"),
];

fn database() -> Database {
    Database::write(&DatabaseSpec::of_everything(Flavour::V7_2, 1))
}

/// The first page or run of the data file that is whole and of a kind that is wanted.
fn first(database: &Database, wanted: impl Fn(&Kind, &[u8]) -> bool) -> &[u8] {
    let starts = (0..database.data.len()).step_by(PAGE_BYTES);
    let mut pages = starts.filter_map(|at| {
        let bytes = &database.data[at..];
        match verdict(bytes) {
            Verdict::Whole { header, pages } if wanted(&header.kind, bytes) => {
                Some(&bytes[..pages as usize * PAGE_BYTES])
            }
            _ => None,
        }
    });
    pages.next().expect("the database has one of everything")
}

/// The fields by where they lie: offset, name, bytes as stored, value.
fn drawn(bytes: &[u8], fields: &[&[Field]]) -> String {
    let mut fields = fields.concat();
    fields.sort_unstable();
    let mut text = String::new();
    for (at, width, name) in fields {
        let stored = &bytes[at..at + width];
        let value = stored
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        let told = match name {
            "checksum" | "hash" | "marker" | "section owner" => format!("{value:#018x}"),
            _ if value == u64::MAX => "-1".to_owned(),
            _ => value.to_string(),
        };
        line(
            &mut text,
            &format!("{at:>4}  {name:<17} {:<24} {told}", hex(stored)),
        );
    }
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{}", line.trim_end()).expect("a string takes it");
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// Text as it is, and `|` for what separates the parts of keys.
fn key(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .replace('\u{1e}', "|")
        .escape_debug()
        .to_string()
}

fn page(bytes: &[u8]) -> &[u8; PAGE_BYTES] {
    bytes.first_chunk().expect("it is a page")
}

#[test]
fn a_page_of_rows() {
    let database = database();
    let bytes = first(
        &database,
        |kind, _| matches!(kind, Kind::RawSmall { owner, .. } if Table::of_type(owner.table_type) == Some(Table::Documents)),
    );
    let mut text = drawn(bytes, &[&HEAD, &ROWS]);
    for piece in raw::pieces(page(bytes), true) {
        match piece {
            Piece::Entry(entry) => {
                let (used, allocated) = (entry.bytes.len(), entry.allocated);
                line(
                    &mut text,
                    &format!("{:>4}  entry, {used} of {allocated} bytes", entry.offset),
                );
                let row = Row::read(Table::Documents, entry.bytes).expect("it is a document");
                let Row::Document(document) = row else {
                    panic!("{row:?}");
                };
                let mut json = Vec::new();
                write_document(&document, Dialect::Release6, &mut json)
                    .expect("it has no raw bytes");
                line(
                    &mut text,
                    &format!("      {}", String::from_utf8_lossy(&json)),
                );
            }
            Piece::Freed { offset, length } => {
                line(&mut text, &format!("{offset:>4}  freed, {length} bytes"));
            }
            Piece::Unread { offset, length } | Piece::Slack { offset, length } => {
                line(&mut text, &format!("{offset:>4}  {length} bytes"));
            }
        }
    }
    insta::assert_snapshot!("page_rows", text);
}

#[test]
fn the_head_of_a_section() {
    let database = database();
    let bytes = first(&database, |kind, _| matches!(kind, Kind::RawSection { .. }));
    let text = drawn(bytes, &[&HEAD, &SECTION, &[(96, 2, "available")]]);
    insta::assert_snapshot!("page_section", text);
}

#[test]
fn a_large_value() {
    let database = database();
    let bytes = first(&database, |kind, _| matches!(kind, Kind::RawLarge { .. }));
    let mut text = drawn(bytes, &[&HEAD, &LARGE]);
    let Verdict::Whole { header, pages } = verdict(bytes) else {
        panic!("it is whole");
    };
    let run = Run::read(&header, bytes).expect("it is a run");
    let (start, end) = (
        run.unhashed.start + HEADER_BYTES,
        run.unhashed.end + HEADER_BYTES,
    );
    line(
        &mut text,
        &format!("  64  value, {} bytes on {pages} pages", run.value.len()),
    );
    line(
        &mut text,
        &format!("{start:>4}  under no checksum up to {end}"),
    );
    insta::assert_snapshot!("page_large", text);
}

#[test]
fn chunks_of_a_stream() {
    let database = database();
    let is_start = |kind: &Kind, _: &[u8]| matches!(kind, Kind::Stream { first: true, .. });
    let mut wanted = Some(first(&database, is_start));
    let mut text = String::new();
    while let Some(bytes) = wanted {
        text += &drawn(bytes, &[&HEAD, &STREAM]);
        let chunk = ChunkBytes::read(bytes).expect("it is a chunk");
        line(
            &mut text,
            &format!("  64  {} bytes of data", chunk.data.len()),
        );
        wanted = chunk
            .next
            .map(|number| &database.data[number as usize * PAGE_BYTES..]);
        if let Some(info) = StreamInfo::read(chunk.behind).filter(|_| wanted.is_none()) {
            let at = HEADER_BYTES + chunk.data.len();
            let (size, version) = (info.total_bytes, info.version);
            line(
                &mut text,
                &format!("{at:>4}  size {size}, version {version}"),
            );
            line(
                &mut text,
                &format!("{:>4}  tag {}", at + 16, key(&info.tag)),
            );
        }
    }
    insta::assert_snapshot!("page_stream", text);
}

/// Of a key tree: its keys name places.
#[test]
fn a_leaf_of_a_tree() {
    let database = database();
    let is_of_keys = |_: &Kind, bytes: &[u8]| tree::key_witnesses(page(bytes)).count() > 2;
    let bytes = first(&database, is_of_keys);
    let mut text = drawn(bytes, &[&HEAD, &TREE]);
    for node in tree::nodes(page(bytes)) {
        let told = match node.value {
            NodeValue::Run(page) => format!("run at page {page}"),
            NodeValue::Here(value) => match StorageId::read(value) {
                Some(StorageId { page, offset }) => format!("page {page}, byte {offset}"),
                None => format!("{} bytes", value.len()),
            },
        };
        line(
            &mut text,
            &format!("{:>4}  {} → {told}", node.offset, key(node.key)),
        );
    }
    insta::assert_snapshot!("page_leaf", text);
}

#[test]
fn a_branch_of_a_tree() {
    let database = database();
    let bytes = first(&database, |kind, _| matches!(kind, Kind::TreeBranch));
    let mut text = drawn(bytes, &[&HEAD, &TREE]);
    let lower = usize::from(u16::from_le_bytes([bytes[14], bytes[15]]));
    for slot in bytes[HEADER_BYTES..lower].chunks_exact(2) {
        let at = usize::from(u16::from_le_bytes([slot[0], slot[1]]));
        let node = &bytes[at..];
        let key_bytes = usize::from(u16::from_le_bytes([node[9], node[10]]));
        let child = u64::from_le_bytes(*node.first_chunk().expect("it is a node"));
        let from = key(&node[11..11 + key_bytes]);
        line(
            &mut text,
            &format!("{at:>4}  from {from:?} on → page {child}"),
        );
    }
    insta::assert_snapshot!("page_branch", text);
}

#[test]
fn a_transaction() {
    let database = database();
    let (_, journal) = database.journals.first().expect("there is a journal");
    let mut text = String::new();
    for (offset, found) in transactions(journal, Limits::default()).take(2) {
        let Found::Whole(transaction) = found else {
            panic!("{found:?}");
        };
        let bytes = &journal[offset as usize..];
        line(&mut text, &format!("at {offset}"));
        text += &drawn(bytes, &[&TRANSACTION]);
        let stored = &bytes[transaction.payload_range().expect("it is there")];
        let payload = payload::decode(&transaction, stored, Limits::default()).expect("it decodes");
        for change in pages::read(&payload, transaction.page_count).expect("it is a page list") {
            let told = match change.change {
                Change::Full(_) => "as a whole".to_owned(),
                Change::Unchanged => "unchanged".to_owned(),
                Change::Diff(diff) => {
                    let from = if diff.clears_first {
                        "zeros"
                    } else {
                        "what it was"
                    };
                    format!("{} pieces over {from}", diff.pieces().count())
                }
            };
            line(
                &mut text,
                &format!(
                    "      page {:>3}, {} pages: {told}",
                    change.page, change.pages
                ),
            );
        }
    }
    insta::assert_snapshot!("journal_transaction", text);
}
