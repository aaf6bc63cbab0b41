//! Laws of the pure parts: decisions over any history, readers over any bytes.

use firedrill_core::amend::{Decision, Evidence, Rules, Verdict, Wanted, decide};
use firedrill_core::fuse::{
    Hint, Segment, Snapshot, TablePrefix, read_segment_statistics, read_table_statistics,
};
use firedrill_core::object::{
    Digest, ETag, Entry, History, Marker, Version, VersionId, Versioning, WallTime,
};
use proptest::prelude::*;

/// One entry: a marker, or a version with a size and content drawn from few, so that ties are normal.
#[derive(Debug, Clone)]
struct Drawn {
    is_marker: bool,
    is_null: bool,
    size: u64,
    content: u8,
    archived: bool,
    foreign_tag: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (
        any::<bool>(),
        0..8u8,
        1..4u64,
        0..3u8,
        0..6u8,
        any::<bool>(),
    )
        .prop_map(
            |(is_marker, null, size, content, archived, foreign_tag)| Drawn {
                is_marker,
                is_null: null == 0,
                size,
                content,
                archived: archived == 0,
                foreign_tag,
            },
        )
}

/// Entries newest first. At most one has the id `null`, as in a bucket.
fn history(entries: &[Drawn]) -> History {
    let (mut null_seen, count) = (false, entries.len());
    let entries = entries.iter().enumerate().map(|(nth, drawn)| {
        let is_null = drawn.is_null && !null_seen;
        null_seen |= drawn.is_null;
        let id = if is_null {
            VersionId::from("null")
        } else {
            VersionId::from(format!("v{nth}"))
        };
        let last_modified = WallTime(0);
        if drawn.is_marker {
            return Entry::Marker(Marker { id, last_modified });
        }
        let tag = match drawn.foreign_tag {
            true => format!("foreign-{nth}"),
            false => format!("{}-{}", drawn.size, drawn.content),
        };
        let (size, etag, archived) = (drawn.size, ETag::from(tag), drawn.archived);
        Entry::Version(Version {
            id,
            size,
            etag,
            last_modified,
            archived,
        })
    });
    let history: History = entries.collect();
    assert_eq!(history.entries().len(), count);
    history
}

/// What a version holds, by its place in the history.
fn content(entries: &[Drawn], history: &History, id: &VersionId) -> (u64, u8) {
    let place = history
        .entries()
        .iter()
        .position(|entry| entry.id() == id)
        .expect("listed");
    (entries[place].size, entries[place].content)
}

/// Decides, reading whatever has to be compared.
fn settle(entries: &[Drawn], history: &History, wanted: &Wanted, rules: Rules) -> Decision {
    let mut evidence = Evidence::default();
    for _ in 0..10 {
        match decide(history, wanted, &evidence, rules) {
            Verdict::Decided(decision, reason) => {
                let needs_reason = matches!(decision, Decision::Lost | Decision::Unknown);
                assert_eq!(needs_reason, reason.is_some());
                return decision;
            }
            Verdict::Compare(one, other) => {
                for version in [one, other] {
                    assert!(!version.archived, "an archived version cannot be read");
                    let (size, byte) = content(entries, history, &version.id);
                    evidence.read(
                        &version,
                        Digest::of(&[byte, u8::try_from(size).expect("small")]),
                    );
                }
            }
        }
    }
    panic!("comparing never ends");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_decision_over_any_history_is_right_and_harmless(
        entries in prop::collection::vec(drawn(), 0..7),
        size in 1..4u64,
        markers_denied in any::<bool>(),
        suspended in any::<bool>(),
    ) {
        let history = history(&entries);
        let versioning = if suspended { Versioning::Suspended } else { Versioning::Enabled };
        let rules = Rules { versioning, markers_denied };
        let decision = settle(&entries, &history, &Wanted::Sized(Some(size)), rules);
        let original = history.versions().rfind(|version| version.size == size);
        let right = original.map(|version| content(&entries, &history, &version.id));
        match decision {
            Decision::Lost => prop_assert_eq!(original, None),
            Decision::Intact => {
                let current = history.current_version().expect("something is current");
                prop_assert!(!current.archived);
                prop_assert_eq!(Some(content(&entries, &history, &current.id)), right);
            }
            Decision::RemoveMarkers { markers } => {
                prop_assert!(!markers_denied);
                let top = history.entries().iter().rev();
                let top: Vec<_> = top.skip(history.entries().len() - markers.len()).collect();
                for (marker, entry) in markers.iter().zip(top) {
                    prop_assert!(!marker.is_null());
                    prop_assert!(matches!(entry, Entry::Marker(own) if own.id == *marker));
                }
                let uncovered = history.entries()[markers.len()].version().expect("data below");
                prop_assert!(!uncovered.archived);
                prop_assert_eq!(Some(content(&entries, &history, &uncovered.id)), right);
            }
            Decision::CopyVersion { version, size } => {
                let source = history.version(&version).expect("a listed data version");
                prop_assert!(!source.archived);
                prop_assert_eq!(size, source.size);
                prop_assert_eq!(Some(content(&entries, &history, &version)), right);
                let replaces = suspended && history.versions().any(|version| version.id.is_null());
                prop_assert!(!replaces, "a copy would destroy the null version");
            }
            Decision::Unknown => {
                let archived = history.versions().any(|version| version.archived);
                let null = history.versions().any(|version| version.id.is_null());
                prop_assert!(original.is_some() && (archived || (suspended && null)));
            }
        }
    }

    #[test]
    fn no_reader_panics_whatever_the_bytes(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        enveloped in any::<bool>(),
        encoding in 2..4u8,
        compression in 0..2u8,
    ) {
        if enveloped && bytes.len() > 26 {
            let length = (bytes.len() - 18) as u64;
            bytes[..8].copy_from_slice(&4u64.to_le_bytes());
            (bytes[8], bytes[9]) = (encoding, compression);
            bytes[10..18].copy_from_slice(&length.to_le_bytes());
        }
        let _ = Snapshot::read(&bytes);
        let _ = Segment::read(&bytes);
        let _ = read_segment_statistics(&bytes);
        let _ = read_table_statistics(&bytes, "fs/9/16/_ts/x");
        let _ = Hint::read(&bytes, &TablePrefix::new("fs/9/16/"));
    }
}
