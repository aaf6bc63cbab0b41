//! The readers at their edges: what is whole, what is garbage, what is only not understood.

use firedrill_core::fuse::{
    Hint, NotRead, Segment, Snapshot, TablePrefix, Uuid, read_segment_statistics,
    read_table_statistics, uuid_in_name,
};
use firedrill_core::machine::Instant;
use firedrill_core::object::{Digest, Digester, VersionId, WallTime};

const NONE: u8 = 0;
const ZSTD: u8 = 1;
const MESSAGE_PACK: u8 = 2;
const JSON: u8 = 3;

const SNAPSHOT: &str = r#"{"snapshot_id":"01a2014a-39ea-7468-a975-856b6bf9d504","summary":{"row_count":3,"block_count":2},"segments":[["9/16/_sg/a_v4.mpk",4]]}"#;
const SUMMARY: &str = r#"{"row_count":0,"block_count":0}"#;

/// `0 u64 version | 8 u8 encoding | 9 u8 compression | 10 u64 length of each payload | payloads`.
fn enveloped(version: u64, encoding: u8, compression: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = version.to_le_bytes().to_vec();
    bytes.extend([encoding, compression]);
    for payload in payloads {
        bytes.extend((payload.len() as u64).to_le_bytes());
    }
    payloads.iter().for_each(|payload| bytes.extend(*payload));
    bytes
}

fn snapshot(version: u64, encoding: u8, compression: u8) -> Result<Snapshot, NotRead> {
    Snapshot::read(&enveloped(
        version,
        encoding,
        compression,
        &[SNAPSHOT.as_bytes()],
    ))
}

fn garbage<T: std::fmt::Debug>(read: Result<T, NotRead>) -> String {
    match read {
        Err(NotRead::Garbage(why)) => why,
        other => panic!("garbage was read as {other:?}"),
    }
}

fn unsupported<T: std::fmt::Debug>(read: Result<T, NotRead>) -> String {
    match read {
        Err(NotRead::Unsupported(what)) => what,
        other => panic!("what is not known was read as {other:?}"),
    }
}

#[test]
fn a_snapshot_is_read_bare_and_in_its_envelope() {
    let bare = Snapshot::read(SNAPSHOT.as_bytes()).expect("bare JSON");
    assert_eq!(bare.id.to_string(), "01a2014a39ea7468a975856b6bf9d504");
    assert_eq!(bare.segments, ["9/16/_sg/a_v4.mpk"]);
    assert_eq!((bare.summary.row_count, bare.summary.block_count), (3, 2));
    assert_eq!(snapshot(4, JSON, NONE).expect("enveloped"), bare);
    assert_eq!(snapshot(64, JSON, NONE).expect("the last version"), bare);
    let zstd = zstd::encode_all(SNAPSHOT.as_bytes(), 0).expect("bytes are compressed");
    let bytes = enveloped(4, JSON, ZSTD, &[&zstd]);
    assert_eq!(Snapshot::read(&bytes).expect("compressed"), bare);
}

#[test]
fn an_envelope_says_what_is_wrong_with_it() {
    assert_eq!(
        garbage(snapshot(65, JSON, NONE)),
        "no such format version: 65"
    );
    assert_eq!(unsupported(snapshot(4, 1, NONE)), "encoded with bincode");
    assert_eq!(garbage(snapshot(4, 4, NONE)), "no such encoding: 4");
    assert_eq!(unsupported(snapshot(4, JSON, 2)), "compressed with snappy");
    assert_eq!(garbage(snapshot(4, JSON, 3)), "no such compression: 3");
    assert!(garbage(snapshot(4, JSON, ZSTD)).starts_with("zstd: "));
    garbage(snapshot(4, MESSAGE_PACK, NONE));
    garbage(Snapshot::read(b"{"));
    let whole = enveloped(4, JSON, NONE, &[SNAPSHOT.as_bytes()]);
    for length in [0, 7, 8, 9, 10, 17] {
        let cut = Snapshot::read(&whole[..length]);
        assert_eq!(garbage(cut), "shorter than its envelope", "{length}");
    }
    let cut = Snapshot::read(&whole[..whole.len() - 1]);
    assert_eq!(garbage(cut), "a payload reaches beyond the end of the file");
    let longer = Snapshot::read(&[&whole[..], b"xy"].concat());
    assert_eq!(garbage(longer), "2 bytes too many at the end");
}

#[test]
fn a_frame_that_broke_off_does_not_spoil_the_next() {
    let zstd = zstd::encode_all(SNAPSHOT.as_bytes(), 0).expect("bytes are compressed");
    let cut = enveloped(4, JSON, ZSTD, &[&zstd[..zstd.len() / 2]]);
    assert!(garbage(Snapshot::read(&cut)).starts_with("zstd: "));
    let whole = enveloped(4, JSON, ZSTD, &[&zstd]);
    Snapshot::read(&whole).expect("whole");
}

