//! The lab in one terminal, without Docker: service, load and detector until somebody ends it.
//!
//! The service is a process of its own that is started again whenever it ends, as a container
//! with a restart policy is. The memory limit is watched from outside, because a process without
//! a control group has none: what resident anonymous memory exceeds it is ended with SIGKILL, as
//! the kernel would do. That is coarser than a control group: it looks every [`TICK`], so a
//! service may be above its limit for so long; and it counts neither page cache nor kernel memory.

mod api;
mod fixes;
mod life;
mod screen;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use screen::Screen;

use crate::client::ClientError;
use crate::drill::{Arrivals, Load};
use crate::error_chain;
use crate::interrupt::Interrupt;
use crate::load::RunningLoad;
use crate::quantity::bytes;
use crate::service::StartError;
use api::Api;
use life::Life;

/// The longest time between two looks at the interrupt, the limit and the screen.
const TICK: Duration = Duration::from_millis(100);
/// A load ends after so long and is begun anew; loadgen sends for a week at most.
const LOAD_LASTS_SECONDS: f64 = 24.0 * 3600.0;
/// What the original lab's requests take, without working.
const DELAY: Duration = Duration::from_millis(10);
/// A service that ends sooner than this by itself is broken, and not started again.
const SHORTEST_LIFE: Duration = Duration::from_secs(2);

/// What a user may set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The port of the service on loopback; 0 takes any free one.
    pub port: u16,
    /// The port of the detector's API on loopback; none for no API, 0 for any free port.
    pub detector_port: Option<u16>,
    /// Requests per second to `/api/data`; none for no load.
    pub rate_per_second: Option<f64>,
    /// Resident anonymous memory at which the service is killed, bytes.
    pub limit_bytes: Option<u64>,
    /// Growth that has lasted so long may be called a leak, seconds.
    pub confirm_seconds: f64,
}

/// Why the lab is not up any more.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The service could not be started.
    #[error("cannot start the service (is the port taken? choose another with --port, or 0)")]
    Start(#[source] StartError),
    /// The service ends again and again.
    #[error("the service ended right after its start: {0}")]
    ShortLived(String),
    /// It cannot be looked at.
    #[error("cannot look at the service")]
    Blind(#[from] detector::source::SampleError),
    /// What the environment has as credentials cannot be sent.
    #[error("cannot ask the service")]
    Mute(#[from] ClientError),
}

/// The lab while it is up. Fields are dropped from the top: the load first, the service last.
struct Up<'a> {
    settings: Settings,
    program: PathBuf,
    began: Instant,
    load: Option<RunningLoad>,
    api: Option<Api>,
    life: Option<Life>,
    /// Where the service listens, known from its first start on.
    address: SocketAddr,
    restarts: u32,
    interrupt: &'a Interrupt,
    screen: &'a mut Screen,
}

/// Keeps the lab up until the interrupt; `program` is the one that `serve`s.
pub fn run(
    settings: Settings,
    program: PathBuf,
    interrupt: &Interrupt,
    screen: &mut Screen,
) -> Result<(), UpError> {
    let address = (Ipv4Addr::LOCALHOST, settings.port).into();
    let mut up = Up {
        settings,
        program,
        began: Instant::now(),
        load: None,
        api: None,
        life: None,
        address,
        restarts: 0,
        interrupt,
        screen,
    };
    match up.stay_up() {
        Err(UpError::Start(StartError::Interrupted)) => Ok(()),
        result => result,
    }
}

impl Up<'_> {
    fn stay_up(&mut self) -> Result<(), UpError> {
        self.begin_life()?;
        self.start_api();
        let api = self.api.as_ref().and_then(Api::address);
        self.screen.up(self.address, api, &self.settings);
        while !self.interrupt.is_set() {
            self.keep_load();
            self.tick()?;
        }
        self.screen.line(self.began.elapsed(), "ending: load, then service");
        self.load = None;
        self.api = None;
        self.life = None;
        self.screen.line(self.began.elapsed(), "down; nothing is left behind");
        Ok(())
    }

    /// A lab without the detector's API is still a lab.
    fn start_api(&mut self) {
        let Some(port) = self.settings.detector_port else { return };
        match Api::start(&self.settings, self.address, port) {
            Ok(api) => self.api = Some(api),
            Err(error) => {
                let said = format!("without the detector's API: {}", error_chain(&error));
                self.screen.line(self.began.elapsed(), &said);
            }
        }
    }

    fn begin_life(&mut self) -> Result<(), UpError> {
        self.life = None;
        let life =
            Life::begin(&self.program, self.address, &self.settings, self.began, self.interrupt)?;
        self.address = life.address().unwrap_or(self.address);
        self.life = Some(life);
        Ok(())
    }

    /// One look at everything.
    fn tick(&mut self) -> Result<(), UpError> {
        let Some(life) = &mut self.life else { return Ok(()) };
        if let Some(end) = life.ended(self.settings.limit_bytes) {
            return self.begin_again(&end);
        }
        for change in life.look(TICK) {
            self.screen.line(self.began.elapsed(), &change);
        }
        let status = life.status(self.restarts);
        self.screen.status(self.began.elapsed(), &self.settings, &status);
        Ok(())
    }

    fn begin_again(&mut self, end: &life::End) -> Result<(), UpError> {
        let said = match end {
            life::End::OutOfMemory { held_bytes, limit_bytes } => format!(
                "out of memory: {} resident, the limit is {}; killed (SIGKILL, as the kernel would)",
                bytes(*held_bytes),
                bytes(*limit_bytes as f64)
            ),
            life::End::ByItself { how, lived } if *lived < SHORTEST_LIFE => {
                return Err(UpError::ShortLived(how.clone()));
            }
            life::End::ByItself { how, .. } => how.clone(),
        };
        self.screen.line(self.began.elapsed(), &said);
        self.begin_life()?;
        self.restarts += 1;
        let said = format!("started again, restart {}: every leak is off", self.restarts);
        self.screen.line(self.began.elapsed(), &said);
        Ok(())
    }

    /// There is load as long as the lab is up, also when a generator has come to its end.
    fn keep_load(&mut self) {
        let Some(rate_per_second) = self.settings.rate_per_second else { return };
        if let Some(load) = self.load.take_if(|load| load.is_over())
            && let Some(problem) = load.stop().problem
        {
            self.settings.rate_per_second = None;
            self.screen.line(self.began.elapsed(), &format!("no load from here on: {problem}"));
            return;
        }
        let url = format!("http://{}/api/data", self.address);
        self.load.get_or_insert_with(|| {
            let load = Load {
                rate_per_second,
                arrivals: Arrivals::Constant,
                connections: 10,
                seed: 0,
                abort_share: 0.0,
                swing: None,
            };
            RunningLoad::start(&load, url, LOAD_LASTS_SECONDS)
        });
    }
}

/// An error of looking that is no end of the service, in words.
fn in_words(error: &dyn std::error::Error) -> String {
    format!("not seen: {}", error_chain(error))
}
