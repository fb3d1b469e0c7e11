//! Turns at reading symbols, which takes tens of megabytes for a moment.
//!
//! One question is answered at a time, none near the memory limit, and what a question took is
//! returned to the system before its answer goes out.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use super::problem::Problem;
use super::status::HEAP_HINT;
use crate::cgroup::MemoryLimit;
use crate::heap::{self, HeapError, HeapStats};
use crate::mebibytes;
use crate::service::Service;
use crate::tracker::SymbolError;

/// Longest wait for a turn. A turn takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room below the memory limit that a question is asked with: more than twice the most that one
/// was seen to take (55 MiB, in a debug build of the whole workspace's tool; 39 MiB in one of this
/// crate alone), because everything else goes on meanwhile.
const ROOM_BYTES: u64 = 128 << 20;

const SYMBOL_HINT: &str = "run an unstripped binary built with debug = 1, with /proc mounted";

/// The right to ask one question that needs symbols.
pub struct Turn {
    _alone: OwnedMutexGuard<()>,
}

impl Turn {
    /// Waits for the turn; refuses if that takes too long, or if memory is short.
    pub async fn wait(service: &Service) -> Result<Self, Problem> {
        let turn = Self::within(PATIENCE, service.symbolising()).await?;
        // A limit that cannot be read is none that could be kept.
        refuse_near(MemoryLimit::read().ok().flatten())?;
        Ok(turn)
    }

    /// Asks, and gives back the memory that it took. The turn lasts until then, even if the
    /// client has gone meanwhile.
    pub async fn ask<T: Send + 'static>(
        self,
        question: impl FnOnce() -> Result<T, SymbolError> + Send + 'static,
    ) -> Result<T, Problem> {
        let asked = move || {
            let answer = question();
            let released = release_free_memory();
            drop(self);
            released.map(|_| answer)
        };
        let answer =
            blocking(asked).await?.map_err(|error| Problem::internal(&error, HEAP_HINT))?;
        answer.map_err(|error| Problem::internal(&error, SYMBOL_HINT))
    }

    async fn within(patience: Duration, turns: &Arc<Mutex<()>>) -> Result<Self, Problem> {
        let turn = timeout(patience, Arc::clone(turns).lock_owned()).await;
        turn.map(|guard| Self { _alone: guard }).map_err(|_| Problem {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: "others are asking for source lines, one at a time".to_owned(),
            hint: format!("ask again in a moment; this waited for {} s", patience.as_secs()),
        })
    }
}

fn refuse_near(limit: Option<MemoryLimit>) -> Result<(), Problem> {
    let Some(limit) = limit.filter(|limit| limit.room_bytes() < ROOM_BYTES) else {
        return Ok(());
    };
    let shown = |bytes: u64| mebibytes(bytes as f64).floor();
    Err(Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        error: format!(
            "too close to the memory limit to read symbols: {} MiB of {} MiB are left, and {} MiB are asked for",
            shown(limit.room_bytes()),
            shown(limit.limit_bytes),
            shown(ROOM_BYTES),
        ),
        hint: "GET /admin/leaks/status needs no symbols; POST /admin/leaks/clear or a higher limit makes room"
            .to_owned(),
    })
}

/// Runs work that blocks where it holds up nobody.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let hint = "it did not finish; try again";
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error, hint))
}

/// Makes the allocator give back what it can; says what each step did to its resident pages.
pub fn release_free_memory() -> Result<Vec<Value>, HeapError> {
    type Step = (&'static str, fn() -> Result<(), HeapError>);
    let steps: [Step; 2] =
        [("flush_thread_cache", heap::flush_thread_cache), ("purge_arenas", heap::purge)];
    steps.into_iter().map(|(name, step)| release_step(name, step)).collect()
}

fn release_step(name: &str, step: fn() -> Result<(), HeapError>) -> Result<Value, HeapError> {
    let before = HeapStats::read()?.resident_bytes;
    step()?;
    let after = HeapStats::read()?.resident_bytes;
    let freed_bytes = before.cast_signed() - after.cast_signed();
    Ok(json!({ "step": name, "allocator_freed_bytes": freed_bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_for_a_turn_is_told_to_come_back() {
        let turns = Arc::new(Mutex::new(()));
        let first = Turn::within(PATIENCE, &turns).await.unwrap();
        let refused = Turn::within(Duration::from_millis(1), &turns).await.err().unwrap();
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        drop(first);
        assert!(Turn::within(PATIENCE, &turns).await.is_ok());
    }

    #[test]
    fn near_the_memory_limit_a_question_is_refused_with_the_numbers() {
        let limit = |room_bytes| {
            let limit_bytes = 256 << 20;
            Some(MemoryLimit { limit_bytes, used_bytes: limit_bytes - room_bytes })
        };
        let refused = refuse_near(limit(ROOM_BYTES - 1)).unwrap_err();
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.error.contains("127 MiB of 256 MiB"), "{}", refused.error);
        assert!(refuse_near(limit(ROOM_BYTES)).is_ok() && refuse_near(None).is_ok());
    }
}