#[test]
fn segments_are_known_from_version_four_on() {
    let read = |version| {
        Segment::read(&enveloped(
            version,
            JSON,
            NONE,
            &[b"[]", SUMMARY.as_bytes()],
        ))
    };
    for version in [0, 2, 3] {
        assert_eq!(
            unsupported(read(version)),
            format!("segment version {version}")
        );
    }
    assert_eq!(read(4).expect("today's").blocks, []);
    read(5).expect("a later one of the same form");
    assert_eq!(
        unsupported(Segment::read(b"PAR1...")),
        "a column-oriented segment"
    );
    let bare = format!(r#"{{"blocks":[],"summary":{SUMMARY}}}"#);
    assert_eq!(
        Segment::read(bare.as_bytes()).expect("bare JSON").blocks,
        []
    );
    let miscounted = bare.replace(r#""block_count":0"#, r#""block_count":1"#);
    assert_eq!(
        garbage(Segment::read(miscounted.as_bytes())),
        "its summary counts other blocks than it holds"
    );
}

#[test]
fn a_segment_has_statistics_where_its_summary_names_them() {
    let read = |location: &str| {
        let bare = format!(
            r#"{{"blocks":[],"summary":{{"row_count":0,"block_count":0,"additional_stats_meta":{{"size":7,"location":["{location}",0]}}}}}}"#
        );
        Segment::read(bare.as_bytes())
            .expect("bare JSON")
            .statistics
    };
    assert_eq!(read(""), None);
    let statistics = read("9/16/_hs/a_v0.mpk").expect("they are named");
    assert_eq!(statistics.location, "9/16/_hs/a_v0.mpk");
    assert_eq!(statistics.size, Some(7));
}

#[test]
fn statistics_are_read_to_know_that_they_are_whole() {
    let own = "fs/9/16/_ts/01a2014a39ea7468a975856b6bf9d504_ts_v2.json";
    let other = "fs/9/16/_ts/01a2014a39ea7468a975856b6bf9d505_ts_v2.json";
    let text = r#"{"snapshot_id":"01a2014a-39ea-7468-a975-856b6bf9d504","hll":{"0":[1,2]}}"#;
    let in_envelope = enveloped(3, JSON, NONE, &[text.as_bytes()]);
    for bytes in [text.as_bytes(), &in_envelope] {
        read_table_statistics(bytes, own).expect("whole");
        read_table_statistics(bytes, "fs/9/16/_ts/short").expect("its name carries no id");
        assert_eq!(
            garbage(read_table_statistics(bytes, other)),
            "describes another snapshot than its name says"
        );
    }
    garbage(read_table_statistics(b"{}", own));
    let sketches = br#"{"block_hlls":[[1,2],[3]]}"#;
    read_segment_statistics(&enveloped(0, JSON, NONE, &[sketches])).expect("whole");
    garbage(read_segment_statistics(&enveloped(0, JSON, NONE, &[b"{}"])));
    garbage(read_segment_statistics(b"garbage of some length"));
}

#[test]
fn a_uuid_is_bytes_or_text_or_a_list_of_numbers() {
    let read = |uuid: &str| {
        Snapshot::read(
            SNAPSHOT
                .replace(r#""01a2014a-39ea-7468-a975-856b6bf9d504""#, uuid)
                .as_bytes(),
        )
    };
    let id = |uuid: &str| read(uuid).expect("a uuid").id;
    let bytes: [u8; 16] = std::array::from_fn(|nth| 16 * (nth as u8 % 8) + nth as u8);
    let numbers = format!("{bytes:?}");
    assert_eq!(id(&numbers), Uuid(bytes));
    assert_eq!(
        id(r#""00112233445566778899aabbccddeeff""#).to_string(),
        "00112233445566778899aabbccddeeff"
    );
    assert!(garbage(read("[1,2,3]")).contains("invalid length 3, expected 16 bytes"));
    assert!(garbage(read(r#""0011""#)).contains("not a uuid"));
    assert!(garbage(read(r#""00112233445566778899aabbccddeeff0""#)).contains("not a uuid"));
    assert!(garbage(read(r#""00112233445566778899aabbccddeefg""#)).contains("not a uuid"));
    assert!(garbage(read("true")).contains("expected a uuid, as 16 bytes or as text"));
    // MessagePack: a map of three with the id as a bin of 16 bytes, or of 3.
    let packed = |uuid: &[u8]| {
        let mut bytes = vec![0x83, 0xab];
        bytes.extend(b"snapshot_id");
        bytes.extend([0xc4, u8::try_from(uuid.len()).expect("short")]);
        bytes.extend(uuid);
        bytes.extend([0xa7]);
        bytes.extend(b"summary");
        bytes.extend([0x82, 0xa9]);
        bytes.extend(b"row_count");
        bytes.extend([0x01, 0xab]);
        bytes.extend(b"block_count");
        bytes.extend([0x01, 0xa8]);
        bytes.extend(b"segments");
        bytes.extend([0x90]);
        Snapshot::read(&enveloped(4, MESSAGE_PACK, NONE, &[&bytes]))
    };
    assert_eq!(packed(&bytes).expect("16 bytes").id, Uuid(bytes));
    assert!(garbage(packed(&bytes[..3])).contains("invalid length 3"));
}

#[test]
fn a_name_carries_its_uuid_behind_a_mark_above_f() {
    let uuid = |name: &str| uuid_in_name(name).map(|uuid| uuid.to_string());
    let digits = "f1a2014a39ea7468a975856b6bf9d504";
    let read = Some(digits.to_owned());
    assert_eq!(uuid(&format!("a/{digits}_v4.mpk")), read);
    assert_eq!(uuid(&format!("a/g{digits}_v4.mpk")), read);
    assert_eq!(uuid(&format!("a/h{digits}_v4.mpk")), read);
    assert_eq!(
        uuid(&format!("a/e{digits}_v4.mpk")),
        Some(format!("e{}", &digits[..31]))
    );
    assert_eq!(uuid("a/"), None);
    assert_eq!(uuid_in_name(digits).expect("read").version(), 7);
}

#[test]
fn a_predecessor_is_named_by_its_uuid() {
    let prefix = TablePrefix::new("fs/9/16/");
    let ordered = uuid_in_name("01a2014a39ea7468a975856b6bf9d504").expect("version 7");
    let random = uuid_in_name("01a2014a39ea4468a975856b6bf9d504").expect("version 4");
    assert_eq!(
        prefix.snapshot_key(ordered, 4).as_str(),
        "fs/9/16/_ss/h01a2014a39ea7468a975856b6bf9d504_v4.mpk"
    );
    assert_eq!(
        prefix.snapshot_key(random, 3).as_str(),
        "fs/9/16/_ss/01a2014a39ea4468a975856b6bf9d504_v3.mpk"
    );
    assert_eq!(prefix.as_str(), "fs/9/16/");
    assert_eq!(prefix.key("_b/x").as_str(), "fs/9/16/_b/x");
}

#[test]
fn a_hint_names_metadata_of_either_age() {
    let prefix = TablePrefix::new("fs/9/16/");
    for name in ["a_v4.mpk", "a_v2.json"] {
        let text = format!("/fs/9/16/_ss/{name}\n");
        let hint = Hint::read(text.as_bytes(), &prefix).expect("a hint");
        assert_eq!(hint.snapshot.as_str(), format!("fs/9/16/_ss/{name}"));
    }
    garbage(Hint::read(b"/fs/9/16/_ss/a_v4.parquet", &prefix));
}

#[test]
fn times_are_read_and_written_to_the_microsecond() {
    let read = |text| WallTime::parse_rfc3339(text);
    assert_eq!(
        read("1970-01-01T00:00:01.000002999Z"),
        Some(WallTime(1_000_002))
    );
    assert_eq!(read("1969-12-31T23:59:59.9999995Z"), Some(WallTime(-1)));
    assert_eq!(
        read("2026-11-21T04:26:11.898+01:00"),
        read("2026-11-21T03:26:11.898Z")
    );
    assert_eq!(read("yesterday"), None);
    assert_eq!(
        WallTime(1_000_002).to_rfc3339(),
        "1970-01-01T00:00:01.000002Z"
    );
    assert_eq!(
        WallTime(i64::MAX).to_rfc3339(),
        format!("{} µs since 1970", i64::MAX)
    );
    let json = serde_json::to_string(&WallTime(0)).expect("a text");
    assert_eq!(json, r#""1970-01-01T00:00:00Z""#);
    assert_eq!(
        serde_json::from_str::<WallTime>(&json).expect("read"),
        WallTime(0)
    );
    let error = serde_json::from_str::<WallTime>(r#""soon""#).expect_err("no time");
    assert!(error.to_string().starts_with("not an RFC 3339 time: soon"));
}

#[test]
fn a_digest_tells_bodies_apart_however_they_arrive() {
    let mut pieces = Digester::default();
    pieces.update(b"one ");
    pieces.update(b"body");
    assert_eq!(pieces.finish(), Digest::of(b"one body"));
    assert_ne!(Digest::of(b"one body"), Digest::of(b"another"));
    assert_ne!(Digest::of(b""), Digest::of(b"another"));
}

#[test]
fn small_words_mean_what_they_say() {
    assert!(VersionId::from("null").is_null());
    assert!(!VersionId::from("v1").is_null());
    assert_eq!(Instant::from_nanos(7).as_nanos(), 7);
    assert!(Instant::START < Instant::from_nanos(1));
}
