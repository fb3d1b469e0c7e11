//! A recorded curve of rates: CSV with the columns `t_seconds` and `rate_per_second`, such as an
//! export of a day of production.

use super::Problems;
use crate::schedule::CurvePoint;

/// Most points of a curve: a day by the second.
const MAX_POINTS: usize = 100_000;
/// Highest rate of a point.
const MAX_PER_SECOND: f64 = 1_000_000.0;

/// Reads a curve; every line that is wrong is a problem of `place`. Times count from the first.
pub(crate) fn parse_curve(
    text: &str,
    place: &'static str,
    problems: &mut Problems,
) -> Vec<CurvePoint> {
    let mut points: Vec<CurvePoint> = Vec::new();
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().map(|(_, line)| line.replace(' ', ""));
    if header.as_deref() != Some("t_seconds,rate_per_second") {
        problems.push(place, "the first line is not `t_seconds,rate_per_second`");
        return points;
    }
    let mut start = None;
    for (number, line) in lines {
        if points.len() == MAX_POINTS {
            problems.push(place, format!("line {number}: more than {MAX_POINTS} points"));
            return points;
        }
        match point(line) {
            Ok(mut point) => {
                point.t_seconds -= *start.get_or_insert(point.t_seconds);
                if points.last().is_some_and(|last| last.t_seconds > point.t_seconds) {
                    problems.push(place, format!("line {number}: earlier than the line before"));
                }
                points.push(point);
            }
            Err(what) => problems.push(place, format!("line {number}: `{line}` {what}")),
        }
    }
    points
}

fn point(line: &str) -> Result<CurvePoint, &'static str> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let (t, rate) = line.split_once(',').ok_or("does not have two columns")?;
    let (t, rate) = number(t).zip(number(rate)).ok_or("does not have two numbers")?;
    if !(0.0..=MAX_PER_SECOND).contains(&rate) {
        return Err("has a rate that is not within 0 to 1000000");
    }
    Ok(CurvePoint { t_seconds: t, rate_per_second: rate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_from_its_first_instant_on() {
        let mut problems = Problems::default();
        let text = "t_seconds,rate_per_second\n100,5\n\n160, 7.5\n";
        let points = parse_curve(text, "rate-curve", &mut problems);
        let points: Vec<_> =
            points.iter().map(|point| (point.t_seconds, point.rate_per_second)).collect();
        assert_eq!(points, [(0.0, 5.0), (60.0, 7.5)]);
        assert_eq!(problems, Problems::default());
    }

    #[test]
    fn every_line_that_is_wrong_is_named() {
        for (text, wrong) in [
            ("", 1),
            ("time,rate\n1,2\n", 1),
            ("t_seconds,rate_per_second\n1\n2,x\n3,-1\n4,inf\n5,1e7\n9,1\n8,1\n", 6),
        ] {
            let mut problems = Problems::default();
            parse_curve(text, "rate-curve", &mut problems);
            assert_eq!(problems.iter().count(), wrong, "{text:?}: {problems}");
        }
    }
}
