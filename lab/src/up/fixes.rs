//! Notices what somebody does against a leak: a detector in production is told of deployments, too.
//!
//! A thread of its own asks how everything stands, so that nobody waits for a service that is busy
//! dying. It asks once a second, from the start, so that what was on before an alarm is known however soon
//! somebody acts on it; during a game day, when nothing is told, it learns nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use leaky_service::pattern::Role;
use serde_json::Value;

use crate::client::{Client, ClientError};

/// Pause between two questions.
const EVERY: Duration = Duration::from_secs(1);
/// The longest wait for an answer; the service answers within milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The states of leaks and decoys, by name.
type States = BTreeMap<String, Value>;

/// Who asks, and what was seen. Dropping it ends the thread.
pub(super) struct Fixes {
    /// Dropping it ends the thread, once it has its answer.
    ask: Option<SyncSender<()>>,
    answers: Receiver<Option<States>>,
    is_asked: bool,
    due: Instant,
    before: Option<States>,
    thread: Option<JoinHandle<()>>,
}

impl Fixes {
    /// Watches the service at `address`.
    pub fn watch(address: SocketAddr) -> Result<Self, ClientError> {
        let client = Client::new(&format!("http://{address}"), ANSWER_WITHIN)?;
        let (ask, asked) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        let thread = thread::spawn(move || {
            // Nobody asks again before the answer is taken, so neither channel is ever full.
            while asked.recv().is_ok() && answer.send(client.states().ok()).is_ok() {}
        });
        Ok(Self {
            ask: Some(ask),
            answers,
            is_asked: false,
            due: Instant::now(),
            before: None,
            thread: Some(thread),
        })
    }

    /// What was done since the last call, a few words for each leak.
    pub fn seen(&mut self) -> Vec<String> {
        let answer = self.answers.try_recv().ok();
        self.is_asked &= answer.is_none();
        if !self.is_asked && Instant::now() >= self.due {
            self.due = Instant::now() + EVERY;
            self.is_asked = self.ask.as_ref().is_some_and(|ask| ask.try_send(()).is_ok());
        }
        let Some(now) = answer else { return Vec::new() };
        let before = std::mem::replace(&mut self.before, now);
        before.zip(self.before.as_ref()).map_or_else(Vec::new, |(was, is)| fixes(&was, is))
    }
}

impl Drop for Fixes {
    fn drop(&mut self) {
        self.ask = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What was done between two looks.
fn fixes(before: &States, after: &States) -> Vec<String> {
    let fix = |(name, now): (&String, &Value)| fix(name, before.get(name)?, now);
    after.iter().filter_map(fix).collect()
}

fn fix(name: &str, before: &Value, after: &Value) -> Option<String> {
    let is = |state: &Value, what: &str| state[what] == Value::Bool(true);
    let entries = |state: &Value| state["entries"].as_u64().unwrap_or(0);
    let done = [
        ("switched off", is(before, "enabled") && !is(after, "enabled")),
        ("patched", is(before, "enabled") && !is(before, "patched") && is(after, "patched")),
        // The load may have brought new ones meanwhile.
        ("cleared", keeps_all(name) && entries(after) < entries(before) / 2),
    ];
    let done: Vec<_> = done.iter().filter(|(_, is_done)| *is_done).map(|(what, _)| *what).collect();
    (!done.is_empty()).then(|| format!("{name} {}", done.join(" and ")))
}

/// Whether it lets nothing go by itself.
fn keeps_all(name: &str) -> bool {
    leaky_service::leaks::find(name).is_some_and(|facts| facts.role == Role::Leak)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn states(states: &Value) -> States {
        states.as_object().expect("an object").clone().into_iter().collect()
    }

    #[test]
    fn a_fix_is_what_is_switched_off_patched_or_cleared_and_nothing_else() {
        let state = |enabled, patched, entries| json!({"enabled": enabled, "patched": patched, "entries": entries});
        let on = state(true, false, 600);
        let cases = [
            ("cache", state(true, false, 620), None),
            ("cache", state(false, false, 600), Some("cache switched off")),
            ("cache", state(true, true, 600), Some("cache patched")),
            ("cache", state(true, false, 20), Some("cache cleared")),
            ("cache", state(false, false, 0), Some("cache switched off and cleared")),
            ("sawtooth", state(true, false, 20), None),
            ("sawtooth", state(false, false, 600), Some("sawtooth switched off")),
        ];
        for (name, after, expected) in cases {
            let before = states(&json!({ name: on.clone(), "queue": state(false, false, 0) }));
            let after = states(&json!({ name: after.clone(), "queue": state(true, false, 3) }));
            let seen = fixes(&before, &after);
            assert_eq!(seen.first().map(String::as_str), expected, "{after:?}");
            assert!(seen.len() <= 1, "what is switched on is no fix: {seen:?}");
        }
    }
}
