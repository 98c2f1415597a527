//! MT19937 as torch keeps it.
//!
//! Source of the algorithm: Matsumoto and Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed
//! uniform pseudorandom number generator", 1998. torch seeds it with the low 32 bits of the seed
//! (`init_genrand`) and exports it as a blob of 5056 bytes, of which this module reads and writes all but the seed. Behind
//! the twister's words there are normal deviates that torch has drawn and not handed out yet; only torch makes and takes
//! such. Python exports the same words and the place of the next one, as 625 numbers.

const N: usize = 624;
const M: usize = 397;
const UPPER: u32 = 0x8000_0000;
const LOWER: u32 = 0x7fff_ffff;
const MATRIX: u32 = 0x9908_b0df;

/// Bytes of `torch.Generator.get_state()` on the CPU.
pub const STATE_BYTES: usize = 5056;
const LEFT: usize = 8;
const SEEDED: usize = 12;
const NEXT: usize = 16;
const WORDS: usize = 24;
const NORMALS: usize = WORDS + 8 * N;
/// Numbers of `random.getstate()`'s list.
pub const PYTHON_WORDS: usize = N + 1;

/// Bytes that are not the state of one of torch's CPU generators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The blob has another size.
    #[error("a CPU generator's state has {STATE_BYTES} bytes, got {0}")]
    Length(usize),
    /// Counters that no generator of torch's can hold.
    #[error("not a CPU generator's state: left = {left}, next = {next}, seeded = {seeded}")]
    Counters {
        /// Words before the next twist, plus one.
        left: i32,
        /// Index of the next word.
        next: u64,
        /// Whether the generator was ever seeded.
        seeded: i32,
    },
    /// Numbers that are no state of Python's generator.
    #[error(
        "a generator of Python's has {PYTHON_WORDS} numbers, the last at most {N}, got {count}, the last {next:?}"
    )]
    Python {
        /// How many there are.
        count: usize,
        /// The last.
        next: Option<u32>,
    },
}

/// The 32-bit Mersenne Twister with torch's seeding.
#[derive(Clone, PartialEq, Eq)]
pub struct Mt19937 {
    words: [u32; N],
    /// Index of the next word; `N` when a twist is due.
    next: usize,
    /// What torch shows as that index when a twist is due: 0 just after seeding, `N` later on.
    due: usize,
    /// The bytes of torch's state behind the words.
    normals: [u8; STATE_BYTES - NORMALS],
}

impl std::fmt::Debug for Mt19937 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mt19937").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Mt19937 {
    /// The generator after `torch.manual_seed(seed)`: only the low 32 bits count.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut words = [0; N];
        words[0] = seed as u32;
        for i in 1..N {
            let previous = words[i - 1];
            words[i] = 1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(i as u32);
        }
        Self { words, next: N, due: 0, normals: [0; _] }
    }

    /// The generator that the authors' `init_by_array` makes of some words, of which there must be one at least;
    /// `numpy.random.RandomState` of them is the same.
    #[must_use]
    pub fn of_words(seed: &[u32]) -> Self {
        let mut generator = Self::new(19_650_218);
        let words = &mut generator.words;
        let count = N.max(seed.len());
        for step in 0..count + N - 1 {
            // The first word is that before the second, and is made of the last one whenever its turn comes.
            let i = 1 + step % (N - 1);
            if i == 1 && step > 0 {
                words[0] = words[N - 1];
            }
            let before = words[i - 1] ^ (words[i - 1] >> 30);
            words[i] = if step < count {
                let j = step % seed.len();
                let word = words[i] ^ before.wrapping_mul(1_664_525);
                word.wrapping_add(seed[j]).wrapping_add(j as u32)
            } else {
                (words[i] ^ before.wrapping_mul(1_566_083_941)).wrapping_sub(i as u32)
            };
        }
        words[0] = UPPER;
        generator
    }

    /// Reads the bytes of `torch.Generator.get_state()`.
    ///
    /// # Errors
    /// [`StateError`] if `state` has another length or impossible counters.
    pub fn from_torch_state(state: &[u8]) -> Result<Self, StateError> {
        if state.len() != STATE_BYTES {
            return Err(StateError::Length(state.len()));
        }
        let left = i32::from_le_bytes(field(state, LEFT));
        let seeded = i32::from_le_bytes(field(state, SEEDED));
        let next = u64::from_le_bytes(field(state, NEXT));
        if seeded != 1 || !(1..=N as i32).contains(&left) || next > N as u64 {
            return Err(StateError::Counters { left, next, seeded });
        }
        let mut words = [0; N];
        for (i, word) in words.iter_mut().enumerate() {
            *word = u64::from_le_bytes(field(state, WORDS + 8 * i)) as u32;
        }
        let (next, normals) = (next as usize, field(state, NORMALS));
        let (next, due) = if left == 1 { (N, next) } else { (next, N) };
        Ok(Self { words, next, due, normals })
    }

    /// Takes the numbers of Python's `random.getstate()[1]`.
    ///
    /// # Errors
    /// [`StateError::Python`] if they are none.
    pub fn from_python_state(numbers: &[u32]) -> Result<Self, StateError> {
        let error = || StateError::Python { count: numbers.len(), next: numbers.last().copied() };
        let (&next, words) = numbers.split_last().ok_or_else(error)?;
        let words = words.try_into().map_err(|_| error())?;
        let next = Some(next as usize).filter(|&next| next <= N).ok_or_else(error)?;
        Ok(Self { words, next, due: N, normals: [0; _] })
    }

    /// The numbers of Python's `random.getstate()[1]` for a generator that goes on from here.
    #[must_use]
    pub fn python_state(&self) -> Vec<u32> {
        self.words.iter().copied().chain([self.next as u32]).collect()
    }

    /// The bytes of a torch generator's state that goes on from here, and has the seed 0.
    #[must_use]
    pub fn torch_state(&self) -> Vec<u8> {
        let mut state = vec![0; STATE_BYTES];
        state[SEEDED] = 1;
        self.write_to(&mut state);
        state
    }

    /// Writes this generator's words and normal deviates into the bytes of a torch generator's state, and nothing else.
    ///
    /// # Errors
    /// [`StateError::Length`] if `state` has another length.
    pub fn write_torch_state(&self, state: &mut [u8]) -> Result<(), StateError> {
        if state.len() != STATE_BYTES {
            return Err(StateError::Length(state.len()));
        }
        self.write_to(state);
        Ok(())
    }

    fn write_to(&self, state: &mut [u8]) {
        let left = (N - self.next + 1) as i32;
        let next = if self.next == N { self.due } else { self.next };
        state[LEFT..LEFT + 4].copy_from_slice(&left.to_le_bytes());
        state[NEXT..NEXT + 8].copy_from_slice(&(next as u64).to_le_bytes());
        for (bytes, word) in state[WORDS..NORMALS].chunks_exact_mut(8).zip(self.words) {
            bytes.copy_from_slice(&u64::from(word).to_le_bytes());
        }
        state[NORMALS..].copy_from_slice(&self.normals);
    }

    /// The next word, tempered.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut y = self.words[self.next];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    #[cold]
    #[inline(never)]
    fn twist(&mut self) {
        let mix = |upper: u32, lower: u32| {
            let y = (upper & UPPER) | (lower & LOWER);
            (y >> 1) ^ if lower & 1 == 1 { MATRIX } else { 0 }
        };
        let words = &mut self.words;
        for i in 0..N - M {
            words[i] = words[i + M] ^ mix(words[i], words[i + 1]);
        }
        for i in N - M..N - 1 {
            words[i] = words[i + M - N] ^ mix(words[i], words[i + 1]);
        }
        words[N - 1] = words[M - 1] ^ mix(words[N - 1], words[0]);
        self.next = 0;
        self.due = N;
    }
}

