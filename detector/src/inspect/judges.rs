//! Judging on several cores, while the server is asked for more.
//!
//! One thread asks and hands in answers, the judges take series out of them one by one. An answer waits until the one
//! before it is taken in, so that there are two at most, and what comes out does not depend on who judged what.

use std::cell::Cell;
use std::num::{NonZeroU8, NonZeroUsize};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::vec;

use super::Inspector;
use super::restarts::Starts;
use crate::source::RangeSeries;

/// As many judges as there are cores for us.
pub fn cores() -> NonZeroU8 {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroU8::new(u8::try_from(cores).unwrap_or(u8::MAX)).unwrap_or(NonZeroU8::MIN)
}

/// What all judges together found.
#[derive(Debug)]
pub struct Judged {
    /// What was found, in no order.
    pub inspector: Inspector,
    /// How long a judge was at work, on average.
    pub busy: Duration,
}

/// Has `ask` hand in answers, which so many judges judge like `template`; comes back when all is judged.
pub fn judge<T>(
    judges: NonZeroU8,
    template: &Inspector,
    ask: impl FnOnce(&Desk) -> T,
) -> (T, Judged) {
    let (answers, handed_in) = sync_channel(0);
    let pile = Pile { answers: handed_in, series: Vec::new().into_iter(), starts: Arc::default() };
    let pile = Arc::new(Mutex::new(pile));
    thread::scope(|scope| {
        let judge = |pile: Arc<Mutex<Pile>>| scope.spawn(move || work(&pile, template.clone()));
        let threads: Vec<_> = (0..judges.get()).map(|_| judge(Arc::clone(&pile))).collect();
        // Whoever hands in must not wait for judges that are no more.
        drop(pile);
        let asked = {
            let desk = Desk { answers, taken: Cell::new(0) };
            ask(&desk)
        };
        let mut found = Judged { inspector: template.clone(), busy: Duration::ZERO };
        for thread in threads {
            let (inspector, busy) = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            found.inspector.merge(inspector);
            found.busy += busy;
        }
        found.busy /= u32::from(judges.get());
        (asked, found)
    })
}

/// Where answers are handed in.
#[derive(Debug)]
pub struct Desk {
    answers: SyncSender<Answer>,
    taken: Cell<u64>,
}

#[derive(Debug)]
struct Answer {
    series: Vec<RangeSeries>,
    starts: Starts,
}

impl Desk {
    /// Hands in series, and when their entities started; waits while the judges have enough to do.
    pub fn hand_in(&self, series: Vec<RangeSeries>, starts: Starts) {
        self.taken.set(self.taken.get() + series.len() as u64);
        // Without judges, all of them panicked, which is told at the end.
        let _ = self.answers.send(Answer { series, starts });
    }

    /// How many series were handed in.
    pub fn taken(&self) -> u64 {
        self.taken.get()
    }
}

/// What is to be judged.
#[derive(Debug)]
struct Pile {
    answers: Receiver<Answer>,
    series: vec::IntoIter<RangeSeries>,
    starts: Arc<Starts>,
}

/// The next series; none when nobody hands in any more.
fn next(pile: &Mutex<Pile>) -> Option<(RangeSeries, Arc<Starts>)> {
    let mut pile = pile.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(series) = pile.series.next() {
            return Some((series, Arc::clone(&pile.starts)));
        }
        let Answer { series, starts } = pile.answers.recv().ok()?;
        (pile.series, pile.starts) = (series.into_iter(), Arc::new(starts));
    }
}

fn work(pile: &Mutex<Pile>, mut inspector: Inspector) -> (Inspector, Duration) {
    let mut busy = Duration::ZERO;
    while let Some((series, starts)) = next(pile) {
        let began = Instant::now();
        inspector.take(&series, starts.of_series(&series.metric));
        busy += began.elapsed();
    }
    (inspector, busy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sample;
    use crate::{Settings, Signal};

    fn series(number: u32) -> RangeSeries {
        let leak = if number.is_multiple_of(5) { f64::from(number + 5) * 1e4 } else { 0.0 };
        let value = |k: u32| 3e8 + f64::from(k * 7919 % 13) * 1e4 + f64::from(k) * leak;
        RangeSeries {
            metric: [("instance".to_owned(), format!("host-{number}"))].into(),
            values: (0..360).map(|k| Sample(f64::from(k) * 60.0, value(k))).collect(),
            value: None,
        }
    }

    fn judged_by(number: u8) -> (u64, Inspector) {
        let judges = NonZeroU8::new(number).expect("more than none");
        let template = Inspector::new(Signal::RssBytes, Settings::default());
        let (taken, mut found) = judge(judges, &template, |desk| {
            for answer in [0..7, 7..7, 7..40] {
                desk.hand_in(answer.map(series).collect(), Starts::default());
            }
            desk.taken()
        });
        found.inspector.rank("instance");
        (taken, found.inspector)
    }

    #[test]
    fn many_judges_find_what_one_finds_in_the_same_order() {
        let (taken, one) = judged_by(1);
        assert_eq!((taken, one.counts.total(), one.counts.leaking), (40, 40, 8));
        for judges in [2, 5, 64] {
            let (_, many) = judged_by(judges);
            assert_eq!((many.counts, many.samples), (one.counts, one.samples), "{judges}");
            let found = |inspector: &Inspector| serde_json::to_string(&inspector.findings).ok();
            assert_eq!(found(&many), found(&one), "{judges}");
        }
    }

    #[test]
    fn nothing_handed_in_is_nothing_judged() {
        let template = Inspector::new(Signal::RssBytes, Settings::default());
        let (answer, judged) = judge(cores(), &template, |_| 5);
        assert_eq!((answer, judged.inspector.counts.total()), (5, 0));
    }
}
