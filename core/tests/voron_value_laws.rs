//! What readers of values owe to any bytes, and to values made here, by hand, from `core/FORMATS.md`.

mod voron_values_made;

use firedrill_core::voron::blittable::Blittable;
use firedrill_core::voron::counters::{CounterState, Counters};
use firedrill_core::voron::dictionary::{Dictionaries, Dictionary, NotDecompressed, carve};
use firedrill_core::voron::json;
use firedrill_core::voron::rows::{AttachmentOwner, Row, Table};
use firedrill_core::voron::segment::{Check, Segment};
use firedrill_core::voron::text::{LazyString, Ticks, reversed_varint, unescaped, varint};
use firedrill_core::voron::unreadable::Unreadable;
use firedrill_core::voron::{revision_key, table::TableValue};
use proptest::prelude::*;
use voron_values_made::{Json, blittable, deep_array, lazy, reversed, row, shared_children};

/// A revision's key of 7.2 and its change vector, from a real file.
const REVISION: (&str, &str) = ("ABCBVHfPkfYu6CqS+Tv1PwsS", "A:16-aSabthGjaU+DRMoOSpYaBQ");

/// A segment that 6.2 wrote: one value, not compressed.
const SEGMENT: &str = "\
8650070012aa02000a001c00000101000000000000000000000000000000204089f3e728f37a4e400000000000000000\
2976c5cef16f68400a0000000a060000076772c3b6c39f65000e776174636865732f6669746269740009100208030000\
00000000000000001f0000181da02733a6038090729c7aba02733a603809072e01cd483533404e7af328e7f3893e0003\
053f404e7af328e7f3899f00004e583a5e3404e5d880b2cc4373e0003b05b005a5d880b2cc437c0be000334be55fa000\
0000000180\
";

/// Its entries, as a second decoder found them: milliseconds, value, tag.
const ENTRIES: [(i32, f64, Option<&str>); 10] = [
    (0, 0.0, None),
    (3087, 60.80700767092802, None),
    (5107, 0.0, Some("größe")),
    (6779, 0.0, Some("größe")),
    (8528, 60.9605456478667, Some("größe")),
    (59765, 0.0, None),
    (121031, 0.0, None),
    (182674, 60.730714222773194, None),
    (304756, 5.0, Some("watches/fitbit")),
    (479366, 8.0, Some("größe")),
];

fn segment() -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).expect("it is hexadecimal");
    let pairs = SEGMENT.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            u8::try_from(pair.iter().fold(0, |byte, half| byte * 16 + digit(half)))
                .expect("two digits")
        })
        .collect()
}

fn text_of(bytes: &[u8]) -> String {
    let document = Blittable::validate(bytes).expect("it was made whole");
    let mut out = Vec::new();
    json::write(&document, &mut out).expect("it was validated");
    String::from_utf8(out).expect("JSON is text")
}

/// Whatever the bytes are, every reader answers.
fn read_as_everything(bytes: &[u8]) {
    for table in Table::ALL {
        let _: Result<_, _> = Row::read(table, bytes);
    }
    let _: Result<_, _> = Row::recognise(bytes);
    if let Ok(document) = Blittable::validate(bytes) {
        let mut out = Vec::new();
        if json::write(&document, &mut out).is_ok() {
            std::str::from_utf8(&out).expect("what is written is text");
        }
        let _: Result<_, _> = Counters::read(document);
    }
    if let Ok(segment) = Segment::decode(bytes) {
        segment.check();
        let shown = segment
            .entries()
            .map(|entry| entry.values().len())
            .sum::<usize>();
        assert!(shown <= 65_535 * 32);
    }
    for dictionary in carve(bytes) {
        assert!(dictionary.bytes.len() <= bytes.len());
    }
    let _: Result<_, _> = Dictionaries::default().decompress(bytes, 1 << 16);
    let _: Result<_, _> = LazyString::whole(bytes);
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::Integer),
        "-?[1-9][0-9]{0,3}\\.[0-9]{1,9}(E[-+][0-9]{1,2})?".prop_map(Json::Number),
        "[a-zß日\"\\\\\\n\\u{1}\\u{1f}]{0,12}".prop_map(Json::Text),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
            prop::collection::vec(("[a-zA-Z@\"ß]{1,6}", inner), 0..6).prop_map(Json::object),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn a_document_is_written_as_it_was_made(value in any_json()) {
        let root = Json::object(vec![("root".to_string(), value)]);
        prop_assert_eq!(text_of(&blittable(&root)), root.text());
    }

    #[test]
    fn a_hurt_document_is_answered(value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = blittable(&Json::object(vec![("root".to_string(), value)]));
        let at = at.index(bytes.len());
        bytes[at] ^= byte;
        read_as_everything(&bytes);
    }

    #[test]
    fn a_hurt_row_is_answered(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let data = blittable(&Json::object(vec![("a".to_string(), Json::Integer(1))]));
        let mut bytes = row(&document_columns(data));
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        read_as_everything(&bytes);
    }

    #[test]
    fn a_hurt_segment_is_answered(bits in prop::collection::vec(any::<prop::sample::Index>(), 1..4)) {
        let mut bytes = segment();
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        read_as_everything(&bytes);
    }

    #[test]
    fn ticks_are_written_as_the_calendar_has_them(ticks in 0_i64..=3_155_378_975_999_999_999) {
        let iso = Ticks::new(ticks).expect("it is in range").iso();
        let format = time::format_description::well_known::Iso8601::DEFAULT;
        let read = time::OffsetDateTime::parse(&iso, &format).expect("it is ISO 8601");
        let nanoseconds = read - time::OffsetDateTime::new_utc(time::Date::from_ordinal_date(1, 1).expect("a date"), time::Time::MIDNIGHT);
        prop_assert_eq!(nanoseconds.whole_nanoseconds() / 100, i128::from(ticks));
    }
}

