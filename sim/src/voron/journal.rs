//! Journals: what each transaction changed, in files that are used again.
//!
//! ```text
//!  transaction   header, 192 bytes │ payload as stored │ zeros up to 4 KB
//!  payload       26 bytes for each page │ page number, then its image or its differences │ …
//!  life          NNN.journal ──synced──► recyclable-journal.NNN ──► MMM.journal, old transactions behind
//! ```
//!
//! Invariants: transactions begin at multiples of 4 KB and follow one another without a gap; the hash is over
//! the payload as it is stored, seeded with the transaction's number.

use super::bytes::{PAGE_SIZE, put_i32, put_i64, put_u64, u64_at};
use super::checksum::xxh64;
use super::pages::Changed;
use super::specification::JournalSpec;
use super::tree::TreeHeader;
use super::truth::{PageForm, Transaction, TransactionPage};

/// The journals of a database.
#[derive(Debug)]
pub(super) struct Journals {
    spec: JournalSpec,
    /// In ascending order; the last is the one that is written to.
    files: Vec<File>,
    recyclable: Vec<File>,
    next: u64,
    /// Everything that was ever written, as it was written.
    pub(super) transactions: Vec<(Transaction, Vec<u8>)>,
}

#[derive(Debug, Clone)]
struct File {
    number: u64,
    end: usize,
    last: u64,
    bytes: Vec<u8>,
}

/// What a transaction's header says beside what follows from its pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransactionHead {
    pub(super) number: u64,
    pub(super) next_page: u64,
    pub(super) root: TreeHeader,
    pub(super) ticks: i64,
    /// What to put where a reader must not look.
    pub(super) noise: u64,
}

const BLOCK: usize = 4096;
const HEADER: usize = 192;
const MARKER: u64 = 0x1A4C_92AD_90AB_C123;

impl Journals {
    pub(super) fn new(spec: JournalSpec) -> Self {
        Self {
            spec,
            files: Vec::new(),
            recyclable: Vec::new(),
            next: 1,
            transactions: Vec::new(),
        }
    }

    /// Writes a transaction.
    pub(super) fn append(&mut self, head: TransactionHead, changed: &[Changed]) {
        let (bytes, pages) = self.transaction(head, changed);
        let file = self.file_with_room(bytes.len());
        let offset = file.end;
        file.bytes[offset..offset + bytes.len()].copy_from_slice(&bytes);
        file.end += bytes.len();
        file.last = head.number;
        let journal = file.number;
        let transaction = Transaction {
            number: head.number,
            journal,
            offset,
            length: bytes.len(),
            pages,
            file: None,
        };
        self.transactions.push((transaction, bytes));
    }

    /// Sets aside the journals that are needed no more.
    pub(super) fn recycle(&mut self, synced: u64) {
        while self.files.len() > 1 && self.files[0].last <= synced {
            self.recyclable.push(self.files.remove(0));
        }
    }

    /// Number of the journal that is written to, and of the one that the transaction is in.
    pub(super) fn numbers(&self, transaction: u64) -> (i64, i64) {
        let current = self.files.last().map_or(-1, |file| file.number as i64);
        let journal = self
            .transactions
            .iter()
            .find(|(one, _)| one.number == transaction)
            .map_or(-1, |(one, _)| one.journal as i64);
        (current, journal)
    }

    /// The files by name, and the transactions with where each is still whole.
    pub(super) fn finish(self) -> (Vec<(String, Vec<u8>)>, Vec<Transaction>) {
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        for file in self.files {
            files.push((format!("{:019}.journal", file.number), file.bytes));
        }
        for file in self.recyclable {
            let name = format!("recyclable-journal.{:019}", file.number);
            files.push((name, file.bytes));
        }
        let whole = |transaction: &Transaction, bytes: &[u8]| {
            let range = transaction.offset..transaction.offset + transaction.length;
            files
                .iter()
                .find(|(_, file)| file.get(range.clone()) == Some(bytes))
                .map(|(name, _)| name.clone())
        };
        let transactions = self
            .transactions
            .into_iter()
            .map(|(mut transaction, bytes)| {
                transaction.file = whole(&transaction, &bytes);
                transaction
            })
            .collect();
        (files, transactions)
    }

    fn file_with_room(&mut self, needed: usize) -> &mut File {
        let full = |file: &File| file.end + needed > file.bytes.len();
        if self.files.last().is_none_or(full) {
            let number = self.next;
            self.next += 1;
            let again = self
                .recyclable
                .iter()
                .position(|file| needed <= file.bytes.len());
            let bytes = match again {
                Some(nth) => self.recyclable.remove(nth).bytes,
                None => vec![0; self.size().max(needed)],
            };
            self.files.push(File {
                number,
                end: 0,
                last: 0,
                bytes,
            });
        }
        self.files.last_mut().expect("one was just made")
    }

