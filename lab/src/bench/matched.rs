//! Ours against each rival at the same median delay: whoever waits longer knows more, so a
//! comparison of F1 alone says little.

use serde::Serialize;

use super::contestant::Contestant;
use super::outcome::Outcome;
use super::score::Score;
use super::{Corpus, Judged, judge};

/// The `--confirm` that are tried, in seconds.
pub const CONFIRMS: [f64; 10] =
    [15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 900.0, 1_800.0, 3_600.0, 7_200.0];

/// One rival, and ours at the longest `--confirm` at which it is no slower at the median.
#[derive(Debug, Serialize)]
pub struct Match {
    /// The rival.
    pub rival: String,
    /// Its score, in its scope.
    pub rival_score: Score,
    /// The `--confirm`; none if ours is slower at every one that was tried, and then the score is
    /// that of the shortest.
    pub confirm_seconds: Option<f64>,
    /// Our score, in the rival's scope.
    pub builtin_score: Score,
}

/// Compares; every rival among the contestants that detected anything has a median delay to match.
pub fn compare(corpus: &dyn Corpus, contestants: &[Contestant], judged: &[Judged]) -> Vec<Match> {
    let tries = CONFIRMS.map(|confirm| Contestant::Builtin { confirm_seconds: Some(confirm) });
    let ours = judge(corpus, &tries, &|_| false);
    let rivals = contestants.iter().enumerate();
    let rivals = rivals.filter(|(_, contestant)| matches!(contestant, Contestant::Rival(_)));
    rivals
        .filter_map(|(index, contestant)| {
            let theirs = Score::of(&in_scope(judged, index, judged, index));
            let delay = theirs.delay_median_seconds?;
            let mut best = (None, Score::of(&in_scope(&ours, 0, judged, index)));
            for (try_index, confirm) in CONFIRMS.into_iter().enumerate() {
                let score = Score::of(&in_scope(&ours, try_index, judged, index));
                if score.delay_median_seconds.is_some_and(|ours| ours <= delay) {
                    best = (Some(confirm), score);
                }
            }
            let (confirm_seconds, builtin_score) = best;
            let rival = contestant.name().to_owned();
            Some(Match { rival, rival_score: theirs, confirm_seconds, builtin_score })
        })
        .collect()
}

/// The outcomes of one contestant on the traces that are in the scope of another.
fn in_scope<'a>(
    outcomes: &'a [Judged],
    contestant: usize,
    scope: &[Judged],
    of: usize,
) -> Vec<&'a Outcome> {
    let inside = outcomes.iter().zip(scope).filter(|(_, scope)| scope.outcomes[of].is_some());
    inside
        .filter_map(|(one, _)| one.outcomes[contestant].as_ref().map(|(_, outcome)| outcome))
        .collect()
}
