//! Makes inspections when they are due: `detector inspect` as a process of its own, so that its
//! memory is given back and its end is certain. What it finds becomes incidents.

use std::collections::VecDeque;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::incident::{Figures, Kind, News, Report, Topic};
use super::settings::Inspection;
use super::shared::Shared;
use super::stop::Stop;
use super::store::Inspected;
use super::voice::narrate;

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
        let ran = self.run(stop);
        let (outcome, report, result) = match ran {
            Ok((report, true)) => (outcome(&report), Some(report), "made"),
            Ok((report, false)) => ("incomplete".to_owned(), Some(report), "incomplete"),
            Err(why) => {
                narrate!("inspection {name}: {why}");
                (why, None, "failed")
            }
        };
        if let Some(report) = &report {
            self.hand_on(report, result == "made", began_seconds);
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

    fn command(&self) -> std::io::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        // `detector watch`, or the same under another program's name.
        command.args(std::env::args_os().skip(1).take_while(|word| word != "watch"));
        let inspection = &self.inspection;
        command.arg("inspect").arg(&inspection.url).args(["--query", &inspection.query]);
        let limit = format!("{}s", inspection.time_limit.as_secs().max(1));
        command.args(["--time-limit", &limit, "--format", "json"]);
        for (flag, value) in &inspection.options {
            command.args([flag, value.as_str()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(command)
    }

    /// The report, and whether it is of all series that were asked for.
    fn run(&self, stop: &Stop) -> Result<(Value, bool), String> {
        let started = self.command().and_then(|mut command| command.spawn());
        let mut child = started.map_err(|error| format!("cannot be started: {error}"))?;
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

    /// Reports what is found and, if that is all there is, of what was found before and is not now
    /// that it is no more.
    fn hand_on(&self, report: &Value, complete: bool, at_seconds: f64) {
        let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<Report> =
            findings.iter().filter_map(|finding| self.report(finding, at_seconds)).collect();
        let open = self.shared.shelf.with(|store| store.open_incidents()).unwrap_or_default();
        let ours =
            open.into_iter().filter(|_| complete).map(|incident| incident.about).filter(|about| {
                about.kind == Kind::Inspection && about.target == self.inspection.name
            });
        let gone = ours.filter(|about| !found.iter().any(|report| report.about == *about));
        let gone: Vec<Report> = gone
            .map(|about| Report {
                about,
                news: News::Steady,
                at_seconds,
                evidence_since_seconds: 0.0,
                run_start_seconds: None,
                onset_seconds: None,
                severity: "notice",
                figures: Figures::default(),
                reason: "not among the leaks of the latest inspection".to_owned(),
            })
            .collect();
        for report in found.into_iter().chain(gone) {
            if self.reports.send(report).is_err() {
                return;
            }
        }
    }

    fn report(&self, finding: &Value, at_seconds: f64) -> Option<Report> {
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
        Some(Report {
            about: Topic {
                target: self.inspection.name.clone(),
                kind: Kind::Inspection,
                subject: labels(&finding["labels"]),
            },
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

/// As Prometheus writes them: `{instance="a",job="b"}`.
fn labels(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{{{}}}", pairs.join(","))
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
