//! One worker: takes the next arrival from the backlog, sends its request over its own keep-alive
//! connection, and tells the tally how it went.
//!
//! A connection that was lost is opened again by the next arrival that needs it, as part of that
//! arrival's response time. An arrival makes one attempt: a target that refuses is never asked
//! more often than the plan says, and each refusal is the error of the one arrival that met it.

use std::{pin::pin, rc::Rc};

use tokio::select;

use super::{
    limit::Limit,
    link::{Dialer, Link, Reply},
};
use crate::{backlog::Arrival, failure::ErrorKind, run::Shared, tally::Outcome};

pub(super) struct Worker {
    shared: Rc<Shared>,
    dialer: Rc<Dialer>,
    link: Option<Link>,
}

impl Worker {
    pub(super) fn new(shared: Rc<Shared>, dialer: Rc<Dialer>, link: Link) -> Self {
        Self { shared, dialer, link: Some(link) }
    }

    /// Serves arrivals until the backlog is closed and empty.
    pub(super) async fn work(mut self) {
        let mut limit = Limit::new(self.shared.plan.options().timeout);
        loop {
            if let Some(arrival) = self.shared.backlog.take() {
                self.serve(arrival, arrival.released, &mut limit).await;
            } else if let Some(arrival) = self.idle().await {
                self.serve(arrival, self.shared.clock.now(), &mut limit).await;
            } else {
                return;
            }
        }
    }

    /// Waits for an arrival, and meanwhile notices when the peer closes the connection.
    async fn idle(&mut self) -> Option<Arrival> {
        let mut next = pin!(self.shared.backlog.next());
        if let Some(link) = &mut self.link {
            select! {
                biased;
                arrival = &mut next => return arrival,
                () = link.closed() => self.link = None,
            }
        }
        next.await
    }

    /// `ready` is when nothing but this program stood between the arrival and its request: when
    /// an idle connection took it up or, all being busy, when the pacer released it.
    async fn serve(&mut self, arrival: Arrival, ready: u64, limit: &mut Limit) {
        let shared = Rc::clone(&self.shared);
        shared.tally.borrow_mut().late(ready - arrival.intended);

        let mut sent = None;
        let waited = shared.clock.now() - arrival.intended;
        let result = if u128::from(waited) > shared.plan.options().timeout.as_nanos() {
            Err(ErrorKind::Expired)
        } else {
            let attempt = limit.keep(self.attempt(&mut sent)).await;
            let result = attempt.unwrap_or(Err(ErrorKind::Timeout));
            if result.is_err() {
                self.link = None;
            }
            result
        };
        let ended = shared.clock.now();
        let outcome = Outcome { intended: arrival.intended, sent, ended, result };
        shared.tally.borrow_mut().settle(&outcome);
    }

    /// Sends one request, over a new connection if the old one is gone, and notes when.
    async fn attempt(&mut self, sent: &mut Option<u64>) -> Result<Reply, ErrorKind> {
        if let Some(link) = &mut self.link
            && !link.is_ready().await
        {
            self.link = None;
        }
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(self.dialer.dial().await.map_err(|_| ErrorKind::Connect)?),
        };
        let now = self.shared.clock.now();
        *sent = Some(now);
        self.shared.tally.borrow_mut().sent(now);
        link.exchange(self.dialer.request()).await
    }
}
