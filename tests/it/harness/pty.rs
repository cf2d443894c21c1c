//! The real binary in a pseudo-terminal, with an emulator as its screen.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};

/// Longest wait for anything; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the console sends last, before lines of ordinary text.
const LEFT: &[u8] = b"\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// A process with a terminal of its own.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn std::io::Write + Send>,
    bytes: Receiver<Vec<u8>>,
    gone: Arc<AtomicBool>,
    parser: vt100::Parser,
    raw: Vec<u8>,
    cooked: String,
}

/// How a process ended and what it wrote.
pub struct Ended {
    pub code: u32,
    pub raw: Vec<u8>,
    pub text: String,
}

fn size_of((cols, rows): (u16, u16)) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn not_zero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).expect("a size")
}

impl Pty {
    /// Starts the program with its home in a directory.
    pub fn start(home: &Path, arguments: &[&str], size: (u16, u16)) -> Self {
        Self::start_as(home, env!("CARGO_BIN_EXE_quell"), arguments, size)
    }

    /// Starts any program there, such as a shell that starts ours.
    pub fn start_as(home: &Path, program: &str, arguments: &[&str], size: (u16, u16)) -> Self {
        let pair = native_pty_system()
            .openpty(size_of(size))
            .expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(home);
        for name in ["NO_COLOR", "LC_ALL", "LC_CTYPE", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("LANG", "C.UTF-8"),
        ] {
            command.env(name, value);
        }
        command.env("HOME", home);
        let cooked = settings(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).expect("the program");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (send, bytes) = channel();
        let gone = Arc::new(AtomicBool::new(false));
        let leave = Arc::clone(&gone);
        std::thread::spawn(move || {
            let mut room = vec![0; 65_536];
            // An error is the end: the other side is closed.
            while let Ok(count @ 1..) = reader.read(&mut room) {
                if send.send(room[..count].to_vec()).is_err() || leave.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        Self {
            child,
            writer: pair.master.take_writer().expect("a writer"),
            master: pair.master,
            bytes,
            gone,
            parser: vt100::Parser::new(not_zero(size.1), not_zero(size.0), 0),
            raw: Vec::new(),
            cooked,
        }
    }

    /// Types keys: letters as they are, others as `<Enter>`, `<Tab>`, `<Esc>`, `<Ctrl-c>`, `<Ctrl-s>`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        let sent = keys
            .replace("<Enter>", "\r")
            .replace("<Tab>", "\t")
            .replace("<Esc>", "\x1b")
            .replace("<Ctrl-c>", "\x03")
            .replace("<Ctrl-s>", "\x13")
            .replace("<Ctrl-z>", "\x1a");
        self.writer.write_all(sent.as_bytes()).expect("it listens");
        self.writer.flush().expect("it listens");
        self
    }

    /// Gives what the terminal shows.
    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Waits until the terminal shows something.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> &mut Self {
        let end = Instant::now() + PATIENCE;
        while !holds(&self.screen().contents()) {
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(error) => panic!(
                    "never shown ({error}): {what}\n{}",
                    self.screen().contents()
                ),
            }
        }
        self
    }

    /// Waits until the terminal shows a text.
    pub fn shows(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.contains(text))
    }

    /// Lets time pass that nothing on the screen tells of, and takes what comes meanwhile.
    pub fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(bytes) = self
            .bytes
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.take(&bytes);
        }
    }

    /// Takes the rest of a frame: what comes without a pause. An idle console writes nothing.
    pub fn settle(&mut self) {
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(250)) {
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.parser.process(bytes);
    }

    /// Makes the terminal another size, as a window manager would.
    pub fn resize(&mut self, size: (u16, u16)) -> &mut Self {
        self.parser
            .screen_mut()
            .set_size(not_zero(size.1), not_zero(size.0));
        self.master
            .resize(size_of(size))
            .expect("it can be resized");
        self
    }

    /// Gives everything that was sent to the terminal.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        Self::signal_to(self.id(), signal);
    }

    /// Keeps the process from writing files beyond so many bytes, as `ulimit -f` would have; `None` lets it again.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let maximum = getrlimit(Resource::Fsize).maximum;
        let limit = Rlimit {
            current: bytes.or(maximum),
            maximum,
        };
        let process = Pid::from_raw(self.id()).expect("a process");
        prlimit(Some(process), Resource::Fsize, limit).expect("it runs");
    }

    fn id(&self) -> i32 {
        let id = self.child.process_id();
        id.and_then(|id| i32::try_from(id).ok()).expect("it runs")
    }

    /// Sends a signal to a process that it started.
    pub fn signal_to(id: i32, signal: Signal) {
        kill_process(Pid::from_raw(id).expect("a process"), signal).expect("it runs");
    }

    /// Gives the process that has the terminal, as a shell lets its jobs have it.
    pub fn foreground(&self) -> i32 {
        self.master
            .process_group_leader()
            .expect("a process has it")
    }

    /// Waits until a process stands still, and tells whether the terminal is as it was before it.
    pub fn until_stopped(&mut self, id: i32) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            self.settle();
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
            let state = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.split_whitespace().next());
            if state == Some("T") {
                break;
            }
            assert!(Instant::now() < end, "it does not stop: {stat}");
        }
        !self.screen().alternate_screen()
            && !self.screen().hide_cursor()
            && settings(self.master.as_ref()) == self.cooked
    }

    /// Takes the terminal away, as a connection that breaks does, and waits for the end of the process.
    pub fn hang_up(mut self) {
        // The reader holds the terminal too; it lets go after the next frame, which a new size brings.
        self.gone.store(true, Ordering::Relaxed);
        self.resize((81, 25));
        while !matches!(
            self.bytes.recv_timeout(PATIENCE),
            Err(RecvTimeoutError::Disconnected)
        ) {}
        let other = native_pty_system()
            .openpty(size_of((80, 24)))
            .expect("a pseudo-terminal");
        // The last handles go with what they are replaced by.
        self.writer = Box::new(std::io::sink());
        self.master = other.master;
        self.child.wait().expect("it ends");
    }

    /// Waits for the end of the process.
    pub fn end(mut self) -> Ended {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.bytes.recv_timeout(left) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("it does not end\n{}", self.screen().contents())
                }
            }
        }
        let status = self.child.wait().expect("it has ended");
        Ended {
            code: status.exit_code(),
            text: self.screen().contents(),
            raw: std::mem::take(&mut self.raw),
        }
    }

    /// Waits for the end and checks that the terminal was given back as it was.
    pub fn end_restored(mut self) -> Ended {
        let cooked = std::mem::take(&mut self.cooked);
        let end = Instant::now() + PATIENCE;
        while let Ok(bytes) = self
            .bytes
            .recv_timeout(end.saturating_duration_since(Instant::now()))
        {
            self.take(&bytes);
        }
        let screen = self.screen();
        assert!(
            !screen.alternate_screen(),
            "the first screen is not back:\n{}",
            screen.contents()
        );
        assert!(!screen.hide_cursor(), "the cursor is back");
        assert!(!screen.bracketed_paste(), "pasting is plain");
        assert_eq!(settings(self.master.as_ref()), cooked, "no raw mode");
        let ended = self.end();
        let at = ended.raw.windows(LEFT.len()).rposition(|part| part == LEFT);
        let rest = &ended.raw[at.expect("it left the screen") + LEFT.len()..];
        assert!(!rest.contains(&0x1b), "plain text after that");
        ended
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // It has ended already in a test that passes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal"))
}
