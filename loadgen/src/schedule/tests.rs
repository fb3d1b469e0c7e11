use proptest::prelude::*;

use super::*;
use crate::plan::Rate;

fn constant(rate: &str, millis: u64) -> Profile {
    Profile::constant(rate.parse::<Rate>().expect(rate), Duration::from_millis(millis))
}

fn timetable(profile: Profile, arrivals: Arrivals, seed: u64) -> Timetable {
    Timetable { profile, arrivals, burst: 1, on_off: None, seed }
}

fn schedule(rate: &str, arrivals: Arrivals, seed: u64, millis: u64) -> Schedule {
    timetable(constant(rate, millis), arrivals, seed).schedule()
}

fn hash(arrivals: impl Iterator<Item = (u64, u64)>) -> ScheduleHash {
    let mut hash = ScheduleHash::default();
    hash.extend(arrivals);
    hash
}

fn any_arrivals() -> impl Strategy<Value = Arrivals> {
    prop::sample::select(vec![Arrivals::Constant, Arrivals::Poisson])
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let unit = prop::sample::select(vec!["s", "m"]);
    let flat = (1_u64..20_000, unit, 1_u64..3000)
        .prop_map(|(count, unit, millis)| constant(&format!("{count}/{unit}"), millis));
    // Lengths and rates with zeros among them: steps, pauses, and ramps from and to nothing.
    let length = prop_oneof![Just(0.0), 0.0..0.5_f64];
    let rate = prop_oneof![Just(0.0), 0.0..10_000.0_f64];
    let curve = (0.0..10_000.0_f64, prop::collection::vec((length, rate), 1..8)).prop_map(
        |(first, rest)| {
            let mut points = vec![CurvePoint { t_seconds: 0.0, rate_per_second: first }];
            for (length, rate_per_second) in rest {
                let before = points.last().map_or(0.0, |point| point.t_seconds);
                points.push(CurvePoint { t_seconds: before + length, rate_per_second });
            }
            Profile::curve(points)
        },
    );
    prop_oneof![flat, curve]
}

fn any_timetable() -> impl Strategy<Value = Timetable> {
    let on_off = prop_oneof![Just(None), Just(Some("30ms/50ms")), Just(Some("100ms/1ms"))];
    (any_profile(), any_arrivals(), 1_u32..20, on_off, any::<u64>()).prop_map(
        |(profile, arrivals, burst, on_off, seed)| {
            let on_off = on_off.map(|text| text.parse().expect(text));
            Timetable { profile, arrivals, burst, on_off, seed }
        },
    )
}

