//! The service from outside: the real binary, its HTTP contract field by field, and its life as a
//! process.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[path = "service/aborts.rs"]
mod aborts;
#[path = "service/clients.rs"]
mod clients;
#[path = "service/counted.rs"]
mod counted;
#[path = "service/endpoints.rs"]
mod endpoints;
#[path = "service/game_day.rs"]
mod game_day;
#[path = "service/growth.rs"]
mod growth;
#[path = "service/leaks.rs"]
mod leaks;
#[path = "service/memory.rs"]
mod memory;
#[path = "service/metrics.rs"]
mod metrics;
#[path = "service/openapi.rs"]
mod openapi;
#[path = "service/process.rs"]
mod process;
#[path = "service/profiles.rs"]
mod profiles;
#[path = "service/refusals.rs"]
mod refusals;
#[path = "service/schema.rs"]
mod schema;
#[path = "service/server.rs"]
mod server;

/// Every leak there is.
const LEAKS: [&str; 3] = ["cache", "listeners", "history"];
