//! Measures when requests arrive, where they arrive: a server that stamps each request and, at the
//! end, says how far the stamps are from an even schedule.
//!
//! `arrivals serve RATE` listens on a free port of loopback, prints the port, answers every request
//! on every connection, and when its standard input ends prints one line of JSON. `arrivals floor RATE SECONDS` waits for the same instants by
//! the kernel's timer alone, and prints the same line: what this machine can do at this moment.
#![expect(clippy::expect_used, reason = "a measurement that cannot be set up must fail")]

use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use rustix::{
    event::epoll,
    time::{
        ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec,
        clock_gettime, timerfd_create, timerfd_settime,
    },
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
/// Most stamps that are kept: five minutes at 20,000/s.
const MAX_STAMPS: usize = 6_000_000;
/// Most connections at once.
const MAX_CONNECTIONS: usize = 1000;
/// How often a server that nobody asks looks whether it was ended.
const LOOK_NANOS: i64 = 50_000_000;
const LISTENER: u64 = u64::MAX;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let stamps = match arguments[..] {
        ["serve", rate] if number(rate).is_some() => serve().expect("the server serves"),
        ["floor", rate, seconds] => match number(rate).zip(number(seconds)) {
            Some((rate, seconds)) => floor(rate, seconds).expect("the timer rings"),
            None => return usage(),
        },
        _ => return usage(),
    };
    let rate = number(arguments[1]).expect("checked above");
    println!("{}", Figures::of(&stamps, rate));
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: arrivals serve RATE | arrivals floor RATE SECONDS");
    ExitCode::from(2)
}

/// How far stamps are from an even schedule of the same rate, laid so that half of them are early.
struct Figures {
    count: usize,
    gap_p50_us: f64,
    deviation_p50_us: f64,
    deviation_p99_us: f64,
    rate_error: f64,
}

impl Figures {
    fn of(stamps: &[u64], rate: u64) -> Self {
        let sorted = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        let at = |values: &[f64], share: f64| {
            values.get((values.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN) / 1e3
        };
        let gaps = sorted(stamps.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect());
        let gap_nanos = 1e9 / rate as f64;
        let first = stamps.first().copied().unwrap_or(0);
        let offsets: Vec<_> = stamps
            .iter()
            .enumerate()
            .map(|(nth, stamp)| (stamp - first) as f64 - nth as f64 * gap_nanos)
            .collect();
        let middle = at(&sorted(offsets.clone()), 0.5) * 1e3;
        let deviations = sorted(offsets.iter().map(|offset| (offset - middle).abs()).collect());
        Self {
            count: stamps.len(),
            gap_p50_us: at(&gaps, 0.5),
            deviation_p50_us: at(&deviations, 0.5),
            deviation_p99_us: at(&deviations, 0.99),
            rate_error: rate_error(&offsets, gap_nanos),
        }
    }
}

/// How much faster than the schedule the stamps come, as a share of its rate: the slope of a line
/// through all of them (least squares), so that a late first or last one decides nothing.
fn rate_error(offsets: &[f64], gap_nanos: f64) -> f64 {
    let count = offsets.len() as f64;
    let mean = offsets.iter().sum::<f64>() / count;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (nth, offset) in offsets.iter().enumerate() {
        let from_middle = nth as f64 - (count - 1.0) / 2.0;
        covariance += from_middle * (offset - mean);
        variance += from_middle * from_middle;
    }
    -covariance / variance / gap_nanos
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { count, gap_p50_us, deviation_p50_us, deviation_p99_us, rate_error } = self;
        write!(
            f,
            "{{\"count\": {count}, \"gap_p50_us\": {gap_p50_us:.1}, \
             \"deviation_p50_us\": {deviation_p50_us:.1}, \
             \"deviation_p99_us\": {deviation_p99_us:.1}, \"rate_error\": {rate_error:.9}}}"
        )
    }
}

fn now_nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Answers until standard input ends; the stamps of all requests, in order.
fn serve() -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?.port());
    io::stdout().flush()?;
    let ended = Arc::new(AtomicBool::new(false));
    let of_reader = Arc::clone(&ended);
    thread::spawn(move || {
        // However it ends, nobody wants more.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        of_reader.store(true, Relaxed);
    });

    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut stamps = Vec::with_capacity(MAX_STAMPS);
    let mut events = Vec::with_capacity(256);
    while !ended.load(Relaxed) {
        events.clear();
        let look = Timespec { tv_sec: 0, tv_nsec: LOOK_NANOS };
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&look))?;
        for event in &events {
            let number = event.data.u64();
            if number == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                if streams.len() < MAX_CONNECTIONS {
                    let data = epoll::EventData::new_u64(streams.len() as u64);
                    epoll::add(&poll, &stream, data, epoll::EventFlags::IN)?;
                    streams.push(Some(stream));
                }
            } else if let Some(stream) = &mut streams[number as usize] {
                let requests = answer(stream, &mut stamps);
                if requests.is_err() {
                    streams[number as usize] = None;
                }
            }
        }
    }
    Ok(stamps)
}

/// Stamps and answers what was read: each empty line ends a request, none of which has a body.
fn answer(stream: &mut TcpStream, stamps: &mut Vec<u64>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let stamp = now_nanos();
    let length = stream.read(&mut buffer)?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    for _ in buffer[..length].windows(4).filter(|bytes| *bytes == b"\r\n\r\n") {
        if stamps.len() < MAX_STAMPS {
            stamps.push(stamp);
        }
        stream.write_all(ANSWER)?;
    }
    Ok(())
}

/// The instants at which the kernel's timer woke this thread for an even schedule.
fn floor(rate: u64, seconds: u64) -> io::Result<Vec<u64>> {
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let timespec = |nanos: u64| Timespec {
        tv_sec: (nanos / 1_000_000_000).cast_signed(),
        tv_nsec: (nanos % 1_000_000_000).cast_signed(),
    };
    let start = now_nanos() + 1_000_000;
    let mut stamps = Vec::with_capacity((rate * seconds) as usize);
    for nth in 0..rate * seconds {
        let due = start + nth * 1_000_000_000 / rate;
        if now_nanos() < due {
            let once = Itimerspec { it_interval: timespec(0), it_value: timespec(due) };
            timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once)?;
            rustix::io::read(&timer, &mut [0; 8])?;
        }
        stamps.push(now_nanos());
    }
    Ok(stamps)
}
