//! The page is well formed, holds every figure of the text, and draws what went wrong.

use super::*;
use crate::bench::contestant::Contestant;
use crate::bench::{Corpus, judge, text};
use crate::corpus::{Half, Recipe, Trace};

struct Generated(Recipe);

impl Corpus for Generated {
    fn len(&self) -> usize {
        self.0.traces
    }

    fn trace(&self, index: usize) -> Trace {
        self.0.trace(index)
    }
}

fn judged() -> (Report, Vec<Judged>) {
    let corpus = Generated(Recipe { seed: 3, half: Half::Tune, traces: 54 });
    let contestants =
        ["first_last", "rate"].map(|name| Contestant::named(name, None).expect("a rival"));
    let judged = judge(&corpus, &contestants, &|one| Wrong::of(one, 0).is_some());
    (Report::new("a <corpus>".into(), &contestants, &judged), judged)
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

#[test]
fn what_went_wrong_is_drawn_up_to_the_number_that_was_asked_for() {
    let (report, judged) = judged();
    let first = &report.detectors[0];
    let wrong = judged.iter().filter(|one| Wrong::of(one, 0).is_some()).count();
    assert!(first.missed.len() > 3 && wrong > 6, "{wrong}: nothing to look at");
    let all = page(&report, &judged, usize::MAX);
    assert_eq!(count(&all, "<svg class=\"plot\""), wrong);
    assert_eq!(count(&all, ">missed</span>"), first.missed.len());
    assert_eq!(count(&all, "<rect class=\"leak\""), first.missed.len());
    for name in &first.missed {
        assert!(all.contains(&format!("<h3>{name}</h3>")), "{name}");
    }
    let some = page(&report, &judged, 2);
    assert_eq!(count(&some, "<svg class=\"plot\""), 2);
    assert!(some.contains(&format!("2 of {wrong} are drawn")));
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    let (report, judged) = judged();
    let page = page(&report, &judged, 5);
    assert!(page.contains("a &lt;corpus&gt;") && !page.contains("a <corpus>"));
    for outside in ["http:", "https:", "<script", "@import", "url(", " src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\""), "a coordinate is no number");
    for element in ["html", "table", "tr", "td", "svg", "section", "ul", "li", "div", "span"] {
        let opened = count(&page, &format!("<{element}>")) + count(&page, &format!("<{element} "));
        assert_eq!(opened, count(&page, &format!("</{element}>")), "{element}");
    }
}

#[test]
fn every_share_of_the_text_stands_in_the_page() {
    let (report, judged) = judged();
    let (text, page) = (text::render(&report), page(&report, &judged, 0));
    let is_share = |word: &&str| {
        word.split_once('/')
            .is_some_and(|(a, b)| a.parse::<u32>().is_ok() && b.parse::<u32>().is_ok())
    };
    let shares: Vec<&str> = text.split_whitespace().filter(is_share).collect();
    assert!(shares.len() > 50, "{shares:?}");
    for share in shares {
        assert!(page.contains(&format!(">{share}</td>")), "{share}");
    }
}
