//! Salvage of files whose checksums are true and whose contents no server ever wrote: it comes to its end, and takes
//! no more memory than the bytes can account for.

mod salvage {
    #[allow(dead_code, reason = "other tests use the rest of it")]
    pub(crate) mod play;
}
mod voron_made;

use firedrill_core::salvage::Use;
use firedrill_core::salvage::report::Report;
use salvage::play::play;
use voron_made::{Made, page, transaction};

fn salvaged(data: Vec<u8>, journal: Vec<u8>) -> Report {
    let files = vec![
        ("Raven.voron".to_owned(), data),
        ("0000000000000000001.journal".to_owned(), journal),
    ];
    let report = play(files).report;
    for file in &report.files {
        assert_eq!(file.bytes.values().sum::<u64>(), file.length);
        assert_eq!(file.bytes.get(&Use::Unexplained), None);
    }
    report
}

#[test]
fn a_page_may_say_any_number() {
    for number in [0, 1 << 50, 1 << 51, 1 << 63, u64::MAX - 1, u64::MAX] {
        let alone = salvaged(page(number, 0), Vec::new());
        assert!(!alone.is_damaged(), "{number}");
        let second = [page(0, 0), page(number, 0)].concat();
        assert!(!salvaged(second, Vec::new()).is_damaged(), "{number}");
    }
}

/// The size that a diff states for its run is compared with nothing in the transaction.
#[test]
fn a_transaction_may_claim_any_run() {
    for clears_first in [true, false] {
        for pages in [1 << 14, 1 << 20, 1 << 30] {
            let piece = (0, Ok(vec![1; 8]));
            let runs: Vec<_> = (0..8)
                .map(|nth| {
                    let diff = Made::Diff(clears_first, 8192 * pages, vec![piece.clone()]);
                    (1 + nth * pages, diff)
                })
                .collect();
            let journal = transaction(1, false, &runs);
            let report = salvaged(page(0, 0), journal);
            assert_eq!(report.transactions, 1, "{pages} pages");
        }
    }
}
