//! What a game day injects: a function of seed and level.
//!
//! Sizes are made for a gentle load (tens of requests a second) and a limit of 256 MiB, so that a leak
//! shows within a minute and kills within the hour.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::corpus::Half;
use crate::corpus::draw::Draw;

/// How hard it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// One leak, on the heap, from the start
    Easy,
    /// Any leak, late or slow, two at once, beside a decoy, or a decoy alone
    Hard,
}

impl Level {
    /// The name in flags and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Hard => "hard",
        }
    }
}

/// One thing that is switched on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Injection {
    /// The leak or decoy.
    pub name: &'static str,
    /// Whether it is a leak.
    pub is_leak: bool,
    /// Its controls, as the body of `POST /admin/leaks/{name}`.
    pub controls: Map<String, Value>,
}

/// Leaks that every heap profile shows.
const ON_THE_HEAP: [&str; 8] =
    ["cache", "listeners", "history", "queue", "sessions", "slices", "capacity", "cycles"];

/// Leaks that take something else, or hide from heap profiles.
const ELSEWHERE: [&str; 8] =
    ["native", "mappings", "tasks", "timers", "thread_locals", "files", "threads", "connections"];

/// Of these, leaks that take much more than their entry: a tenth of the requests is enough.
const COSTLY: [&str; 3] = ["files", "threads", "connections"];

/// Decoys, each with the setting that makes it move within minutes.
const DECOYS: [(&str, &str, Setting); 6] = [
    ("bounded_cache", "max_entries", Setting::Number(3000)),
    ("expiring_cache", "time_to_live", Setting::Text("60s")),
    ("warm_up", "keys", Setting::Number(2000)),
    ("sawtooth", "period", Setting::Text("45s")),
    ("fragmentation", "documents", Setting::Number(600)),
    ("batch", "period", Setting::Text("60s")),
];

/// The control of what begins late.
const START_AFTER: &str = "start_after";

