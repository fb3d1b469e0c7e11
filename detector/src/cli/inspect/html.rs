//! The report of an inspection as one page that needs nothing else: no script, no font, no request.

use std::fmt::Write;

use super::text::{facts, headline, labels, remarks};
use crate::cli::units::level;
use crate::inspect::{Curve, Finding, Inspection, instant};

const STYLE: &str = include_str!("page.css");

/// Size of a chart, in pixels.
const CHART: (f64, f64) = (640.0, 140.0);

/// The page.
pub fn page(inspection: &Inspection) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>Inspection, {}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{} of {} leak</h1>\n<p>{}</p>\n",
        instant(inspection.to_seconds),
        inspection.counts.leaking,
        inspection.counts.total(),
        escaped(&headline(inspection)),
    );
    for remark in remarks(inspection) {
        let _ = writeln!(page, "<p class=\"remark\">{}</p>", escaped(&remark));
    }
    for (number, finding) in inspection.findings.iter().enumerate() {
        page.push_str(&card(inspection, number + 1, finding));
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn card(inspection: &Inspection, number: usize, finding: &Finding) -> String {
    let severity = finding.severity.name();
    let mut card = format!(
        "<section id=\"finding-{number}\">\n<h2>{number}. <span class=\"{severity}\">{severity}</span> {}</h2>\n{}<dl>\n",
        escaped(&labels(finding)),
        chart(inspection, finding),
    );
    for (what, fact) in facts(inspection, finding) {
        // Writing to a string cannot fail.
        let _ = writeln!(card, "<dt>{what}</dt><dd>{}</dd>", escaped(&fact));
    }
    card.push_str("</dl>\n</section>\n");
    card
}

/// The curve from zero, with the onset marked.
fn chart(inspection: &Inspection, finding: &Finding) -> String {
    let (width, height) = CHART;
    let (from, to) = (inspection.from_seconds, inspection.to_seconds);
    let top = finding
        .curve
        .points()
        .iter()
        .map(|point| point.1)
        .fold(0.0, f64::max)
        .max(f64::MIN_POSITIVE);
    let x = |t_seconds: f64| (t_seconds - from) / (to - from) * width;
    let y = |value: f64| height - value / top * (height - 16.0);
    let onset = finding.assessment.onset_seconds.map(|at| {
        format!(
            "<line class=\"onset\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"0\" y2=\"{height}\"/>",
            x(at)
        )
    });
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{0} over time\">{1}<polyline points=\"{2}\"/>\
         <text x=\"4\" y=\"12\">{3}</text></svg>\n",
        inspection.signal,
        onset.unwrap_or_default(),
        points(&finding.curve, x, y),
        escaped(&level(inspection.signal, top)),
    )
}

fn points(curve: &Curve, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let points = curve.points().iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)));
    points.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Inspector;
    use crate::source::{RangeSeries, Sample};
    use crate::{Settings, Signal};

    #[test]
    fn a_card_has_the_curve_and_the_onset_and_labels_cannot_break_out() {
        let mut inspector = Inspector::new(Signal::RssBytes, Settings::default());
        inspector.take(
            &RangeSeries {
                metric: [("instance".to_owned(), "<script>".to_owned())].into(),
                values: (0..720)
                    .map(|k| Sample(f64::from(k) * 30.0, 1e8 + f64::from(k) * 1e5))
                    .collect(),
                value: None,
            },
            &[],
        );
        let page = page(&Inspection {
            schema_version: 1,
            query: "m".to_owned(),
            signal: Signal::RssBytes,
            from_seconds: 0.0,
            to_seconds: 21_600.0,
            shard: None,
            incomplete: vec!["<b>host c has no series".to_owned()],
            notes: Vec::new(),
            filters: Vec::new(),
            counts: inspector.counts,
            samples: inspector.samples,
            elapsed_seconds: 1.0,
            judges: 1,
            judging_seconds: 1.0,
            findings: inspector.findings,
            steady: Vec::new(),
            unsure: Vec::new(),
        });
        for wanted in [
            "<h1>1 of 1 leak</h1>",
            "<polyline points=\"0.0,",
            "class=\"onset\"",
            "&lt;script&gt;",
            "INCOMPLETE: &lt;b&gt;host",
        ] {
            assert!(page.contains(wanted), "{wanted}: {page}");
        }
        assert!(!page.contains("<script>"));
    }
}
