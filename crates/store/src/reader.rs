//! Read-only connections: opened when needed, as many as set and no more; who must wait too long in
//! line is refused.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::disk::lock;
use crate::error::{StoreError, StoreResult};

/// Readers that may wait for a connection.
const WAITING_MAX: usize = 4_096;

/// How a connection for reading is opened.
pub(crate) type Open = fn(&Path) -> StoreResult<Connection>;

/// All connections that were opened, on loan or not.
pub(crate) struct Readers {
    path: PathBuf,
    open: Open,
    pool: Mutex<Pool>,
    returned: Condvar,
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

struct Pool {
    /// The connections that are not in use.
    free: Vec<Connection>,
    /// How many more may be opened.
    unopened: usize,
}

/// A connection on loan; it goes back when dropped.
pub(crate) struct Loan<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
}

impl Readers {
    pub(crate) fn open(path: &Path, connections: usize, open: Open) -> StoreResult<Self> {
        let connections = connections.max(1);
        Ok(Self {
            path: path.to_owned(),
            open,
            // The first one is opened now: what stands in the way is better known at the start.
            pool: Mutex::new(Pool {
                free: vec![open(path)?],
                unopened: connections - 1,
            }),
            returned: Condvar::new(),
            permits: Arc::new(Semaphore::new(connections)),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Waits, without holding a thread, until a connection is likely to be free.
    pub(crate) async fn permit(&self) -> StoreResult<OwnedSemaphorePermit> {
        let _place = self.queue_up()?;
        let permits = Arc::clone(&self.permits);
        permits
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Failed("the store is closed".to_owned()))
    }

    /// Waits for a connection.
    pub(crate) fn borrow(&self) -> StoreResult<Loan<'_>> {
        let _place = self.queue_up()?;
        let mut pool = lock(&self.pool);
        loop {
            let conn = match pool.free.pop() {
                Some(conn) => conn,
                None if pool.unopened > 0 => {
                    let conn = (self.open)(&self.path)?;
                    pool.unopened -= 1;
                    conn
                }
                None => {
                    pool = self
                        .returned
                        .wait(pool)
                        .unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
            };
            return Ok(Loan {
                readers: self,
                conn: Some(conn),
            });
        }
    }

    fn queue_up(&self) -> StoreResult<Waiting<'_>> {
        let place = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            return Err(StoreError::Busy);
        }
        Ok(place)
    }
}

/// A place in the line; it is given up when dropped, also by a cancelled reader.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Loan<'_> {
    pub(crate) fn conn(&self) -> StoreResult<&Connection> {
        self.conn
            .as_ref()
            .ok_or_else(|| StoreError::Failed("a connection was lost".to_owned()))
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            lock(&self.readers.pool).free.push(conn);
            self.readers.returned.notify_one();
        }
    }
}
