//! The shards of one run, added up to the run that they are parts of. Histograms add up count by
//! count, so the percentiles are those that one generator would have recorded.

use std::collections::BTreeSet;

use crate::{
    control::Counts,
    failure::ErrorKind,
    recording::{Recording, STATUS_CLASSES},
    report::{Distribution, Histograms, Report, TimelineCell},
    schedule::ScheduleHash,
    threshold::Evidence,
    timeline::{Cell, Timeline},
};

/// Why reports are no parts of one run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MergeError {
    #[error("there is nothing to merge")]
    Nothing,
    #[error("{0} and {1} differ in `{2}`: they are no parts of one run")]
    Differ(String, String, &'static str),
    #[error("{0} and {1} are the same shard, {2}")]
    Twice(String, String, String),
}

/// The whole that these named reports are parts of, or every reason why there is none. A shard that
/// is missing makes it invalid.
pub(crate) fn merge(parts: &[(String, Report)]) -> Result<Report, Vec<MergeError>> {
    let Some(((first_name, first), others)) = parts.split_first() else {
        return Err(vec![MergeError::Nothing]);
    };
    let mut errors = Vec::new();
    for (name, other) in others {
        let difference = |key| MergeError::Differ(first_name.clone(), name.clone(), key);
        errors.extend(differences(first, other).into_iter().map(difference));
    }
    for (index, (name, part)) in parts.iter().enumerate() {
        let same = |(_, other): &&(String, Report)| other.shard_index == part.shard_index;
        if let Some((earlier, _)) = parts[..index].iter().find(same) {
            let shard = format!("{}/{}", part.shard_index, part.shard_count);
            errors.push(MergeError::Twice(earlier.clone(), name.clone(), shard));
        }
    }
    if errors.is_empty() { Ok(whole(first, parts)) } else { Err(errors) }
}

fn differences(one: &Report, other: &Report) -> Vec<&'static str> {
    let rate = |report: &Report| report.rate_asked_per_second.map(f64::to_bits);
    let checks = [
        ("target", one.target == other.target),
        ("model", one.model == other.model),
        ("seed", one.seed == other.seed),
        ("duration_seconds", one.duration_seconds.total_cmp(&other.duration_seconds).is_eq()),
        ("timeout_seconds", one.timeout_seconds.total_cmp(&other.timeout_seconds).is_eq()),
        ("shard_count", one.shard_count == other.shard_count),
        ("rate_asked_per_second", rate(one) == rate(other)),
    ];
    checks.into_iter().filter_map(|(key, same)| (!same).then_some(key)).collect()
}

fn whole(first: &Report, parts: &[(String, Report)]) -> Report {
    let mut whole = first.clone();
    for (_, part) in &parts[1..] {
        add(&mut whole, part);
    }
    whole.invalid_reasons = parts
        .iter()
        .flat_map(|(name, part)| {
            part.invalid_reasons.iter().map(move |why| format!("{name}: {why}"))
        })
        .collect();
    let there: BTreeSet<_> = parts.iter().map(|(_, part)| part.shard_index).collect();
    if let Some(missing) = (0..first.shard_count).find(|index| !there.contains(index)) {
        let (count, parts) = (first.shard_count, there.len());
        let reason = format!("{parts} of {count} shards are there; {missing}/{count} is missing");
        whole.invalid_reasons.push(reason);
    } else {
        (whole.shard_index, whole.shard_count) = (0, 1);
    }
    whole.valid = whole.invalid_reasons.is_empty();
    let shard = format!(" as shard {}/{}", first.shard_index, first.shard_count);
    whole.load = format!("{} parts of: {}", parts.len(), first.load.replace(&shard, ""));
    whole.timeline = timeline(parts);
    derive(&mut whole);
    whole
}