fn document_columns(data: Vec<u8>) -> Vec<Vec<u8>> {
    vec![
        b"users/1-a".to_vec(),
        7_i64.to_be_bytes().to_vec(),
        lazy("users/1-A"),
        data,
        b"A:7-w+AP6pMAyk6OzP0pwclAXA".to_vec(),
        636_682_903_130_145_929_i64.to_le_bytes().to_vec(),
        0x102_i32.to_le_bytes().to_vec(),
        vec![3, 0],
    ]
}

#[test]
fn a_document_is_read_column_by_column() {
    let data = blittable(&Json::object(vec![]));
    let bytes = row(&document_columns(data));
    let Ok(Row::Document(document)) = Row::read(Table::Documents, &bytes) else {
        panic!("it was made whole")
    };
    assert_eq!(
        (document.lower_id, document.id, document.etag),
        ("users/1-a", "users/1-A", 7)
    );
    assert_eq!(document.last_modified.iso(), "2018-07-27T12:11:53.0145929Z");
    assert!(
        document
            .flags
            .names()
            .eq(["HasRevisions", "HasAttachments"])
    );
    assert_eq!(document.flags.unknown(), 0);
    let mut other = document_columns(blittable(&Json::object(vec![])));
    other[0] = b"users/2-a".to_vec();
    assert!(
        Row::read(Table::Documents, &row(&other)).is_err(),
        "another id's lower case"
    );
}

#[test]
fn offsets_are_as_wide_as_the_row_is_large() {
    for size in [10, 200, 300, 65_000, 70_000] {
        let columns = vec![vec![1], vec![2; size], vec![], vec![3]];
        let bytes = row(&columns);
        let value = TableValue::read(&bytes).expect("it was made whole");
        for (index, column) in columns.iter().enumerate() {
            assert_eq!(value.column(index), Some(column.as_slice()), "{size}");
        }
        assert_eq!(value.column(4), None);
    }
}

#[test]
fn a_document_as_deep_as_it_is_long_is_written() {
    let depth = 200_000;
    let text = text_of(&deep_array(depth));
    assert_eq!(text.len(), 2 * depth);
}

#[test]
fn containers_that_share_children_end_in_an_error() {
    let error = Blittable::validate(&shared_children(40, 8)).expect_err("8 to the 40th values");
    assert!(matches!(
        error,
        Unreadable::Damaged {
            what: "more values than bytes",
            ..
        }
    ));
}

#[test]
fn a_long_compressed_string_is_read_and_a_short_one_refused() {
    let long = "compressed ".repeat(40);
    let text = text_of(&blittable(&Json::object(vec![(
        "a".to_string(),
        Json::Compressed(long.clone()),
    )])));
    assert_eq!(text, format!("{{\"a\":\"{long}\"}}"));
    let short = blittable(&Json::object(vec![(
        "a".to_string(),
        Json::Compressed("short".into()),
    )]));
    assert!(matches!(
        Blittable::validate(&short),
        Err(Unreadable::Unsupported(_))
    ));
}

#[test]
fn a_typed_backslash_is_told_from_a_stored_control_character() {
    let text = |text: &str| {
        text_of(&blittable(&Json::object(vec![(
            "a".to_string(),
            Json::Text(text.into()),
        )])))
    };
    assert_eq!(text("\u{1}"), "{\"a\":\"\\u0001\"}");
    assert_eq!(text("\\u0001"), "{\"a\":\"\\\\u0001\"}");
    let mut stored = b"\x06\\u001F\0".to_vec();
    let mut out = Vec::new();
    json::write_string(LazyString::whole(&stored).expect("no escapes"), &mut out);
    stored.splice(7.., [1, 0]);
    json::write_string(LazyString::whole(&stored).expect("one escape"), &mut out);
    assert_eq!(
        out, br#""\u001F""\\u001F""#,
        "stored as six characters, then typed"
    );
    assert_eq!(unescaped("a\\u0001\\n\\u00e9"), "a\u{1}\\n\\u00e9");
}

