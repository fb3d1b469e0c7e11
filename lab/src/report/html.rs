//! The report as one page that needs nothing else: no script, no font, no request.

use std::fmt::Write;

use detector::Signal;

use super::chart::chart;
use super::junit::escape;
use super::{DrillReport, Report};
use crate::drill::Ending;
use crate::event::{Status, is_counted};
use crate::journal::Journal;
use crate::quantity::{amount, bytes, exact_amount, seconds};

const STYLE: &str = include_str!("page.css");
const ABSENT: &str = "\u{2013}";

/// The page for a journal and its report.
pub fn html(report: &Report, journal: &Journal) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>leaklab drill, {date}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{headline}</h1>\n<p class=\"soft\">leaklab drill, {date}</p>\n",
        headline = headline(report),
        date = escape(&report.started_at),
    );
    page.push_str(&tiles(report));
    page.push_str(&table(report));
    for (drill, recorded) in report.drills.iter().zip(&journal.drills) {
        page.push_str(&card(drill, &chart(recorded)));
    }
    page.push_str(&footer(report));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn headline(report: &Report) -> String {
    let (passed, all) = (report.passed(), report.drills.len());
    if report.all_as_expected {
        format!("{all} of {all} drills went as expected")
    } else {
        format!("{} of {all} drills did not go as expected", all - passed)
    }
}

fn tiles(report: &Report) -> String {
    let longest = |value: fn(&DrillReport) -> Option<f64>| {
        report.drills.iter().filter_map(value).reduce(f64::max)
    };
    let recovered = |drill: &DrillReport| {
        drill.ending_after_seconds.filter(|_| drill.ending == Some(Ending::Recovered))
    };
    let false_flags: usize = report.drills.iter().map(|drill| drill.false_flags).sum();
    let told = |value: Option<f64>| value.map_or_else(|| ABSENT.to_owned(), seconds);
    let class = |good: bool| if good { "good" } else { "bad" };
    let tile = |class: &str, number: String, label: &str| {
        format!("<div class=\"tile {class}\"><b>{number}</b>{label}</div>\n")
    };
    [
        "<div class=\"tiles\">\n".to_owned(),
        tile(
            class(report.all_as_expected),
            format!("{}/{}", report.passed(), report.drills.len()),
            "as expected",
        ),
        tile(
            "",
            told(longest(|drill| drill.flagged_after_seconds)),
            "slowest flag, from the injection",
        ),
        tile("", told(longest(recovered)), "slowest recovery, from the fix"),
        tile(class(false_flags == 0), false_flags.to_string(), "false flags"),
        "</div>\n".to_owned(),
    ]
    .concat()
}

fn table(report: &Report) -> String {
    let mut out = "<div class=\"card scroll\"><table>\n<tr><th>drill</th><th>verdict</th><th class=\"number\">flagged after</th>\
        <th>on</th><th>cause</th><th>ended</th><th class=\"number\">after</th><th class=\"number\">per request</th>\
        <th class=\"number\">measured</th></tr>\n"
        .to_owned();
    for drill in &report.drills {
        let or_absent = |text: Option<String>| text.unwrap_or_else(|| ABSENT.to_owned());
        let name = escape(&drill.name);
        let signal = drill.flagged_on.unwrap_or(Signal::HeapBytes);
        let per_request = |value| exact_amount(signal, value);
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#{name}\">{name}</a></td><td>{}</td><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td></tr>",
            pill(drill),
            or_absent(drill.flagged_after_seconds.map(seconds)),
            or_absent(drill.flagged_on.map(|signal| signal.name().to_owned())),
            or_absent(drill.cause.as_ref().map(|cause| format!("<code>{}</code>", escape(cause)))),
            or_absent(drill.ending.map(|ending| ending.name().replace('_', " "))),
            or_absent(drill.ending_after_seconds.map(seconds)),
            or_absent(drill.per_request_true.map(per_request)),
            or_absent(drill.per_request_measured.map(per_request)),
        );
    }
    out + "</table></div>\n"
}

fn pill(drill: &DrillReport) -> String {
    let class = match drill.status {
        Some(Status::Passed) => "passed",
        Some(Status::Failed) => "failed",
        _ => "unsure",
    };
    format!("<span class=\"pill {class}\">{}</span>", drill.verdict())
}

fn card(drill: &DrillReport, chart: &str) -> String {
    let name = escape(&drill.name);
    format!(
        "<section class=\"card\" id=\"{name}\">\n<div class=\"head\"><h2>{}</h2>{}</div>\n\
         <p class=\"hypothesis\">{}</p>\n{}{chart}{}<p class=\"facts\">{}</p>\n</section>\n",
        escape(&drill.title),
        pill(drill),
        escape(&drill.hypothesis),
        reasons(drill),
        proof(drill),
        facts(drill),
    )
}

fn reasons(drill: &DrillReport) -> String {
    if drill.reasons.is_empty() {
        return String::new();
    }
    let items: Vec<_> = drill.reasons.iter().map(|reason| escape(reason)).collect();
    format!("<ul class=\"reasons\">\n<li>{}</li>\n</ul>\n", items.join("</li>\n<li>"))
}

fn proof(drill: &DrillReport) -> String {
    let Some(proof) = &drill.proof else { return String::new() };
    let checks = proof.checks().into_iter().map(|check| {
        let class = if drill.is_open(&check) { " class=\"open\"" } else { "" };
        let mark = match (check.holds, drill.is_open(&check)) {
            (true, _) => "\u{2713}",
            (false, true) => "\u{2717}",
            (false, false) => ABSENT,
        };
        format!("<div{class}><b>{} {}</b>{}</div>\n", mark, check.name, escape(&check.numbers))
    });
    format!("<div class=\"proof\">\n{}</div>\n", checks.collect::<String>())
}

fn facts(drill: &DrillReport) -> String {
    let mut facts = vec![format!("Expected: {}.", escape(&drill.expected))];
    if let Some(load) = &drill.load {
        facts.push(format!(
            "Load: {} requests sent, {} answered, {} failed.",
            load.sent, load.completed, load.errors
        ));
    }
    if let Some(held) = drill.ground_truth.held_bytes {
        let when = if drill.ground_truth.fixed_seconds.is_some() {
            "just before the fix"
        } else {
            "at the end"
        };
        let counted = drill.ground_truth.signals.iter().filter(|(signal, _)| is_counted(**signal));
        let counted = counted.filter_map(|(signal, held)| Some(amount(*signal, (*held)?)));
        let held: Vec<_> = counted.chain([bytes(held as f64)]).collect();
        facts.push(format!("The target held {} {when}.", held.join(" and ")));
    }
    facts.join(" ")
}

fn footer(report: &Report) -> String {
    let torn = if report.journal_is_torn {
        " The journal ends in the middle of a line: the run was cut off."
    } else {
        ""
    };
    format!(
        "<footer>leaklab {} on {}, kernel {}, {} processors. Everything is read from outside the process; the dotted curve is \
         what the service itself says of the target.{torn}</footer>\n",
        escape(&report.leaklab_version),
        escape(&report.host.system),
        escape(&report.host.kernel),
        report.host.cpus,
    )
}
