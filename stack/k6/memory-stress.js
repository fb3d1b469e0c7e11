// The stress test of the memory leak training: 50 requests a second for five minutes, and what leaked meanwhile.
//
//   docker compose run --rm k6 run /scripts/memory-stress.js
//
// BASE_URL says where the service is; RATE and DURATION change the load; LEAKLAB_ADMIN_TOKEN is sent if it is set.
import http from "k6/http";
import { check } from "k6";

const base = __ENV.BASE_URL || "http://localhost:8080";
const headers = __ENV.LEAKLAB_ADMIN_TOKEN ? { Authorization: `Bearer ${__ENV.LEAKLAB_ADMIN_TOKEN}` } : {};

export const options = {
  scenarios: {
    memory_stress: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE || 50),
      timeUnit: "1s",
      duration: __ENV.DURATION || "5m",
      preAllocatedVUs: 10,
      maxVUs: 50,
    },
  },
  thresholds: {
    http_req_duration: ["p(95)<500"],
    http_req_failed: ["rate<0.01"],
  },
};

// The service may be dead after the test: that is what the test is for. It is then said, and no failure of its own.
function report(when) {
  const reply = http.get(`${base}/admin/leaks/status`, { headers, responseCallback: http.expectedStatuses({ min: 0, max: 599 }) });
  if (reply.status !== 200) {
    console.log(`${when}: no leak status (${reply.error || `HTTP ${reply.status}`})`);
    return;
  }
  const { leaks, memory } = reply.json();
  const held = Object.entries(leaks)
    .filter(([, leak]) => leak.enabled || (leak.entries || leak.count) > 0)
    .map(([name, leak]) => `${name} ${leak.enabled ? "on" : "off"}, ${leak.entries ?? leak.count} kept`);
  console.log(`${when}: ${memory.rss_mb} MB resident; ${held.join("; ") || "nothing leaks"}`);
}

export function setup() {
  report("before");
}

export default function () {
  const reply = http.get(`${base}/api/data`);
  check(reply, { "status is 200": (r) => r.status === 200 });
}

export function teardown() {
  report("after");
}
