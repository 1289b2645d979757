//! The running server: doors that follow the configuration, the control socket, signals, the end.

pub(crate) mod log;

mod doors;
mod facts;
mod notify;

mod house;

#[cfg(test)]
mod tests;

pub(crate) use facts::boot_facts;
pub(crate) use house::{House, Signals};

/// The runtime on which a server runs.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

/// Password hashes at a time: one for each processor, since each keeps one busy.
pub(crate) fn hash_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}
