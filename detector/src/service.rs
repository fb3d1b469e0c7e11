//! The long-running detector: looks at every target again and again, keeps incidents in a
//! database, tells of them, and answers questions about them.
//!
//! Threads look ([`engine`]) and hand reports to the one that keeps incidents ([`keeper`]), which
//! alone changes them; what receivers are to be told is written with the change ([`store`]), and
//! told by threads of their own ([`notify`]).

mod api;
mod clock;
pub mod cron;
mod engine;
mod http;
mod incident;
mod inspections;
mod keeper;
mod metrics;
mod notify;
pub mod settings;
mod shared;
mod shelf;
mod status;
mod stop;
mod store;
pub mod template;
mod voice;
mod watched;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

pub use api::TOKEN;

use api::Api;
use clock::Clock;
use engine::Engine;
use http::Server;
use incident::Report;
use inspections::Inspector;
use keeper::Keeper;
use notify::Teller;
use settings::{Inspection, Receiver};
use shared::Shared;
use shelf::Shelf;
use watched::Task;

use crate::config::Config;
use crate::target::Target;

/// Reports on their way to the keeper.
const MOST_REPORTS: usize = 10_000;

/// Why a watch cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
}

/// A watch that runs.
#[derive(Debug)]
pub struct Service {
    shared: Shared,
    server: Server,
    engine: Engine,
    reports: SyncSender<Report>,
    keeper: thread::JoinHandle<()>,
    tellers: Vec<(Receiver, Teller)>,
    inspectors: Vec<(Inspection, Inspector)>,
}

/// What is wrong with a configuration beyond its text: receivers whose credentials are not set.
pub fn check(config: &Config) -> Vec<Box<dyn Error>> {
    let faults = config.watch.receivers.iter().filter_map(|receiver| notify::check(receiver).err());
    let receivers = faults.map(|error| Box::new(error) as Box<dyn Error>);
    let unopened = config.targets.iter().filter_map(|target| target.open().err());
    receivers.chain(unopened.map(|error| Box::new(error) as Box<dyn Error>)).collect()
}

impl Service {
    /// Starts with this configuration, and answers who bears the token, if there is one.
    pub fn start(config: &Config, token: Option<String>) -> Result<Self, StartError> {
        let clock = Clock::start();
        let shared = Shared::new(clock, Shelf::open(config.watch.database.clone()));
        let (reports, received) = sync_channel(MOST_REPORTS);
        let engine = Engine::start(clock, &reports)?;
        let address = config.watch.listen;
        let api = Api::new(shared.clone(), token);
        let server = Server::start(address, move |request| api.answer(request))
            .map_err(|source| StartError::Listen { address, source })?;
        let mut service = Self {
            keeper: {
                let keeper = Keeper::new(shared.clone());
                let builder = thread::Builder::new().name("keep".to_owned());
                builder.spawn(move || keeper.keep(&received))?
            },
            shared,
            server,
            engine,
            reports,
            tellers: Vec::new(),
            inspectors: Vec::new(),
        };
        service.configure(config)?;
        Ok(service)
    }

    /// Starts as [`Self::start`] does, and says nothing on stderr: for a program that narrates itself, all of it.
    pub fn start_quietly(config: &Config, token: Option<String>) -> Result<Self, StartError> {
        voice::be_quiet();
        Self::start(config, token)
    }

    /// Where questions are answered.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Goes on with another configuration; what is the same in it keeps all that is known of it.
    /// The database and the address stay as they were at the start.
    pub fn configure(&mut self, config: &Config) -> Result<(), StartError> {
        let tasks: Vec<Task> = config.targets.iter().map(|target| task(target, config)).collect();
        self.engine.watch(&tasks);
        {
            let mut facts = self.shared.facts();
            facts.statuses = self.engine.statuses();
            facts.receivers = config.watch.receivers.iter().map(|r| r.name.clone()).collect();
            facts.inspected = config.watch.inspections.iter().map(|i| i.name.clone()).collect();
            facts.retention = config.watch.retention;
            facts.configured_seconds = self.shared.clock.now_seconds();
            facts.refused = None;
        }
        let shared = self.shared.clone();
        renew(&mut self.tellers, &config.watch.receivers, Teller::end, |receiver| {
            Teller::start(receiver, shared.clone())
        })?;
        let reports = self.reports.clone();
        renew(&mut self.inspectors, &config.watch.inspections, Inspector::end, |inspection| {
            Inspector::start(inspection, shared.clone(), reports.clone())
        })?;
        Ok(())
    }

    /// Another configuration was refused: everything stays as it is, and this is told.
    pub fn refuse(&self, why: String) {
        let mut facts = self.shared.facts();
        facts.refused = Some(why);
        facts.refusals += 1;
    }

    /// Ends: what was seen is written, what is being told is told.
    pub fn stop(self) {
        let Self { server, engine, reports, keeper, tellers, inspectors, .. } = self;
        drop(server);
        for (_, inspector) in inspectors {
            inspector.end();
        }
        engine.stop();
        drop(reports);
        // A thread that panicked has said so.
        let _ = keeper.join();
        for (_, teller) in tellers {
            teller.end();
        }
    }
}

/// A target with the rules that are of it.
fn task(target: &Target, config: &Config) -> Task {
    let rules = config.rules.iter().filter(|rule| rule.is_of(&target.name));
    Task { target: target.clone(), rules: rules.map(|rule| rule.rule.clone()).collect() }
}

/// Ends what is no longer wanted, keeps what is the same, and starts what is new.
fn renew<W: Clone + PartialEq, R>(
    running: &mut Vec<(W, R)>,
    wanted: &[W],
    end: impl Fn(R),
    start: impl Fn(W) -> io::Result<R>,
) -> io::Result<()> {
    for (what, thread) in std::mem::take(running) {
        if wanted.contains(&what) {
            running.push((what, thread));
        } else {
            end(thread);
        }
    }
    for new in wanted {
        if !running.iter().any(|(what, _)| what == new) {
            running.push((new.clone(), start(new.clone())?));
        }
    }
    Ok(())
}
