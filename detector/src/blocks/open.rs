//! The block of level 0 that still takes samples.

use super::level::Packed;

/// Samples of which a block takes the median. Of a block with more, every second is dropped when
/// they are full, and so on: those that remain are spread evenly over it.
const MOST_SAMPLES: usize = 32;

#[derive(Clone, Debug, Default)]
pub(super) struct Open {
    index: u32,
    /// Samples seen.
    count: u32,
    /// Of how many samples one is remembered, as a power of two.
    stride_bits: u32,
    low: f32,
    samples: Vec<f32>,
}

impl Open {
    /// The block, if a sample at `index` is no longer of it.
    pub(super) fn close_before(&mut self, index: u32) -> Option<Packed> {
        if self.count == 0 || self.index == index {
            return None;
        }
        let block = Packed { index: self.index, mid: self.median(), low: self.low };
        self.count = 0;
        Some(block)
    }

    pub(super) fn take(&mut self, index: u32, value: f32) {
        if self.count == 0 {
            self.index = index;
            self.stride_bits = 0;
            self.low = value;
            self.samples.clear();
        }
        if self.count & ((1 << self.stride_bits) - 1) == 0 {
            self.remember(value);
        }
        self.low = self.low.min(value);
        self.count = self.count.saturating_add(1);
    }

    /// Memory that it points to.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.samples.capacity() * size_of::<f32>()
    }

    fn remember(&mut self, value: f32) {
        if self.samples.len() == MOST_SAMPLES {
            let mut position = 0;
            self.samples.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.stride_bits += 1;
            if self.count & ((1 << self.stride_bits) - 1) != 0 {
                return;
            }
        }
        self.samples.push(value);
    }

    /// The middle one of the samples; the mean of the two in the middle of an even number.
    fn median(&mut self) -> f32 {
        let middle = self.samples.len() / 2;
        let odd = self.samples.len() % 2 == 1;
        let (below, &mut upper, _) = self.samples.select_nth_unstable_by(middle, f32::total_cmp);
        if odd {
            return upper;
        }
        f32::midpoint(below.iter().copied().fold(f32::NEG_INFINITY, f32::max), upper)
    }
}
