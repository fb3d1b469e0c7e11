//! A request on its way through the patterns that it touched.

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
        let touched = |index: usize| self.touched >> index & 1 == 1;
        let exhibits = self.catalogue.exhibits.iter().enumerate();
        exhibits.filter(move |(index, _)| touched(*index)).map(|(_, exhibit)| exhibit)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end(End::Aborted);
    }
}
