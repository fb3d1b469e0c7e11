//! The database: incidents, what happened to them, and what is still to be told of that.
//!
//! A change of an incident, its line of history and its notifications are one transaction, on
//! disk before anybody sees them: at whatever moment the process is killed, all of it is there or
//! nothing. The schema itself forbids two open incidents of one subject.

mod schema;

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};
use serde::Serialize;

use super::incident::{Happened, Incident, Kind, Message, Topic};

/// Longest wait for another process that writes.
const BUSY: Duration = Duration::from_secs(2);

/// Most notifications that wait for one receiver; the oldest make room.
pub const MOST_WAITING: i64 = 10_000;

/// Most records of one inspection.
pub const MOST_INSPECTIONS: i64 = 100;

/// Most incidents in one answer.
pub const MOST_LISTED: i64 = 1_000;

/// What is wrong with the database, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds it.
    #[error("the database is locked by another process (is another watch running on it?)")]
    Locked(#[source] rusqlite::Error),
    /// No room, or not allowed to grow.
    #[error("the disk is full; free some space")]
    Full(#[source] rusqlite::Error),
    /// Not ours, or damaged.
    #[error("the file is damaged or no database; it is left as it is: move it away, or restore it")]
    Corrupt(#[source] rusqlite::Error),
    /// Written by a later version, or by another program.
    #[error(
        "its schema is version {found}, and this program knows {known}; use a newer program, or another file"
    )]
    Foreign {
        /// The version there.
        found: i64,
        /// The latest that is known here.
        known: i64,
    },
    /// It cannot be opened or made.
    #[error("cannot be opened; does its folder exist, and may it be written?")]
    NoAccess(#[source] rusqlite::Error),
    /// Anything else.
    #[error("the database fails")]
    Other(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error),
            Some(ErrorCode::DiskFull | ErrorCode::TooBig) => Self::Full(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NoAccess(error)
            }
            _ => Self::Other(error),
        }
    }
}

impl StoreError {
    /// The name in metrics and results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Locked(_) => "locked",
            Self::Full(_) => "full",
            Self::Corrupt(_) => "corrupt",
            Self::Foreign { .. } => "foreign",
            Self::NoAccess(_) => "no_access",
            Self::Other(_) => "error",
        }
    }

    /// Whether waiting cannot mend it.
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::Corrupt(_) | Self::Foreign { .. })
    }
}

/// A line of an incident's history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// Its number, from 1.
    pub id: i64,
    /// When, in Unix seconds.
    pub at_seconds: f64,
    /// What happened.
    pub happened: String,
    /// What was seen.
    pub reason: String,
}

/// An inspection that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspected {
    /// Its number, from 1.
    pub id: i64,
    /// Its name in the configuration.
    pub name: String,
    /// When it began, in Unix seconds.
    pub began_seconds: f64,
    /// How long it took.
    pub elapsed_seconds: f64,
    /// `leaks`, `no_leak`, `undecided`, `incomplete`, or what kept it from its end.
    pub outcome: String,
    /// What `detector inspect --format json` says, where it came to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<serde_json::Value>,
}

/// What is to be told to one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place in the queue.
    pub id: i64,
    /// The event that it tells of; with the receiver it is the key that tells repetitions.
    pub event: i64,
    /// How it is worded.
    pub message: Message,
    /// The incident as it was then.
    pub incident: Incident,
    /// How often it was tried.
    pub attempts: i64,
}

/// Which incidents are asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Only those that are open, or that have ended.
    pub open: Option<bool>,
    /// Only those in this state.
    pub state: Option<String>,
    /// Only those of this target.
    pub target: Option<String>,
}

/// The open database.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    installation: String,
}

