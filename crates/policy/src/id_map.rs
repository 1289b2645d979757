//! A map from ids to values of which a copy shares almost everything.
//!
//! Ids are handed out in order, so values whose ids lie side by side share a chunk. Copying the map
//! copies one pointer for each chunk; changing a value copies at most its own chunk.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Ids of one chunk.
const CHUNK: u64 = 256;

/// See the head of this file.
#[derive(Clone, Debug)]
pub(crate) struct IdMap<V> {
    chunks: BTreeMap<u64, Arc<BTreeMap<u64, V>>>,
    len: usize,
}

impl<V> Default for IdMap<V> {
    fn default() -> Self {
        Self {
            chunks: BTreeMap::new(),
            len: 0,
        }
    }
}

impl<V: Clone> IdMap<V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, id: u64) -> Option<&V> {
        self.chunks.get(&(id / CHUNK))?.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut V> {
        let chunk = self.chunks.get_mut(&(id / CHUNK))?;
        Arc::make_mut(chunk).get_mut(&id)
    }

    /// The value of an id, made if there is none.
    pub(crate) fn entry(&mut self, id: u64) -> &mut V
    where
        V: Default,
    {
        let chunk = self.chunks.entry(id / CHUNK).or_default();
        let entry = Arc::make_mut(chunk).entry(id);
        if matches!(entry, Entry::Vacant(_)) {
            self.len += 1;
        }
        entry.or_default()
    }

    pub(crate) fn insert(&mut self, id: u64, value: V) {
        let chunk = self.chunks.entry(id / CHUNK).or_default();
        if Arc::make_mut(chunk).insert(id, value).is_none() {
            self.len += 1;
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<V> {
        let chunk = self.chunks.get_mut(&(id / CHUNK))?;
        let removed = Arc::make_mut(chunk).remove(&id);
        if chunk.is_empty() {
            self.chunks.remove(&(id / CHUNK));
        }
        if removed.is_some() {
            self.len -= 1;
        }
        removed
    }

    /// In the order of the ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let chunks = self.chunks.values();
        chunks.flat_map(|chunk| chunk.iter().map(|(id, value)| (*id, value)))
    }

    /// In the order of the ids.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut map = IdMap::default();
        for id in [0, 255, 256, 10_000] {
            map.insert(id, id);
        }
        let copy = map.clone();
        map.insert(255, 1);
        *map.get_mut(256).unwrap() = 2;
        assert_eq!(map.remove(10_000), Some(10_000));
        assert_eq!(map.remove(10_000), None);
        assert_eq!((map.len(), copy.len()), (3, 4));
        assert_eq!((*map.entry(0), *map.entry(700)), (0, 0));
        assert_eq!((map.remove(700), map.len()), (Some(0), 3));
        assert_eq!(map.values().copied().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(
            copy.values().copied().collect::<Vec<_>>(),
            [0, 255, 256, 10_000]
        );
    }
}
