//! A list of labels, `labels.csv`: one line of truth for each trace of a folder.

use std::collections::BTreeMap;
use std::path::Path;

use detector::Signal;

use super::read::ReadError;
use super::truth::{Leaked, Truth};

/// The family of what a list of labels calls no leak.
pub const NO_LEAK: &str = "no_leak";

/// The labels by the name of the trace; none if there is no such file.
///
/// Columns that are read: `name`, `label` (`no_leak` or what begins with `leak`), `leak_onset_s`,
/// `recovery_s`, `resource` (`memory` or `fd`).
pub fn read(path: &Path) -> Result<BTreeMap<String, Truth>, ReadError> {
    if is_trace(path) {
        return Ok(BTreeMap::new());
    }
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let bad = |what: String| ReadError::Labels { path: path.to_owned(), what };
    let mut rows = csv::Reader::from_path(path).map_err(|error| bad(error.to_string()))?;
    let head = rows.headers().map_err(|error| bad(error.to_string()))?.clone();
    let column = |name: &str| {
        let found = head.iter().position(|column| column == name);
        found.ok_or_else(|| bad(format!("no column `{name}`")))
    };
    let (name, label) = (column("name")?, column("label")?);
    let (onset, recovery) = (column("leak_onset_s")?, column("recovery_s")?);
    let resource = column("resource")?;
    let mut truths = BTreeMap::new();
    for (index, row) in rows.records().enumerate() {
        let row = row.map_err(|error| bad(error.to_string()))?;
        let line = index + 2;
        let number = |column: usize, what: &str| match &row[column] {
            "" => Ok(None),
            cell => cell
                .parse::<f64>()
                .map(Some)
                .map_err(|_| bad(format!("line {line}: {what} is `{cell}`, expected seconds"))),
        };
        let leaks = match &row[label] {
            NO_LEAK => false,
            label if label.starts_with("leak") => true,
            other => return Err(bad(format!("line {line}: unknown label `{other}`"))),
        };
        let signals = match &row[resource] {
            "memory" => vec![Signal::RssAnonBytes, Signal::RssBytes, Signal::HeapBytes],
            "fd" => vec![Signal::Fds],
            // What does not leak shows on nothing, whatever it is of.
            _ if !leaks => Vec::new(),
            other => {
                let what = format!("unknown resource `{other}`; expected memory or fd");
                return Err(bad(format!("line {line}: {what}")));
            }
        };
        let onset_seconds = number(onset, "leak_onset_s")?.unwrap_or(0.0);
        let fixed_seconds = number(recovery, "recovery_s")?;
        let leak = Leaked { signals, onset_seconds, fixed_seconds, ..Leaked::default() };
        let truth = Truth {
            family: row[label].to_owned(),
            leak: leaks.then_some(leak),
            ..Truth::default()
        };
        truths.insert(row[name].to_owned(), truth);
    }
    Ok(truths)
}

/// Whether a file of that name is a trace, such as that of the leak `labels`: it has a truth of its own.
pub fn is_trace(path: &Path) -> bool {
    path.with_file_name("labels.truth.yaml").exists()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::corpus::read::folder;

    #[test]
    fn labels_tell_what_leaks_and_a_bad_one_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let head = "name,label,leak_onset_s,recovery_s,resource\n";
        let put = |rows: &str| fs::write(dir.path().join("labels.csv"), [head, rows].concat());
        fs::write(dir.path().join("a.csv"), "t_seconds,fds\n0,5\n1,6\n").unwrap();
        put("a,leak_then_recovered,1,9,fd\n").unwrap();
        let leak = folder(dir.path(), false).unwrap().remove(0).truth.leak.unwrap();
        assert_eq!((leak.onset_seconds, leak.fixed_seconds), (1.0, Some(9.0)));
        assert_eq!(leak.signals, [Signal::Fds]);
        put("a,perhaps,1,9,fd\n").unwrap();
        let refused = folder(dir.path(), false).unwrap_err().to_string();
        assert!(refused.contains("line 2: unknown label `perhaps`"), "{refused}");
        put("a,leak,1,,thread\n").unwrap();
        let refused = folder(dir.path(), false).unwrap_err().to_string();
        assert!(refused.contains("line 2: unknown resource `thread`"), "{refused}");
        put("a,no_leak,,,thread\n").unwrap();
        assert_eq!(folder(dir.path(), false).unwrap().remove(0).truth.leak, None);
    }

    #[test]
    fn a_trace_may_be_called_labels_if_it_has_a_truth_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let truth = "schema_version: 1\nfamily: labels\nlabel: no_leak\n";
        for name in ["a", "labels"] {
            fs::write(dir.path().join(format!("{name}.csv")), "t_seconds,fds\n0,5\n1,6\n").unwrap();
            fs::write(dir.path().join(format!("{name}.truth.yaml")), truth).unwrap();
        }
        let names: Vec<_> =
            folder(dir.path(), false).unwrap().into_iter().map(|t| t.name).collect();
        assert_eq!(names, ["a", "labels"]);
    }
}
