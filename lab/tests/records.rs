//! The journal and the reports: what is written is read back, and what is read is rendered, the
//! same every time.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use detector::{Assessment, Observation, Signal, State};
use lab::drill::{self, Ending, FixStep, Shipped};
use lab::event::{Event, Flag, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict};
use lab::journal::{self, Header, Host, Journal, JournalError, Record, SCHEMA_VERSION, Writer};
use lab::proof::{Level, Proof};
use lab::report::{Report, html, junit, text};

const MIB: f64 = 1024.0 * 1024.0;

fn header() -> Header {
    Header {
        schema_version: SCHEMA_VERSION,
        leaklab_version: "0.0.0".to_owned(),
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        host: Host { system: "linux x86_64".to_owned(), kernel: "6.1".to_owned(), cpus: 2 },
    }
}

fn drill_record(name: &str) -> Record {
    let shipped = Shipped::find(name).expect("a shipped drill");
    let settings = drill::parse(&shipped.file(), shipped.text).expect("a valid drill");
    Record::Drill {
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        text: shipped.text.to_owned(),
        settings: Box::new(settings),
    }
}

fn event(t_seconds: f64, event: Event) -> Record {
    Record::Event { t_seconds, event }
}

fn sample(t_seconds: f64, heap_bytes: f64) -> Record {
    let signals = [(Signal::RssAnonBytes, heap_bytes + 2.0 * MIB), (Signal::HeapBytes, heap_bytes)];
    Record::Sample(Observation {
        t_seconds,
        start_seconds: Some(100.25),
        signals: signals.into(),
        requests_total: Some(t_seconds * 200.0),
        gauges: [("leak_cache_size_bytes".to_owned(), heap_bytes - MIB)].into(),
    })
}

fn held() -> BTreeMap<Signal, Option<f64>> {
    let memory = [Signal::HeapBytes, Signal::RssAnonBytes, Signal::RssBytes];
    memory.map(|signal| (signal, Some(26_214_400.0))).into()
}

fn truth() -> Truth {
    Truth {
        entries: 2560,
        held_bytes: 26_214_400,
        bytes_per_request: Some(10_240.0),
        failures: 0,
        capped: false,
        gauges: vec!["leak_cache_entries_total".to_owned(), "leak_cache_size_bytes".to_owned()],
        signals: held(),
    }
}

fn proof() -> Proof {
    Proof {
        growth_stopped: true,
        flagged: Some(Signal::RssAnonBytes),
        slope_before_per_second: Some(2.0 * MIB),
        slope_after_high_per_second: Some(0.01 * MIB),
        first_dose_requests: 2560,
        second_dose_requests: 2561,
        levels: vec![Level {
            signal: Signal::HeapBytes,
            baseline: Some(MIB),
            before_fix: Some(26.0 * MIB),
            now: Some(1.1 * MIB),
            second_dose_growth: Some(0.05 * MIB),
        }],
    }
}