impl Store {
    /// Opens or makes the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY)?;
        schema::check(&connection)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        Self::with(connection)
    }

    /// One that is gone with the process.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?)
    }

    fn with(connection: Connection) -> Result<Self, StoreError> {
        connection.pragma_update(None, "foreign_keys", true)?;
        let installation = schema::bring_up_to_date(&connection)?;
        Ok(Self { connection, installation })
    }

    /// A name that no other database has: part of every idempotency key.
    pub fn installation(&self) -> &str {
        &self.installation
    }

    /// How many rows were written since it was opened.
    pub fn changes(&self) -> u64 {
        self.connection.total_changes()
    }

    /// Writes something that changes nothing, to see whether that can be done.
    pub fn touch(&mut self) -> Result<(), StoreError> {
        self.connection.execute("UPDATE installation SET name = name", [])?;
        Ok(())
    }

    /// Writes what happened, and what each receiver is to be told of it, in one transaction.
    /// Returns the incident's number.
    pub fn commit(
        &mut self,
        incident: &Incident,
        happened: Happened,
        at_seconds: f64,
        receivers: &[String],
    ) -> Result<i64, StoreError> {
        let transaction = self.connection.transaction()?;
        let known = (incident.id > 0).then_some(incident.id);
        transaction.execute(
            "INSERT INTO incidents (id, record) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            params![known, record(incident)],
        )?;
        let id = known.unwrap_or_else(|| transaction.last_insert_rowid());
        transaction.execute(
            "INSERT INTO events (incident, at_seconds, happened, reason) VALUES (?1, ?2, ?3, ?4)",
            params![id, at_seconds, happened.name(), incident.reason],
        )?;
        let event = transaction.last_insert_rowid();
        let incident = Incident { id, ..incident.clone() };
        for receiver in receivers.iter().filter(|_| happened.message().is_some()) {
            transaction.execute(
                "INSERT INTO outbox (receiver, event, message, record, added_seconds)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![receiver, event, json(&happened.message()), record(&incident), at_seconds],
            )?;
        }
        transaction.commit()?;
        Ok(id)
    }

    /// Takes an incident over from another database, with its number.
    pub fn adopt(&mut self, incident: &Incident) -> Result<(), StoreError> {
        let row = params![incident.id, record(incident)];
        self.connection.execute("INSERT INTO incidents (id, record) VALUES (?1, ?2)", row)?;
        Ok(())
    }

    /// The latest incident of a subject, open or not.
    pub fn latest(&self, about: &Topic) -> Result<Option<Incident>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, record FROM incidents WHERE target = ?1 AND kind = ?2 AND subject = ?3
             ORDER BY id DESC LIMIT 1",
        )?;
        let kind = kind_name(about.kind);
        Ok(statement.query_row(params![about.target, kind, about.subject], incident).optional()?)
    }

    /// An incident by its number.
    pub fn incident(&self, id: i64) -> Result<Option<Incident>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT id, record FROM incidents WHERE id = ?1")?;
        Ok(statement.query_row([id], incident).optional()?)
    }

    /// Incidents, the latest first, at most [`MOST_LISTED`].
    pub fn incidents(&self, wanted: &Wanted) -> Result<Vec<Incident>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, record FROM incidents
             WHERE (?1 IS NULL OR (ended_seconds IS NULL) = ?1)
               AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR state = ?3)
             ORDER BY id DESC LIMIT ?4",
        )?;
        let rows = statement
            .query_map(params![wanted.open, wanted.target, wanted.state, MOST_LISTED], incident)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every open incident.
    pub fn open_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT id, record FROM incidents WHERE ended_seconds IS NULL ORDER BY id")?;
        Ok(statement.query_map([], incident)?.collect::<Result<_, _>>()?)
    }

    /// What happened to an incident, in order; at most the latest [`MOST_LISTED`].
    pub fn history(&self, id: i64) -> Result<Vec<Event>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, at_seconds, happened, reason FROM
               (SELECT * FROM events WHERE incident = ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id",
        )?;
        let rows = statement.query_map([id, MOST_LISTED], |row| {
            Ok(Event {
                id: row.get(0)?,
                at_seconds: row.get(1)?,
                happened: row.get(2)?,
                reason: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What waits longest for a receiver, at most so many.
    pub fn waiting(&self, receiver: &str, most: usize) -> Result<Vec<Entry>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, event, message, record, attempts FROM outbox WHERE receiver = ?1
             ORDER BY id LIMIT ?2",
        )?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![receiver, most], |row| {
            Ok(Entry {
                id: row.get(0)?,
                event: row.get(1)?,
                message: parsed(row, 2)?,
                incident: parsed(row, 3)?,
                attempts: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How much waits for each receiver.
    pub fn waiting_counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT receiver, count(*) FROM outbox GROUP BY receiver ORDER BY 1")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// They are told, or never will be.
    pub fn done(&mut self, ids: &[i64]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for id in ids {
            transaction.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
        }
        Ok(transaction.commit()?)
    }

    /// Notes that they could not be told.
    pub fn tried(&mut self, ids: &[i64]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for id in ids {
            transaction.execute("UPDATE outbox SET attempts = attempts + 1 WHERE id = ?1", [id])?;
        }
        Ok(transaction.commit()?)
    }

    /// Drops what waits for receivers that are no longer, and the oldest of what is too much.
    /// Returns how many were dropped for want of room.
    pub fn trim(&mut self, receivers: &[String]) -> Result<usize, StoreError> {
        let transaction = self.connection.transaction()?;
        let known = json(&receivers);
        transaction.execute(
            "DELETE FROM outbox WHERE receiver NOT IN (SELECT value FROM json_each(?1))",
            [known],
        )?;
        let mut dropped = 0;
        for receiver in receivers {
            dropped += transaction.execute(
                "DELETE FROM outbox WHERE receiver = ?1 AND id NOT IN
                   (SELECT id FROM outbox WHERE receiver = ?1 ORDER BY id DESC LIMIT ?2)",
                params![receiver, MOST_WAITING],
            )?;
        }
        transaction.commit()?;
        Ok(dropped)
    }

    /// Keeps the record of an inspection, and of the same one only the latest
    /// [`MOST_INSPECTIONS`].
    pub fn record_inspection(&mut self, made: &Inspected) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO inspections (name, began_seconds, elapsed_seconds, outcome, report)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                made.name,
                made.began_seconds,
                made.elapsed_seconds,
                made.outcome,
                made.report.as_ref().map(ToString::to_string)
            ],
        )?;
        transaction.execute(
            "DELETE FROM inspections WHERE name = ?1 AND id NOT IN
               (SELECT id FROM inspections WHERE name = ?1 ORDER BY id DESC LIMIT ?2)",
            params![made.name, MOST_INSPECTIONS],
        )?;
        Ok(transaction.commit()?)
    }

    /// Inspections, the latest first, without their reports.
    pub fn inspections(&self) -> Result<Vec<Inspected>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, name, began_seconds, elapsed_seconds, outcome FROM inspections
             ORDER BY id DESC LIMIT ?1",
        )?;
        let rows = statement.query_map([MOST_LISTED], inspected)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One with its report.
    pub fn inspection(&self, id: i64) -> Result<Option<Inspected>, StoreError> {
        let mut statement = self.connection.prepare(
            "SELECT id, name, began_seconds, elapsed_seconds, outcome, report FROM inspections
             WHERE id = ?1",
        )?;
        let row = statement.query_row([id], |row| {
            let report = if row.get_ref(5)? == ValueRef::Null { None } else { parsed(row, 5)? };
            Ok(Inspected { report, ..inspected(row)? })
        });
        Ok(row.optional()?)
    }

    /// Forgets incidents that ended before then, with their history.
    pub fn forget(&mut self, ended_before_seconds: f64) -> Result<usize, StoreError> {
        let count = self
            .connection
            .execute("DELETE FROM incidents WHERE ended_seconds < ?1", [ended_before_seconds])?;
        Ok(count)
    }
}

fn incident(row: &Row<'_>) -> rusqlite::Result<Incident> {
    Ok(Incident { id: row.get(0)?, ..parsed(row, 1)? })
}

/// What stands in the first five columns: all but the report.
fn inspected(row: &Row<'_>) -> rusqlite::Result<Inspected> {
    Ok(Inspected {
        id: row.get(0)?,
        name: row.get(1)?,
        began_seconds: row.get(2)?,
        elapsed_seconds: row.get(3)?,
        outcome: row.get(4)?,
        report: None,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::new(error),
        )
    })
}

#[expect(clippy::expect_used, reason = "keys are text, and numbers are finite or null")]
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data is JSON")
}

fn record(incident: &Incident) -> String {
    json(incident)
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Leak => "leak",
        Kind::Rule => "rule",
        Kind::Inspection => "inspection",
    }
}

#[cfg(test)]
mod tests;
