//! A data file with its journals redone, as simply as can be: whatever the header says is missing, in order.

use firedrill_core::voron::headers::{FileHeader, newer};
use firedrill_core::voron::journal::pages::{self, Change};
use firedrill_core::voron::journal::{Found, Limits, payload, transactions};
use firedrill_core::voron::page::PAGE_BYTES;

use crate::voron_samples::Sample;

pub(crate) fn replayed(sample: &Sample) -> Vec<u8> {
    let mut file = sample.file("Raven.voron").to_vec();
    let header = |name| FileHeader::read(sample.file(name)).ok();
    let header = newer(header("headers.one"), header("headers.two")).expect("a header is whole");
    let mut journals: Vec<_> = sample.files.iter().collect();
    journals.retain(|(path, _)| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.ends_with(".journal") && name.as_bytes()[0].is_ascii_digit()
    });
    journals.sort();
    let mut last = header.last_synced_transaction;
    for (_, journal) in journals {
        for (offset, found) in transactions(journal, Limits::default()) {
            let Found::Whole(transaction) = found else {
                continue;
            };
            if transaction.id != last + 1 {
                continue;
            }
            last = transaction.id;
            let bytes = &journal[usize::try_from(offset).expect("it is in memory")..];
            let range = transaction.payload_range().expect("it is in memory");
            let payload = payload::decode(&transaction, &bytes[range], Limits::default());
            let payload = payload.expect("its hash holds");
            for change in pages::read(&payload, transaction.page_count).expect("its hash holds") {
                apply(change.page, change.change, &mut file);
            }
        }
    }
    file
}

fn apply(page: u64, change: Change<'_>, file: &mut Vec<u8>) {
    let start = usize::try_from(page).expect("it is in memory") * PAGE_BYTES;
    let size = match change {
        Change::Full(bytes) => bytes.len(),
        Change::Diff(diff) => usize::try_from(diff.run_bytes()).expect("it is in memory"),
        Change::Unchanged => return,
    };
    if file.len() < start + size {
        file.resize(start + size, 0);
    }
    let run = &mut file[start..start + size];
    match change {
        Change::Full(bytes) => run.copy_from_slice(bytes),
        Change::Diff(diff) => diff.apply(run, 0),
        Change::Unchanged => {}
    }
}
