//! Log lines on their way to standard error, which hold up no request: where nobody takes them any more, as behind a full pipe, they are lost and counted.

use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use tracing_subscriber::fmt::MakeWriter;

/// A pipe that says it can be written takes as much at once (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// Whoever reads the lines may be so late; then he is waited for no more until he is back.
const PATIENCE: Duration = Duration::from_millis(200);

/// Where lines go. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Lines {
    state: Arc<Mutex<State>>,
    json: bool,
}

struct State {
    patience: Duration,
    lost: u64,
}

impl Lines {
    pub fn new(json: bool) -> Self {
        Self { state: Arc::new(Mutex::new(State { patience: PATIENCE, lost: 0 })), json }
    }

    fn told(&self, lost: u64) -> String {
        if self.json {
            format!("{{\"level\":\"WARN\",\"message\":\"{lost} log lines were lost: nobody took them\"}}\n")
        } else {
            format!("WARN {lost} log lines were lost: nobody took them\n")
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !takes(state.patience) {
            state.patience = Duration::ZERO;
            state.lost += 1;
            return Ok(line.len());
        }
        state.patience = PATIENCE;
        let lost = std::mem::take(&mut state.lost);
        if lost > 0 {
            io::stderr().write_all(self.told(lost).as_bytes())?;
        }
        for part in line.chunks(AT_ONCE) {
            if !takes(PATIENCE) {
                state.patience = Duration::ZERO;
                state.lost += 1;
                break;
            }
            io::stderr().write_all(part)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether standard error takes something within `patience`.
fn takes(patience: Duration) -> bool {
    let stderr = io::stderr();
    let stderr = stderr.as_fd();
    let mut waiting = [PollFd::new(&stderr, PollFlags::OUT)];
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    // Where the system cannot tell, the write itself will.
    retry_on_intr(|| poll(&mut waiting, Some(&patience))).map_or(true, |ready| ready > 0)
}
