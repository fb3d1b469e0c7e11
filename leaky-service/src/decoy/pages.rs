//! Pages by key that are also in the order in which they came: what a cache consists of that lets
//! go of the oldest.

use std::collections::{HashMap, VecDeque};

/// The pages; each came with a mark, which says when it has to go.
pub struct Pages<M> {
    by_key: HashMap<u64, Box<Page>>,
    /// Marks and keys of `by_key`, oldest first.
    order: VecDeque<(M, u64)>,
    evictions: u64,
}

/// One page.
#[expect(dead_code, reason = "pages are served by key, and no key comes again")]
pub struct Page {
    pub chunks: Vec<Box<[u8]>>,
}

impl<M> Default for Pages<M> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), order: VecDeque::new(), evictions: 0 }
    }
}

impl<M> Pages<M> {
    /// Puts in the youngest page.
    pub fn insert(&mut self, mark: M, key: u64, page: Box<Page>) {
        self.order.push_back((mark, key));
        self.by_key.insert(key, page);
    }

    /// Takes out the oldest page if its mark says so.
    pub fn evict_if(&mut self, has_to_go: impl FnOnce(&M) -> bool) -> Option<Box<Page>> {
        let (_, oldest) = self.order.pop_front_if(|(mark, _)| has_to_go(mark))?;
        self.evictions += 1;
        self.by_key.remove(&oldest)
    }

    /// Pages that are there.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Pages that were taken out since the process started; clearing takes out none.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Takes all of them out, to be dropped outside of a lock.
    pub fn take(&mut self) -> Self {
        let evictions = self.evictions;
        std::mem::replace(self, Self { evictions, ..Self::default() })
    }
}
