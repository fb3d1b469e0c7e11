//! The pprof profile and the flame graph: what they put down to the leak, and that they are what
//! they claim to be.

use std::io::Read;
use std::thread::scope;

use flate2::read::GzDecoder;
use leaky_service::pprof::{Function, Profile, Sample};
use prost::Message;
use roxmltree::Document;

use crate::server::{Server, number, wait_for};

const REQUESTS: usize = 400;
const LEAK: &str = "leaky-service/src/leak/cache.rs";

#[test]
fn the_profile_puts_the_leak_down_to_the_line_that_made_it() {
    let server = leaking();
    let held = held_bytes(&server);
    let profile = profile(&server);
    let types = profile.sample_type.iter();
    let types: Vec<_> =
        types.map(|value| (text(&profile, value.r#type), text(&profile, value.unit))).collect();
    let expected = [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    assert_eq!(types, expected);
    assert_eq!(text(&profile, profile.default_sample_type), "inuse_space");

    let through = of_leak(&profile);
    let in_use = sum(&through, 3);
    let share = in_use as f64 / held;
    assert!((0.95..1.02).contains(&share), "{in_use} of {held}");
    assert!(
        usize::try_from(sum(&through, 2)).is_ok_and(|blocks| blocks >= REQUESTS),
        "one block per entry at least"
    );

    let largest = through.iter().max_by_key(|sample| sample.value[3]).expect("there are some");
    let calls: Vec<_> = frames(&profile, largest).collect();
    let (innermost, line) = calls[0];
    assert_eq!(text(&profile, innermost.filename), LEAK, "the leaf asked for the bytes");
    assert!(text(&profile, innermost.name).contains("leak::cache::"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/leak/cache.rs");
    let source = std::fs::read_to_string(source).expect("the source is here");
    let line = usize::try_from(line).expect("a line");
    let code = source.lines().nth(line - 1).expect("the line exists");
    assert!(code.contains("FACTS.fill"), "line {line} allocates no payload: {code}");
    let files = calls.iter().map(|(function, _)| text(&profile, function.filename));
    assert!(files.into_iter().any(|file| file.starts_with("leaky-service/src/http/")), "a stack");
}

#[test]
fn what_was_freed_is_no_longer_in_use_but_stays_allocated() {
    let server = leaking();
    let before = profile(&server);
    server.post_json("/admin/leaks/cache", r#"{"enabled": false}"#);
    server.post_json("/admin/leaks/clear", "");
    let after = profile(&server);
    let (before, after) = (of_leak(&before), of_leak(&after));
    let (allocated, in_use) = (sum(&before, 1), sum(&before, 3));
    assert!(allocated >= in_use && in_use > 0);
    assert!(sum(&after, 1) >= allocated, "allocated bytes never fall");
    assert!(sum(&after, 3) * 50 < in_use, "{} of {in_use} bytes are left", sum(&after, 3));
}

#[test]
fn the_flame_graph_is_one_svg_file_that_shows_the_leak_as_wide_as_it_is() {
    let server = leaking();
    let answer = server.agent().get(server.url("/admin/memory/flamegraph")).call();
    let mut answer = answer.expect("the service answers");
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    let svg = answer.body_mut().read_to_string().expect("text");
    let document = Document::parse(&svg).expect("well-formed XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    for node in document.descendants() {
        assert!(!["script", "image", "use", "style"].contains(&node.tag_name().name()));
        let mut attributes = node.attributes();
        assert!(attributes.all(|attribute| {
            attribute.name() != "href" && !attribute.value().contains("url(")
        }));
    }
    let named = |part: &str| {
        let titles = document.descendants().filter(|node| node.has_tag_name("title"));
        let frames = titles.filter(|title| title.text().is_some_and(|text| text.contains(part)));
        let widths = frames.filter_map(|title| {
            title.next_sibling_element()?.attribute("width")?.parse::<f64>().ok()
        });
        widths.fold(0.0, f64::max)
    };
    let (leak, all) = (named(&format!("{LEAK}:")), named("all: "));
    assert!(leak > 0.5 * all, "{leak} of {all} pixels: most of the heap is the leak");
    assert!(named("tokio") > 0.0 && named("leaky-service/src/http/") >= leak - 1.0);
}

#[test]
fn profiles_asked_for_all_at_once_are_all_answered() {
    let server = leaking();
    scope(|scope| {
        let asked: Vec<_> =
            (0..4).map(|_| scope.spawn(|| of_leak(&profile(&server)).len())).collect();
        for answer in asked {
            assert!(answer.join().expect("an answer") > 0);
        }
    });
}

#[test]
fn what_a_profile_takes_is_given_back() {
    let server = leaking();
    profile(&server);
    let rss_bytes = || number(&server.get_json("/admin/leaks/status")["memory"]["rss_bytes"]);
    let before = rss_bytes();
    for _ in 0..5 {
        profile(&server);
    }
    wait_for("no more than 10 MiB to be kept beyond the first profile", || {
        (rss_bytes() - before < 10.0 * 1_048_576.0).then_some(())
    });
}

/// A service whose cache has leaked.
fn leaking() -> Server {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(REQUESTS);
    server
}

fn held_bytes(server: &Server) -> f64 {
    number(&server.get_json("/admin/leaks/status")["leaks"]["cache"]["held_bytes"])
}

fn profile(server: &Server) -> Profile {
    let answer = server.agent().get(server.url("/debug/pprof/heap")).call();
    let compressed = answer.expect("the service answers").body_mut().read_to_vec().expect("bytes");
    let mut message = Vec::new();
    GzDecoder::new(&*compressed).read_to_end(&mut message).expect("it is compressed");
    Profile::decode(&*message).expect("a profile")
}

/// The stacks that lead through the leak's file.
fn of_leak(profile: &Profile) -> Vec<&Sample> {
    let leads = |sample: &&Sample| {
        frames(profile, sample).any(|(function, _)| text(profile, function.filename) == LEAK)
    };
    profile.sample.iter().filter(leads).collect()
}

fn sum(samples: &[&Sample], which: usize) -> i64 {
    samples.iter().map(|sample| sample.value[which]).sum()
}

/// The calls of a sample, innermost first, with their lines.
fn frames<'a>(
    profile: &'a Profile,
    sample: &'a Sample,
) -> impl Iterator<Item = (&'a Function, i64)> {
    sample.location_id.iter().map(|id| {
        let location = profile.location.iter().find(|location| location.id == *id);
        let line = location.expect("a location").line[0];
        let function = profile.function.iter().find(|function| function.id == line.function_id);
        (function.expect("a function"), line.line)
    })
}

fn text(profile: &Profile, position: i64) -> &str {
    &profile.string_table[usize::try_from(position).expect("a position")]
}

#[test]
fn with_attribution_off_the_profile_is_refused_and_what_leaks_hold_is_exact_all_the_same() {
    let server = Server::start(&["--attribution", "off"]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(100);
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["attribution"]["enabled"], false);
    let held = number(&status["leaks"]["cache"]["held_bytes"]);
    assert!((held / (100.0 * 10240.0) - 1.0).abs() < 0.02, "{held}");
    let refused = server.get("/debug/pprof/heap");
    assert_eq!(refused.status, 501, "{}", refused.text);
    assert!(refused.text.contains("--attribution off"), "{}", refused.text);
}
