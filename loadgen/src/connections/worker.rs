//! One worker: sends one request after another over its own connection, and tells the tally how
//! each went. Under open load it takes them from the backlog; in a closed loop it is a user, who
//! thinks and asks again.
//!
//! A connection that was lost is opened again by the next request that needs it, as part of that
//! request's response time. A request makes one attempt: a target that refuses is never asked more
//! often than the plan says, and each refusal is the error of the one request that met it.

use std::{pin::pin, rc::Rc, time::Duration};

use tokio::{
    select,
    time::{sleep, timeout},
};

use super::{
    Reply,
    limit::Limit,
    link::{Link, Opener},
};
use crate::{
    backlog::Arrival,
    checks::Search,
    failure::ErrorKind,
    plan::{Closed, PlanOptions},
    requests::Request,
    run::Shared,
    tally::Outcome,
};

/// Rest of a user in a closed loop whose connection was refused: who asks again at once asks some
/// ten thousand times a second.
const REST_AFTER_REFUSAL: Duration = Duration::from_millis(10);

pub(super) struct Worker {
    shared: Rc<Shared>,
    opener: Opener,
    link: Option<Link>,
    limit: Limit,
    /// Where the holes of a request are filled.
    room: Vec<u8>,
}

impl Worker {
    pub(super) fn new(shared: Rc<Shared>, opener: Opener, link: Link) -> Self {
        let limit = Limit::new(shared.clock, shared.plan.options().timeout);
        Self { shared, opener, link: Some(link), limit, room: Vec::new() }
    }

    /// Serves arrivals until the backlog is closed and empty.
    pub(super) async fn serve_arrivals(mut self) {
        loop {
            if let Some(arrival) = self.shared.backlog.take() {
                self.serve(arrival, arrival.released, self.shared.clock.now()).await;
            } else if let Some(arrival) = self.idle().await {
                let now = self.shared.clock.now();
                self.serve(arrival, now, now).await;
            } else {
                return;
            }
        }
    }

    /// Asks, waits for the reply, thinks, and asks again, until the run is over. `user` of all
    /// `Closed::users` begins after its share of the think time, lest all ask at once.
    pub(super) async fn ask_again_and_again(mut self, closed: Closed, user: u64) {
        let end_nanos = self.shared.plan.options().duration.as_nanos() as u64;
        let share = user as f64 / closed.users as f64;
        let mut pause = closed.think_time.mul_f64(share);
        for index in (user..).step_by(closed.users) {
            if !pause.is_zero() {
                // Who would think beyond the end need not be waited for.
                let left = end_nanos.saturating_sub(self.shared.clock.now());
                sleep(pause.min(Duration::from_nanos(left))).await;
            }
            let now = self.shared.clock.now();
            if now >= end_nanos || self.shared.backlog.is_closed() {
                return;
            }
            let index = self.shared.plan.options().shard.number_of(index);
            self.shared.tally.borrow_mut().asked();
            let arrival = Arrival { index, intended: now, released: now };
            let result = self.serve(arrival, now, now).await;
            let refused = matches!(result, Some(Err(ErrorKind::Connect)));
            let rest = if refused { REST_AFTER_REFUSAL } else { Duration::ZERO };
            pause = closed.think_time.max(rest);
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
    /// an idle connection took it up or, all being busy, when the pacer released it. `begun` is now.
    /// Says how it went, unless the client went away as the plan wanted.
    async fn serve(
        &mut self,
        arrival: Arrival,
        ready: u64,
        begun: u64,
    ) -> Option<Result<Reply, ErrorKind>> {
        let shared = Rc::clone(&self.shared);
        shared.tally.borrow_mut().late(ready - arrival.intended);

        let waited = Duration::from_nanos(begun - arrival.intended);
        let checks = &shared.plan.options().goals.checks;
        let mut trace = Trace { sent: None, body: checks.search() };
        let result = if waited > shared.plan.options().timeout {
            Err(ErrorKind::Expired)
        } else {
            let request = shared.plan.requests().of(arrival.index, &mut self.room);
            let (link, opener) = (&mut self.link, &self.opener);
            let result = {
                // Pinned where it is made: its states are large, and to move it is to copy them.
                let attempt = pin!(attempt(
                    &shared,
                    opener,
                    link,
                    arrival.index,
                    &request,
                    begun,
                    &mut trace
                ));
                self.limit.keep(begun, attempt).await.unwrap_or(Err(ErrorKind::Timeout))
            };
            if !matches!(result, Ok(Some(_))) || !shared.plan.options().keep_alive {
                self.link = None;
            }
            result
        };
        let ended = shared.clock.now();
        let mut tally = shared.tally.borrow_mut();
        let result = result.transpose();
        match result {
            None => tally.aborted(),
            Some(result) => {
                let failure = match result {
                    Ok(reply) => checks.failure(reply.status, &trace.body),
                    Err(kind) => Some(kind),
                };
                let (intended, sent) = (arrival.intended, trace.sent);
                tally.settle(&Outcome { intended, sent, ended, result, failure });
            }
        }
        result
    }
}

/// What is seen of one exchange, however it ends.
struct Trace<'a> {
    /// When the request was sent, if it was.
    sent: Option<u64>,
    body: Search<'a>,
}

/// Sends one request, over a new connection if the old one is gone, and notes when. No reply
/// means that the client went away before it came, as the plan wanted.
async fn attempt(
    shared: &Shared,
    opener: &Opener,
    link: &mut Option<Link>,
    index: u64,
    request: &Request<'_>,
    begun: u64,
    trace: &mut Trace<'_>,
) -> Result<Option<Reply>, ErrorKind> {
    if let Some(open) = link
        && !open.is_ready().await
    {
        *link = None;
    }
    let (link, now) = match link {
        Some(link) => (link, begun),
        none => {
            // Within this future it would take the room of a handshake all the time.
            let link = Box::pin(opener.open()).await.map_err(|_| ErrorKind::Connect)?;
            (none.insert(link), shared.clock.now())
        }
    };
    trace.sent = Some(now);
    shared.tally.borrow_mut().sent(now);
    let mut search = |piece: &[u8]| trace.body.feed(piece);
    let exchange = pin!(link.exchange(request, &mut search));
    let PlanOptions { seed, abort_share, abort_after, .. } = *shared.plan.options();
    if !abort_share.takes(seed, index) {
        return exchange.await.map(Some);
    }
    timeout(abort_after, exchange).await.ok().transpose()
}
