//! The connections of one thread: opened all together before the clock starts, then each a worker
//! of its own.

mod http1;
mod http2;
mod limit;
mod link;
mod stream;
mod worker;

use std::{io, rc::Rc};

use tokio::{task::JoinSet, time::timeout};

pub(crate) use self::link::Addresses;
use self::{
    link::{Dialer, Link, Opener},
    worker::Worker,
};
use crate::{
    error::LoadError,
    plan::{Load, Plan, PlanOptions},
    run::Shared,
};

/// Longest head of a reply, interim replies and trailers included, each on their own.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Longest body of a reply that is read to its end: what is longer is no answer to measure.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

/// A whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

/// All connections of a thread, open and idle: one for each worker, or a stream on one.
pub(crate) struct Connections(Vec<(Opener, Link)>);

impl Connections {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Opens connections for `count` workers, each within the plan's timeout. A run over fewer
    /// than asked for would be another experiment, so one failure fails the whole.
    pub(crate) async fn open(
        plan: &Plan,
        addresses: Addresses,
        count: usize,
    ) -> Result<Self, LoadError> {
        let PlanOptions { timeout: limit, streams, .. } = *plan.options();
        let dialer = Rc::new(Dialer::new(plan, addresses));
        let openers: Vec<_> = (0..count.div_ceil(streams)).map(|_| Opener::new(&dialer)).collect();
        let mut dials = JoinSet::new();
        for worker in 0..count {
            let opener = openers[worker / streams].clone();
            dials.spawn_local(async move {
                let link = timeout(limit, opener.open()).await;
                link.map(|link| link.map(|link| (opener, link)))
            });
        }
        let (mut links, mut failures) = (Vec::with_capacity(count), Vec::new());
        while let Some(dialed) = dials.join_next().await {
            match dialed?.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(link) => links.push(link),
                Err(error) => failures.push(error),
            }
        }
        match failures.pop() {
            None => Ok(Self(links)),
            Some(source) => Err(LoadError::Connect {
                target: target(plan),
                opened: links.len() / streams,
                asked: openers.len(),
                source,
            }),
        }
    }

    /// Sets every connection to work until the backlog is closed and empty, or the run over.
    pub(crate) fn start(self, shared: &Rc<Shared>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for (number, (opener, link)) in (0..).zip(self.0) {
            let worker = Worker::new(Rc::clone(shared), opener, link);
            match shared.plan.load() {
                Load::Open(_) => workers.spawn_local(worker.serve_arrivals()),
                Load::Closed(closed) => {
                    let user = shared.thread.number_of(number);
                    workers.spawn_local(worker.ask_again_and_again(*closed, user))
                }
            };
        }
        workers
    }
}

/// Where connections go, as an error names it.
fn target(plan: &Plan) -> String {
    let target = plan.target();
    match &plan.options().unix_socket {
        Some(socket) => format!("{target} by way of {}", socket.display()),
        None => target.to_string(),
    }
}