#[test]
fn what_json_has_no_number_for_is_text() {
    let number = |literal: &str| {
        let value = Json::object(vec![("a".to_string(), Json::Number(literal.into()))]);
        let bytes = blittable(&value);
        Blittable::validate(&bytes).is_ok().then(|| text_of(&bytes))
    };
    for literal in ["1.50", "-0.0", "1E5", "9.8e-08", "9223372036854775808"] {
        assert_eq!(number(literal), Some(format!("{{\"a\":{literal}}}")));
    }
    for literal in ["NaN", "Infinity", "-Infinity"] {
        assert_eq!(number(literal), Some(format!("{{\"a\":\"{literal}\"}}")));
    }
    for damage in [
        "", "1.", ".5", "1e", "-", "0x1", "1.5 ", "NaNs", "007", "-01.5",
    ] {
        assert_eq!(number(damage), None, "{damage}");
    }
}

#[test]
fn varints_end_where_they_should() {
    assert_eq!(varint(&[0xac, 2], 0), Ok((300, 2)));
    assert!(varint(&[0xff; 10], 0).is_err());
    assert_eq!(reversed_varint(&[9, 2, 0xac], 3), Ok((300, 1)));
    assert!(reversed_varint(&[0x80, 0x80], 2).is_err());
}

#[test]
fn an_attachment_in_remote_storage_says_where_it_is() {
    let hash = "DldRwCblQ7Loqy6wYJnaodHl30d3j3eH+qtFzfEv46g=";
    let key = format!("users/1\u{1e}r\u{1e}A:1-x\u{1e}a.png\u{1e}{hash}\u{1e}image/png");
    let columns = vec![
        key.into_bytes(),
        5_i64.to_be_bytes().to_vec(),
        lazy("A.png"),
        lazy("image/PNG"),
        hash.as_bytes().to_vec(),
        vec![0, 0],
        b"A:5-x".to_vec(),
        1234_i64.to_le_bytes().to_vec(),
        1_i32.to_le_bytes().to_vec(),
        636_682_903_130_145_929_i64.to_le_bytes().to_vec(),
        lazy("bucket"),
    ];
    let bytes = row(&columns);
    let Ok(Row::Attachment(attachment)) = Row::recognise(&bytes) else {
        panic!("it was made whole")
    };
    assert_eq!(attachment.parts.owner, AttachmentOwner::Revision("A:1-x"));
    let remote = attachment.remote.expect("it has eleven columns");
    assert_eq!(
        (remote.is_remote, remote.size, remote.identifier),
        (true, 1234, "bucket")
    );
}

#[test]
fn a_counter_of_4_1_is_read() {
    let columns = vec![
        b"users/1\x1elikes\x1e0123456789abcdef".to_vec(),
        lazy("Likes"),
        5_i64.to_be_bytes().to_vec(),
        (-3_i64).to_le_bytes().to_vec(),
        b"A:5-x".to_vec(),
        lazy("Users"),
        vec![0, 0],
    ];
    let bytes = row(&columns);
    let Ok(Row::LegacyCounter(counter)) = Row::read(Table::LegacyCounters, &bytes) else {
        panic!("it was made whole")
    };
    assert_eq!(
        (counter.document_id, counter.name, counter.value),
        ("users/1", "Likes", -3)
    );
}

#[test]
fn a_counters_total_is_the_sum_over_databases() {
    let mut values = Vec::new();
    for part in [5_i64, 10, -2, 11] {
        values.extend_from_slice(&part.to_le_bytes());
    }
    let group = Json::object(vec![
        (
            "@dbIds".into(),
            Json::Array(vec![Json::Text("one".into()), Json::Text("two".into())]),
        ),
        (
            "@names".into(),
            Json::object(vec![("likes".into(), Json::Text("Likes".into()))]),
        ),
        (
            "@vals".into(),
            Json::object(vec![
                ("likes".into(), Json::Raw(values)),
                ("gone".into(), Json::Text("A:1-x".into())),
            ]),
        ),
    ]);
    let bytes = blittable(&group);
    let counters =
        Counters::read(Blittable::validate(&bytes).expect("it was made whole")).expect("a group");
    let list = counters.counters().expect("it was read");
    assert_eq!(
        (list[0].name, &list[0].state),
        ("gone", &CounterState::Deleted("A:1-x"))
    );
    assert_eq!((list[1].name, list[1].total()), ("Likes", Some(3)));
    let mut text = Vec::new();
    counters.write_json(&mut text).expect("it was read");
    assert_eq!(
        String::from_utf8(text).expect("JSON is text"),
        r#"{"@dbIds":["one","two"],"@names":{"likes":"Likes"},"@vals":{"gone":"A:1-x","likes":[5,10,-2,11]}}"#
    );
}

