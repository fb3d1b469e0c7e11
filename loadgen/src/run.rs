//! One run from plan to report: opens the connections, starts the clock, paces, drains, reports.
//!
//! Each thread of the plan has its own runtime, connections, backlog and part of the schedule;
//! they share nothing but the clock and the handle, so none ever waits for another.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::mpsc,
    thread::{self, ScopedJoinHandle},
    time::Duration,
};

use tokio::{
    runtime::{Builder, LocalOptions},
    select,
    sync::oneshot,
    task::JoinSet,
    time::timeout,
};

use crate::{
    backlog::Backlog,
    clock::Clock,
    collector::{Collector, Listener},
    connections::{Addresses, Connections},
    control::Control,
    error::LoadError,
    pacer::pace,
    plan::Plan,
    processor::Demand,
    report::{Ending, Report, Stop},
    schedule::{ScheduleHash, Shard},
    stop_unless::StopUnless,
    tally::Tally,
};

/// How long requests under way may go on after a stop.
const GRACE: Duration = Duration::from_millis(500);
/// How often a run that waits for its start looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(10);
/// What tokio's timer may be late, and is spent looking at the clock before an agreed start.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// What the pacer and the connections of one thread share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) backlog: Backlog,
    pub(crate) tally: RefCell<Tally>,
    /// Which of the run's threads this is.
    pub(crate) thread: Shard,
    /// Its part of the schedule.
    pub(crate) part: Shard,
}

/// Carries the plan out and reports. Blocks the calling thread, which must not be one of an async
/// runtime, until all is done: at most the plan's duration and twice its timeout, or less than a
/// second after [`Control::stop`].
///
/// Failed requests are counted, never an error here: a target that vanishes on the way leaves a
/// report that says so. An error means that there was no run.
pub fn run(plan: &Plan, control: &Control) -> Result<Report, LoadError> {
    run_heard(plan, control, Vec::new())
}

/// Like [`run`], and tells the listeners of every second of it.
pub(crate) fn run_heard(
    plan: &Plan,
    control: &Control,
    mut listeners: Vec<Box<dyn Listener>>,
) -> Result<Report, LoadError> {
    listeners.push(Box::new(StopUnless::new(plan, control.clone())));
    let addresses = Addresses::of(plan)?;
    thread::scope(|scope| {
        let (opened, all_opened) = mpsc::channel();
        let mut parts = Vec::new();
        for number in 0..plan.options().threads {
            let (start, started) = oneshot::channel();
            let part = Part { plan, control, addresses: &addresses, number };
            let opened = opened.clone();
            let thread = thread::Builder::new().name(format!("load {number}"));
            parts.push((start, thread.spawn_scoped(scope, move || part.run(opened, started))?));
        }
        drop(opened);
        // A failure drops every start that was not given, and so ends every thread.
        all_opened.iter().collect::<Result<(), LoadError>>()?;
        let clock = match plan.options().start_at {
            None => Clock::start(),
            Some(instant) => Clock::start_at(instant).ok_or(LoadError::StartHasPassed)?,
        };
        let threads: Vec<_> = parts
            .into_iter()
            .map(|(start, thread)| {
                // A thread that is gone says why when it is joined.
                let _ = start.send(clock);
                thread
            })
            .collect();
        while !clock.until_start().is_zero() && !control.is_stopped() {
            let left = clock.until_start();
            for listener in &mut listeners {
                listener.waits(left);
            }
            thread::sleep(left.min(LOOK));
        }
        let collector = Collector::start(control.clone(), clock, listeners)?;
        let (ending, hash) = join(threads)?;
        Ok(Report::new(plan, &collector.end()?, ending, hash))
    })
}

/// What a thread leaves that did nothing.
fn nothing() -> (Ending, ScheduleHash) {
    let ending = Ending { paced: 0, done: 0, stop: None, processor_share: 0.0 };
    (ending, ScheduleHash::default())
}

/// What is left when all threads have ended.
fn join(threads: Vec<ScopedJoinHandle<'_, PartResult>>) -> PartResult {
    let mut whole = nothing();
    for thread in threads {
        let (ending, hash) = thread.join().map_err(|_| LoadError::Thread)??;
        whole.0.paced = whole.0.paced.max(ending.paced);
        whole.0.done = whole.0.done.max(ending.done);
        whole.0.stop = whole.0.stop.or(ending.stop);
        whole.0.processor_share = whole.0.processor_share.max(ending.processor_share);
        whole.1.merge(hash);
    }
    Ok(whole)
}

