//! How many instructions the machine has executed.
//!
//! Where time is virtual, QEMU counts them. It says the number over its control socket (QMP), and
//! only while it lives: so the machine, switched off, stays until it has been asked. The virtual
//! time is no measure: it also passes while all idle.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::text::LineCutter;

/// What QEMU must be told. The socket lies in the folder that it is started in.
pub(crate) const ARGUMENTS: [&str; 3] = ["-no-shutdown", "-qmp", "unix:qmp,server=on,wait=off"];

const BEGIN: &[u8] = b"{\"execute\":\"qmp_capabilities\"}\n";
const ASK_AND_QUIT: &[u8] = b"{\"execute\":\"query-replay\"}\n{\"execute\":\"quit\"}\n";

/// Follows a machine that was started with [`ARGUMENTS`]: asks it when it has stopped, and lets it
/// go.
#[derive(Debug)]
pub(crate) struct Count {
    place: PathBuf,
    stream: Option<UnixStream>,
    cutter: LineCutter,
    asked: bool,
    instructions: Option<u64>,
}

impl Count {
    /// For a machine that is started in this folder.
    pub(crate) fn new(place: impl Into<PathBuf>) -> Self {
        Self {
            place: place.into(),
            stream: None,
            cutter: LineCutter::default(),
            asked: false,
            instructions: None,
        }
    }

    /// The number, once the machine has said it.
    pub(crate) fn instructions(&self) -> Option<u64> {
        self.instructions
    }

    /// Hears what the machine says and answers; never waits. A socket that is not there yet, or not
    /// any more, is none of this one's business: whether the machine lives is asked elsewhere.
    pub(crate) fn poll(&mut self) {
        let Some(mut stream) = self.stream.take().or_else(|| self.connect()) else {
            return;
        };
        let mut bytes = [0; 4096];
        loop {
            match stream.read(&mut bytes) {
                Ok(0) => return,
                Ok(count) => {
                    for answer in self.hear(bytes.get(..count).unwrap_or_default()) {
                        if stream.write_all(answer).is_err() {
                            return;
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
        self.stream = Some(stream);
    }

    /// A socket's name must be short, and the folder's may be long: it is named by its open file.
    fn connect(&self) -> Option<UnixStream> {
        let place = File::open(&self.place).ok()?;
        let stream = UnixStream::connect(format!("/proc/self/fd/{}/qmp", place.as_raw_fd())).ok()?;
        stream.set_nonblocking(true).ok()?;
        Some(stream)
    }

    /// What is to be answered.
    fn hear(&mut self, bytes: &[u8]) -> Vec<&'static [u8]> {
        let mut answers = Vec::new();
        let mut cutter = std::mem::take(&mut self.cutter);
        cutter.feed(bytes, |line| {
            let said: Value = serde_json::from_slice(line).unwrap_or_default();
            if said.get("QMP").is_some() {
                answers.push(BEGIN);
            } else if said.get("event").is_some_and(|event| event == "STOP") && !self.asked {
                self.asked = true;
                answers.push(ASK_AND_QUIT);
            } else if let Some(count) = said.pointer("/return/icount").and_then(Value::as_u64) {
                self.instructions = Some(count);
            }
        });
        self.cutter = cutter;
        answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, Instant};

    #[test]
    fn a_machine_that_has_stopped_is_asked_and_let_go() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let mut count = Count::new(folder.path());
        count.poll();
        let listener = UnixListener::bind(folder.path().join("qmp"))?;
        let machine = std::thread::spawn(move || -> std::io::Result<Vec<String>> {
            let (mut stream, _) = listener.accept()?;
            let mut lines = BufReader::new(stream.try_clone()?).lines();
            let mut heard = Vec::new();
            let mut hear = |many| heard.extend(lines.by_ref().take(many).map_while(Result::ok));
            stream.write_all(b"{\"QMP\": {\"version\": {}}}\r\n")?;
            hear(1);
            stream.write_all(b"{\"return\": {}}\r\n{\"event\": \"SHUTDOWN\"}\r\n{\"eve")?;
            stream.write_all(b"nt\": \"STOP\"}\r\n")?;
            hear(2);
            stream.write_all(b"{\"return\": {\"icount\": 11532507815, \"mode\": \"none\"}}\r\n")?;
            Ok(heard)
        });
        let start = Instant::now();
        while count.instructions().is_none() && start.elapsed() < Duration::from_secs(30) {
            count.poll();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(count.instructions(), Some(11_532_507_815));
        let heard = machine.join().map_err(|_| "the machine's thread panicked")??;
        let told: Vec<Value> = heard.iter().flat_map(|line| serde_json::from_str(line)).collect();
        let commands: Vec<_> = told.iter().filter_map(|one| one.get("execute")?.as_str()).collect();
        assert_eq!(commands, ["qmp_capabilities", "query-replay", "quit"]);
        Ok(())
    }

    #[test]
    fn what_is_no_answer_is_no_number() {
        let mut count = Count::new("/");
        let noise = b"\xff\n[]\n{\"return\": {\"icount\": -1}}\n{\"error\": {}}\n{\"icount\": 5}\n";
        assert!(count.hear(noise).is_empty());
        assert_eq!(count.instructions(), None);
        assert_eq!(count.hear(b"{\"event\": \"STOP\"}\n{\"event\": \"STOP\"}\n"), [ASK_AND_QUIT]);
    }
}
