//! Sessions that expire only if somebody comes back: the check is made at the visit.
//!
//! A request that brings no session starts one; its name is the request's, and a client that
//! sends it back as a cookie visits it. The author did think of expiry: a session that was left
//! alone for too long is replaced when its visitor returns. Visitors who never return are never
//! looked at again, and robots return as rarely as they come often.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::header::COOKIE;
use axum::http::request::Parts;

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "sessions",
    role: Role::Leak,
    description: "Sessions that never expire, unless visited: expiry is checked at the visit only",
    page: include_str!("sessions.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[EXPIRES_AFTER],
    unclearable: None,
    contract: None,
    fill: b'%',
    new: || Box::<Sessions>::default(),
};

const EXPIRES_AFTER: Parameter = Parameter {
    name: "expires_after",
    description: "how long a session may be left alone; a visit renews it",
    unit: Unit::Milliseconds,
    range: 1..=86_400_000,
    default: 1_800_000,
};

/// A session's share of the table: that of an entry of 16 bytes, as in the unbounded cache.
const TABLE_SHARE_BYTES: usize = 32;

/// Sessions that the fixed store keeps at most.
const FIXED_MAX_SESSIONS: usize = 100;

#[derive(Default)]
struct Sessions {
    expires_after_ms: AtomicU64,
    by_id: Mutex<HashMap<u64, Box<Session>>>,
    /// The fixed store, which is swept and bounded.
    swept: Mutex<HashMap<u64, Session>>,
}

struct Session {
    last_seen: Instant,
    #[expect(dead_code, reason = "what visitors put into it is nobody else's business")]
    basket: Vec<Box<[u8]>>,
}

impl Session {
    fn start(budget: &Budget) -> Self {
        let rest = handed_out_bytes(size_of::<Self>()) + TABLE_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let basket =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { last_seen: Instant::now(), basket }
    }

    /// Takes note of a visit, unless it comes too late.
    fn visit(&mut self, expires_after: Duration) -> bool {
        let in_time = self.last_seen.elapsed() < expires_after;
        if in_time {
            self.last_seen = Instant::now();
        }
        in_time
    }
}

/// The session that a request's cookie names.
fn named(parts: &Parts) -> Option<u64> {
    let cookies = parts.headers.get(COOKIE)?.to_str().ok()?;
    let id = |cookie: &str| cookie.trim().strip_prefix("session=req-")?.parse().ok();
    cookies.split(';').find_map(id)
}

impl Sessions {
    fn expires_after(&self) -> Duration {
        Duration::from_millis(self.expires_after_ms.load(Ordering::Relaxed))
    }
}

impl Pattern for Sessions {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        if let Some(id) = named(event.parts) {
            let mut by_id = lock(&self.by_id);
            if by_id.get_mut(&id).is_some_and(|session| session.visit(self.expires_after())) {
                return Ok(());
            }
            // The defect: this is the only place where a session ever ends.
            let expired = by_id.remove(&id);
            drop(by_id);
            drop(expired);
        }
        let session = Box::new(Session::start(budget));
        lock(&self.by_id).insert(event.id, session);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let expires_after = self.expires_after();
        let mut swept = lock(&self.swept);
        let session = named(event.parts).and_then(|id| swept.get_mut(&id));
        if session.is_some_and(|session| session.visit(expires_after)) {
            return Ok(());
        }
        if swept.len() >= FIXED_MAX_SESSIONS {
            let oldest = swept.iter().min_by_key(|(_, session)| session.last_seen);
            let oldest = oldest.map(|(id, _)| *id);
            oldest.and_then(|id| swept.remove(&id));
        }
        swept.insert(event.id, Session::start(budget));
        Ok(())
    }

    /// The fixed store's sweep: visited or not, a session ends when its time is over.
    fn tick(&self, _tick: &Tick) {
        let expires_after = self.expires_after();
        lock(&self.swept).retain(|_, session| session.last_seen.elapsed() < expires_after);
    }

    fn count(&self) -> usize {
        lock(&self.by_id).len() + lock(&self.swept).len()
    }

    fn clear(&self) -> usize {
        let by_id = std::mem::take(&mut *lock(&self.by_id));
        let swept = std::mem::take(&mut *lock(&self.swept));
        by_id.len() + swept.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == EXPIRES_AFTER.name {
            self.expires_after_ms.store(value, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::SystemTime;

    use axum::http::Request;

    use super::*;
    use crate::pattern::alone;

    const HOUR_MS: u64 = 3_600_000;

    fn sessions(expires_after_ms: u64) -> Sessions {
        let sessions = Sessions::default();
        sessions.set(EXPIRES_AFTER.name, expires_after_ms);
        sessions
    }

    fn request(sessions: &Sessions, id: u64, cookie: &str, patched: bool) {
        let (parts, ()) = Request::get("/").header(COOKIE, cookie).body(()).unwrap().into_parts();
        let event = Event { id, received: SystemTime::now(), parts: &parts, endpoint: None };
        let budget = Budget::begin(1024);
        let touch = if patched { Sessions::touch_patched } else { Sessions::touch };
        touch(sessions, &event, &budget).unwrap();
    }

    fn tick(sessions: &Sessions) {
        alone::tick(Instant::now(), |tick| sessions.tick(tick));
    }

    #[test]
    fn a_visit_starts_no_other_session() {
        for patched in [false, true] {
            let sessions = sessions(HOUR_MS);
            request(&sessions, 1, "theme=dark", patched);
            for id in 2..50 {
                request(&sessions, id, "theme=dark; session=req-1", patched);
            }
            assert_eq!(sessions.count(), 1);
            request(&sessions, 50, "session=req-40", patched);
            request(&sessions, 51, "session=me", patched);
            assert_eq!(sessions.count(), 3, "nobody may choose the name of a session");
        }
    }

    #[test]
    fn only_a_visit_ends_an_expired_session() {
        let sessions = sessions(1);
        for id in 1..=10 {
            request(&sessions, id, "", false);
        }
        sleep(Duration::from_millis(5));
        tick(&sessions);
        assert_eq!(sessions.count(), 10, "nobody came back");
        request(&sessions, 11, "session=req-3", false);
        assert_eq!(sessions.count(), 10, "an old one for a new one");
        assert!(!lock(&sessions.by_id).contains_key(&3));
    }

    #[test]
    fn the_fixed_store_ends_sessions_without_a_visit() {
        let sessions = sessions(1);
        for id in 1..=10 {
            request(&sessions, id, "", true);
        }
        sleep(Duration::from_millis(5));
        tick(&sessions);
        assert_eq!(sessions.count(), 0);
    }
}
