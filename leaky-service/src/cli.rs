//! The command line of the service, for its own binary and for others that offer it.

mod values;

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::growth::GrowthSettings;
use crate::http::{AdminAccess, Login, MetricsAccess};
use crate::service::{Service, Settings, StartError};
use crate::spans::{Sending, Spans, SpansError};
use crate::startup::{self, StartupError};
use crate::{chain, descriptors, leaks, near_limit, say, server};

pub use values::{Cap, Thresholds};

/// Environment variable with the token that admin calls must carry.
const TOKEN_VARIABLE: &str = "LEAKLAB_ADMIN_TOKEN";

/// Environment variables with the name and password that scrapes of the metrics must carry.
const NAME_VARIABLE: &str = "METRICS_AUTH_USERNAME";
const PASSWORD_VARIABLE: &str = "METRICS_AUTH_PASSWORD";

/// The exit code of a program that could not do its work.
pub(crate) const COULD_NOT_RUN: u8 = 2;

/// Threads for work that blocks: clearing, purging, reading symbols.
const BLOCKING_THREADS: usize = 4;

/// The whole command line: without a command it serves.
#[derive(Clone, Debug, Parser)]
#[command(name = "leaky-service", version, args_conflicts_with_subcommands = true)]
#[command(about = Args::command().get_about().cloned().unwrap_or_default())]
#[command(long_about = Args::command().get_long_about().cloned().unwrap_or_default())]
pub struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Args,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    Leaks(leaks::Args),
}

/// Serve an API that leaks memory on demand
///
/// Every leak is off at first. Switch one on with
/// `curl -X POST localhost:8080/admin/leaks/cache -d '{"enabled": true}'`, send requests to
/// /api/data, and watch /admin/leaks/status. /openapi.json describes the whole API. The environment's `LEAKLAB_ADMIN_TOKEN`, if set, is the bearer token
/// that every call below /admin must carry. `OTEL_EXPORTER_OTLP_ENDPOINT`, if set, is the
/// OpenTelemetry collector (gRPC) that gets a span of each request; the other `OTEL_*` variables hold as usual.
#[derive(Clone, Debug, Parser)]
#[command(name = "leaky-service", version)]
pub struct Args {
    /// Address to listen on; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Write the bound address to this file, as one line, once connections are accepted
    #[arg(long, value_name = "FILE")]
    pub address_file: Option<PathBuf>,

    /// Time that /api/data takes without working, such as 10ms; 0s for none
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = humantime::parse_duration)]
    pub delay: Duration,

    /// What an entry of each leak and decoy takes, all its memory together, 1KiB to 16MiB
    #[arg(long, value_name = "SIZE", default_value = "10KiB")]
    pub bytes_per_request: ByteSize,

    /// What all leaks and decoys together may hold before they stop growing; 'none' lifts the cap
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = values::cap)]
    pub max_held: Cap,

    /// Share of the control group's memory limit from which on the log warns and /health says
    /// 'degraded', above 0 and up to 1
    #[arg(long, value_name = "SHARE", default_value_t = near_limit::DEFAULT_FRACTION, value_parser = values::share_above_none)]
    pub near_limit: f64,

    /// Count a request that raises resident memory by so much or more as a growth event; up to 8
    /// sizes, separated by commas
    #[arg(long, value_name = "SIZES", default_value = "10MiB,50MiB,100MiB", value_parser = values::thresholds)]
    pub growth_thresholds: Thresholds,

    /// Share of the requests that is measured for growth events, 0 to 1; measuring one takes at
    /// most some microseconds
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = values::share)]
    pub growth_sampling: f64,

    /// Apply controls to leaks and decoys at start-up: a JSON object of bodies as for
    /// POST /admin/leaks/NAME, by name
    #[arg(long, value_name = "FILE")]
    pub leaks: Option<PathBuf>,

    /// Threads that serve requests
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,

    /// What a client may keep the service waiting for before it loses its connection: the head of
    /// its next request, or taking what was sent
    #[arg(long, value_name = "DURATION", default_value = "75s", value_parser = values::client_timeout)]
    pub client_timeout: Duration,

    /// Whether live allocations are attributed to source lines: on, or off to save the stack walk
    /// that every allocation costs; what leaks hold is exact all the same
    #[arg(long, value_name = "on|off", default_value = "on", value_parser = values::switch, action = ArgAction::Set)]
    pub attribution: bool,

    /// Answer admin calls from other machines, without a token
    #[arg(long)]
    pub allow_remote_admin: bool,

    /// Refuse scrapes of /metrics without the name and password in the environment's
    /// `METRICS_AUTH_USERNAME` and `METRICS_AUTH_PASSWORD`; if those are unset, refuse every scrape
    #[arg(long)]
    pub metrics_auth: bool,

    /// Stop when the parent process ends; =PID says which process that must be
    #[arg(long, value_name = "PID", num_args = 0..=1, require_equals = true, default_missing_value = "0")]
    pub exit_with_parent: Option<i32>,
}

