//! Makes inspections when they are due: `detector inspect` as a process of its own, so that its
//! memory is given back and its end is certain. What it finds becomes incidents.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::incident::{Figures, Kind, News, Report, Topic};
use super::settings::Inspection;
use super::shared::Shared;
use super::stop::Stop;
use super::store::Inspected;
use super::voice::narrate;
use crate::inspect::subject;
use crate::source::Labels;

/// It ends itself within its time limit; after so much more it is ended.
const GRACE: Duration = Duration::from_secs(30);

/// How often it is asked whether it has ended.
const ASKED_EVERY: Duration = Duration::from_millis(200);

/// Most records that wait for the database; the oldest make room.
const MOST_UNRECORDED: usize = 10;

/// How often what waits is tried again.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// The exit code of one that did not come to its end.
const COULD_NOT_RUN: i32 = 2;

/// Longest report that is read; one of ten thousand leaks has half of it.
const LONGEST_REPORT_BYTES: u64 = 64 << 20;

/// A thread that makes one inspection again and again.
#[derive(Debug)]
pub struct Inspector {
    stop: Stop,
    thread: thread::JoinHandle<()>,
}

impl Inspector {
    /// Waits for its time.
    pub fn start(
        inspection: Inspection,
        shared: Shared,
        reports: SyncSender<Report>,
    ) -> std::io::Result<Self> {
        let stop = Stop::default();
        let told = stop.clone();
        let builder = thread::Builder::new().name("inspect".to_owned());
        let thread = builder.spawn(move || {
            let mut making = Making { inspection, shared, reports, unrecorded: VecDeque::new() };
            loop {
                let due = making.until_due();
                let waits = if making.unrecorded.is_empty() { due } else { due.min(TRIED_EVERY) };
                if told.wait(waits) {
                    break;
                }
                if waits == due {
                    making.make(&told);
                }
                making.record();
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Ends, and with it what is being made.
    pub fn end(self) {
        self.stop.tell();
        let _ = self.thread.join();
    }
}

struct Making {
    inspection: Inspection,
    shared: Shared,
    reports: SyncSender<Report>,
    /// Made while the database could not be written.
    unrecorded: VecDeque<Inspected>,
}

impl Making {
    fn until_due(&self) -> Duration {
        let now = Duration::try_from_secs_f64(self.shared.clock.now_seconds()).unwrap_or_default();
        let due = self.inspection.cron.next_after(now);
        // Every expression that is accepted is due some time.
        due.map_or(Duration::MAX, |due| due.saturating_sub(now))
    }

    fn make(&mut self, stop: &Stop) {
        let name = &self.inspection.name;
        let (began, began_seconds) = (Instant::now(), self.shared.clock.now_seconds());
        let asked_after = self.open();
        let ran = self.run(&asked_after, stop);
        let (outcome, report, result) = match ran {
            Ok((report, true)) => (outcome(&report), Some(report), "made"),
            Ok((report, false)) => ("incomplete".to_owned(), Some(report), "incomplete"),
            Err(why) => {
                narrate!("inspection {name}: {why}");
                (why, None, "failed")
            }
        };
        if let Some(report) = &report {
            self.hand_on(report, &asked_after, result == "made", began_seconds);
        }
        *self.shared.facts().inspections.entry((name.clone(), result)).or_default() += 1;
        let made = Inspected {
            id: 0,
            name: name.clone(),
            began_seconds,
            elapsed_seconds: began.elapsed().as_secs_f64(),
            outcome,
            report,
        };
        if self.unrecorded.len() == MOST_UNRECORDED {
            self.unrecorded.pop_front();
        }
        self.unrecorded.push_back(made);
    }

    /// Writes what is not written yet, in order. What is wrong with the database stands in its health.
    fn record(&mut self) {
        while let Some(made) = self.unrecorded.front() {
            if self.shared.shelf.with(|store| store.record_inspection(made)).is_err() {
                break;
            }
            self.unrecorded.pop_front();
        }
    }

    fn command(&self) -> Command {
        // Also where an upgrade has put another one in its place.
        let mut command = Command::new("/proc/self/exe");
        // `detector watch`, or the same under another program's name.
        command.args(std::env::args_os().skip(1).take_while(|word| word != "watch"));
        let inspection = &self.inspection;
        command.arg("inspect").arg(&inspection.url).args(["--query", &inspection.query]);
        let limit = format!("{}s", inspection.time_limit.as_secs().max(1));
        command.args(["--time-limit", &limit, "--format", "json"]);
        for (flag, value) in &inspection.options {
            command.args([flag, value.as_str()]);
        }
        command.args(["--ask-after", "/dev/stdin"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The report, and whether it is of all series that were asked for.
    fn run(&self, asked_after: &[String], stop: &Stop) -> Result<(Value, bool), String> {
        let started = self.command().spawn();
        let mut child = started.map_err(|error| format!("cannot be started: {error}"))?;
        write(child.stdin.take(), asked_after.to_vec());
        let (out, errors) = (reader(child.stdout.take()), reader(child.stderr.take()));
        let ended = self.wait(&mut child, stop);
        let (out, errors) = (text(out), text(errors));
        let complete = ended?.code() != Some(COULD_NOT_RUN);
        serde_json::from_str(&out).map(|report| (report, complete)).map_err(|_| {
            let last = errors.lines().last().unwrap_or("it says nothing");
            last.trim_start_matches("error: ").to_owned()
        })
    }

    fn wait(&self, child: &mut Child, stop: &Stop) -> Result<ExitStatus, String> {
        let deadline = Instant::now() + self.inspection.time_limit + GRACE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) => return Err(format!("cannot be waited for: {error}")),
            }
            let why = if stop.wait(ASKED_EVERY) {
                "the watch ended"
            } else if Instant::now() >= deadline {
                "did not end in time"
            } else {
                continue;
            };
            // It may have ended by itself in the meantime.
            let _ = child.kill();
            let _ = child.wait();
            return Err(why.to_owned());
        }
    }

    /// The series of its open incidents: it is asked after these.
    fn open(&self) -> Vec<String> {
        let open = self.shared.shelf.with(|store| store.open_incidents()).unwrap_or_default();
        let abouts = open.into_iter().map(|incident| incident.about);
        let ours = abouts
            .filter(|about| about.kind == Kind::Inspection && about.target == self.inspection.name);
        ours.map(|about| about.subject).collect()
    }

    fn hand_on(&self, report: &Value, asked_after: &[String], complete: bool, at_seconds: f64) {
        let name = &self.inspection.name;
        for report in reports(name, report, asked_after, complete, at_seconds) {
            if self.reports.send(report).is_err() {
                return;
            }
        }
    }
}

/// What is found and, if nothing is missing, which of the series that were asked after are steady or gone. One that is
/// undecided or suspect says nothing.
fn reports(
    name: &str,
    report: &Value,
    asked_after: &[String],
    complete: bool,
    at_seconds: f64,
) -> Vec<Report> {
    let list = |key: &str| report[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = list("findings").iter().filter_map(|finding| found(name, finding, at_seconds));
    let mut reports: Vec<Report> = found.collect();
    let names = |key: &str, subject: &String| list(key).iter().any(|named| named == subject);
    for subject in asked_after.iter().filter(|_| complete) {
        let about = about(name, subject.clone());
        let is_found = reports.iter().any(|report| report.about == about);
        let (news, reason) = if names("steady", subject) {
            (News::Steady, "steady in the latest inspection")
        } else if is_found || names("unsure", subject) {
            continue;
        } else {
            (News::Unwatched, "not among the series of the latest inspection")
        };
        reports.push(Report {
            about,
            news,
            at_seconds,
            evidence_since_seconds: 0.0,
            run_start_seconds: None,
            onset_seconds: None,
            severity: "notice",
            figures: Figures::default(),
            reason: reason.to_owned(),
        });
    }
    reports
}

fn found(name: &str, finding: &Value, at_seconds: f64) -> Option<Report> {
    let news = match finding["state"].as_str()? {
        "leaking" => News::Leaking,
        "growth_stopped" => News::GrowthStopped,
        "recovered" => News::Recovered,
        _ => return None,
    };
    let number = |name: &str| finding[name].as_f64();
    let signal = finding["signal"].as_str()?;
    let unit = match signal {
        "memory_used_percent" => "percent",
        signal if signal.ends_with("_bytes") => "bytes",
        counted => counted,
    };
    let labels = Labels::deserialize(&finding["labels"]).ok()?;
    Some(Report {
        about: about(name, subject(&labels)),
        news,
        at_seconds,
        evidence_since_seconds: 0.0,
        run_start_seconds: None,
        onset_seconds: number("onset_seconds"),
        severity: match finding["severity"].as_str() {
            Some("critical") => "critical",
            Some("warning") => "warning",
            _ => "notice",
        },
        figures: Figures {
            unit: unit.to_owned(),
            level: number("latest"),
            slope_per_second: number("slope_per_second"),
            eta_seconds: number("eta_seconds"),
            ..Figures::default()
        },
        reason: finding["reason"].as_str().unwrap_or_default().to_owned(),
    })
}

fn about(inspection: &str, subject: String) -> Topic {
    Topic { target: inspection.to_owned(), kind: Kind::Inspection, subject }
}

fn outcome(report: &Value) -> String {
    let count = |state: &str| report["counts"][state].as_u64().unwrap_or(0);
    let outcome = if count("leaking") + count("growth_stopped") + count("recovered") > 0 {
        "leaks"
    } else if count("steady") > 0 {
        "no_leak"
    } else {
        "undecided"
    };
    outcome.to_owned()
}

/// What is not read ends when the reader does.
fn write(pipe: Option<impl Write + Send + 'static>, lines: Vec<String>) {
    thread::spawn(move || {
        let _ = pipe.map(|mut pipe| pipe.write_all((lines.join("\n") + "\n").as_bytes()));
    });
}

/// A thread of its own for each pipe, lest the other one fill.
fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        // What cannot be read to its end is no report, which is then said.
        let _ = pipe.map(|pipe| pipe.take(LONGEST_REPORT_BYTES).read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn text(reader: thread::JoinHandle<String>) -> String {
    reader.join().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::incident::{Happened, step};
    use super::*;

    #[test]
    fn an_incident_ends_only_when_its_series_is_known_to_be_steady() {
        let labels = json!({"instance": "a\"b", "job": "api"});
        let finding = json!({"labels": labels, "signal": "rss_bytes", "state": "leaking"});
        let found = reports("hosts", &json!({ "findings": [finding] }), &[], true, 100.0);
        let (incident, happened) = step(None, &found[0]).expect("a leak");
        assert_eq!(happened, Happened::Opened);
        assert_eq!(incident.about.subject, r#"{instance="a\"b",job="api"}"#);
        let asked_after = [incident.about.subject.clone()];
        let after =
            |report: &Value, complete| reports("hosts", report, &asked_after, complete, 200.0);
        assert_eq!(after(&json!({"unsure": asked_after}), true), []);
        // Where it is steady, or nobody has it any more.
        for ended in [json!({"steady": asked_after}), json!({"findings": []})] {
            assert_eq!(after(&ended, false), [], "not all was looked at");
            let (_, happened) = step(Some(&incident), &after(&ended, true)[0]).expect("an end");
            assert_eq!(happened, Happened::Withdrawn);
        }
    }
}
