//! Every place that anything has ever had, and what became of the bytes there.

use std::collections::BTreeMap;

use super::bytes::PAGE_SIZE;
use super::pages::{Changed, Pages};
use super::truth::{PageForm, Place, TransactionPage};

/// All places, by number; none is ever taken out.
#[derive(Debug, Default)]
pub(super) struct Places {
    all: Vec<Place>,
    by_page: BTreeMap<u64, Vec<usize>>,
    /// Those that the open transaction has written.
    fresh: Vec<usize>,
}

impl Places {
    /// Notes a new place; `large` is the value of a run, whose end no checksum covers.
    pub(super) fn add(
        &mut self,
        page: u64,
        offset: usize,
        stored: Vec<u8>,
        large: bool,
        transaction: u64,
    ) -> usize {
        let pages = (offset + stored.len()).div_ceil(PAGE_SIZE).max(1) as u64;
        let unhashed = if large {
            stored.len().saturating_sub(64)..stored.len()
        } else {
            0..0
        };
        let number = self.all.len();
        self.all.push(Place {
            page,
            pages,
            offset,
            stored,
            unhashed,
            written: transaction,
            released: None,
            overwritten: None,
            images: Vec::new(),
            in_file: false,
        });
        for page in page..page + pages {
            self.by_page.entry(page).or_default().push(number);
        }
        self.fresh.push(number);
        number
    }

    /// The bytes of a place that is taken up by the same thing somewhere else.
    pub(super) fn stored(&self, number: usize) -> &[u8] {
        &self.all[number].stored
    }

    pub(super) fn release(&mut self, number: usize, transaction: u64) {
        self.all[number].released = Some(transaction);
    }

    /// After a transaction: whose bytes are gone, and whose are in its images.
    pub(super) fn commit(
        &mut self,
        pages: &Pages,
        changed: &[Changed],
        forms: &[TransactionPage],
        transaction: u64,
    ) {
        for number in std::mem::take(&mut self.fresh) {
            if !self.all[number].is_in(pages.all()) {
                self.all[number].overwritten = Some(transaction);
            }
        }
        for (one, form) in changed.iter().zip(forms) {
            let behind = one.page + form.pages;
            let whole = matches!(form.form, PageForm::Image | PageForm::FromZeros);
            let touched: Vec<usize> = self
                .by_page
                .range(one.page..behind)
                .flat_map(|(_, numbers)| numbers.iter().copied())
                .collect();
            for number in touched {
                let place = &mut self.all[number];
                if place.overwritten.is_some() {
                    continue;
                }
                if !place.is_in(pages.all()) {
                    place.overwritten = Some(transaction);
                } else if whole
                    && place.page >= one.page
                    && place.page + place.pages <= behind
                    && place.images.last() != Some(&transaction)
                {
                    place.images.push(transaction);
                }
            }
        }
        for numbers in self.by_page.values_mut() {
            numbers.retain(|number| self.all[*number].overwritten.is_none());
        }
    }

    /// The place as the truth has it: nothing if its bytes never were in a committed state.
    pub(super) fn finish(
        &self,
        number: usize,
        file: &[u8],
        in_journal: &dyn Fn(u64) -> bool,
    ) -> Option<Place> {
        let mut place = self.all[number].clone();
        if place.overwritten == Some(place.written) {
            return None;
        }
        place.in_file = place.is_in(file);
        place.images.retain(|transaction| in_journal(*transaction));
        Some(place)
    }
}
