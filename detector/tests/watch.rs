//! `detector watch` as a process: it is started, shown a page of metrics, killed, and asked.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

mod secure;
mod watch_support;

use std::sync::atomic::{AtomicU64, Ordering};

use secure::Secure;
use serde_json::Value;
use watch_support::{Page, Receiver, Watch, eventually, folder, serve};

/// A rule that fires at once, so that no test has to wait for a judgement.
const RULE: &str = "{name: TooMuch, kind: level, above: 100MiB, severity: critical}";

fn config(page: &Page, more: &str) -> String {
    let url = page.url();
    format!(
        "every: 100ms\ntargets: [{{name: api, metrics: '{url}', signals: [rss_bytes]}}]\nrules: [{RULE}]\n{more}"
    )
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn a_configuration_is_refused_with_every_problem_at_its_line() {
    let folder = folder();
    let bad = "listen: nowhere\ntargets: [{name: a, pid: 1}]\nnotify: {webhooks: [{url: 'ftp://x', template: {alert: '{who}'}}]}\n\
               inspections: [{name: i, cron: '61 * * * *', url: 'http://127.0.0.1:9', query: up}]\nrules: [{rule: NoSuchRule}]\nlost: 1\n";
    let output = Watch::check(folder.path(), bad);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    for line in 1..=6 {
        let place = if line == 2 { continue } else { format!("detector.yaml:{line}:") };
        assert!(told.contains(&place), "no problem in line {line}: {told}");
    }
    let good = "targets: [{name: a, pid: 1}]\ninspections: [{name: i, url: 'http://127.0.0.1:9', query: up}]\n";
    assert_eq!(Watch::check(folder.path(), good).status.code(), Some(0));
}

#[test]
fn a_receiver_that_fails_is_told_later_once_each_and_in_order() {
    let (folder, page, receiver) = (folder(), Page::serve(), Receiver::serve());
    receiver.answer_with("503 Service Unavailable");
    let hook = format!("notify: {{webhooks: [{{name: hook, url: '{}'}}]}}\n", receiver.url());
    page.set(200 << 20);
    let watch = Watch::start(folder.path(), &config(&page, &hook));
    eventually("it is tried", || receiver.tries() > 1);
    assert!(receiver.taken().is_empty());
    page.set(50 << 20);
    eventually("the incident ends", || watch.incidents("state=recovered").len() == 1);
    receiver.answer_with("200 OK");
    eventually("both are told", || receiver.taken().len() >= 2);
    eventually("nothing waits", || {
        watch.metrics().contains("detector_outbox_entries{receiver=\"hook\"} 0")
    });
    let taken = receiver.taken();
    let messages: Vec<String> = taken.iter().map(|body| text(body, "/message")).collect();
    assert_eq!(messages, ["alert", "resolution"]);
    assert_ne!(text(&taken[0], "/key"), text(&taken[1], "/key"));
    assert_eq!(text(&taken[0], "/incident/subject"), "TooMuch");
    assert!(text(&taken[1], "/text").starts_with("RESOLVED: api (TooMuch)"), "{}", taken[1]);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn what_is_open_is_still_open_after_a_kill_and_ends_once_it_is_over() {
    let (folder, page) = (folder(), Page::serve());
    page.set(200 << 20);
    let text_of_file = config(&page, "");
    let mut watch = Watch::start(folder.path(), &text_of_file);
    eventually("it is opened", || watch.incidents("state=open").len() == 1);
    watch.kill();
    let watch = Watch::start(folder.path(), &text_of_file);
    let open = watch.incidents("state=open");
    assert_eq!((open.len(), &open[0]["id"]), (1, &Value::from(1)));
    page.set(50 << 20);
    eventually("it ends", || watch.incidents("state=open").is_empty());
    let all = watch.incidents("");
    assert_eq!((all.len(), text(&all[0], "/state")), (1, "recovered".to_owned()));
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_reload_keeps_what_is_the_same_and_a_bad_file_changes_nothing() {
    let (folder, page) = (folder(), Page::serve());
    page.set(200 << 20);
    let watch = Watch::start(folder.path(), &config(&page, ""));
    eventually("it is opened", || watch.incidents("state=open").len() == 1);
    watch.reload("targets: {}");
    eventually("it is refused", || watch.metrics().contains("detector_configuration_ok 0"));
    assert_eq!(watch.incidents("state=open").len(), 1);
    watch.reload(&config(&page, "retention: 1d\n"));
    eventually("it is taken", || watch.metrics().contains("detector_configuration_ok 1"));
    assert_eq!(watch.incidents("state=open").len(), 1);
    watch.reload("targets: [{name: other, pid: 1}]\n");
    eventually("what is not watched is withdrawn", || {
        watch.incidents("state=withdrawn").len() == 1
    });
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_damaged_database_is_left_alone_and_the_watch_goes_on_and_says_so() {
    let (folder, page) = (folder(), Page::serve());
    let file = folder.path().join("detector.db");
    std::fs::write(&file, [7; 8192]).expect("written");
    page.set(200 << 20);
    let watch = Watch::start(folder.path(), &config(&page, ""));
    eventually("it is opened", || watch.incidents("state=open").len() == 1);
    let health = watch.ask("/health");
    assert_eq!(text(&health, "/status"), "degraded");
    assert_eq!(text(&health, "/database/state"), "corrupt");
    assert_eq!(health["database"]["in_memory"], true);
    assert!(watch.metrics().contains("detector_database_ok 0"));
    assert_eq!(watch.end(), Some(0));
    assert_eq!(std::fs::read(file).expect("read"), [7; 8192]);
}

#[test]
fn a_rule_on_a_counter_of_the_page_fires() {
    let (folder, page) = (folder(), Page::serve());
    let count = |low: u32, high: u32| {
        page.count(&format!(
            "# TYPE memory_growth_events_total counter\n\
             memory_growth_events_total{{endpoint=\"/a\",threshold_bytes=\"1\"}} {low}\n\
             memory_growth_events_total{{endpoint=\"/b\",threshold_bytes=\"1\"}} {low}\n\
             memory_growth_events_total{{endpoint=\"/b\",threshold_bytes=\"2\"}} {high}\n"
        ));
    };
    count(10, 10);
    let rules = "every: 100ms\nrules: [{rule: MemoryLeakEventsDetected}]\n";
    let target = format!("targets: [{{name: api, metrics: '{}'}}]\n", page.url());
    let watch = Watch::start(folder.path(), &format!("{rules}{target}"));
    let looks = || watch.ask("/api/v1/targets")["targets"][0]["looks"].as_u64().unwrap_or(0);
    eventually("it is looked at", || looks() >= 2);
    // Four events, two of which reached the higher threshold as well: not six.
    count(12, 12);
    let before = looks();
    eventually("it is looked at again", || looks() >= before + 2);
    assert!(watch.incidents("").is_empty());
    count(13, 12);
    eventually("it fires", || watch.incidents("state=firing").len() == 1);
    let incident = &watch.incidents("")[0];
    assert_eq!(text(incident, "/subject"), "MemoryLeakEventsDetected");
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn rules_on_a_page_in_json_may_name_all_of_its_numbers() {
    let (folder, collections) = (folder(), AtomicU64::new(7));
    let page = serve(move |_| {
        let collections = collections.fetch_add(2, Ordering::Relaxed);
        let page = format!(
            r#"{{"heap_alloc_mb": 12.5, "heap_inuse_mb": 16, "heap_idle_mb": 3, "stack_inuse_mb": 2,
            "num_gc": {collections}, "num_goroutine": 42, "last_gc_pause_ms": 9, "queue": 8}}"#
        );
        ("200 OK".to_owned(), page)
    });
    let named =
        ["heap_idle_mb", "last_gc_pause_ms", "num_gc", "num_goroutine", "queue", "stack_inuse_mb"];
    let rule = |name: &str| format!("- {{name: {name}, kind: level, of: {name}, above: 1}}\n");
    let config = format!(
        "every: 100ms\ntargets: [{{name: go, json: 'http://{page}/memory'}}]\nrules:\n{}\
         - {{rule: ExcessiveGarbageCollection, of: num_gc, kind: events, above: 3, for: 0s}}\n",
        named.map(rule).concat()
    );
    let watch = Watch::start(folder.path(), &config);
    let firing = || {
        let subject = |incident: &Value| text(incident, "/subject");
        let mut firing: Vec<_> = watch.incidents("state=firing").iter().map(subject).collect();
        firing.sort();
        firing
    };
    let all = [&["ExcessiveGarbageCollection"][..], &named].concat();
    eventually("all fire", || firing() == all);
    assert_eq!(watch.end(), Some(0));
}

/// Credentials, the service's own trouble and a page without the metric are three things to do.
#[test]
fn a_page_that_refuses_fails_or_lacks_the_metric_is_an_incident_of_its_own() {
    let (folder, page) = (folder(), Page::serve());
    let (refusing, failing) = (Receiver::serve(), Receiver::serve());
    refusing.answer_with("401 Unauthorized");
    failing.answer_with("500 Internal Server Error");
    let own = std::process::id();
    let config = format!(
        "every: 100ms\ntargets:\n- {{name: refusing, metrics: '{}'}}\n- {{name: failing, metrics: '{}'}}\n\
         - {{name: lacking, metrics: '{}', signals: [heap_bytes]}}\n- {{name: own, pid: {own}, metrics: '{}'}}\n\
         rules:\n- {{rule: MetricsAuthenticationFailure, targets: [refusing, failing, lacking]}}\n\
         - {{rule: MetricsServerError}}\n- {{rule: MemoryMetricsMissing, for: 0s, targets: [lacking, own]}}\n\
         - {{rule: HighMemoryUsage, above: 1KiB, for: 0s, targets: [own]}}\n",
        refusing.url(),
        failing.url(),
        page.url(),
        failing.url()
    );
    let watch = Watch::start(folder.path(), &config);
    let firing = || {
        let of = |incident: &Value| (text(incident, "/target"), text(incident, "/subject"));
        let mut firing: Vec<_> = watch.incidents("state=firing").iter().map(of).collect();
        firing.sort();
        firing
    };
    // The process is seen though its page is not, so that its memory is not missing.
    let expected = [
        ("failing", "MetricsServerError"),
        ("lacking", "MemoryMetricsMissing"),
        ("own", "HighMemoryUsage"),
        ("own", "MetricsServerError"),
        ("refusing", "MetricsAuthenticationFailure"),
    ];
    let expected = expected.map(|(target, rule)| (target.to_owned(), rule.to_owned()));
    eventually("each is told", || firing().len() >= expected.len());
    assert_eq!(firing(), expected);
    let reasons = watch.incidents("target=failing");
    assert!(text(&reasons[0], "/reason").contains("answers with status 500"), "{}", reasons[0]);
    assert_eq!(watch.end(), Some(0));
}

/// A gauge with labels, and one that is no candidate for a cause.
#[test]
fn rules_on_gauges_fire_on_their_own_targets_and_may_change_while_targets_stay_known() {
    let (folder, page) = (folder(), Page::serve());
    page.count(
        "# TYPE objects gauge\nobjects{kind=\"a\"} 4\nobjects{kind=\"b\"} 3\n\
         # TYPE go_goroutines gauge\ngo_goroutines 12\n",
    );
    let config = |most: u32| {
        let url = page.url();
        format!(
            "every: 100ms\ntargets: [{{name: one, metrics: '{url}'}}, {{name: two, metrics: '{url}'}}]\n\
             rules:\n- {{name: All, kind: level, of: objects, above: {most}, targets: [one]}}\n\
             - {{name: Kind, kind: level, of: 'objects{{kind=\"b\"}}', above: 2, targets: [two]}}\n\
             - {{name: Tasks, kind: level, of: go_goroutines, above: 11, targets: [two]}}\n"
        )
    };
    let watch = Watch::start(folder.path(), &config(6));
    let firing = || {
        let of = |incident: &Value| (text(incident, "/target"), text(incident, "/subject"));
        let mut firing: Vec<_> = watch.incidents("state=firing").iter().map(of).collect();
        firing.sort();
        firing
    };
    let pair = |target: &str, rule: &str| (target.to_owned(), rule.to_owned());
    let others = [pair("two", "Kind"), pair("two", "Tasks")];
    eventually("three fire", || firing() == [&[pair("one", "All")][..], &others].concat());
    let looks = || watch.ask("/api/v1/targets")["targets"][0]["looks"].as_u64().unwrap_or(0);
    let before = looks();
    watch.reload(&config(7));
    eventually("one fires no longer", || firing() == others);
    assert!(looks() > before, "the target was forgotten");
    watch.reload(&config(5));
    eventually("it fires again", || firing().contains(&pair("one", "All")));
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn all_but_the_health_asks_for_the_token() {
    let (folder, page) = (folder(), Page::serve());
    let watch = Watch::start_asking_for(folder.path(), &config(&page, ""), Some("secret"));
    for path in ["/metrics", "/api/v1/targets", "/api/v1/incidents", "/api/v1/inspections"] {
        assert_eq!(watch.status(path, ""), 401, "{path}");
        assert_eq!(watch.status(path, "authorization: Bearer secre\r\n"), 401, "{path}");
        assert_eq!(watch.status(path, "authorization: Bearer secret\r\n"), 200, "{path}");
    }
    assert_eq!(watch.status("/health", ""), 200);
    assert_eq!(watch.end(), Some(0));
}

#[test]
fn a_target_and_a_receiver_over_tls_are_reached_if_their_certificate_is_believed() {
    let Some(server) = Secure::serve() else { return };
    let (folder, page) = (folder(), Page::serve());
    let (hook, metrics, ca) = (server.url("/hook"), server.url("/metrics"), server.ca());
    let more = format!(
        "notify: {{webhooks: [{{name: known, url: '{hook}', ca: '{ca}'}}, {{name: unknown, url: '{hook}-2'}}]}}\n",
        ca = ca.display()
    );
    let secure = format!(
        "targets: [{{name: seen, metrics: '{metrics}', ca: '{ca}'}}, {{name: unseen, metrics: '{metrics}'}}, ",
        ca = ca.display()
    );
    page.set(200 << 20);
    let watch = Watch::start(folder.path(), &config(&page, &more).replace("targets: [", &secure));
    eventually("it is told", || {
        server.requests().iter().any(|line| line.starts_with("POST /hook {"))
    });
    eventually("the other receiver is not, and it says why", || {
        let said = watch.said();
        said.contains("watch: unknown: shows a certificate") && said.contains("`ca: FILE`")
    });
    eventually("one target is seen and the other one is not", || {
        let metrics = watch.metrics();
        metrics.contains("detector_outbox_entries{receiver=\"known\"} 0")
            && server.requests().iter().any(|line| line.starts_with("GET /metrics"))
            && watch.said().contains("watch: unseen: metrics page")
    });
    assert!(!watch.said().contains("watch: seen: "), "{}", watch.said());
    assert!(!server.requests().iter().any(|line| line.contains("/hook-2")));
    assert!(watch.metrics().contains("detector_outbox_entries{receiver=\"unknown\"} 1"));
    assert_eq!(watch.end(), Some(0));
}
