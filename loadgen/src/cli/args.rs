//! The flags that say what load to send. Texts are checked with the rest of the plan, so that
//! every problem is reported at once.

use clap::Args;

/// Declares flags and, for each, the setting of the same name.
macro_rules! flags {
    ($(#[$of_all:meta])* $type:ident { $($(#[$meta:meta])* $field:ident: $name:literal,)* }) => {
        $(#[$of_all])*
        #[derive(Debug, Clone, Default, Args)]
        pub(super) struct $type {
            $($(#[$meta])* #[arg(long = $name)] $field: Vec<String>,)*
        }

        impl $type {
            /// What was said, flag by flag.
            pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
                let mut settings = Vec::new();
                $(settings.extend(self.$field.iter().map(|text| ($name, text.clone())));)*
                settings
            }
        }
    };
}

flags! {
    /// How much load, and when.
    LoadArgs {
        /// Arrivals per time: `200/s`, `12000/m`, `90/h`; at most 1000000/s.
        #[arg(short = 'r', value_name = "RATE", help_heading = "Open load")]
        rate: "rate",
        /// How arrivals are spread: `constant` or `poisson` [default: constant].
        #[arg(value_name = "KIND", help_heading = "Open load")]
        arrivals: "arrivals",
        /// Ramp evenly to a rate over a time, `30s:500/s`; may be repeated. The first ramp begins at
        /// `--rate`, or at nothing.
        #[arg(value_name = "TIME:RATE", help_heading = "Open load")]
        stage: "stage",
        /// A recorded rate: CSV with the columns `t_seconds` and `rate_per_second`.
        #[arg(value_name = "FILE", help_heading = "Open load")]
        rate_curve: "rate-curve",
        /// How many arrive at the same instant, at a rate that is as much lower [default: 1].
        #[arg(value_name = "COUNT", help_heading = "Open load")]
        burst: "burst",
        /// Mean lengths of phases with load and without, `20s/10s`; each phase is from half to one
        /// and a half times as long, by the seed.
        #[arg(value_name = "ON/OFF", help_heading = "Open load")]
        on_off: "on-off",
        /// Arrivals that may wait for a free connection at once; more are dropped and make the run
        /// invalid [default: what comes in one timeout, at least 1024].
        #[arg(value_name = "COUNT", help_heading = "Open load")]
        backlog: "backlog",
        /// How the pacer waits: `coarse` (to 1 ms, the cheapest), `precise`, or `spin` (a processor
        /// of its own) [default: precise].
        #[arg(value_name = "HOW", help_heading = "Open load")]
        pace: "pace",
        /// The run is invalid if the generator itself is later than this at p99 [default: 10ms].
        #[arg(value_name = "TIME", help_heading = "Open load")]
        max_lateness: "max-lateness",
        /// Send every n-th arrival from number i on, `i/n`: n generators together send the plan.
        /// `/n` takes i from the variable `JOB_COMPLETION_INDEX`.
        #[arg(value_name = "I/N", help_heading = "Open load")]
        shard: "shard",
        /// Users who each wait for the reply, think, and ask again.
        #[arg(value_name = "COUNT", help_heading = "Closed loop")]
        users: "users",
        /// How long a user thinks after a reply [default: 0s].
        #[arg(value_name = "TIME", help_heading = "Closed loop")]
        think_time: "think-time",
        /// How long arrivals go on, 1ms to 7days [default: 10s]; stages and a curve say it
        /// themselves.
        #[arg(short = 'd', value_name = "TIME")]
        duration: "duration",
        /// First instant of the schedule, `2026-01-31T12:00:00Z` or as `date +%s` has it, at most a week
        /// ahead [default: at once].
        #[arg(value_name = "INSTANT")]
        start_at: "start-at",
        /// Seed of all that is random: the same seed is the same load [default: 0].
        #[arg(value_name = "NUMBER")]
        seed: "seed",
        /// Connections, all opened before the start; 1 to 10000 [default: 10].
        #[arg(short = 'c', value_name = "COUNT", help_heading = "Connections")]
        connections: "connections",
        /// Threads, which share connections and arrivals evenly [default: 1].
        #[arg(short = 't', value_name = "COUNT", help_heading = "Connections")]
        threads: "threads",
        /// Limit of the wait for a free connection, and of each request after it; 1ms to 10min
        /// [default: 5s].
        #[arg(value_name = "TIME")]
        timeout: "timeout",
        /// Share of the requests whose client goes away before it has the reply: `10%`. They are
        /// neither completed nor errors [default: 0%].
        #[arg(value_name = "SHARE")]
        abort_share: "abort-share",
        /// How long after the sending it goes away; a reply that is whole by then counts as any
        /// other [default: 1ms].
        #[arg(value_name = "TIME")]
        abort_after: "abort-after",
        /// What is spoken: `1.1` or `2` [default: 1.1].
        #[arg(value_name = "VERSION", help_heading = "Connections")]
        http: "http",
        /// Requests at a time on each connection, with HTTP/2 [default: 1].
        #[arg(value_name = "COUNT", help_heading = "Connections")]
        streams: "streams",
        /// Connect to this Unix socket instead of the URL's host and port.
        #[arg(value_name = "PATH", help_heading = "Connections")]
        unix_socket: "unix-socket",
        /// Certificates of the authorities to trust, in PEM form [default: the system's].
        #[arg(value_name = "FILE", help_heading = "Connections")]
        ca: "ca",
        /// Trust whoever answers over TLS, `true` or `false` [default: false].
        #[arg(value_name = "BOOL", help_heading = "Connections")]
        insecure: "insecure",
        /// Whether a connection carries more than one request, `true` or `false` [default: true].
        #[arg(value_name = "BOOL", help_heading = "Connections")]
        keep_alive: "keep-alive",
    }
}

flags! {
    /// What to send.
    RequestArgs {
        /// One request of a mix, in YAML: `{weight: 3, method: POST, path: /x, body: abc}`; may be
        /// repeated. Keys are weight, method, path, headers, body and `body_file`.
        #[arg(value_name = "REQUEST", help_heading = "Requests")]
        request: "request",
        /// `GET`, `POST`, ... [default: GET].
        #[arg(value_name = "METHOD", help_heading = "Requests")]
        method: "method",
        /// A header of all requests, `Name: value`; may be repeated.
        #[arg(short = 'H', value_name = "HEADER", help_heading = "Requests")]
        header: "header",
        /// The body.
        #[arg(value_name = "TEXT", help_heading = "Requests")]
        body: "body",
        /// The body, from a file of at most 16 MiB; one that is no UTF-8 text has no holes.
        #[arg(value_name = "FILE", help_heading = "Requests")]
        body_file: "body-file",
        /// Size of the key space of `{{key}}` [default: 1000].
        #[arg(value_name = "COUNT", help_heading = "Requests")]
        keys: "keys",
        /// How popular the keys are: `uniform`, or `zipf:S` [default: uniform].
        #[arg(value_name = "HOW", help_heading = "Requests")]
        popularity: "popularity",
    }
}

flags! {
    /// What replies must be, and what the run must keep.
    GoalArgs {
        /// A reply must have one of these statuses: `200`, `2xx`, `200-204`, or several with
        /// commas [default: any below 400].
        #[arg(value_name = "STATUSES", help_heading = "Conditions")]
        check_status: "check-status",
        /// The body of a reply must contain this; may be repeated.
        #[arg(value_name = "TEXT", help_heading = "Conditions")]
        check_body: "check-body",
        /// The run must keep this, or the exit code is 1; may be repeated: `p99<250ms`,
        /// `service_p50<=5ms`, `mean<20ms`, `max<1s`, `errors<1%`, `timeout<=3`, `rate>4900/s`,
        /// `completed_rate>4900/s`. Times are response times unless `service_` or `lateness_`
        /// stands before. Unless one is about errors, no request may fail.
        #[arg(value_name = "CONDITION", help_heading = "Conditions")]
        threshold: "threshold",
        /// The run ends, with exit code 1, as soon as this is not kept; looked at once a second over
        /// all that was done so far; may be repeated. Conditions as for `--threshold`.
        #[arg(value_name = "CONDITION", help_heading = "Conditions")]
        stop_unless: "stop-unless",
        /// How long after the start `--stop-unless` is looked at first; at most 7days
        /// [default: 5s].
        #[arg(value_name = "TIME", help_heading = "Conditions")]
        stop_grace: "stop-grace",
    }
}
