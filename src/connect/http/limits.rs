//! Every limit of the HTTP policy in one place, so that a test can shorten the waits without changing their order.
//!
//! What must not live here: code that waits or counts.

use std::time::Duration;

/// Times and sizes that bound one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Name, TCP and TLS together.
    pub connect: Duration,
    /// Silence between two pieces of an answer to a read.
    pub between_reads: Duration,
    /// One read with all its tries and waits.
    pub read_total: Duration,
    /// One write; it has one try.
    pub write_total: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// How long sent data may stay unacknowledged.
    pub tcp_user_timeout: Duration,
    /// How long one second of a wait that a vendor asked for lasts.
    pub second: Duration,
    /// First step of the back-off, doubled with each try.
    pub back_off: Duration,
    /// Longest step of the back-off.
    pub back_off_cap: Duration,
    /// Most tries of one read.
    pub tries: u32,
    /// How long reads pause after [`Self::breaker_after`] failures in a row.
    pub breaker_pause: Duration,
    /// Failed tries in a row that start a pause.
    pub breaker_after: u32,
    /// Bytes of all header lines together.
    pub headers: usize,
    /// Decoded bytes of a list.
    pub list: usize,
    /// Decoded bytes of a single object.
    pub object: usize,
    /// Decoded bytes per received byte, counted once an answer has [`Self::ratio_from`] bytes.
    pub ratio: usize,
    /// Decoded size from which the ratio counts: short texts compress beyond it without malice.
    pub ratio_from: usize,
    /// Levels of nesting in JSON.
    pub depth: usize,
    /// Elements of one JSON array.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            between_reads: Duration::from_secs(10),
            read_total: Duration::from_secs(30),
            write_total: Duration::from_secs(20),
            pool_idle: Duration::from_secs(60),
            tcp_user_timeout: Duration::from_secs(20),
            second: Duration::from_secs(1),
            back_off: Duration::from_millis(500),
            back_off_cap: Duration::from_secs(30),
            tries: 4,
            breaker_pause: Duration::from_secs(30),
            breaker_after: 5,
            headers: 64 << 10,
            list: 8 << 20,
            object: 1 << 20,
            ratio: 100,
            ratio_from: 64 << 10,
            depth: 64,
            elements: 10_000,
        }
    }
}

impl Limits {
    /// Divides every time by `divisor` and keeps sizes and counts, for tests.
    #[must_use]
    pub fn scaled(mut self, divisor: u32) -> Self {
        for time in [
            &mut self.connect,
            &mut self.between_reads,
            &mut self.read_total,
            &mut self.write_total,
            &mut self.pool_idle,
            &mut self.tcp_user_timeout,
            &mut self.second,
            &mut self.back_off,
            &mut self.back_off_cap,
            &mut self.breaker_pause,
        ] {
            *time /= divisor.max(1);
        }
        self
    }
}

/// Which size limit an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// A list of records: 8 MiB.
    List,
    /// One record: 1 MiB.
    Object,
}

impl Limits {
    /// Gives the cap in bytes.
    pub fn cap(&self, size: Size) -> usize {
        match size {
            Size::List => self.list,
            Size::Object => self.object,
        }
    }
}
