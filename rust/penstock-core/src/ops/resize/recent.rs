//! A few values that are costly to make, kept by what they were made for.

/// The last few values made, most recently used first. The memory of the oldest one is used for a new one.
#[derive(Debug)]
pub(crate) struct Recent<K, V, const SIZE: usize> {
    entries: Vec<(K, V)>,
}

impl<K, V, const SIZE: usize> Default for Recent<K, V, SIZE> {
    fn default() -> Self {
        Recent { entries: Vec::with_capacity(SIZE) }
    }
}

impl<K: PartialEq, V: Default, const SIZE: usize> Recent<K, V, SIZE> {
    /// The value for `key`, which `make` fills in if it is not here. `None` if `make` returns false.
    pub(crate) fn get(&mut self, key: K, make: impl FnOnce(&mut V) -> bool) -> Option<&V> {
        let found = self.entries.iter().position(|(known, _)| *known == key);
        if let Some(at) = found {
            self.entries[..=at].rotate_right(1);
        } else {
            let mut value = if self.entries.len() < SIZE {
                V::default()
            } else {
                self.entries.pop().map(|(_, value)| value).unwrap_or_default()
            };
            if !make(&mut value) {
                return None;
            }
            self.entries.insert(0, (key, value));
        }
        self.entries.first().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_are_kept() {
        let mut recent = Recent::<u32, Vec<u32>, 2>::default();
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 2, 3] {
            let value = recent.get(key, |value| {
                made.push(key);
                value.clear();
                value.push(key);
                true
            });
            assert_eq!(value, Some(&vec![key]));
        }
        assert_eq!(made, [1, 2, 3, 2, 3]);
        assert_eq!(recent.get(9, |_| false), None);
        assert_eq!(recent.get(3, |_| false), Some(&vec![3]));
    }
}