/// A leak that went as expected.
fn passed() -> Vec<Record> {
    let mut records = vec![drill_record("cache")];
    records.extend((0..76).map(|second| {
        let leaked = if second <= 28 { f64::from((second - 15).max(0)) * 2.0 } else { 0.1 };
        sample(f64::from(second), (1.0 + leaked) * MIB)
    }));
    records.extend([
        event(
            0.2,
            Event::PhaseEnded { phase: Phase::Start, after_seconds: 0.2, note: String::new() },
        ),
        event(
            5.2,
            Event::PhaseEnded { phase: Phase::WarmUp, after_seconds: 5.0, note: String::new() },
        ),
        event(
            15.2,
            Event::PhaseEnded {
                phase: Phase::Baseline,
                after_seconds: 10.0,
                note: "silent".to_owned(),
            },
        ),
        event(15.2, Event::Injected { truth: truth() }),
        Record::Assessment(Assessment {
            t_seconds: 28.0,
            signal: Signal::RssAnonBytes,
            state: State::Leaking,
            slope_per_second: Some(2.0 * MIB),
            slope_low: Some(1.9 * MIB),
            slope_high: Some(2.1 * MIB),
            cause: Some("leak_cache_entries_total".to_owned()),
            reason: "grows".to_owned(),
            onset_seconds: Some(15.2),
            eta_seconds: None,
            bytes_per_entry: Some(10_200.0),
            bytes_per_request: Some(10_200.0),
        }),
        event(
            28.0,
            Event::Flagged(Flag {
                signal: Signal::RssAnonBytes,
                after_seconds: 12.8,
                cause: Some("leak_cache_entries_total".to_owned()),
                cause_is_right: true,
                slope_per_second: Some(2.0 * MIB),
                per_request: Some(10_200.0),
                reason: "grows".to_owned(),
            }),
        ),
        event(
            28.1,
            Event::PhaseEnded {
                phase: Phase::Detect,
                after_seconds: 12.9,
                note: "flagged".to_owned(),
            },
        ),
        event(
            28.1,
            Event::Fixed {
                steps: vec![FixStep::Disable, FixStep::Clear],
                before: truth(),
                after: Truth::default(),
            },
        ),
        event(75.0, Event::Ended { ending: Ending::Recovered, after_seconds: 46.9 }),
        event(75.0, Event::Proved(proof())),
        event(
            75.1,
            Event::PhaseEnded {
                phase: Phase::Verify,
                after_seconds: 47.0,
                note: "recovered".to_owned(),
            },
        ),
        event(
            75.1,
            Event::LoadEnded(LoadSummary {
                sent: 15_000,
                completed: 15_000,
                ..LoadSummary::default()
            }),
        ),
        event(75.2, Event::RolledBack { problem: None }),
        Record::GroundTruth(GroundTruth {
            onset_seconds: Some(15.2),
            fixed_seconds: Some(28.1),
            requests: Some(2558),
            entries: Some(2560),
            held_bytes: Some(26_214_400),
            bytes_per_request: Some(10_240.0),
            signals: held(),
        }),
        Record::Verdict(Verdict { status: Status::Passed, reasons: Vec::new() }),
    ]);
    records
}

/// A decoy that was flagged, and a drill that was cut off.
fn failed_and_cut_off() -> Vec<Record> {
    let reason =
        "false flag on heap_bytes in the phase `detect`: grows <fast> & \"steadily\"".to_owned();
    vec![
        drill_record("bounded_cache"),
        sample(1.0, MIB),
        sample(21.0, 3.0 * MIB),
        event(15.0, Event::Injected { truth: Truth::default() }),
        event(
            20.0,
            Event::FalseFlag {
                phase: Phase::Detect,
                signal: Signal::HeapBytes,
                reason: "grows".to_owned(),
            },
        ),
        Record::GroundTruth(GroundTruth { onset_seconds: Some(15.0), ..GroundTruth::default() }),
        Record::Verdict(Verdict { status: Status::Failed, reasons: vec![reason] }),
        drill_record("slow_fill"),
        sample(1.0, MIB),
    ]
}

fn write(directory: &Path, records: &[Record]) -> PathBuf {
    let path = directory.join("run.jsonl");
    let lines = [Record::Header(header())]
        .iter()
        .chain(records)
        .map(|record| serde_json::to_string(record).expect("a record is JSON") + "\n")
        .collect::<String>();
    fs::write(&path, lines).expect("a writable folder");
    path
}

fn read(records: &[Record]) -> Journal {
    let directory = tempfile::tempdir().expect("a folder");
    journal::read(&write(directory.path(), records)).expect("a good journal")
}

#[test]
fn what_is_written_is_read_back() {
    let journal = read(&passed());
    assert_eq!(journal.header, header());
    let [drill] = journal.drills.as_slice() else { panic!("one drill") };
    let Some(Record::Drill { settings, .. }) = passed().into_iter().next() else {
        panic!("a drill")
    };
    assert_eq!(drill.drill, *settings);
    for record in passed().into_iter().skip(1) {
        let is_there = match record {
            Record::Sample(sample) => drill.samples.contains(&sample),
            Record::Assessment(assessment) => drill.assessments.contains(&assessment),
            Record::Event { t_seconds, event } => drill.events.contains(&(t_seconds, event)),
            Record::GroundTruth(truth) => drill.ground_truth == truth,
            Record::Verdict(verdict) => drill.verdict == Some(verdict),
            _ => false,
        };
        assert!(is_there);
    }
}

