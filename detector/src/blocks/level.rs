//! One horizon: the latest blocks of one width, packed, and the wider block that they add up to.

use std::collections::VecDeque;

use super::{BLOCKS_KEPT, Block, RATIO_BITS};
use crate::stats;

/// A block as it goes from level to level: values are differences from the series' first sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) index: u32,
    pub(super) mid: f32,
    pub(super) low: f32,
}

impl Packed {
    /// In full, of a level whose blocks are `width_seconds` wide.
    pub(super) fn unpack(self, base: f64, width_seconds: f64) -> Block {
        Block {
            index: i64::from(self.index),
            t_seconds: (f64::from(self.index) + 0.5) * width_seconds,
            mid: base + f64::from(self.mid),
            low: base + f64::from(self.low),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// Eight bytes a block: the newest is that at `newest_index`, and each is followed by the next
    /// one, or by a hole.
    kept: VecDeque<Slot>,
    newest_index: u32,
    forgotten_peak: Option<f32>,
    wider: Wider,
}

/// A block, or a hole where there was no sample: not a number.
#[derive(Clone, Copy, Debug)]
struct Slot {
    mid: f32,
    low: f32,
}

const HOLE: Slot = Slot { mid: f32::NAN, low: f32::NAN };

/// The block of the next level as far as it has come.
#[derive(Clone, Copy, Debug, Default)]
struct Wider {
    index: u32,
    mids: f64,
    low: f32,
    count: u8,
}

impl Level {
    /// Keeps a block; returns the block of the next level if one became complete by it.
    pub(super) fn keep(&mut self, block: Packed) -> Option<Packed> {
        if self.kept.capacity() == 0 {
            self.kept.reserve_exact(BLOCKS_KEPT);
        } else {
            let holes = (block.index - self.newest_index - 1).min(BLOCKS_KEPT as u32);
            (0..holes).for_each(|_| self.push(HOLE));
        }
        self.push(Slot { mid: block.mid, low: block.low });
        self.newest_index = block.index;
        // A gap may have left the previous one incomplete: it is all that there will be of it.
        let abandoned = self.wider.close_before(block.index >> RATIO_BITS);
        self.wider.add(block);
        let last_of_its_kind =
            block.index.saturating_add(1) >> RATIO_BITS != block.index >> RATIO_BITS;
        abandoned.or_else(|| last_of_its_kind.then(|| self.wider.close()).flatten())
    }

    /// The blocks from an index on, oldest first.
    pub(super) fn since(&self, index: f64) -> impl Iterator<Item = Packed> {
        let end = self.newest_index.saturating_add(1);
        let wanted = (f64::from(end) - index).clamp(0.0, self.kept.len() as f64) as usize;
        let slots = self.kept.range(self.kept.len() - wanted..).enumerate();
        let blocks = slots.filter(|(_, slot)| !slot.mid.is_nan());
        blocks.map(move |(i, slot)| Packed {
            index: end - (wanted - i) as u32,
            mid: slot.mid,
            low: slot.low,
        })
    }

    pub(super) fn newest(&self) -> Option<Packed> {
        let slot = self.kept.back()?;
        Some(Packed { index: self.newest_index, mid: slot.mid, low: slot.low })
    }

    /// Median of the latest three, and the oldest from an index on; `None` if there are not three.
    pub(super) fn latest_and_oldest(&self, index: f64) -> Option<(f32, f32)> {
        let mut latest = self.kept.iter().rev().map(|slot| slot.mid).filter(|mid| !mid.is_nan());
        let (a, b, c) = (latest.next()?, latest.next()?, latest.next()?);
        Some((stats::median_of_three(a, b, c), self.since(index).next()?.mid))
    }

    /// Memory that it points to.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.kept.capacity() * size_of::<Slot>()
    }

    pub(super) fn forgotten_peak(&self) -> Option<f32> {
        self.forgotten_peak
    }

    /// Makes room first, remembering the highest median of three neighbours that is forgotten: one
    /// stray block is no peak.
    fn push(&mut self, slot: Slot) {
        if self.kept.len() == BLOCKS_KEPT {
            let [a, b, c] = [0, 1, 2].map(|i| self.kept[i].mid);
            let middle = stats::median_of_three(a, b, c);
            if !middle.is_nan() {
                self.forgotten_peak = Some(self.forgotten_peak.map_or(middle, |p| p.max(middle)));
            }
            self.kept.pop_front();
        }
        self.kept.push_back(slot);
    }
}

impl Wider {
    fn add(&mut self, block: Packed) {
        let index = block.index >> RATIO_BITS;
        let low = if self.count == 0 { block.low } else { self.low.min(block.low) };
        *self = Self { index, mids: self.mids + f64::from(block.mid), low, count: self.count + 1 };
    }

    fn close_before(&mut self, index: u32) -> Option<Packed> {
        if self.index == index { None } else { self.close() }
    }

    fn close(&mut self) -> Option<Packed> {
        let Self { index, mids, low, count } = std::mem::take(self);
        (count > 0).then(|| Packed { index, mid: (mids / f64::from(count)) as f32, low })
    }
}