#[test]
fn a_dictionary_is_carved_out_of_a_leaf_and_out_of_a_large_value() {
    let mut dictionary = vec![0x37, 0xa4, 0x30, 0xec, 1, 2, 3, 4];
    dictionary.extend([9; 400]);
    let size = i32::try_from(dictionary.len() + 1).expect("it is small");
    let mut leaf = vec![0; 100];
    leaf.extend(size.to_le_bytes());
    leaf.extend([0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 5, 50]);
    leaf.extend(&dictionary);
    leaf.extend([7; 300]);
    let expected = |key, at| Dictionary {
        id: 0x0403_0201,
        key,
        at,
        bytes: dictionary.clone(),
    };
    assert_eq!(carve(&leaf), [expected(Some(5), 116)]);
    let mut large = vec![0; 65];
    large[8..12].copy_from_slice(&size.to_le_bytes());
    large[12] = 6;
    large.extend(&dictionary);
    large.extend([7; 300]);
    assert_eq!(carve(&large), [expected(None, 65)]);
    leaf.truncate(400);
    assert_eq!(carve(&leaf), [], "cut off");
}

/// Otherwise a page of many heads, each of which claims the rest of it, would be copied as often.
#[test]
fn dictionaries_that_are_carved_lie_apart() {
    let mut inner = 40_i32.to_le_bytes().to_vec();
    inner.extend([
        0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 6, 50, 0x37, 0xa4, 0x30, 0xec, 9, 9, 9, 9,
    ]);
    let mut page = vec![0; 64];
    page.extend(200_i32.to_le_bytes());
    page.extend([
        0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 5, 50, 0x37, 0xa4, 0x30, 0xec, 1, 2, 3, 4,
    ]);
    page.extend(&inner);
    page.resize(1000, 7);
    let found = carve(&page);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].key, found[0].bytes.len()), (Some(5), 199));
}

#[test]
fn a_compressed_value_is_bounded_and_its_missing_dictionary_named() {
    let dictionaries = Dictionaries::default();
    let text = vec![b'a'; 100_000];
    let mut value = zstd::bulk::compress(&text, 3).expect("it compresses");
    value.extend(reversed(0));
    assert_eq!(dictionaries.decompress(&value, 100_000), Ok(text));
    let too_large = NotDecompressed::TooLarge { bytes_max: 99_999 };
    assert_eq!(dictionaries.decompress(&value, 99_999), Err(too_large));
    let mut value = vec![0x28, 0xb5, 0x2f, 0xfd, 0x23, 1, 2, 3, 4, 10, 1, 0, 0];
    value.extend(reversed(300));
    let missing = NotDecompressed::DictionaryMissing {
        id: 0x0403_0201,
        key: 300,
    };
    assert_eq!(dictionaries.decompress(&value, 1000), Err(missing));
}

#[test]
fn the_key_of_7_2_is_made_of_the_change_vector() {
    assert_eq!(revision_key::of(REVISION.1).as_deref(), Some(REVISION.0));
    assert!(!revision_key::matches(
        REVISION.0,
        "A:2-RPHFV0GGk0aKImkPMn639w"
    ));
    assert_eq!(revision_key::of("no change vector"), None);
}

#[test]
fn a_real_segment_is_decoded_and_a_flipped_bit_in_it_is_seen() {
    let bytes = segment();
    let decoded = Segment::decode(&bytes).expect("it is real");
    let entries: Vec<(i32, f64, Option<&str>)> = decoded
        .entries()
        .map(|entry| {
            (
                entry.offset_ms,
                entry.values().next().expect("it has one"),
                entry.tag,
            )
        })
        .collect();
    assert_eq!(entries, ENTRIES);
    assert_eq!(decoded.check(), Check::Identical);
    // Nothing but the tags' own text could be anything.
    let text_of_tags = [65..72, 74..88];
    for bit in 0..bytes.len() * 8 {
        let mut hurt = bytes.clone();
        hurt[bit / 8] ^= 1 << (bit % 8);
        let check = Segment::decode(&hurt).map(|segment| segment.check());
        let is_text = text_of_tags.iter().any(|range| range.contains(&(bit / 8)));
        assert!(is_text || check != Ok(Check::Identical), "bit {bit}");
    }
}