#[test]
fn a_writer_begins_with_a_header_and_never_overwrites_a_journal() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("new/folder/run.jsonl");
    let mut writer = Writer::create(&path).expect("a new journal");
    writer.write(&drill_record("cache")).expect("a line");
    // Without closing it: every line is on its way as soon as it is written.
    let journal = journal::read(&path).expect("a journal");
    assert_eq!((journal.drills.len(), journal.torn), (1, false));
    assert!(Writer::create(&path).is_err());
}

#[test]
fn a_torn_last_line_is_noted_and_all_before_it_is_read() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = write(directory.path(), &passed());
    let mut file = OpenOptions::new().append(true).open(&path).expect("the journal");
    file.write_all(b"{\"kind\":\"sample\",\"t_sec").expect("half a line");
    let journal = journal::read(&path).expect("a journal");
    assert!(journal.torn);
    assert_eq!(journal.drills[0].samples.len(), 76);
    assert!(text(&Report::of(&journal)).contains("last line is cut off"));
}

#[test]
fn what_is_no_journal_is_refused_with_its_place() {
    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("x.jsonl");
    let refused = |text: &str| {
        fs::write(&path, text).expect("a writable folder");
        journal::read(&path).expect_err("no journal").to_string()
    };
    let header = serde_json::to_string(&Record::Header(header())).expect("JSON");
    let later = header.replace("\"schema_version\":2", "\"schema_version\":9");
    let name = path.display();
    assert!(refused("").contains("no header"));
    assert!(refused("{}\n").contains("no header"));
    assert!(refused(&format!("{later}\n")).contains("schema_version 9, and this leaklab reads 2"));
    assert_eq!(
        refused(&format!("{header}\nnonsense\n")),
        format!("{name}:2: not a line of a journal")
    );
    let stray = serde_json::to_string(&sample(1.0, MIB)).expect("JSON");
    assert_eq!(refused(&format!("{header}\n{stray}\n")), format!("{name}:2: belongs to no drill"));
    let missing = journal::read(Path::new("no/such.jsonl")).expect_err("no file");
    assert!(matches!(missing, JournalError::Unreadable { .. }));
}

/// Compares with `tests/snapshots/NAME`; `UPDATE_SNAPSHOTS=1` writes it instead.
fn assert_snapshot(name: &str, rendered: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, rendered).expect("a writable snapshot");
    }
    let expected = fs::read_to_string(&path).expect("a snapshot");
    assert_eq!(
        rendered, expected,
        "differs from {name}; if that is meant, run with UPDATE_SNAPSHOTS=1"
    );
}

fn mixed() -> Journal {
    read(&[passed(), failed_and_cut_off()].concat())
}

#[test]
fn the_text_report_is_as_it_was() {
    assert_snapshot("report.txt", &text(&Report::of(&mixed())));
}

#[test]
fn the_json_report_is_as_it_was() {
    assert_snapshot("report.json", &Report::of(&mixed()).json().expect("JSON"));
}

#[test]
fn the_junit_report_is_as_it_was() {
    assert_snapshot("report.xml", &junit(&Report::of(&mixed())));
}

#[test]
fn the_page_marks_every_moment_and_needs_nothing_from_elsewhere() {
    let journal = mixed();
    let page = html(&Report::of(&journal), &journal);
    for mark in
        ["injected 15.2s", "flagged 28.0s", "fixed 28.1s", "recovered 75.0s", "false flag 20.0s"]
    {
        assert!(page.contains(mark), "{mark} is not marked");
    }
    for part in [
        "growth stopped",
        "heap back",
        "second dose",
        "20MiB",
        "50s",
        "resident, anonymous",
        "heap in use",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    for foreign in ["http:", "https:", "<script", "url(", "@import", "src="] {
        assert!(!page.contains(foreign), "{foreign} needs something from elsewhere");
    }
    assert!(page.contains("&lt;fast&gt; &amp; &quot;steadily&quot;"), "text is escaped");
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn a_journal_without_samples_still_makes_a_report() {
    let journal = read(&[drill_record("cache")]);
    let report = Report::of(&journal);
    assert!(!report.all_as_expected);
    assert!(text(&report).contains("cut off"));
    assert!(html(&report, &journal).contains("cut off"));
}
