//! Tables of dumps that are refused, with what the refusal says.

use super::dumps::{answer, series};
use super::*;

#[test]
fn each_slip_of_the_text_names_its_line_and_the_way_out() {
    for (text, place, what) in [
        ("fds 1\n", "1: ", "`fds` has no timestamp; one scrape is no trace"),
        ("# x\nfds 1 1\nfds{ 1 1\n", "3: ", "expected a label's name or `}` in `fds{ 1 1`"),
        ("fds 1 1\nfds many 2\n", "2: ", "expected a number as the value in `fds many 2`"),
        ("fds 1 1\nfds 1 soon\n", "2: ", "expected a timestamp"),
        ("fds 1 2\n\nrss_bytes 1 1\nfds 1 2\n", "4: ", "time 2 of fds does not come after 2"),
        ("fds 1 1\nfds{a=\"b\"} -1 1\n", "2: ", "fds{a=\"b\"} is -1; expected zero or more"),
        ("fds 1 1\n# EOF\nfds 1 2\n", "3: ", "something follows `# EOF`"),
        ("fds 1 1\nfds 1 1.5\n", "2: ", "1.5 looks like seconds, but without `# EOF`"),
        ("fds 1 1700000000\n", "1: ", "1700000000 looks like seconds"),
        ("fds 1 1700000000000\n# EOF\n", "1: ", "1700000000000 looks like milliseconds"),
        ("# \nfds 1 1\nfds 1 \u{fffd}\n", "3: ", "expected a timestamp"),
    ] {
        let refusal = refusal(text.as_bytes());
        let placed = refusal.starts_with(&format!("x.csv:{place}"));
        assert!(placed && refusal.contains(what), "{text}: {refusal}");
    }
    assert!(refusal(b"fds 1 1\nfds\xff 1 2\n").contains("x.csv:2: expected UTF-8 in `fds"));
}

#[test]
fn each_slip_of_the_json_names_its_series_and_the_way_out() {
    let fds =
        |values: &str| format!("[{},{}]", series("rss_bytes", "[1,\"1\"]"), series("fds", values));
    for (json, what) in [
        ("{\"a\":1}".to_owned(), "is JSON, and no answer of Prometheus"),
        (
            "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"1:3: no\"}".into(),
            "bad_data: 1:3: no",
        ),
        (
            answer("[{\"metric\":{},\"value\":[1,\"1\"]}]"),
            "is a vector, which holds one instant; ask",
        ),
        (answer("[]").replace("matrix", "vector"), "is a vector"),
        (answer("[1,\"1\"]").replace("matrix", "scalar"), "is a scalar"),
        (answer("[1,\"x\"]").replace("matrix", "string"), "is a string"),
        ("[1,\"1\"]".into(), "is a scalar"),
        (answer("[]"), "holds no samples; does the metric exist"),
        (
            answer("[{\"metric\":{},\"values\":[]}]"),
            "series 1 has no name, because the query computes",
        ),
        (answer(&fds("[1,\"1\"],[2]")), "series 2: value 2: "),
        (answer(&fds("[1,\"1\"],[2,\"x\"]")), "series 2: value 2: `x` is no number"),
        (
            answer(&fds("[1,1]")),
            "series 2: value 1: invalid type: integer `1`, expected a number in quotes",
        ),
        (
            answer(&fds("[1,\"1\"],[1,\"2\"]")),
            "series 2, value 2: time 1 of fds does not come after 1",
        ),
        (answer(&fds("[1,\"-2\"]")), "series 2, value 1: fds is -2; expected zero or more"),
        (answer(&fds("7"))[..60].to_owned(), "EOF while parsing"),
        (answer(&fds("")) + "{}", "trailing characters"),
        (answer("7"), "expected a list of series"),
        (answer(&format!("[{}]", series("up", "[1,\"1\"]"))), "no metric is a resource to judge"),
    ] {
        let error = trace(json.as_bytes()).expect_err("a refusal");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let told = format!("{error}: {}", cause.unwrap_or_default());
        assert!(told.starts_with("x.csv: ") && told.contains(what), "{json}: {told}");
    }
}

#[test]
fn several_processes_are_refused_with_their_list_and_never_merged() {
    let instances = (0..7).fold(String::new(), |text, n| {
        format!("{text}process_open_fds{{instance=\"h{n}:1\"}} 1 1000\nqueue{{instance=\"h{n}:1\"}} 1 1000\n")
    });
    for (text, what) in [
        (
            instances.as_str(),
            "`instance` is \"h0:1\", \"h1:1\", \"h2:1\", \"h3:1\", \"h4:1\" and 2 more in \
             process_open_fds and 1 more metrics; a trace is of one process, select it, for \
             example {instance=\"h0:1\"}",
        ),
        (
            "fds 1 1000\nhttp_requests_total{pod=\"a\"} 1 1000\nhttp_requests_total{pod=\"b\"} 1 1000\n",
            "`pod` is \"a\", \"b\" in http_requests_total; ",
        ),
        (
            "fds 1 1000\nqueue{pod=\"a\"} 1 1000\nqueue 1 1000\n",
            "`pod` is \"\", \"a\" in queue; a trace is of one process, select it, for example \
             {pod=\"a\"}",
        ),
        (
            "fds{id=\"a\",x=\"1\"} 1 1000\nfds{id=\"b\",x=\"1\"} 1 1000\n",
            "fds is there several times: {id=\"a\"}, {id=\"b\"}; select one, for example {id=\"a\"}",
        ),
    ] {
        let refusal = refusal(text.as_bytes());
        assert!(refusal.starts_with("x.csv: ") && refusal.contains(what), "{refusal}");
    }
}

#[test]
fn a_dump_that_is_cut_off_is_no_end() {
    let long = (1..20_000).fold(String::new(), |text, t| format!("{text}fds 2 {t}\n"));
    let packed = gzip(long.as_bytes());
    let error = refusal(&packed[..packed.len() / 2]);
    assert!(error.contains("cannot be read to its end"), "{error}");

    let values: Vec<String> = (1..20_000).map(|t| format!("[{t},\"2\"]")).collect();
    let packed = gzip(answer(&format!("[{}]", series("fds", &values.join(",")))).as_bytes());
    let error = refusal(&packed[..packed.len() / 2]);
    assert!(error.contains("cannot be read to its end"), "{error}");
}

#[test]
fn more_samples_than_fit_are_given_up_while_they_are_read() {
    let values = "[1,\"1\"],".repeat(dump::MOST_SAMPLES + 1);
    let json = answer(&format!("[{}]", series("fds", values.trim_end_matches(','))));
    let error = trace(json.as_bytes()).expect_err("a refusal");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.starts_with("series 1: holds more than 5 million samples"), "{cause}");
}