type PartResult = Result<(Ending, ScheduleHash), LoadError>;

/// What one thread does of a run.
struct Part<'a> {
    plan: &'a Plan,
    control: &'a Control,
    addresses: &'a Addresses,
    number: usize,
}

impl Part<'_> {
    /// Opens the connections, says so, waits for the start, and carries its part out.
    fn run(
        &self,
        opened: mpsc::Sender<Result<(), LoadError>>,
        started: oneshot::Receiver<Clock>,
    ) -> PartResult {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = opened.send(Err(error.into()));
                return Ok(nothing());
            }
        };
        runtime.block_on(async {
            let connections = select! {
                connections = self.open() => connections,
                () = self.control.stopped() => Ok(Connections::none()),
            };
            // Whoever listens has not gone: it waits for the answers of all threads.
            let connections = match connections {
                Ok(connections) => connections,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return Ok(nothing());
                }
            };
            let _ = opened.send(Ok(()));
            // The end of all these is what the start waits for.
            drop(opened);
            let Ok(clock) = started.await else { return Ok(nothing()) };
            let ended = self.carry_out(clock, connections).await;
            if ended.is_err() {
                self.control.stop();
            }
            ended
        })
    }

    async fn open(&self) -> Result<Connections, LoadError> {
        let (all, threads) = (self.plan.concurrency(), self.plan.options().threads);
        let mine = all / threads + usize::from(self.number < all % threads);
        Connections::open(self.plan, self.addresses.clone(), mine).await
    }

    async fn carry_out(&self, clock: Clock, connections: Connections) -> PartResult {
        let threads = self.plan.options().threads;
        let thread = Shard::new(self.number as u64, threads as u64).unwrap_or(Shard::WHOLE);
        let shared = Rc::new(Shared {
            plan: self.plan.clone(),
            clock,
            backlog: Backlog::new(self.plan.backlog().div_ceil(threads)),
            tally: RefCell::new(Tally::new(self.control).map_err(io::Error::other)?),
            thread,
            part: self.plan.options().shard.part(thread),
        });
        select! {
            () = wait_for_start(clock) => {}
            () = self.control.stopped() => {}
        }
        let workers = connections.start(&shared);
        let ending = conduct(&shared, self.control, workers).await?;
        let hash = shared.tally.borrow().schedule_hash();
        Ok((ending, hash))
    }
}

async fn wait_for_start(clock: Clock) {
    tokio::time::sleep(clock.until_start().saturating_sub(TIMER_GRAIN)).await;
    while !clock.until_start().is_zero() {
        tokio::task::yield_now().await;
    }
}

/// Paces and drains; a stop cuts either short.
async fn conduct(
    shared: &Shared,
    control: &Control,
    mut workers: JoinSet<()>,
) -> Result<Ending, LoadError> {
    let demand = Demand::begin();
    let share_of_paced = Cell::new(None);
    let whole = async {
        if let Some(schedule) = shared.plan.schedule() {
            pace(shared, schedule).await?;
            share_of_paced.set(Some(demand.share()));
            shared.backlog.close();
        }
        drain(&mut workers).await
    };
    let processor_share = || share_of_paced.get().unwrap_or_else(|| demand.share());
    let end_nanos = shared.plan.options().duration.as_nanos() as u64;
    select! {
        biased;
        () = control.stopped() => {}
        ended = whole => {
            ended?;
            let done = shared.clock.now();
            let processor_share = processor_share();
            return Ok(Ending { paced: end_nanos, done, stop: None, processor_share });
        }
    }
    let (paced, processor_share) = (shared.clock.now().min(end_nanos), processor_share());
    shared.backlog.abandon();
    if let Ok(ended) = timeout(GRACE, drain(&mut workers)).await {
        ended?;
    }
    let stop = control.stop_reason().map_or(Stop::Asked, |reason| Stop::Unkept(reason.to_owned()));
    Ok(Ending { paced, done: shared.clock.now(), stop: Some(stop), processor_share })
}

/// Waits until all connections have served the backlog to its end.
async fn drain(workers: &mut JoinSet<()>) -> Result<(), LoadError> {
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    Ok(())
}