proptest! {
    // Instants never fall and all lie before the end.
    #[test]
    fn instants_are_in_order_and_before_the_end(timetable in any_timetable()) {
        let end = nanos(timetable.profile.duration());
        let instants: Vec<_> = timetable.schedule().collect();
        prop_assert!(instants.is_sorted());
        prop_assert!(instants.iter().all(|instant| *instant < end));
    }

    // The n-th constant arrival is n units / count to the nanosecond, however late.
    #[test]
    fn constant_arrivals_do_not_drift(count in 1_u64..20_000, millis in 1_u64..3000) {
        let instants: Vec<_> =
            schedule(&format!("{count}/s"), Arrivals::Constant, 0, millis).collect();
        let exact = |n: usize| (n as u128 * 1_000_000_000 / u128::from(count)) as u64;
        prop_assert!(instants.iter().enumerate().all(|(n, instant)| *instant == exact(n)));
        prop_assert_eq!(instants.len() as u64, (millis * count).div_ceil(1000));
    }

    // What is said to come comes: to the last one where nothing is random, and else within six
    // standard deviations, passed once in 10^9 draws. The variance of a Poisson count is its
    // mean; groups multiply both.
    #[test]
    fn the_expected_count_comes(profile in any_profile(), arrivals in any_arrivals(), seed: u64,
        burst in 1_u32..20)
    {
        let timetable = Timetable { burst, ..timetable(profile, arrivals, seed) };
        let (expected, count) = (timetable.expected(), timetable.schedule().count() as u64);
        match arrivals {
            Arrivals::Constant => prop_assert_eq!(count, expected),
            Arrivals::Poisson => {
                let groups = expected as f64 / f64::from(burst);
                let most = (6.0 * groups.sqrt() + 12.0) * f64::from(burst);
                prop_assert!((count.abs_diff(expected) as f64) < most, "{count} for {expected}");
            }
        }
    }

    // Up to every instant, evenly spread arrivals are at most one away from the area below the
    // rate.
    #[test]
    fn constant_arrivals_follow_the_curve(first in 0.0..5000.0_f64, last in 1.0..5000.0_f64) {
        let points = [(0.0, first), (2.0, last)]
            .map(|(t_seconds, rate_per_second)| CurvePoint { t_seconds, rate_per_second });
        let profile = Profile::curve(points);
        for (n, instant) in timetable(profile, Arrivals::Constant, 0).schedule().enumerate() {
            let t = instant as f64 / 1e9;
            let area = first * t + (last - first) * t * t / 4.0;
            prop_assert!((area - n as f64).abs() < 1e-3, "{n} at {t}: {area}");
        }
    }

    // Shards take every arrival once, with its number, and their hashes add up.
    #[test]
    fn the_shards_together_are_the_whole(timetable in any_timetable(), count in 1_u64..9) {
        let whole: Vec<_> = timetable.schedule().of_shard(Shard::WHOLE).collect();
        let (mut parts, mut sum) = (Vec::new(), ScheduleHash::default());
        for index in 0..count {
            let shard = Shard::new(index, count).expect("a shard");
            let part: Vec<_> = timetable.schedule().of_shard(shard).collect();
            prop_assert!(part.len().abs_diff(whole.len() / count as usize) <= 1);
            sum.merge(hash(part.iter().copied()));
            parts.extend(part);
        }
        parts.sort_unstable();
        prop_assert_eq!(sum, hash(whole.iter().copied()));
        prop_assert_eq!(parts, whole);
    }

    // Same seed, same schedule; another seed, another one.
    #[test]
    fn the_seed_decides_a_poisson_schedule(seed: u64) {
        let of = |seed| {
            hash(schedule("1000/s", Arrivals::Poisson, seed, 1000).of_shard(Shard::WHOLE))
        };
        prop_assert_eq!(of(seed), of(seed));
        prop_assert_ne!(of(seed), of(seed.wrapping_add(1)));
    }

    // Arrivals of a group come together, and groups keep the rate.
    #[test]
    fn bursts_come_in_groups_at_the_same_mean_rate(burst in 1_u32..50, seed: u64) {
        let whole = timetable(constant("5000/s", 1000), Arrivals::Poisson, seed);
        let instants: Vec<_> = Timetable { burst, ..whole }.schedule().collect();
        prop_assert!(instants.chunks(burst as usize).all(|group| group[0] == group[group.len() - 1]));
        prop_assert_eq!(instants.len() % burst as usize, 0);
    }
}

#[test]
fn poisson_gaps_are_exponential() {
    let instants: Vec<_> = schedule("1000/s", Arrivals::Poisson, 7, 100_000).collect();
    let gaps: Vec<_> = instants.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    for mean_gaps in [0.1_f64, 0.5, 1.0, 2.0, 4.0] {
        let share = 1.0 - (-mean_gaps).exp();
        let below = gaps.iter().filter(|gap| **gap < mean_gaps * 1e6).count();
        let measured = below as f64 / gaps.len() as f64;
        assert!((measured - share).abs() < 0.01, "{measured} of gaps below {mean_gaps}");
    }
}

#[test]
fn nobody_arrives_while_it_is_off() {
    let timetable = Timetable {
        on_off: Some("100ms/100ms".parse().expect("a pattern")),
        ..timetable(constant("1000/s", 60_000), Arrivals::Constant, 3)
    };
    let instants: Vec<_> = timetable.schedule().collect();
    let share = instants.len() as f64 / 60_000.0;
    assert!((share - 0.5).abs() < 0.03, "{share}");
    let silences = instants.windows(2).filter(|pair| pair[1] - pair[0] > 50_000_000).count();
    assert!((280..320).contains(&silences), "{silences} silences of about 300");
}

#[test]
fn an_ended_schedule_stays_ended() {
    for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
        let mut schedule = schedule("10/s", arrivals, 0, 1000);
        assert!(schedule.by_ref().count() > 0);
        assert_eq!((schedule.next(), schedule.next()), (None, None));
    }
}
