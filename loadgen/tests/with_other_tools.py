"""Runs loadgen on a small server, and reads what it wrote with other programs' libraries."""

import csv
import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.request

import jsonschema
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from prometheus_client.parser import text_string_to_metric_families

LOADGEN, SCHEMA = sys.argv[1:]
BOUNDS = (1_000, 3_600 * 10**9, 3)
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9}


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def run(url, *arguments):
    command = [LOADGEN, "--rate", "200/s", "--duration", "2s", "--max-lateness", "10m"]
    command += ["--format", "json", "--csv", "run.csv", "--hdr-log", "run.hlog"]
    done = subprocess.run([*command, *arguments, url], capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


def read_hdr_log(path):
    reader = HistogramLogReader(path, HdrHistogram(*BOUNDS))
    by_tag = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        by_tag.setdefault(interval.get_tag(), HdrHistogram(*BOUNDS)).add(interval)
    return by_tag


def same(what, ours, theirs):
    assert abs(ours - theirs) <= 1e-9, f"{what}: {ours} here, {theirs} there"


def check_times(report):
    by_tag = read_hdr_log("run.hlog")
    for name, tag in [("response", None), ("service", "service"), ("lateness", "lateness")]:
        ours = report[f"{name}_time_seconds" if name != "lateness" else "lateness_seconds"]
        from_json = HdrHistogram.decode(report["histograms"][name])
        for source, histogram in [("HDR log", by_tag[tag]), ("JSON", from_json)]:
            assert histogram.get_total_count() == ours["count"], f"{name} in {source}"
            for key, percentile in PERCENTILES.items():
                theirs = histogram.get_value_at_percentile(percentile) / 1e9
                same(f"{name} {key} in {source}", ours[key], theirs)
    print(f"HdrHistogram_py reads the same times: {sorted(map(str, by_tag))}, {ours['count']} each")


def check_csv(report):
    with open("run.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["requests_sent"]) for row in rows) == report["requests_sent"]
    assert int(rows[-1]["requests_total"]) == report["requests_sent"]
    print(f"the CSV has {len(rows)} rows, which add up")


def check_schema(report):
    with open(SCHEMA) as file:
        schema = json.load(file)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    validator(schema).validate(report)
    for key in list(report):
        broken = {other: value for other, value in report.items() if other != key}
        assert not validator(schema).is_valid(broken), f"the schema does not ask for {key}"
    print(f"jsonschema finds the report valid, and misses each of its {len(report)} keys")


def check_metrics(url):
    command = [LOADGEN, "--rate", "200/s", "--duration", "60s", "--metrics", "0", url]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        page = run.stderr.readline().split()[-1]
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with urllib.request.urlopen(page, timeout=5) as reply:
                text = reply.read().decode()
            families = {family.name: family for family in text_string_to_metric_families(text)}
            times = families["loadgen_response_time_seconds"]
            samples = {sample.name: sample.value for sample in times.samples}
            if samples["loadgen_response_time_seconds_count"] > 0:
                break
            time.sleep(0.2)
        else:
            raise AssertionError("no response time within 30 s")
        assert times.type == "histogram" and families["loadgen_requests_sent"].type == "counter"
        print(f"prometheus_client reads {len(families)} families of metrics")
    finally:
        run.terminate()
        run.communicate(timeout=30)
    assert run.returncode == 130, run.returncode


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_address[1]}"

code, report = run(f"{base}/")
assert code == 0, report
assert report["requests_completed"] == 400, report
check_times(report)
check_csv(report)
check_schema(report)

code, report = run(f"{base}/missing", "--stop-unless", "errors<50%", "--stop-grace", "1s", "--threshold", "p99<1h")
assert code == 1, report
assert report["stop_reason"], report
check_schema(report)
check_metrics(f"{base}/")
