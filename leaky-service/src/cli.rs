//! The command line of the service, for its own binary and for others that offer it.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{CommandFactory, Parser, Subcommand};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::http::{AdminAccess, Login, MetricsAccess};
use crate::service::{Service, Settings, StartError};
use crate::startup::{self, StartupError};
use crate::{chain, leaks, server};

/// Environment variable with the token that admin calls must carry.
const TOKEN_VARIABLE: &str = "LEAKLAB_ADMIN_TOKEN";

/// Environment variables with the name and password that scrapes of the metrics must carry.
const NAME_VARIABLE: &str = "METRICS_AUTH_USERNAME";
const PASSWORD_VARIABLE: &str = "METRICS_AUTH_PASSWORD";

/// The exit code of a program that could not do its work.
const COULD_NOT_RUN: u8 = 2;

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
/// /api/data, and watch /admin/leaks/status. The environment's `LEAKLAB_ADMIN_TOKEN`, if set, is the bearer token
/// that every call below /admin must carry.
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
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = parse_cap)]
    pub max_held: Cap,

    /// Apply controls to leaks and decoys at start-up: a JSON object of bodies as for
    /// POST /admin/leaks/NAME, by name
    #[arg(long, value_name = "FILE")]
    pub leaks: Option<PathBuf>,

    /// Threads that serve requests
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub workers: u8,

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

/// A limit that can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap(pub Option<ByteSize>);

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
            eprintln!("error: {}", chain(&error));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn try_run(args: &Args) -> Result<(), RunError> {
    if let Some(parent) = args.exit_with_parent {
        exit_with_parent(parent)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(usize::from(args.workers))
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(|error| RunError::Setup("worker threads", error))?;
    let served = runtime.block_on(start(args));
    // Nothing a blocking thread may still be doing is worth waiting for.
    runtime.shutdown_background();
    served
}

/// Within the runtime, because patterns may need one.
async fn start(args: &Args) -> Result<(), RunError> {
    let service = Arc::new(Service::new(args.settings()?)?);
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
    server::run(service, listener, stop).await;
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
            metrics_access: MetricsAccess { required: self.metrics_auth, login: login()? },
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

fn parse_cap(text: &str) -> Result<Cap, String> {
    match text {
        "none" => Ok(Cap(None)),
        size => size.parse().map(|size| Cap(Some(size))),
    }
}
