//! The tally: what happened, folded as it happens into three histograms and a few counters.
//! Nothing is kept per request.

use hdrhistogram::{CreationError, Histogram};

use crate::{
    connections::Reply,
    control::{Control, Counts},
    failure::ErrorKind,
    schedule::ScheduleHash,
};

/// Smallest time told apart from zero.
const MIN_NANOS: u64 = 1_000;
/// Longest time; longer ones count as this, and timeouts of at most 10 min keep them away.
const MAX_NANOS: u64 = 3_600 * 1_000_000_000;
/// Relative precision of every recorded time: 1 in 10^3.
const SIGNIFICANT_DIGITS: u8 = 3;

/// How one arrival ended; instants in nanoseconds of the run's clock.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) intended: u64,
    /// When its request was sent, if it was.
    pub(crate) sent: Option<u64>,
    pub(crate) ended: u64,
    pub(crate) result: Result<Reply, ErrorKind>,
}

/// Three histograms in nanoseconds, about 200 KiB each, and counters.
pub(crate) struct Tally {
    control: Control,
    counts: Counts,
    hash: ScheduleHash,
    errors: [u64; ErrorKind::ALL.len()],
    dropped: u64,
    last_sent_nanos: u64,
    bytes_received: u64,
    response: Histogram<u64>,
    service: Histogram<u64>,
    lateness: Histogram<u64>,
}

impl Tally {
    /// An empty tally that shows its counts through `control`.
    pub(crate) fn new(control: Control) -> Result<Self, CreationError> {
        let histogram = || Histogram::new_with_bounds(MIN_NANOS, MAX_NANOS, SIGNIFICANT_DIGITS);
        Ok(Self {
            control,
            counts: Counts::default(),
            hash: ScheduleHash::default(),
            errors: Default::default(),
            dropped: 0,
            last_sent_nanos: 0,
            bytes_received: 0,
            response: histogram()?,
            service: histogram()?,
            lateness: histogram()?,
        })
    }

    /// An arrival was due at `intended`.
    pub(crate) fn planned(&mut self, intended: u64) {
        self.counts.planned += 1;
        self.hash.add(intended);
        self.control.publish(self.counts);
    }

    /// An arrival did not fit the backlog.
    pub(crate) fn dropped(&mut self) {
        self.dropped += 1;
    }

    /// This program was late with an arrival by so much.
    pub(crate) fn late(&mut self, nanos: u64) {
        self.lateness.saturating_record(nanos);
    }

    /// A request was sent at `instant`.
    pub(crate) fn sent(&mut self, instant: u64) {
        self.counts.sent += 1;
        self.last_sent_nanos = instant;
        self.control.publish(self.counts);
    }

    /// An arrival came to its end. Whole replies of any status and timeouts have a response time:
    /// leaving out those who waited in vain would flatter a target that hangs. A connection that
    /// failed says nothing about how long an answer takes.
    pub(crate) fn settle(&mut self, outcome: &Outcome) {
        let Outcome { intended, sent, ended, result } = outcome;
        if let Ok(reply) = result {
            self.bytes_received += reply.body_bytes;
        }
        if matches!(result, Ok(_) | Err(ErrorKind::Timeout | ErrorKind::Expired)) {
            self.response.saturating_record(ended - intended);
            if let Some(sent) = sent {
                self.service.saturating_record(ended - sent);
            }
        }
        match result.map_or_else(Some, |reply| ErrorKind::of_status(reply.status)) {
            None => self.counts.completed += 1,
            Some(kind) => {
                self.counts.errors += 1;
                self.errors[kind as usize] += 1;
            }
        }
        self.control.publish(self.counts);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn schedule_hash(&self) -> ScheduleHash {
        self.hash
    }

    /// Errors by kind, in the order of [`ErrorKind::ALL`].
    pub(crate) fn errors(&self) -> impl Iterator<Item = (ErrorKind, u64)> {
        ErrorKind::ALL.into_iter().zip(self.errors)
    }

    pub(crate) fn arrivals_dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn last_sent_nanos(&self) -> u64 {
        self.last_sent_nanos
    }

    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_received
    }

    /// From the intended instant to the end.
    pub(crate) fn response(&self) -> &Histogram<u64> {
        &self.response
    }

    /// From the sending to the end.
    pub(crate) fn service(&self) -> &Histogram<u64> {
        &self.service
    }

    /// From the intended instant to the moment when only the target could be waited for.
    pub(crate) fn lateness(&self) -> &Histogram<u64> {
        &self.lateness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn tally() -> Tally {
        Tally::new(Control::new()).expect("the bounds are valid")
    }

    fn outcome(result: Result<Reply, ErrorKind>) -> Outcome {
        Outcome { intended: 10 * MILLI, sent: Some(30 * MILLI), ended: 40 * MILLI, result }
    }

    fn reply(status: u16) -> Outcome {
        outcome(Ok(Reply { status, body_bytes: 7 }))
    }

    #[test]
    fn response_time_counts_from_the_intended_instant_and_service_time_from_the_sending() {
        let mut tally = tally();
        tally.settle(&reply(200));
        assert!(tally.response().equivalent(tally.response().max(), 30 * MILLI));
        assert!(tally.service().equivalent(tally.service().max(), 10 * MILLI));
    }

    #[test]
    fn every_arrival_ends_as_completed_or_as_one_error() {
        let mut tally = tally();
        tally.settle(&reply(200));
        tally.settle(&reply(404));
        tally.settle(&reply(503));
        tally.settle(&outcome(Err(ErrorKind::Closed)));
        assert_eq!((tally.counts().completed, tally.counts().errors), (1, 3));
        let kinds = tally.errors().filter(|(_, count)| *count == 1).map(|(kind, _)| kind);
        let expected = [ErrorKind::Closed, ErrorKind::Status4xx, ErrorKind::Status5xx];
        assert_eq!(kinds.collect::<Vec<_>>(), expected);
        assert_eq!(tally.bytes_received(), 21);
    }

    #[test]
    fn those_who_waited_in_vain_have_a_response_time_and_those_who_were_cut_off_have_none() {
        let mut tally = tally();
        tally.settle(&outcome(Err(ErrorKind::Closed)));
        tally.settle(&Outcome { sent: None, ..outcome(Err(ErrorKind::Connect)) });
        assert_eq!(tally.response().len(), 0);
        tally.settle(&outcome(Err(ErrorKind::Timeout)));
        tally.settle(&Outcome { sent: None, ..outcome(Err(ErrorKind::Expired)) });
        assert_eq!((tally.response().len(), tally.service().len()), (2, 1));
    }

    #[test]
    fn times_beyond_the_bounds_are_kept_at_the_bounds() {
        let mut tally = tally();
        tally.late(0);
        tally.late(u64::MAX);
        assert_eq!(tally.lateness().len(), 2);
        assert!(tally.lateness().equivalent(tally.lateness().max(), MAX_NANOS));
    }

    #[test]
    fn counts_are_live_in_the_control() {
        let control = Control::new();
        let mut tally = Tally::new(control.clone()).expect("the bounds are valid");
        tally.planned(0);
        tally.sent(1);
        tally.settle(&reply(200));
        assert_eq!(control.counts(), Counts { planned: 1, sent: 1, completed: 1, errors: 0 });
    }
}
