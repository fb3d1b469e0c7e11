//! What monitoring systems export, as traces: the same run in every format, what its metrics
//! become, and the promise that no bytes make a reader panic.

use std::fmt::Write as _;

use super::*;

/// A run of three scrapes in `OpenMetrics`; one counter set is missing in the second.
const TEXT: &str = "\
# HELP process_resident_memory_bytes Resident memory.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes{instance=\"a:1\",job=\"api\"} 100 1700000000.5
process_resident_memory_bytes{instance=\"a:1\",job=\"api\"} 200 1700000010.5
process_resident_memory_bytes{instance=\"a:1\",job=\"api\"} NaN 1700000020.5
# TYPE http_requests counter
http_requests_total{instance=\"a:1\",job=\"api\",status=\"200\"} 5 1700000000.5
http_requests_total{instance=\"a:1\",job=\"api\",status=\"200\"} 8 1700000010.5
http_requests_total{instance=\"a:1\",job=\"api\",status=\"200\"} 9 1700000020.5
http_requests_total{instance=\"a:1\",job=\"api\",status=\"500\"} 2 1700000000.5
http_requests_total{instance=\"a:1\",job=\"api\",status=\"500\"} 3 1700000020.5
# TYPE sessions gauge
sessions{instance=\"a:1\",job=\"api\",kind=\"b\"} 7 1700000010.5
# TYPE retries counter
retries_total{instance=\"a:1\",job=\"api\"} 7 1700000010.5
# TYPE process_start_time_seconds gauge
process_start_time_seconds{instance=\"a:1\",job=\"api\"} 1690000000 1700000000.5
# EOF
";

/// The same as text of Prometheus: milliseconds and no end.
fn in_milliseconds() -> String {
    TEXT.replace("0.5\n", "0500\n").replace("# EOF\n", "")
}

/// The same as Prometheus tells it; JSON declares no types, so the counter is left out by hand.
fn in_json() -> String {
    let series = |metric: &str, labels: &str, values: &str| {
        format!(
            "{{\"metric\":{{\"__name__\":\"{metric}\",\"instance\":\"a:1\",\"job\":\"api\"{labels}}},\
             \"values\":[{values}]}}"
        )
    };
    let all = [
        series(
            "process_resident_memory_bytes",
            "",
            "[1700000000.5,\"100\"],[1700000010.5,\"200\"],[1700000020.5,\"NaN\"]",
        ),
        series(
            "http_requests_total",
            ",\"status\":\"200\"",
            "[1700000000.5,\"5\"],[1700000010.5,\"8\"],[1700000020.5,\"9\"]",
        ),
        series(
            "http_requests_total",
            ",\"status\":\"500\"",
            "[1700000000.5,\"2\"],[1700000020.5,\"3\"]",
        ),
        series("sessions", ",\"kind\":\"b\"", "[1700000010.5,\"7\"]"),
        series("process_start_time_seconds", "", "[1700000000.5,\"1690000000\"]"),
    ];
    format!("[{}]", all.join(","))
}

pub(super) fn answer(result: &str) -> String {
    let data = format!("{{\"resultType\":\"matrix\",\"result\":{result}}}");
    format!("{{\"status\":\"success\",\"data\":{data},\"stats\":{{}}}}")
}

/// A series of one name, without labels, in JSON.
pub(super) fn series(metric: &str, values: &str) -> String {
    format!("{{\"metric\":{{\"__name__\":\"{metric}\"}},\"values\":[{values}]}}")
}

#[test]
fn a_run_is_the_same_in_every_format_plain_and_packed() {
    let seen = rows(TEXT.as_bytes());
    assert_eq!(
        seen.iter().map(|row| row.t_seconds).collect::<Vec<_>>(),
        [1_700_000_000.5, 1_700_000_010.5, 1_700_000_020.5]
    );
    let rss = |row: &Observation| row.signals.get(&Signal::RssBytes).copied();
    assert_eq!(seen.iter().map(rss).collect::<Vec<_>>(), [Some(100.0), Some(200.0), None]);
    let requests: Vec<_> = seen.iter().map(|row| row.requests_total).collect();
    assert_eq!(requests, [Some(7.0), Some(10.0), Some(12.0)]);
    assert_eq!(
        seen[1].gauges.iter().collect::<Vec<_>>(),
        [(&"sessions{kind=\"b\"}".to_owned(), &7.0)]
    );
    assert!(seen.iter().all(|row| row.start_seconds == Some(1_690_000_000.0)));

    let json = in_json();
    let data = format!("{{\"result\":{json},\"resultType\":\"matrix\"}}");
    for same in [in_milliseconds(), answer(&json), data, json] {
        assert_eq!(rows(same.as_bytes()), seen, "{same}");
        assert_eq!(rows(&gzip(same.as_bytes())), seen);
    }
}

#[test]
fn series_may_come_in_any_order_and_an_instant_of_one_is_a_row_of_its_own() {
    let text = "rss_bytes 3 3000\nfds 1 1000\nfds 2 2000\nrss_bytes 4 4000\nfds 4 4000\n";
    let seen: Vec<(f64, Vec<f64>)> = rows(text.as_bytes())
        .into_iter()
        .map(|row| (row.t_seconds, row.signals.into_values().collect()))
        .collect();
    assert_eq!(seen, [(1.0, vec![1.0]), (2.0, vec![2.0]), (3.0, vec![3.0]), (4.0, vec![4.0, 4.0])]);
}

#[test]
fn a_counter_set_that_falls_is_a_restart_of_all_and_a_missing_one_is_none() {
    let text = "rss_bytes 1 1000\n\
                requests_total{s=\"200\"} 50 1000\nrequests_total{s=\"500\"} 9 1000\n\
                requests_total{s=\"200\"} 60 2000\n\
                requests_total{s=\"200\"} 4 3000\n\
                requests_total{s=\"200\"} 5 4000\nrequests_total{s=\"500\"} 1 4000\n";
    let requests: Vec<_> = rows(text.as_bytes()).iter().map(|row| row.requests_total).collect();
    assert_eq!(requests, [Some(59.0), Some(69.0), Some(4.0), Some(6.0)]);
}

#[test]
fn another_start_is_a_restart_of_the_counters_even_if_none_of_them_fell() {
    let text = "rss_bytes 1 1000\n\
                process_start_time_seconds 1 1000\nprocess_start_time_seconds 9 2000\n\
                requests_total{s=\"200\"} 5 1000\nrequests_total{s=\"500\"} 9 1000\n\
                requests_total{s=\"200\"} 7 2000\n";
    let requests: Vec<_> = rows(text.as_bytes()).iter().map(|row| row.requests_total).collect();
    assert_eq!(requests, [Some(14.0), Some(7.0)]);
}

#[test]
fn the_best_metric_of_a_signal_is_taken_and_what_restates_it_is_no_gauge() {
    let text = "go_memstats_heap_alloc_bytes 1 1000\ngo_memstats_heap_inuse_bytes 2 1000\n\
                go_goroutines 3 1000\nprocess_open_fds 4 1000\ngo_threads 5 1000\n\
                container_memory_rss{id=\"/x\"} 6 1000\ncontainer_memory_cache{id=\"/x\"} 7 1000\n\
                process_resident_memory_bytes 8 1000\nrss_bytes NaN 1000\n\
                t_seconds 9 1000\ndebt -1 1000\nqueue 10 1000\n\
                wait_seconds_bucket{le=\"1\"} 1 1000\nwait_seconds_count 1 1000\n";
    let trace = trace(text.as_bytes()).expect("sound");
    assert!(trace.is_sound());
    let notes = trace.notes().join("\n");
    for note in ["timestamps in milliseconds", "rss_anon_bytes is read from container_memory_rss"] {
        assert!(notes.contains(note), "{notes}");
    }
    assert!(
        notes.contains("left out: 1 values below zero") && notes.contains("1 gauges may"),
        "{notes}"
    );
    let row = trace.map(|row| row.expect("sound")).next().expect("a row");
    let signals: Vec<_> =
        row.signals.iter().map(|(signal, value)| (signal.name(), *value)).collect();
    assert_eq!(
        signals,
        [
            ("rss_anon_bytes", 6.0),
            ("rss_bytes", 8.0),
            ("heap_bytes", 2.0),
            ("fds", 4.0),
            ("threads", 5.0),
            ("tasks", 3.0),
        ]
    );
    assert_eq!(row.gauges.keys().collect::<Vec<_>>(), ["queue"]);
}

#[test]
fn warnings_of_prometheus_and_histograms_left_out_are_told() {
    let histogram = "{\"metric\":{\"__name__\":\"h\"},\"histograms\":[[1,{\"count\":\"1\"}]]}";
    let json = answer(&format!("[{histogram},{}]", series("fds", "[1,\"1\"]")));
    let json = json.replacen('{', "{\"warnings\":[\"one store is down\"],", 1);
    let trace = trace(json.as_bytes()).expect("sound");
    let notes = trace.notes();
    for told in ["one store is down", "fds is read from fds", "left out: 1 histograms"] {
        assert!(notes.iter().any(|note| note == told), "{notes:?}");
    }
}

proptest! {
    /// Whatever the bytes, the readers read or refuse, and come to an end; and a dump that is
    /// read has rows whose time rises and whose values are sound.
    #[test]
    fn no_dump_panics(
        bytes in any::<Vec<u8>>(),
        text in r#"([a-c]{0,2}(fds|rss_bytes)?(\{[a-z]{0,2}="?[0-9]"?\})? -?[0-9.]{0,3} [0-9.]{1,3}\n){0,6}(# EOF)?"#,
        json in r#"[\[\]{}:,"0-9. a-z]{0,60}"#,
        values in r#"(\[[0-9.]{1,3},"-?[0-9NaInf.+]{1,3}"\],?){0,5}"#,
    ) {
        let (head, tail) = ("{\"status\":\"success\",\"data\":", "}");
        for bytes in [
            [b"#\n".as_slice(), &bytes].concat(),
            [b"{".as_slice(), &bytes].concat(),
            [b"fds 1 1\n".as_slice(), text.as_bytes()].concat(),
            text.clone().into_bytes(),
            format!("{head}{json}{tail}").into_bytes(),
            format!("[{json}").into_bytes(),
            answer(&format!("[{}]", series("fds", &values))).into_bytes(),
        ] {
            let Ok(rows) = trace(&bytes) else { continue };
            let rows: Vec<_> = rows.filter_map(Result::ok).collect();
            let rising = |pair: &[Observation]| pair[0].t_seconds < pair[1].t_seconds;
            prop_assert!(rows.windows(2).all(rising));
            let sound = |row: &Observation| row.signals.values().all(|v| v.is_finite() && *v >= 0.0);
            prop_assert!(rows.iter().all(sound));
        }
    }

    /// The sum of counters that never fall never falls, whichever samples are missing.
    #[test]
    fn missing_samples_make_no_restart(
        steps in prop::collection::vec(prop::collection::vec((0_u32..9, any::<bool>()), 3), 1..30),
    ) {
        let mut text = "fds 1 1\n".to_owned();
        let mut counts = [0_u32; 3];
        for (t, step) in steps.iter().enumerate() {
            for (set, (more, there)) in step.iter().enumerate() {
                counts[set] += more;
                if *there {
                    let (count, t) = (counts[set], t + 1);
                    writeln!(text, "requests_total{{s=\"{set}\"}} {count} {t}").expect("in memory");
                }
            }
        }
        let sums: Vec<f64> = rows(text.as_bytes()).iter().filter_map(|row| row.requests_total).collect();
        prop_assert!(sums.windows(2).all(|pair| pair[0] <= pair[1]), "{:?}", sums);
    }
}
