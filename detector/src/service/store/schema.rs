//! The tables, and their version.

use rusqlite::Connection;

use super::StoreError;

/// `user_version` of the file.
const VERSION: i64 = 1;

/// Tells our files from those of other programs (`application_id`): "leak" in ASCII.
const APPLICATION: i64 = 0x6c65_616b;

/// What an incident is stands in its record; the columns are drawn from it, so that they cannot
/// differ, and for whoever opens the file with another tool.
const TABLES: &str = "
CREATE TABLE installation (name TEXT NOT NULL);
INSERT INTO installation VALUES (lower(hex(randomblob(8))));
CREATE TABLE incidents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record TEXT NOT NULL CHECK (json_valid(record)),
    target TEXT AS (record ->> 'target'),
    kind TEXT AS (record ->> 'kind'),
    subject TEXT AS (record ->> 'subject'),
    state TEXT AS (record ->> 'state'),
    cause TEXT AS (record ->> '$.figures.cause'),
    slope_per_second REAL AS (record ->> '$.figures.slope_per_second'),
    onset_seconds REAL AS (record ->> 'onset_seconds'),
    flagged_seconds REAL AS (record ->> 'flagged_seconds'),
    growth_stopped_seconds REAL AS (record ->> 'growth_stopped_seconds'),
    ended_seconds REAL AS (record ->> 'ended_seconds'),
    duration_seconds REAL AS (record ->> 'duration_seconds')
);
CREATE UNIQUE INDEX one_open ON incidents (target, kind, subject) WHERE ended_seconds IS NULL;
CREATE INDEX of_subject ON incidents (target, kind, subject, id);
CREATE INDEX by_end ON incidents (ended_seconds);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
    at_seconds REAL NOT NULL,
    happened TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX of_incident ON events (incident, id);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver TEXT NOT NULL,
    event INTEGER NOT NULL,
    message TEXT NOT NULL,
    record TEXT NOT NULL,
    added_seconds REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (receiver, event)
);
CREATE TABLE inspections (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    began_seconds REAL NOT NULL,
    elapsed_seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    report TEXT
);
";

/// Refuses a file that is not ours, before anything is written to it.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    let version = number(connection, "user_version")?;
    let application = number(connection, "application_id")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let ours = application == APPLICATION && version == VERSION;
    if tables > 0 && !ours {
        return Err(StoreError::Foreign { found: version, known: VERSION });
    }
    let sound: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if sound == "ok" {
        Ok(())
    } else {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(StoreError::Corrupt(rusqlite::Error::SqliteFailure(code, Some(sound))))
    }
}

/// Makes the tables where there are none. Returns the name of the installation.
pub(super) fn bring_up_to_date(connection: &Connection) -> Result<String, StoreError> {
    if number(connection, "user_version")? == 0 {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION};
             PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    }
    Ok(connection.query_row("SELECT name FROM installation", [], |row| row.get(0))?)
}

fn number(connection: &Connection, pragma: &str) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, pragma, |row| row.get(0))?)
}
