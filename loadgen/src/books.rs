//! The books of a run: a page for each thread that records, and the total of all turned pages.
//!
//! A thread writes to its own page under a lock that nobody else takes but once a second, for the
//! moment of an exchange of pointers. So recording never waits for reading, and every reader sees
//! the same cut through all threads.

use std::{
    mem::swap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hdrhistogram::CreationError;

use crate::{control::Counts, recording::Recording};

/// What a thread has recorded since its page was last turned.
pub(crate) type Page = Arc<Mutex<Recording<u32>>>;

/// All pages of a run and, once one was turned, their total.
#[derive(Debug, Default)]
pub(crate) struct Books(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pages: Vec<Page>,
    total: Counts,
}

/// Turns pages, into the same room every time.
pub(crate) struct Turner {
    turned: Recording<u32>,
    /// Empty between two turns, and only there if there is more than one page.
    spare: Option<Recording<u32>>,
}

impl Books {
    /// A new page.
    pub(crate) fn page(&self) -> Result<Page, CreationError> {
        let page = Page::new(Mutex::new(Recording::new()?));
        lock(&self.0).pages.push(Arc::clone(&page));
        Ok(page)
    }

    /// All that was ever counted.
    pub(crate) fn counts(&self) -> Counts {
        let State { pages, total } = &*lock(&self.0);
        pages.iter().fold(*total, |sum, page| sum + lock(page).counts)
    }
}

impl Turner {
    pub(crate) fn new() -> Result<Self, CreationError> {
        Ok(Self { turned: Recording::new()?, spare: None })
    }

    /// Turns the pages of all threads: what was recorded since the last turn.
    pub(crate) fn turn(&mut self, books: &Books) -> Result<&Recording<u32>, CreationError> {
        self.turned.clear();
        let State { pages, total } = &mut *lock(&books.0);
        let mut pages = pages.iter();
        if let Some(first) = pages.next() {
            swap(&mut *lock(first), &mut self.turned);
        }
        for page in pages {
            let spare = match &mut self.spare {
                Some(spare) => spare,
                none => none.insert(Recording::new()?),
            };
            swap(&mut *lock(page), spare);
            self.turned.add(spare);
            spare.clear();
        }
        *total = *total + self.turned.counts;
        Ok(&self.turned)
    }
}

/// A page is whole between any two calls, so one who failed with the lock in hand left it whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(page: &Page, nanos: u64) {
        let mut recording = lock(page);
        recording.counts.planned += 1;
        recording.times.response.record(nanos).expect("within the bounds");
    }

    #[test]
    fn a_turn_takes_what_all_threads_recorded_since_the_last_one() {
        let books = Books::default();
        let [one, other] = [0, 1].map(|_| books.page().expect("valid bounds"));
        let mut turner = Turner::new().expect("valid bounds");
        note(&one, 2_000);
        note(&other, 2_000_000);
        let page = turner.turn(&books).expect("valid bounds");
        assert_eq!((page.counts.planned, page.times.response.len()), (2, 2));
        note(&other, 3_000);
        let page = turner.turn(&books).expect("valid bounds");
        assert_eq!((page.counts.planned, page.times.response.len()), (1, 1));
        assert!(page.times.response.max() < 4_000, "what was forgotten has no maximum");
        let page = turner.turn(&books).expect("valid bounds");
        assert_eq!(page.counts, Counts::default());
    }

    #[test]
    fn counts_are_the_same_before_and_after_a_turn() {
        let books = Books::default();
        let page = books.page().expect("valid bounds");
        let mut turner = Turner::new().expect("valid bounds");
        note(&page, 2_000);
        assert_eq!(books.counts().planned, 1);
        turner.turn(&books).expect("valid bounds");
        assert_eq!(books.counts().planned, 1);
        note(&page, 2_000);
        assert_eq!(books.counts().planned, 2);
    }
}