/// Why the service did not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot start the service")]
    Start(#[from] StartError),
    #[error("cannot listen on {0} (choose another address with --listen, or port 0)")]
    Listen(SocketAddr, #[source] io::Error),
    #[error("cannot write the address to {}", .0.display())]
    AddressFile(PathBuf, #[source] io::Error),
    #[error("cannot apply the leaks of the start-up file")]
    Leaks(#[from] StartupError),
    #[error("cannot send spans")]
    Spans(#[from] SpansError),
    #[error("cannot set up {0}")]
    Setup(&'static str, #[source] io::Error),
    #[error("the parent process is already gone")]
    Orphaned,
    #[error("{TOKEN_VARIABLE} is set but empty; unset it, or give it a value")]
    EmptyToken,
    #[error(
        "{NAME_VARIABLE} and {PASSWORD_VARIABLE} must both be set and not empty, or neither, and \
         the name may have no colon"
    )]
    HalfALogin,
}

impl Program {
    /// Does what the command line says.
    pub fn run(&self) -> ExitCode {
        match &self.command {
            Some(Command::Leaks(args)) => leaks::run(args),
            None => run(&self.serve),
        }
    }
}

/// Serves until SIGTERM or SIGINT; 0 then, 2 if the service could not run.
pub fn run(args: &Args) -> ExitCode {
    match try_run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("error: {}", chain(&error)));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn try_run(args: &Args) -> Result<(), RunError> {
    if let Some(parent) = args.exit_with_parent {
        exit_with_parent(parent)?;
    }
    let (spans, sending) = Spans::from_environment()?.unzip();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(args.workers))
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| RunError::Setup("worker threads", error))?;
    let served = runtime.block_on(start(args, spans));
    // Nothing a blocking thread may still be doing is worth waiting for.
    runtime.shutdown_background();
    if !sending.is_none_or(Sending::shut_down) {
        say("stopped before the collector had taken all spans");
    }
    served
}

/// Within the runtime, because patterns may need one.
async fn start(args: &Args, spans: Option<Spans>) -> Result<(), RunError> {
    descriptors::raise_limit();
    let service = Arc::new(Service::new(args.settings()?)?.with_spans(spans));
    if let Some(path) = &args.leaks {
        startup::apply(service.catalogue(), path)?;
    }
    serve(args, service).await
}

async fn serve(args: &Args, service: Arc<Service>) -> Result<(), RunError> {
    let setup = |error| RunError::Setup("signal handling", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(setup)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(setup)?;
    let refused = |error| RunError::Listen(args.listen, error);
    let listener = TcpListener::bind(args.listen).await.map_err(refused)?;
    announce(args, listener.local_addr().map_err(refused)?)?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    server::run(service, listener, args.client_timeout, stop).await;
    Ok(())
}

/// Tells people, and whoever waits for the file, where to connect.
fn announce(args: &Args, address: SocketAddr) -> Result<(), RunError> {
    if let Some(path) = &args.address_file {
        write_whole(path, &format!("{address}\n"))
            .map_err(|error| RunError::AddressFile(path.clone(), error))?;
    }
    let mut out = io::stdout().lock();
    // Nobody may be reading; the service runs all the same.
    let _ = writeln!(out, "listening on http://{address}").and_then(|()| out.flush());
    Ok(())
}

/// Writes beside the file and renames, so that nobody reads half an address.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, text)?;
    fs::rename(&beside, path)
}

/// Asks the kernel for SIGTERM when the parent ends, unless it has ended already. To the kernel
/// the parent is the thread that started us, so that must be one that stays.
fn exit_with_parent(expected: i32) -> Result<(), RunError> {
    let parent = || Pid::as_raw(getppid());
    let before = parent();
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| RunError::Setup("the parent-death signal", error.into()))?;
    // The parent may have ended before the kernel was asked; then somebody else has taken over.
    let wanted = if expected == 0 { before } else { expected };
    if parent() == wanted { Ok(()) } else { Err(RunError::Orphaned) }
}

impl Args {
    fn settings(&self) -> Result<Settings, RunError> {
        let token = std::env::var(TOKEN_VARIABLE).ok();
        if token.as_deref() == Some("") {
            return Err(RunError::EmptyToken);
        }
        Ok(Settings {
            bytes_per_request: usize::try_from(self.bytes_per_request.as_u64())
                .unwrap_or(usize::MAX),
            max_held_bytes: self.max_held.0.map(|cap| cap.as_u64()),
            delay: self.delay,
            attribution: self.attribution,
            metrics_access: MetricsAccess { required: self.metrics_auth, login: login()? },
            near_limit: self.near_limit,
            growth: GrowthSettings {
                thresholds_bytes: self.growth_thresholds.0.clone(),
                sampling: self.growth_sampling,
            },
            admin_access: AdminAccess { allow_remote: self.allow_remote_admin, token },
        })
    }
}

/// The name and password for metrics, if the environment sets both.
fn login() -> Result<Option<Login>, RunError> {
    let set = |variable| std::env::var(variable).ok();
    match (set(NAME_VARIABLE), set(PASSWORD_VARIABLE)) {
        (None, None) => Ok(None),
        (Some(name), Some(password)) if !name.is_empty() && !password.is_empty() => {
            Login::new(&name, &password).map(Some).ok_or(RunError::HalfALogin)
        }
        _ => Err(RunError::HalfALogin),
    }
}
