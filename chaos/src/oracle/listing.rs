//! What ListObjectVersions must answer: keys ascending, each key's newest first, no entry twice, none
//! left out.

use firedrill_core::object::{Cursor, Entry, Key};

use super::log::{Held, Log};

/// How a page differs from what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongPage {
    /// `M1`, `M2` or `M3`.
    pub property: &'static str,
    /// Which key shows it.
    pub key: Key,
    /// What is wrong.
    pub sentence: String,
}

/// A page of the bucket's answer, with the question.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The prefix asked for.
    pub prefix: &'a str,
    /// The place asked for.
    pub after: Option<&'a Cursor>,
    /// The answer.
    pub entries: &'a [(Key, Entry)],
    /// Where it goes on.
    pub next: Option<&'a Cursor>,
}

/// Judges one page. `whole` answers the bucket's whole listing under the prefix on one page, and is asked
/// only to tell a wrong history or order from a wrong page.
pub fn judge(
    log: &Log,
    page: Page<'_>,
    whole: impl FnOnce() -> Vec<(Key, Entry)>,
) -> Result<(), WrongPage> {
    if place_is_gone(log, page.after) {
        return Ok(());
    }
    let first = page.after.map_or(page.prefix, |after| after.key.as_str());
    let first = Key::from(first.max(page.prefix));
    let mut expected = log
        .from(page.prefix, &first)
        .flat_map(|(key, held)| held.iter().map(move |held| (key, held)))
        .skip(
            page.after
                .map_or(0, |after| passed_of(log, after, page.prefix)),
        );
    let mut matched = 0;
    for (key, entry) in page.entries {
        match expected.next() {
            Some((wanted, held)) if wanted == key && is_same(held, entry) => matched += 1,
            _ => break,
        }
    }
    let ends_well = match page.next {
        None => expected.next().is_none(),
        Some(_) if page.entries.is_empty() => false,
        Some(next) => {
            let last = page.entries.last().expect("it is not empty");
            next.key == last.0
                && next.version.as_ref() == Some(last.1.id())
                && expected.next().is_some()
        }
    };
    if matched == page.entries.len() && ends_well {
        return Ok(());
    }
    Err(explain(log, page, matched, &whole()))
}

/// How many entries of the key at which a listing goes on came before: all of them, or with a version those
/// down to it.
fn passed_of(log: &Log, after: &Cursor, prefix: &str) -> usize {
    let key = after.key.as_str();
    if key < prefix || !key.starts_with(prefix) {
        return 0;
    }
    let history = log.history(&after.key);
    match &after.version {
        None => history.len(),
        Some(marker) => {
            let place = history.iter().position(|held| held.id == *marker);
            place.map_or(0, |place| place + 1)
        }
    }
}

/// Whether the entry that the page before ended with was deleted meanwhile: no sentence of S3's
/// documentation says where such a listing goes on.
fn place_is_gone(log: &Log, after: Option<&Cursor>) -> bool {
    after.is_some_and(|after| {
        let marker = after.version.as_ref();
        let history = log.history(&after.key);
        marker.is_some_and(|marker| history.iter().all(|held| held.id != *marker))
    })
}

/// Whether a line of the listing is what the log says.
fn is_same(held: &Held, entry: &Entry) -> bool {
    let stamped = held.second * 1_000_000 == entry.last_modified().0;
    let kind = match (entry, &held.body) {
        (Entry::Marker(_), None) => true,
        (Entry::Version(version), Some(body)) => {
            version.size == body.len() as u64
                && version.etag == held.etag
                && version.archived == held.archived
        }
        _ => false,
    };
    stamped && kind && held.id == *entry.id()
}

/// Says which rule a page breaks: the history of a key (M3), the order (M1), or the page alone (M2).
fn explain(log: &Log, page: Page<'_>, matched: usize, whole: &[(Key, Entry)]) -> WrongPage {
    let expected: Vec<_> = log
        .under(page.prefix)
        .flat_map(|(key, held)| held.iter().map(move |held| (key, held)))
        .collect();
    let same_at = |index: usize| {
        let pair = (expected.get(index), whole.get(index));
        matches!(pair, (Some((key, held)), Some((listed, entry))) if *key == listed && is_same(held, entry))
    };
    let length = expected.len().max(whole.len());
    if let Some(index) = (0..length).find(|index| !same_at(*index)) {
        // Where a key's entries are missing, the listing is already at the next one.
        let listed = whole.get(index).map(|(key, _)| key);
        let key = expected.get(index).map(|(key, _)| *key);
        let key = key.into_iter().chain(listed).min();
        let key = key.expect("one of both is that long").clone();
        let held = log.history(&key);
        let mine: Vec<_> = whole.iter().filter(|(listed, _)| *listed == key).collect();
        let same_set = mine.len() == held.len()
            && mine
                .iter()
                .all(|(_, entry)| held.iter().any(|held| is_same(held, entry)));
        let (property, claim) = if same_set {
            ("M1", "the listing's order is not the order of storing")
        } else {
            (
                "M3",
                "a key does not hold the versions and markers that it must",
            )
        };
        let ids = |ids: Vec<&str>| ids.join(", ");
        let sentence = format!(
            "{claim}: listed {}, expected {}",
            ids(mine.iter().map(|(_, entry)| entry.id().as_str()).collect()),
            ids(held.iter().map(|held| held.id.as_str()).collect()),
        );
        return WrongPage {
            property,
            key,
            sentence,
        };
    }
    let key = page.entries.get(matched).map(|(key, _)| key);
    let key = key.or(page.after.map(|after| &after.key));
    WrongPage {
        property: "M2",
        key: key.cloned().unwrap_or_else(|| Key::from(page.prefix)),
        sentence: format!(
            "the page behind {} does not go on where the last one ended: entry {} of {} is another",
            place(page.after),
            matched + 1,
            page.entries.len()
        ),
    }
}

/// A place in a listing, in words.
fn place(after: Option<&Cursor>) -> String {
    match after {
        None => "nothing".into(),
        Some(Cursor { key, version: None }) => format!("all of {key}"),
        Some(Cursor {
            key,
            version: Some(version),
        }) => format!("{version} of {key}"),
    }
}
