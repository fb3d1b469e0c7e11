//! The pacer: hands each arrival to the backlog when the schedule says so. Replies have no way
//! to reach it, which is what makes the load open.

use crate::{backlog::Arrival, clock::Alarm, error::LoadError, run::Shared, schedule::Schedule};

/// Arrivals handed over in a row before the connections get a turn. A pacer that is behind has no
/// reason to wait, and would never let them run.
const BATCH: u32 = 64;

/// Releases this thread's part of the schedule and waits for the end of the whole.
pub(crate) async fn pace(shared: &Shared, schedule: Schedule) -> Result<(), LoadError> {
    let alarm = Alarm::new(shared.clock, shared.plan.options().pace)?;
    let mut overdue = 0;
    for (index, intended) in schedule.of_shard(shared.part) {
        let mut now = shared.clock.now();
        if now < intended {
            now = alarm.wait_until(intended).await?;
            overdue = 0;
        } else if overdue == BATCH {
            tokio::task::yield_now().await;
            overdue = 0;
        } else {
            overdue += 1;
        }
        release(shared, Arrival { index, intended, released: now });
    }
    alarm.wait_until(shared.plan.options().duration.as_nanos() as u64).await?;
    Ok(())
}

fn release(shared: &Shared, arrival: Arrival) {
    let offered = shared.backlog.offer(arrival);
    let mut tally = shared.tally.borrow_mut();
    tally.planned(arrival.index, arrival.intended);
    if offered.is_err() {
        tally.dropped();
    }
}
