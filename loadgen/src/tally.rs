//! The tally: the recording end of a thread. What happened is folded as it happens.

use hdrhistogram::CreationError;

use crate::{
    books::{Page, lock},
    connections::Reply,
    control::Control,
    failure::ErrorKind,
    schedule::ScheduleHash,
};

/// How one arrival ended; instants in nanoseconds of the run's clock.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) intended: u64,
    /// When its request was sent, if it was.
    pub(crate) sent: Option<u64>,
    pub(crate) ended: u64,
    pub(crate) result: Result<Reply, ErrorKind>,
    /// What it failed of: the exchange, or a check of the whole reply.
    pub(crate) failure: Option<ErrorKind>,
}

/// Writes to the page of one thread.
pub(crate) struct Tally {
    page: Page,
    hash: ScheduleHash,
}

impl Tally {
    /// A tally on a page of its own in the books behind `control`.
    pub(crate) fn new(control: &Control) -> Result<Self, CreationError> {
        Ok(Self { page: control.books().page()?, hash: ScheduleHash::default() })
    }

    /// Arrival number `index` was due at `intended`.
    pub(crate) fn planned(&mut self, index: u64, intended: u64) {
        lock(&self.page).counts.planned += 1;
        self.hash.add(index, intended);
    }

    /// A user of a closed loop wants to ask.
    pub(crate) fn asked(&mut self) {
        lock(&self.page).counts.planned += 1;
    }

    /// An arrival did not fit the backlog.
    pub(crate) fn dropped(&mut self) {
        lock(&self.page).dropped += 1;
    }

    /// The client went away before it had the reply, as the plan wanted.
    pub(crate) fn aborted(&mut self) {
        lock(&self.page).counts.aborted += 1;
    }

    /// This program was late with an arrival by so much.
    pub(crate) fn late(&mut self, nanos: u64) {
        lock(&self.page).times.lateness.saturating_record(nanos);
    }

    /// A request was sent at `instant`.
    pub(crate) fn sent(&mut self, instant: u64) {
        let mut recording = lock(&self.page);
        recording.counts.sent += 1;
        recording.last_sent_nanos = instant;
    }

    /// An arrival came to its end. Whole replies of any status and timeouts have a response time:
    /// leaving out those who waited in vain would flatter a target that hangs. A connection that
    /// failed says nothing about how long an answer takes.
    pub(crate) fn settle(&mut self, outcome: &Outcome) {
        let Outcome { intended, sent, ended, result, failure } = outcome;
        let mut recording = lock(&self.page);
        if let Ok(reply) = result {
            recording.note_reply(reply.status, reply.body_bytes);
        }
        if matches!(result, Ok(_) | Err(ErrorKind::Timeout | ErrorKind::Expired)) {
            recording.times.response.saturating_record(ended - intended);
            if let Some(sent) = sent {
                recording.times.service.saturating_record(ended - sent);
            }
        }
        recording.unsent += u64::from(sent.is_none());
        match *failure {
            None => recording.counts.completed += 1,
            Some(kind) => {
                recording.counts.errors += 1;
                recording.errors[kind as usize] += 1;
            }
        }
    }

    pub(crate) fn schedule_hash(&self) -> ScheduleHash {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::Counts,
        recording::{MAX_NANOS, Recording},
    };

    const MILLI: u64 = 1_000_000;

    /// What is recorded of these events.
    fn recorded(events: impl FnOnce(&mut Tally)) -> Recording<u32> {
        let mut tally = Tally::new(&Control::new()).expect("the bounds are valid");
        events(&mut tally);
        lock(&tally.page).clone()
    }

    fn settled(outcomes: &[Outcome]) -> Recording<u32> {
        recorded(|tally| outcomes.iter().for_each(|outcome| tally.settle(outcome)))
    }

    fn outcome(result: Result<Reply, ErrorKind>) -> Outcome {
        let (intended, sent, ended) = (10 * MILLI, Some(30 * MILLI), 40 * MILLI);
        let failure = result.map_or_else(Some, |reply| ErrorKind::of_status(reply.status));
        Outcome { intended, sent, ended, result, failure }
    }

    fn reply(status: u16) -> Outcome {
        outcome(Ok(Reply { status, body_bytes: 7 }))
    }

    #[test]
    fn response_time_counts_from_the_intended_instant_and_service_time_from_the_sending() {
        let times = settled(&[reply(200)]).times;
        assert!(times.response.equivalent(times.response.max(), 30 * MILLI));
        assert!(times.service.equivalent(times.service.max(), 10 * MILLI));
    }

    #[test]
    fn every_arrival_ends_as_completed_or_as_one_error() {
        let outcomes = [reply(200), reply(404), reply(503), outcome(Err(ErrorKind::Closed))];
        let recording = settled(&outcomes);
        assert_eq!((recording.counts.completed, recording.counts.errors), (1, 3));
        let kinds = recording.errors().filter(|(_, count)| *count == 1).map(|(kind, _)| kind);
        let expected = [ErrorKind::Closed, ErrorKind::Status4xx, ErrorKind::Status5xx];
        assert_eq!(kinds.collect::<Vec<_>>(), expected);
        assert_eq!(recording.bytes_received, 21);
        assert_eq!(recording.replies, [1, 0, 1, 1]);
    }

    #[test]
    fn those_who_waited_in_vain_have_a_response_time_and_those_who_were_cut_off_have_none() {
        let unsent = |kind| Outcome { sent: None, ..outcome(Err(kind)) };
        let cut_off = settled(&[outcome(Err(ErrorKind::Closed)), unsent(ErrorKind::Connect)]);
        assert_eq!((cut_off.times.response.len(), cut_off.unsent), (0, 1));
        let in_vain = settled(&[outcome(Err(ErrorKind::Timeout)), unsent(ErrorKind::Expired)]);
        assert_eq!((in_vain.times.response.len(), in_vain.times.service.len()), (2, 1));
    }

    #[test]
    fn times_beyond_the_bounds_are_kept_at_the_bounds() {
        let lateness = recorded(|tally| {
            tally.late(0);
            tally.late(u64::MAX);
        })
        .times
        .lateness;
        assert_eq!(lateness.len(), 2);
        assert!(lateness.equivalent(lateness.max(), MAX_NANOS));
    }

    #[test]
    fn counts_are_live_in_the_control() {
        let control = Control::new();
        let mut tally = Tally::new(&control).expect("the bounds are valid");
        tally.planned(0, 0);
        tally.sent(1);
        tally.settle(&reply(200));
        tally.aborted();
        let expected = Counts { planned: 1, sent: 1, completed: 1, errors: 0, aborted: 1 };
        assert_eq!(control.counts(), expected);
    }
}
