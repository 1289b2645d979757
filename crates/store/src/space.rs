//! Free space: ordinary writes stop in time, and the ledger keeps room of its own.
//!
//! `ledger/reserve` really occupies the disk. When free space falls under the margin, mail is
//! refused (452) before the reserve is touched; a ledger write may then release it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::{self, Layout};

/// Free octets that an append to the ledger needs at most, in the database and in its files.
const APPEND_MAX_OCTETS: u64 = 8 * 1024 * 1024;

/// Watches the file system of the data folder; owned by the writer thread.
pub(crate) struct Space {
    layout: Layout,
    margin_octets: u64,
    reserve_octets: u64,
    low: Arc<AtomicBool>,
}

impl Space {
    pub(crate) fn new(
        layout: Layout,
        margin_octets: u64,
        reserve_octets: u64,
        low: Arc<AtomicBool>,
    ) -> Self {
        Self {
            layout,
            margin_octets,
            reserve_octets,
            low,
        }
    }

    /// Whether ordinary writes are to be refused now. If the system will not say, they are not:
    /// a write that finds no room fails cleanly.
    pub(crate) fn is_low(&self) -> bool {
        let low = disk::free_octets(&self.layout.dir).is_ok_and(|free| free < self.margin_octets);
        if self.low.swap(low, Ordering::Relaxed) != low {
            if low {
                tracing::error!(
                    "the data folder is nearly full: mail is refused until there is room"
                );
            } else {
                tracing::info!("the data folder has room again");
            }
        }
        low
    }

    /// Whether an append to the ledger might not find room without the reserve.
    pub(crate) fn is_scarce(&self) -> bool {
        disk::free_octets(&self.layout.dir).is_ok_and(|free| free < APPEND_MAX_OCTETS)
    }

    /// Makes the reserve if it is missing and there is room for it beside the margin.
    pub(crate) fn restore_reserve(&self) {
        let wanted = self.margin_octets.saturating_add(self.reserve_octets);
        let room = disk::free_octets(&self.layout.dir).is_ok_and(|free| free >= wanted);
        let path = self.layout.reserve();
        if path.exists() || !room {
            return;
        }
        if let Err(err) = disk::reserve_space(&path, self.reserve_octets) {
            tracing::warn!("the ledger's reserve could not be made: {err}");
        }
    }

    /// Gives the reserve to the disk; whether there was one.
    pub(crate) fn release_reserve(&self) -> bool {
        let released = fs::remove_file(self.layout.reserve()).is_ok();
        if released {
            tracing::error!("the disk is full: the ledger's reserve is in use");
        }
        released
    }
}
