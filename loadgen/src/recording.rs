//! A recording: what happened over some span, folded into counters and three histograms. Two
//! recordings add up to the recording of both spans or both threads, exactly; nothing is kept per
//! request.

use hdrhistogram::{Counter, CreationError, Histogram};

use crate::{control::Counts, failure::ErrorKind};

/// Smallest time told apart from zero.
pub(crate) const MIN_NANOS: u64 = 1_000;
/// Longest time; longer ones count as this, and timeouts of at most 10 min keep them away.
pub(crate) const MAX_NANOS: u64 = 3_600 * 1_000_000_000;
/// Relative precision of every recorded time: 1 in 10^3.
pub(crate) const SIGNIFICANT_DIGITS: u8 = 3;

/// Hundreds of statuses that end a reply; what is above is among the last.
pub(crate) const STATUS_CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counters, and three histograms. Those of one second count in 32 bits, which takes half the room.
#[derive(Debug, Clone)]
pub(crate) struct Recording<C: Counter = u64> {
    pub(crate) counts: Counts,
    /// In the order of [`ErrorKind::ALL`].
    pub(crate) errors: [u64; ErrorKind::ALL.len()],
    /// Whole replies by the hundreds of their status, in the order of [`STATUS_CLASSES`].
    pub(crate) replies: [u64; STATUS_CLASSES.len()],
    /// Arrivals that did not fit the backlog.
    pub(crate) dropped: u64,
    /// Arrivals that ended without a request, of those in `counts.errors`.
    pub(crate) unsent: u64,
    pub(crate) last_sent_nanos: u64,
    pub(crate) bytes_received: u64,
    pub(crate) times: Times<C>,
}

/// The three times of requests, in nanoseconds: 24,576 counts each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Times<C: Counter = u64> {
    /// From the intended instant to the end.
    pub(crate) response: Histogram<C>,
    /// From the sending to the end.
    pub(crate) service: Histogram<C>,
    /// From the intended instant to the moment when only the target could be waited for.
    pub(crate) lateness: Histogram<C>,
}

impl<C: Counter> Times<C> {
    pub(crate) fn new() -> Result<Self, CreationError> {
        let histogram = || Histogram::new_with_bounds(MIN_NANOS, MAX_NANOS, SIGNIFICANT_DIGITS);
        Ok(Self { response: histogram()?, service: histogram()?, lateness: histogram()? })
    }

    /// Adds what the other has.
    pub(crate) fn add<D: Counter + Into<C>>(&mut self, other: &Times<D>) {
        for (mine, theirs) in self.all_mut().into_iter().zip(other.all()) {
            add(mine, theirs);
        }
    }

    fn clear(&mut self) {
        // `Histogram::clear` would leave the extremes of what it forgets.
        self.all_mut().into_iter().for_each(Histogram::reset);
    }

    fn all(&self) -> [&Histogram<C>; 3] {
        [&self.response, &self.service, &self.lateness]
    }

    fn all_mut(&mut self) -> [&mut Histogram<C>; 3] {
        [&mut self.response, &mut self.service, &mut self.lateness]
    }
}

impl<C: Counter> Recording<C> {
    /// Of nothing.
    pub(crate) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            counts: Counts::default(),
            errors: Default::default(),
            replies: Default::default(),
            dropped: 0,
            unsent: 0,
            last_sent_nanos: 0,
            bytes_received: 0,
            times: Times::new()?,
        })
    }

    /// Adds what the other has.
    pub(crate) fn add<D: Counter + Into<C>>(&mut self, other: &Recording<D>) {
        self.counts = self.counts + other.counts;
        for (mine, theirs) in self.errors.iter_mut().zip(other.errors) {
            *mine += theirs;
        }
        for (mine, theirs) in self.replies.iter_mut().zip(other.replies) {
            *mine += theirs;
        }
        self.dropped += other.dropped;
        self.unsent += other.unsent;
        self.last_sent_nanos = self.last_sent_nanos.max(other.last_sent_nanos);
        self.bytes_received += other.bytes_received;
        self.times.add(&other.times);
    }

    /// Forgets everything but its room.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
        let Self { counts, errors, replies, times: _, .. } = self;
        *counts = Counts::default();
        (*errors, *replies) = Default::default();
        let Self { dropped, unsent, last_sent_nanos, bytes_received, .. } = self;
        [*dropped, *unsent, *last_sent_nanos, *bytes_received] = [0; 4];
    }

    /// A whole reply came.
    pub(crate) fn note_reply(&mut self, status: u16, body_bytes: u64) {
        let class = usize::from(status / 100).clamp(2, 1 + STATUS_CLASSES.len()) - 2;
        self.replies[class] += 1;
        self.bytes_received += body_bytes;
    }

    /// Whole replies by the hundreds of their status.
    pub(crate) fn replies(&self) -> impl Iterator<Item = (&'static str, u64)> {
        STATUS_CLASSES.into_iter().zip(self.replies)
    }

    /// Errors by kind.
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        ErrorKind::ALL.into_iter().zip(self.errors)
    }

    /// Arrivals that came to an end of any kind.
    pub(crate) fn settled(&self) -> u64 {
        self.counts.completed + self.counts.errors + self.counts.aborted + self.dropped
    }

    /// Arrivals that wait for a connection, if this is a whole run so far.
    pub(crate) fn waiting(&self) -> u64 {
        self.counts.planned.saturating_sub(self.counts.sent + self.unsent + self.dropped)
    }
}

/// Whether a histogram has the bounds of all histograms of this crate, and so can be added exactly.
pub(crate) fn same_bounds(histogram: &Histogram<u64>) -> bool {
    (histogram.low(), histogram.high(), histogram.sigfig())
        == (MIN_NANOS, MAX_NANOS, SIGNIFICANT_DIGITS)
}

/// Adds counts to a histogram that can hold every value of the other one.
#[expect(clippy::expect_used, reason = "all histograms of this crate have the same bounds")]
pub(crate) fn add<C: Counter, D: Counter + Into<C>>(
    mine: &mut Histogram<C>,
    theirs: &Histogram<D>,
) {
    for step in theirs.iter_recorded() {
        let count = step.count_at_value().into();
        mine.record_n(step.value_iterated_to(), count).expect("the same bounds");
    }
}
