//! `loadgen report`: earlier runs, rendered again, compared, or merged.

use clap::Args;

use super::{
    FINDING, INVALID, exit_code,
    outputs::{Format, print},
};
use crate::{
    archive::{Archive, Log},
    compare::Comparison,
    merge::merge,
    report::{Report, TimesReport},
};

/// Render an earlier run again, compare two, or merge the shards of one.
///
/// A run is a file written by `--json` or `--hdr-log`. Of two files the first is before, the second
/// after; a difference counts when it is beyond the noise within both runs.
///
/// Exit codes: 0 done, and nothing got worse; 1 something got worse, or the merged run did not keep
/// a condition; 2 a file cannot be used; 3 the runs are too short to tell, or the run is invalid.
/// 130 a part of the merged run was interrupted.
///
/// Examples:
/// `loadgen report run.json --format html > run.html`
/// `loadgen report before.json after.json`
/// `loadgen report --merge shard-*.json --format json > run.json`
#[derive(Debug, Clone, Args)]
#[command(verbatim_doc_comment)]
pub struct ReportArgs {
    /// Files of runs; one to render, two to compare, any number to merge.
    #[arg(required = true)]
    pub runs: Vec<String>,
    /// Add the runs up, as the shards of one; percentiles are those of all requests together.
    #[arg(long)]
    pub merge: bool,
    /// Form of the result on stdout.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Carries the command out; says the exit code.
pub(super) fn execute(args: &ReportArgs) -> Result<u8, Vec<String>> {
    let archives = read(&args.runs)?;
    match (&archives[..], args.merge) {
        ([(before, a), (after, b)], false) => compare((before, a), (after, b), args.format),
        ([_], false) | (_, true) => render(archives, args),
        _ => Err(vec!["more than two runs can be merged (`--merge`), but not compared".to_owned()]),
    }
}

/// All files, or every problem with them.
fn read(paths: &[String]) -> Result<Vec<(String, Archive)>, Vec<String>> {
    let (mut archives, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        match Archive::read(path) {
            Ok(archive) => archives.push((path.clone(), archive)),
            Err(error) => problems.push(format!("`{path}` {error}")),
        }
    }
    if problems.is_empty() { Ok(archives) } else { Err(problems) }
}

fn compare(
    before: (&String, &Archive),
    after: (&String, &Archive),
    format: Format,
) -> Result<u8, Vec<String>> {
    let comparison = Comparison::new((before.0, before.1), (after.0, after.1));
    match format {
        Format::Text => print(&format!("{comparison}\n"))?,
        Format::Json => print_json(&comparison)?,
        Format::Html => return Err(vec!["a comparison has no page: ask for text or json".into()]),
    }
    Ok(match &comparison {
        worse if worse.is_worse() => FINDING,
        undecided if undecided.is_undecided() => INVALID,
        _ => 0,
    })
}

/// One run, or the sum of several.
fn render(archives: Vec<(String, Archive)>, args: &ReportArgs) -> Result<u8, Vec<String>> {
    let (mut reports, mut logs) = (Vec::new(), Vec::new());
    for (path, archive) in archives {
        match archive {
            Archive::Report(report) => reports.push((path, *report)),
            Archive::Log(log) => logs.push(*log),
        }
    }
    match (reports.len(), logs.len()) {
        (_, 0) => render_reports(&reports, args),
        (0, _) => render_logs(&logs, args.format),
        _ => Err(vec!["JSON reports and HDR logs cannot be merged with each other".to_owned()]),
    }
}

fn render_reports(reports: &[(String, Report)], args: &ReportArgs) -> Result<u8, Vec<String>> {
    let report = match reports {
        [(_, report)] => report.clone(),
        parts => {
            let lines = |errors: Vec<_>| errors.iter().map(ToString::to_string).collect::<Vec<_>>();
            merge(parts).map_err(lines)?
        }
    };
    print(&args.format.render(&report))?;
    Ok(match &report {
        // Nobody has judged the whole before.
        merged if args.merge => exit_code(merged),
        again if again.valid => 0,
        _ => INVALID,
    })
}

fn render_logs(logs: &[Log], format: Format) -> Result<u8, Vec<String>> {
    let mut times = logs[0].times.clone();
    logs[1..].iter().for_each(|log| times.add(&log.times));
    let times = TimesReport::from(&times);
    match format {
        Format::Text => print(&format!("{times}\n"))?,
        Format::Json => print_json(&times)?,
        Format::Html => {
            return Err(vec!["an HDR log has no page: give the JSON of the run".into()]);
        }
    }
    Ok(0)
}

#[expect(clippy::expect_used, reason = "every key is text")]
fn print_json(value: &impl serde::Serialize) -> Result<(), Vec<String>> {
    print(&(serde_json::to_string_pretty(value).expect("plain data") + "\n"))
}
