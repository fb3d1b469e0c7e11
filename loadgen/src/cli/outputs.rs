//! Flags for where results go, besides stdout.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::{Args, ValueEnum};

use crate::{
    Plan, Report,
    collector::Listener,
    output::{Csv, Failures, HdrLog, Metrics, OutputFile, parse_address},
};

/// What is written, and where to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Form of the report on stdout.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Write the report as JSON to this file, too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<String>,
    /// Write the report as a page that needs nothing else to this file, too.
    #[arg(long, value_name = "FILE")]
    pub html: Option<String>,
    /// Write a row a second to this file while the run goes on: counts, and percentiles of all
    /// three times.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<String>,
    /// Write an HDR log (format V2, nanoseconds) to this file while the run goes on: response times
    /// untagged, tags `service` and `lateness`. `loadgen report --merge` and HDR tools read it.
    #[arg(long, value_name = "FILE")]
    pub hdr_log: Option<String>,
    /// Serve metrics for Prometheus at `/metrics` while the run goes on: `127.0.0.1:9464`, or a port
    /// alone for loopback; port 0 takes any free one, which stderr names.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<String>,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A summary for people.
    Text,
    /// One JSON object, with every count.
    Json,
    /// A page that needs nothing else.
    Html,
}

impl Format {
    /// The report in this form, with a line end.
    #[expect(clippy::expect_used, reason = "every key is text and every number finite")]
    pub(super) fn render(self, report: &Report) -> String {
        match self {
            Self::Text => format!("{report}\n"),
            Self::Json => serde_json::to_string_pretty(report).expect("plain data") + "\n",
            Self::Html => report.html(),
        }
    }
}

/// Writes a result to stdout. Whoever reads it and has read enough (`| head`) is no reason to
/// complain.
pub(super) fn print(text: &str) -> Result<(), Vec<String>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(vec![format!("cannot write to stdout: {error}")])
        }
        _ => Ok(()),
    }
}

/// The files of a run, all open.
pub(super) struct Outputs {
    reports: Vec<(Format, OutputFile)>,
    failures: Failures,
}

impl OutputArgs {
    /// Opens all files and starts to serve, or says what cannot be.
    pub(super) fn open(
        &self,
        plan: &Plan,
        listeners: &mut Vec<Box<dyn Listener>>,
    ) -> Result<Outputs, Vec<String>> {
        self.refuse_one_file_for_two()?;
        let failures = Failures::default();
        let create = |path: &String| OutputFile::create(path, &failures);
        if let Some(file) = self.csv.as_ref().map(create) {
            listeners.push(Box::new(Csv::new(file)));
        }
        if let Some(file) = self.hdr_log.as_ref().map(create) {
            listeners.push(Box::new(HdrLog::new(file)));
        }
        let reports = [(Format::Json, &self.json), (Format::Html, &self.html)];
        let reports = reports
            .into_iter()
            .filter_map(|(format, path)| Some((format, create(path.as_ref()?))))
            .collect();
        let mut problems = failures.all();
        if let Some(text) = &self.metrics {
            match serve_metrics(text, plan) {
                Ok(metrics) => listeners.push(Box::new(metrics)),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Outputs { reports, failures }) } else { Err(problems) }
    }

    /// What two write is read by nobody.
    fn refuse_one_file_for_two(&self) -> Result<(), Vec<String>> {
        let files = [
            ("csv", &self.csv),
            ("hdr-log", &self.hdr_log),
            ("json", &self.json),
            ("html", &self.html),
        ];
        let mut taken = BTreeMap::new();
        for (name, path) in files.iter().filter_map(|(name, path)| Some((name, path.as_ref()?))) {
            let is_device = path.starts_with("/dev/");
            if let Some(before) = taken.insert(path, name).filter(|_| !is_device) {
                return Err(vec![format!(
                    "{name}: `{path}` is written by {before}: name another file"
                )]);
            }
        }
        Ok(())
    }
}

fn serve_metrics(text: &str, plan: &Plan) -> Result<Metrics, String> {
    let address = parse_address(text).map_err(|error| format!("metrics: `{text}` {error}"))?;
    let served = Metrics::serve(address, plan.rate_per_second());
    let (metrics, address) =
        served.map_err(|error| format!("metrics: cannot listen on {address}: {error}"))?;
    eprintln!("metrics on http://{address}/metrics");
    Ok(metrics)
}

impl Outputs {
    /// Writes the report to every file that was asked for; says what could not be written since the
    /// beginning.
    pub(super) fn finish(self, report: &Report) -> Result<(), Vec<String>> {
        for (format, mut file) in self.reports {
            file.write(&format.render(report));
        }
        match self.failures.all() {
            none if none.is_empty() => Ok(()),
            failures => Err(failures),
        }
    }
}
