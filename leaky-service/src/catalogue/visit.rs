//! A request on its way through the patterns that it touched.

use std::iter::successors;
use std::sync::Arc;

use super::Catalogue;
use crate::exhibit::Exhibit;
use crate::pattern::{End, Facts};
use crate::{decoy, leak};

/// A request on its way through the patterns that it touched; dropped without
/// [`answered`](Self::answered), it was aborted.
pub struct Visit {
    catalogue: Arc<Catalogue>,
    id: u64,
    /// The indices of the patterns touched, as bits.
    touched: u64,
}

/// A visit has a bit for each pattern.
const _: () = assert!(leak::ALL.len() + decoy::ALL.len() <= u64::BITS as usize);

impl Visit {
    pub(super) fn begin(catalogue: &Arc<Catalogue>, id: u64) -> Self {
        Self { catalogue: Arc::clone(catalogue), id, touched: 0 }
    }

    /// Takes note of a pattern that was touched, by its index.
    pub(super) fn note(&mut self, index: usize) {
        self.touched |= 1 << index;
    }

    /// The patterns that the request touched.
    pub fn touched(&self) -> impl Iterator<Item = &'static Facts> {
        self.exhibits().map(Exhibit::facts)
    }

    /// The handler has run to its end.
    pub fn answered(mut self) {
        self.end(End::Answered);
    }

    fn end(&mut self, end: End) {
        self.exhibits().for_each(|exhibit| exhibit.ended(self.id, end));
        self.touched = 0;
    }

    fn exhibits(&self) -> impl Iterator<Item = &Exhibit> {
        let without_lowest = |bits: &u64| Some(bits & bits.wrapping_sub(1));
        let bits = successors(Some(self.touched), without_lowest).take_while(|bits| *bits != 0);
        bits.filter_map(|bits| self.catalogue.exhibits.get(bits.trailing_zeros() as usize))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end(End::Aborted);
    }
}
