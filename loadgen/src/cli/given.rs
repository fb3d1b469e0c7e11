//! What was said and does not count, because something else was said: of a value that has a default
//! the plan cannot tell, but who said it must not be left to believe that it counts.

use std::time::Duration;

use super::settings::OF_ONE_REQUEST;
use crate::{PlanOptions, Problems};

/// Everything that was given and does not agree with what else was. `is_given` says of an option
/// whether anybody set it.
pub(super) fn contradictions(options: &PlanOptions, is_given: impl Fn(&str) -> bool) -> Problems {
    let mut problems = Problems::default();
    if let Some(users) = options.users.filter(|_| is_given("connections")) {
        let users = options.users_here(users);
        let taken = users.div_ceil(options.streams.max(1));
        if options.connections != taken {
            let what = format!("{users} users take {taken}, one each: leave it out");
            let what = if options.streams > 1 { what.replace(", one each", "") } else { what };
            problems.push("connections", what);
        }
    }
    for name in ["pace", "max-lateness"] {
        if options.users.is_some() && is_given(name) {
            problems.push(name, "is of a schedule, and users ask when they have their replies");
        }
    }
    if let Some(length) = own_length(options).filter(|_| is_given("duration"))
        && options.duration != length
    {
        let length = humantime::format_duration(length);
        let what = format!("the load that is given takes {length} by itself: leave it out");
        problems.push("duration", what);
    }
    for name in OF_ONE_REQUEST.into_iter().filter(|name| is_given(name)) {
        if options.requests.len() > 1 {
            problems.push(name, "is of a single request, and there is a mix of them");
        }
    }
    problems
}

/// How long stages or a curve take.
fn own_length(options: &PlanOptions) -> Option<Duration> {
    let PlanOptions { stages, curve, .. } = options;
    let of_curve = curve.as_ref().and_then(|points| points.last());
    let of_curve =
        of_curve.map(|last| Duration::try_from_secs_f64(last.t_seconds).unwrap_or(Duration::MAX));
    let of_stages =
        stages.iter().fold(Duration::ZERO, |all, stage| all.saturating_add(stage.duration));
    of_curve.or((!stages.is_empty()).then_some(of_stages))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CurvePoint, RequestOptions};

    fn found(change: impl FnOnce(&mut PlanOptions)) -> String {
        let mut options = PlanOptions::new("http://host/", "", Duration::from_secs(10));
        change(&mut options);
        assert!(contradictions(&options, |_| false).or(()).is_ok(), "defaults contradict nothing");
        contradictions(&options, |_| true).or(()).err().map_or(String::new(), |all| all.to_string())
    }

    #[test]
    fn connections_are_those_of_the_users() {
        let paced = "pace: is of a schedule, and users ask when they have their replies; \
                     max-lateness: is of a schedule, and users ask when they have their replies";
        assert_eq!(found(|options| options.users = Some(10)), paced);
        let other = found(|options| options.users = Some(50));
        assert_eq!(
            other,
            format!("connections: 50 users take 50, one each: leave it out; {paced}")
        );
        let streams = found(|options| (options.users, options.streams) = (Some(50), 10));
        assert_eq!(streams, format!("connections: 50 users take 5: leave it out; {paced}"));
    }

    #[test]
    fn a_mix_has_its_own_methods_and_bodies() {
        let mix =
            |count| found(|options| options.requests = vec![RequestOptions::default(); count]);
        assert_eq!(mix(1), "");
        let place = "method: is of a single request, and there is a mix of them; path: ";
        assert!(mix(2).starts_with(place), "{}", mix(2));
    }

    #[test]
    fn a_duration_is_that_of_the_stages_or_of_the_curve() {
        let stages = |options: &mut PlanOptions, texts: &[&str]| {
            options.stages = texts.iter().map(|text| text.parse().expect(text)).collect();
        };
        assert_eq!(found(|options| stages(options, &["4s:1/s", "6s:1/s"])), "");
        let other = found(|options| stages(options, &["4s:1/s", "5s:1/s"]));
        assert_eq!(other, "duration: the load that is given takes 9s by itself: leave it out");
        let point = |t_seconds| CurvePoint { t_seconds, rate_per_second: 1.0 };
        assert_eq!(found(|options| options.curve = Some([point(0.0), point(10.0)].into())), "");
        let curve = found(|options| options.curve = Some([point(0.0), point(60.0)].into()));
        assert!(curve.contains("takes 1m by itself"), "{curve}");
    }
}