fn field<const LENGTH: usize>(state: &[u8], at: usize) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&state[at..at + LENGTH]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First outputs of the authors' `init_genrand(5489)`, and the 10,000th, which the C++ standard requires
    /// of `std::mt19937`.
    #[test]
    fn known_answers() {
        let mut mt = Mt19937::new(5489);
        assert_eq!(
            [mt.next_u32(), mt.next_u32(), mt.next_u32()],
            [3_499_211_612, 581_869_302, 3_890_346_734]
        );
        let mut mt = Mt19937::new(5489);
        let last = (0..10_000).map(|_| mt.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    /// First outputs of the authors' `init_by_array`, in their file `mt19937ar.out`.
    #[test]
    fn known_answers_of_words() {
        let mut mt = Mt19937::of_words(&[0x123, 0x234, 0x345, 0x456]);
        let expected = [1_067_595_299, 955_945_823, 477_289_528, 4_107_218_783, 4_228_976_476];
        assert_eq!(expected.map(|_| mt.next_u32()), expected);
    }

    #[test]
    fn only_the_low_half_of_the_seed_counts() {
        assert_eq!(Mt19937::new(5 + (1 << 40)), Mt19937::new(5));
    }

    fn blank_state() -> Vec<u8> {
        let mut state = vec![0xA5; STATE_BYTES];
        state[SEEDED..SEEDED + 4].copy_from_slice(&1_i32.to_le_bytes());
        state
    }

    #[test]
    fn state_survives_the_round_trip_at_every_position() {
        let mut mt = Mt19937 { normals: [0x5A; _], ..Mt19937::new(7) };
        for _ in 0..2 * N + 3 {
            let mut state = blank_state();
            mt.write_torch_state(&mut state).unwrap();
            assert_eq!(Mt19937::from_torch_state(&state).unwrap(), mt);
            assert_eq!(&state[..LEFT], [0xA5; LEFT], "the seed is not ours to write");
            assert!(state[NORMALS..].iter().all(|&b| b == 0x5A), "the normal numbers go along");
            let mut pythons = Mt19937::from_python_state(&mt.python_state()).unwrap();
            assert_eq!(pythons.next_u32(), mt.clone().next_u32());
            mt.next_u32();
        }
    }

    #[test]
    fn a_foreign_blob_is_refused() {
        assert_eq!(Mt19937::from_torch_state(&[0; 16]), Err(StateError::Length(16)));
        let mut state = blank_state();
        state[LEFT..LEFT + 4].copy_from_slice(&0_i32.to_le_bytes());
        assert!(matches!(Mt19937::from_torch_state(&state), Err(StateError::Counters { .. })));
    }
}