/// What adds up.
fn add(whole: &mut Report, part: &Report) {
    whole.connections += part.connections;
    whole.elapsed_seconds = whole.elapsed_seconds.max(part.elapsed_seconds);
    whole.interrupted |= part.interrupted;
    whole.stop_reason = whole.stop_reason.take().or_else(|| part.stop_reason.clone());
    let more = part.thresholds.iter();
    let more = more.filter(|one| !first_has(&whole.thresholds, one)).cloned().collect::<Vec<_>>();
    whole.thresholds.extend(more);
    whole.schedule_hash = ScheduleHash::sum(&whole.schedule_hash, &part.schedule_hash);
    whole.requests_planned += part.requests_planned;
    whole.requests_sent += part.requests_sent;
    whole.requests_completed += part.requests_completed;
    whole.errors_total += part.errors_total;
    for (kind, count) in &part.errors {
        *whole.errors.entry(kind.clone()).or_default() += count;
    }
    for (class, count) in &part.replies {
        *whole.replies.entry(class.clone()).or_default() += count;
    }
    whole.requests_aborted += part.requests_aborted;
    whole.arrivals_dropped += part.arrivals_dropped;
    whole.requests_abandoned += part.requests_abandoned;
    let rates = whole.rate_asked_per_second.zip(part.rate_asked_per_second);
    whole.rate_asked_per_second = rates.map(|(one, other)| one + other);
    whole.rate_sent_per_second += part.rate_sent_per_second;
    whole.bytes_received += part.bytes_received;
    let mut times = whole.histograms.times();
    times.add(&part.histograms.times());
    whole.histograms = Histograms::from(&times);
}

fn first_has(known: &[crate::Judgement], one: &crate::Judgement) -> bool {
    known.iter().any(|other| other.threshold == one.threshold)
}

/// What follows from what was added up.
fn derive(whole: &mut Report) {
    let times = whole.histograms.times();
    whole.response_time_seconds = Distribution::of(&times.response);
    whole.service_time_seconds = Distribution::of(&times.service);
    whole.lateness_seconds = Distribution::of(&times.lateness);
    let recording = Recording {
        counts: Counts {
            planned: whole.requests_planned,
            sent: whole.requests_sent,
            completed: whole.requests_completed,
            errors: whole.errors_total,
            aborted: whole.requests_aborted,
        },
        errors: ErrorKind::ALL.map(|kind| whole.errors.get(kind.name()).copied().unwrap_or(0)),
        replies: STATUS_CLASSES.map(|class| whole.replies.get(class).copied().unwrap_or(0)),
        dropped: whole.arrivals_dropped,
        unsent: 0,
        last_sent_nanos: 0,
        bytes_received: whole.bytes_received,
        times,
    };
    let sent = whole.requests_sent as f64;
    let evidence = Evidence {
        recording: &recording,
        sending_seconds: if sent > 0.0 { sent / whole.rate_sent_per_second } else { 0.0 },
        elapsed_seconds: whole.elapsed_seconds,
    };
    let judge = |one: &crate::Judgement| one.threshold.judge(evidence);
    whole.thresholds = whole.thresholds.iter().map(judge).collect();
}

