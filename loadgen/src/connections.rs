//! The connections: opened all together before the clock starts, then each a worker of its own.

mod limit;
mod link;
mod worker;

use std::{io, net::SocketAddr, rc::Rc};

use tokio::{task::JoinSet, time::timeout};

pub(crate) use self::link::Reply;
use self::{
    link::{Dialer, Link},
    worker::Worker,
};
use crate::{
    error::LoadError,
    plan::{Plan, PlanOptions},
    run::Shared,
};

/// All connections of a run, open and idle.
pub(crate) struct Connections {
    dialer: Rc<Dialer>,
    links: Vec<Link>,
}

impl Connections {
    /// Opens all connections of the plan, each within the plan's timeout. A run over fewer
    /// connections than asked for would be another experiment, so one failure fails the whole.
    pub(crate) async fn open(plan: &Plan, addresses: Vec<SocketAddr>) -> Result<Self, LoadError> {
        let PlanOptions { connections, timeout: limit, .. } = *plan.options();
        let dialer = Rc::new(Dialer::new(plan.target(), addresses)?);
        let mut dials = JoinSet::new();
        for _ in 0..connections {
            let dialer = Rc::clone(&dialer);
            dials.spawn_local(async move { timeout(limit, dialer.dial()).await });
        }
        let (mut links, mut failures) = (Vec::with_capacity(connections), Vec::new());
        while let Some(dialed) = dials.join_next().await {
            match dialed?.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
                Ok(link) => links.push(link),
                Err(error) => failures.push(error),
            }
        }
        match failures.pop() {
            None => Ok(Self { dialer, links }),
            Some(source) => Err(LoadError::Connect {
                target: plan.target().to_string(),
                opened: links.len(),
                asked: connections,
                source,
            }),
        }
    }

    /// Sets every connection to work until the backlog is closed and empty.
    pub(crate) fn start(self, shared: &Rc<Shared>) -> JoinSet<()> {
        let mut workers = JoinSet::new();
        for link in self.links {
            let worker = Worker::new(Rc::clone(shared), Rc::clone(&self.dialer), link);
            workers.spawn_local(worker.work());
        }
        workers
    }
}