    fn size(&self) -> usize {
        let most = super::specification::bounds::JOURNAL_KILOBYTES_MAX;
        (self.spec.size_kilobytes.clamp(4, most) as usize * 1024).next_multiple_of(BLOCK)
    }

    fn transaction(
        &self,
        head: TransactionHead,
        changed: &[Changed],
    ) -> (Vec<u8>, Vec<TransactionPage>) {
        let (payload, pages) = payload(self.spec.differences, changed, head.noise);
        let compressed = if self.spec.stored {
            None
        } else {
            let smaller = lz4_flex::block::compress(&payload);
            (smaller.len() < payload.len()).then_some(smaller)
        };
        let stored = compressed.as_ref().unwrap_or(&payload);
        let mut bytes = vec![0; HEADER];
        put_u64(&mut bytes, 0, MARKER);
        put_u64(&mut bytes, 8, head.number);
        put_u64(&mut bytes, 16, head.next_page);
        put_u64(&mut bytes, 24, head.next_page.saturating_sub(1));
        put_i32(&mut bytes, 32, changed.len() as i32);
        put_u64(&mut bytes, 40, xxh64(stored, head.number));
        bytes[48..110].copy_from_slice(&head.root);
        bytes[110] = 4;
        let compressed_size = compressed.as_ref().map_or(-1, |bytes| bytes.len() as i64);
        put_i64(&mut bytes, 112, compressed_size);
        put_i64(&mut bytes, 120, payload.len() as i64);
        put_i64(&mut bytes, 128, head.ticks);
        bytes.extend_from_slice(stored);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        (bytes, pages)
    }
}

fn payload(differences: bool, changed: &[Changed], noise: u64) -> (Vec<u8>, Vec<TransactionPage>) {
    let mut infos = Vec::with_capacity(changed.len() * 26);
    let mut bodies = Vec::new();
    let mut pages = Vec::with_capacity(changed.len());
    for one in changed {
        let (form, body) = body(differences, one);
        let size = match form {
            PageForm::Unchanged => 0,
            _ => one.after.len() as i64,
        };
        let (is_new, difference_size) = match form {
            PageForm::Image => ((noise ^ one.page) as u8 | 2, 0),
            PageForm::FromZeros => (1, body.len() as i64),
            PageForm::Difference => (0, body.len() as i64),
            PageForm::Unchanged => (0, 0),
        };
        let mut info = [0; 26];
        put_u64(&mut info, 0, one.page);
        put_i64(&mut info, 8, size);
        info[16] = is_new;
        put_i64(&mut info, 18, difference_size);
        infos.extend_from_slice(&info);
        bodies.extend_from_slice(&one.page.to_le_bytes());
        bodies.extend_from_slice(&body);
        pages.push(TransactionPage {
            page: one.page,
            pages: (one.after.len() / PAGE_SIZE) as u64,
            form,
        });
    }
    infos.append(&mut bodies);
    (infos, pages)
}

fn body(differences: bool, one: &Changed) -> (PageForm, Vec<u8>) {
    if one.before == one.after {
        return (PageForm::Unchanged, Vec::new());
    }
    if !differences {
        return (PageForm::Image, one.after.clone());
    }
    let (form, difference) = if one.fresh {
        let zeros = vec![0; one.after.len()];
        (PageForm::FromZeros, difference(&zeros, &one.after))
    } else {
        (PageForm::Difference, difference(&one.before, &one.after))
    };
    if difference.is_empty() || difference.len() >= one.after.len() {
        return (PageForm::Image, one.after.clone());
    }
    (form, difference)
}

/// Stretches of eight bytes that differ: start and length, then the bytes, or a negative length for zeros.
fn difference(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < after.len() {
        if u64_at(before, at) == u64_at(after, at) {
            at += 8;
            continue;
        }
        let zeros = u64_at(after, at) == 0;
        let start = at;
        while at < after.len()
            && u64_at(before, at) != u64_at(after, at)
            && (u64_at(after, at) == 0) == zeros
        {
            at += 8;
        }
        let length = (at - start) as i64;
        out.extend_from_slice(&(start as i64).to_le_bytes());
        if zeros {
            out.extend_from_slice(&(-length).to_le_bytes());
        } else {
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&after[start..at]);
        }
    }
    out
}