/// The timelines of all parts in one, in cells as long as the longest of any part.
fn timeline(parts: &[(String, Report)]) -> Vec<TimelineCell> {
    let timelines =
        parts.iter().map(|(_, part)| Timeline::of(part.timeline.iter().map(Cell::from)));
    let whole = timelines.reduce(Timeline::alongside).unwrap_or_else(Timeline::new);
    whole.cells().map(|cell| TimelineCell::from(&cell)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{PlanOptions, collector::Results, report::Ending, schedule::Shard};

    /// The report on requests, each of a second and a response time, that one of `count` shards
    /// sent.
    fn report(requests: &[(u64, u64)], index: u64, count: u64) -> Report {
        let mut options = PlanOptions::new("http://host/", "10/s", Duration::from_mins(10));
        options.shard = Shard::new(index, count).expect("a shard");
        options.goals.thresholds = vec!["p99<1ms".parse().expect("a threshold")];
        let plan = options.check().expect("a valid plan");
        let mut results =
            Results { total: Recording::new().expect("valid bounds"), timeline: Timeline::new() };
        let mut hash = ScheduleHash::default();
        for second in 0..600 {
            let mut recording = Recording::<u64>::new().expect("valid bounds");
            for (_, nanos) in requests.iter().filter(|(of, _)| *of == second) {
                recording.counts.planned += 1;
                recording.counts.completed += 1;
                recording.times.response.saturating_record(*nanos);
                hash.add(*nanos, second);
            }
            if recording.counts.planned > 0 {
                let span = (second * 1_000_000_000, (second + 1) * 1_000_000_000);
                let cell = Cell::new(span, &recording, 1).expect("valid bounds");
                results.timeline.push(&cell);
                results.total.add(&recording);
            }
        }
        let ending = Ending {
            paced: 600_000_000_000,
            done: 600_000_000_000,
            stop: None,
            processor_share: 0.0,
        };
        Report::new(&plan, &results, ending, hash)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        // However the requests are dealt out, the parts add up to the report on all of them.
        #[test]
        fn parts_add_up_to_the_whole(
            requests in prop::collection::vec((0_u64..600, 1_000_u64..10_000_000_000, 0_u64..3), 1..100),
        ) {
            let dealt = |to: Option<u64>| -> Vec<_> {
                let mine = requests.iter().filter(|(.., shard)| to.is_none_or(|to| to == *shard));
                mine.map(|(second, nanos, _)| (*second, *nanos)).collect()
            };
            let whole = report(&dealt(None), 0, 1);
            let parts: Vec<_> =
                (0..3).map(|n| (n.to_string(), report(&dealt(Some(n)), n, 3))).collect();
            let merged = merge(&parts).expect("parts of one run");
            prop_assert_eq!(merged.response_time_seconds, whole.response_time_seconds);
            prop_assert_eq!(&merged.histograms, &whole.histograms);
            prop_assert_eq!(&merged.thresholds, &whole.thresholds);
            prop_assert_eq!(&merged.schedule_hash, &whole.schedule_hash);
            prop_assert_eq!(merged.requests_completed, whole.requests_completed);
            prop_assert!(merged.valid && merged.shard_count == 1, "{}", merged);
            let counts = |report: &Report| -> u64 {
                report.timeline.iter().map(|cell| cell.response_histogram.0.len()).sum()
            };
            prop_assert_eq!(counts(&merged), counts(&whole));
            prop_assert!(merged.timeline.len() <= 240, "{}", merged.timeline.len());
        }
    }

    #[test]
    fn a_missing_shard_makes_the_whole_invalid() {
        let part = |n: u64| (format!("{n}.json"), report(&[(n, 5_000)], n, 3));
        let merged = merge(&[part(0), part(2)]).expect("parts of one run");
        assert_eq!(merged.invalid_reasons, ["2 of 3 shards are there; 1/3 is missing"]);
        assert!(!merged.valid);
    }

    #[test]
    fn what_is_no_part_of_the_run_is_refused_with_every_reason() {
        let part = |n: u64, count| (format!("{n}.json"), report(&[(n, 5_000)], n, count));
        let mut other = part(1, 2);
        other.1.seed = 7;
        other.1.target = "http://elsewhere/".to_owned();
        other.1.rate_asked_per_second = Some(7.0);
        let named = |key| MergeError::Differ("0.json".to_owned(), "1.json".to_owned(), key);
        let errors = merge(&[part(0, 3), other]).expect_err("other runs");
        let keys = ["target", "seed", "shard_count", "rate_asked_per_second"];
        assert_eq!(errors, keys.map(named));
        let twice = merge(&[part(0, 3), part(0, 3)]).expect_err("twice").remove(0).to_string();
        assert_eq!(twice, "0.json and 0.json are the same shard, 0/3");
        assert_eq!(merge(&[]).expect_err("nothing"), [MergeError::Nothing]);
    }
}
