//! One run from plan to report: opens the connections, starts the clock, paces, drains, reports.

use std::{cell::RefCell, io, rc::Rc, time::Duration};

use tokio::{
    runtime::{Builder, LocalOptions},
    select,
    task::JoinSet,
    time::timeout,
};

use crate::{
    backlog::Backlog,
    clock::Clock,
    connections::Connections,
    control::Control,
    error::LoadError,
    pacer::pace,
    plan::Plan,
    report::{Ending, Report},
    tally::Tally,
};

/// How long requests under way may go on after a stop.
const GRACE: Duration = Duration::from_millis(500);

/// What the pacer and the connections of one run share, all on one thread.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) backlog: Backlog,
    pub(crate) tally: RefCell<Tally>,
}

/// Carries the plan out and reports. Blocks the calling thread, which must not be one of an async
/// runtime, until all is done: at most the plan's duration and twice its timeout, or less than a
/// second after [`Control::stop`].
///
/// Failed requests are counted, never an error here: a target that vanishes on the way leaves a
/// report that says so. An error means that there was no run.
pub fn run(plan: &Plan, control: &Control) -> Result<Report, LoadError> {
    let addresses = plan.target().resolve()?;
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let connections = select! {
            opened = Connections::open(plan, addresses) => Some(opened?),
            () = control.stopped() => None,
        };
        let tally = Tally::new(control.clone()).map_err(io::Error::other)?;
        let shared = Rc::new(Shared {
            plan: plan.clone(),
            clock: Clock::start(),
            backlog: Backlog::new(plan.backlog()),
            tally: RefCell::new(tally),
        });
        let workers = connections.map_or_else(JoinSet::new, |all| all.start(&shared));
        let ending = conduct(&shared, control, workers).await?;
        Ok(Report::new(plan, &shared.tally.borrow(), ending))
    })
}

/// Paces and drains; a stop cuts either short.
async fn conduct(
    shared: &Shared,
    control: &Control,
    mut workers: JoinSet<()>,
) -> Result<Ending, LoadError> {
    let whole = async {
        pace(shared).await?;
        shared.backlog.close();
        drain(&mut workers).await
    };
    let end_nanos = shared.plan.options().duration.as_nanos() as u64;
    select! {
        biased;
        () = control.stopped() => {}
        ended = whole => {
            ended?;
            let done = shared.clock.now();
            return Ok(Ending { paced: end_nanos, done, interrupted: false });
        }
    }
    let paced = shared.clock.now().min(end_nanos);
    shared.backlog.abandon();
    if let Ok(ended) = timeout(GRACE, drain(&mut workers)).await {
        ended?;
    }
    Ok(Ending { paced, done: shared.clock.now(), interrupted: true })
}

/// Waits until all connections have served the backlog to its end.
async fn drain(workers: &mut JoinSet<()>) -> Result<(), LoadError> {
    while let Some(ended) = workers.join_next().await {
        ended?;
    }
    Ok(())
}