#[derive(Clone, Copy)]
enum Setting {
    Number(u64),
    Text(&'static str),
}

/// What is switched on, for this seed and level.
pub fn draw(seed: u64, level: Level) -> Vec<Injection> {
    // Both halves of the parameters are for people here; one is as good as the other.
    let mut draw = Draw::new(seed, Half::Tune, "game day", level as u64);
    match level {
        Level::Easy => {
            let name = draw.one_of(ON_THE_HEAP);
            vec![leak(name, &mut draw)]
        }
        Level::Hard => match draw.one_of([0, 1, 2, 3]) {
            0 => vec![decoy(&mut draw)],
            1 => vec![any_leak(&mut draw), decoy(&mut draw)],
            2 => two_leaks(&mut draw),
            _ => vec![late_or_slow(&mut draw)],
        },
    }
}

/// What is to be switched on when so much of the day has passed: nothing waits twice.
pub fn due(injected: Vec<Injection>, elapsed: Duration) -> Vec<Injection> {
    let sooner = |mut injected: Injection| {
        if let Some(wait) = injected.controls.get_mut(START_AFTER) {
            let whole = wait.as_str().and_then(|wait| humantime::parse_duration(wait).ok());
            let left = whole.unwrap_or_default().saturating_sub(elapsed);
            *wait = json!(humantime::format_duration(left).to_string());
        }
        injected
    };
    injected.into_iter().map(sooner).collect()
}

fn any_leak(draw: &mut Draw) -> Injection {
    let name = if draw.chance(0.5) { draw.one_of(ON_THE_HEAP) } else { draw.one_of(ELSEWHERE) };
    leak(name, draw)
}

fn two_leaks(draw: &mut Draw) -> Vec<Injection> {
    let (first, second) = (draw.one_of(ON_THE_HEAP), draw.one_of(ELSEWHERE));
    vec![leak(first, draw), leak(second, draw)]
}

fn late_or_slow(draw: &mut Draw) -> Injection {
    let mut late = any_leak(draw);
    if draw.chance(0.5) {
        let seconds = draw.one_of([60, 120, 240]);
        late.controls.insert(START_AFTER.to_owned(), json!(format!("{seconds}s")));
    } else {
        let share = if COSTLY.contains(&late.name) { 0.02 } else { 0.1 };
        late.controls.insert("share".to_owned(), json!(share));
    }
    late
}

fn leak(name: &'static str, draw: &mut Draw) -> Injection {
    let kib: u64 = draw.one_of([4, 6, 8, 12, 16, 24]);
    let mut controls = Map::new();
    controls.insert("enabled".to_owned(), json!(true));
    controls.insert("bytes_per_request".to_owned(), json!(format!("{kib}KiB")));
    if COSTLY.contains(&name) {
        controls.insert("share".to_owned(), json!(0.1));
    }
    Injection { name, is_leak: true, controls }
}

fn decoy(draw: &mut Draw) -> Injection {
    let (name, setting, value) = draw.one_of(DECOYS);
    let mut controls = Map::new();
    controls.insert("enabled".to_owned(), json!(true));
    let value = match value {
        Setting::Number(number) => json!(number),
        Setting::Text(text) => json!(text),
    };
    controls.insert(setting.to_owned(), value);
    Injection { name, is_leak: false, controls }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use leaky_service::controls::{Change, Controls};
    use leaky_service::pattern::Role;

    use super::*;

    /// Enough that each branch of a draw is taken many times.
    const SEEDS: std::ops::Range<u64> = 0..400;

    #[test]
    fn the_same_seed_is_the_same_day() {
        for level in [Level::Easy, Level::Hard] {
            for seed in SEEDS {
                assert_eq!(draw(seed, level), draw(seed, level));
            }
        }
    }

    #[test]
    fn the_service_takes_every_scenario() {
        let known: Vec<_> = leaky_service::leaks::all().collect();
        let names: BTreeSet<_> = ON_THE_HEAP.iter().chain(&ELSEWHERE).copied().collect();
        for name in names.into_iter().chain(DECOYS.map(|(name, ..)| name)) {
            let facts = known.iter().find(|facts| facts.name == name).expect("it is known");
            assert!(facts.unclearable.is_none(), "{name} would outlast the day");
            assert_eq!(facts.role == Role::Leak, DECOYS.iter().all(|(decoy, ..)| *decoy != name));
        }
        for level in [Level::Easy, Level::Hard] {
            for injected in SEEDS.flat_map(|seed| draw(seed, level)) {
                let facts = known.iter().find(|facts| facts.name == injected.name);
                let change = Change::parse(facts.expect("it is known"), &injected.controls);
                let changed = change.and_then(|change| Controls::off(10_240).changed(&change));
                assert!(changed.is_ok_and(|controls| controls.enabled), "{injected:?}");
            }
        }
    }

    #[test]
    fn what_is_late_waits_for_what_is_left_of_its_time() {
        let days = SEEDS.map(|seed| draw(seed, Level::Hard));
        let late = days.filter(|day| day[0].controls.contains_key(START_AFTER));
        let day = late.into_iter().next().expect("one of so many is late");
        let at = |seconds| {
            let due = due(day.clone(), Duration::from_secs(seconds));
            let wait = due[0].controls[START_AFTER].as_str().expect("a text").to_owned();
            humantime::parse_duration(&wait).expect("a duration").as_secs()
        };
        assert_eq!(at(10), at(0) - 10);
        assert_eq!(at(9999), 0);
    }

    #[test]
    fn easy_days_have_one_leak_and_hard_days_every_kind() {
        assert!(
            SEEDS.map(|seed| draw(seed, Level::Easy)).all(|day| day.len() == 1 && day[0].is_leak)
        );
        let kinds: BTreeSet<_> = SEEDS
            .map(|seed| draw(seed, Level::Hard))
            .map(|day| (day.len(), day.iter().filter(|injected| injected.is_leak).count()))
            .collect();
        assert_eq!(kinds, BTreeSet::from([(1, 0), (1, 1), (2, 1), (2, 2)]));
    }
}
