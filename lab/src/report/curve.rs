//! The curves of a drill: what is drawn, thinned to what a picture can show.

use detector::{Observation, Signal};

use crate::event::{Event, Phase};
use crate::journal::DrillJournal;

/// Points per curve; a picture has no more columns than that.
const MOST_POINTS: usize = 900;

/// A line in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// What it is, for the legend.
    pub label: &'static str,
    /// Its style in the page.
    pub class: &'static str,
    /// Seconds and bytes.
    pub points: Vec<(f64, f64)>,
}

/// A moment in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub seconds: f64,
    pub label: String,
    pub class: &'static str,
}

/// A stretch in the picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Band {
    pub phase: Phase,
    pub from: f64,
    pub to: f64,
}

/// The curves that the journal has points for.
pub(super) fn curves(journal: &DrillJournal) -> Vec<Curve> {
    let signal = |signal| move |look: &Observation| look.signals.get(&signal).copied();
    let held = held_gauge(journal);
    let gauge = |look: &Observation| look.gauges.get(held.as_ref()?).copied();
    let curves = [
        Curve {
            label: "resident, anonymous",
            class: "rss",
            points: points(journal, signal(Signal::RssAnonBytes)),
        },
        Curve {
            label: "heap in use",
            class: "heap",
            points: points(journal, signal(Signal::HeapBytes)),
        },
        Curve {
            label: "held by the target (truth)",
            class: "truth",
            points: points(journal, gauge),
        },
    ];
    curves.into_iter().filter(|curve| curve.points.len() > 1).collect()
}

/// The gauge with which the service says how many bytes the target holds.
fn held_gauge(journal: &DrillJournal) -> Option<String> {
    let gauges = journal.events.iter().find_map(|(_, event)| match event {
        Event::Injected { truth } => Some(&truth.gauges),
        _ => None,
    })?;
    gauges.iter().find(|gauge| gauge.ends_with("_bytes")).cloned()
}

fn points(journal: &DrillJournal, value: impl Fn(&Observation) -> Option<f64>) -> Vec<(f64, f64)> {
    let stride = journal.samples.len().div_ceil(MOST_POINTS).max(1);
    let looks = journal.samples.iter().step_by(stride);
    looks.filter_map(|look| Some((look.t_seconds, value(look)?))).collect()
}

/// The moments of injection, flag, fix and end.
pub(super) fn marks(journal: &DrillJournal) -> Vec<Mark> {
    let truth = &journal.ground_truth;
    let mut marks = Vec::new();
    let mut mark =
        |seconds, label: &str, class| marks.push(Mark { seconds, label: label.to_owned(), class });
    for (t, event) in &journal.events {
        match event {
            Event::Injected { .. } => {
                mark(truth.onset_seconds.unwrap_or(*t), "injected", "injected");
            }
            Event::Flagged(_) => mark(*t, "flagged", "flagged"),
            Event::FalseFlag { .. } => mark(*t, "false flag", "flagged"),
            Event::Fixed { .. } => mark(truth.fixed_seconds.unwrap_or(*t), "fixed", "fixed"),
            Event::Ended { ending, .. } => mark(*t, &ending.name().replace('_', " "), "ended"),
            _ => {}
        }
    }
    marks
}

/// The phases that lasted long enough to be seen.
pub(super) fn bands(journal: &DrillJournal) -> Vec<Band> {
    let ends = journal.events.iter().filter_map(|(t, event)| match event {
        Event::PhaseEnded { phase, after_seconds, .. } => {
            Some(Band { phase: *phase, from: t - after_seconds, to: *t })
        }
        _ => None,
    });
    ends.filter(|band| !matches!(band.phase, Phase::Start | Phase::RollBack)).collect()
}
