//! x86-64, from AVX2 on.

pub mod lookup;
pub mod memory;

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch, _mm_sfence};

/// What the processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vectors {
    /// AVX2 with FMA, BMI1, BMI2 and LZCNT.
    Avx2,
    /// AVX-512 F, BW, VL, VBMI and VNNI, and all of [`Vectors::Avx2`].
    Avx512,
}

impl Vectors {
    /// Lowest first.
    pub(in crate::simd) const ALL: [Vectors; 2] = [Vectors::Avx2, Vectors::Avx512];

    pub(in crate::simd) fn name(self) -> &'static str {
        match self {
            Vectors::Avx2 => "avx2",
            Vectors::Avx512 => "avx512",
        }
    }

    /// Whether this processor has them.
    pub(in crate::simd) fn are_there(self) -> bool {
        let avx2 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt");
        match self {
            Vectors::Avx2 => avx2,
            Vectors::Avx512 => {
                avx2 && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vbmi")
                    && is_x86_feature_detected!("avx512vnni")
            }
        }
    }
}

/// Asks for the cache line at an address. Any address will do: a prefetch never faults. It goes to the second-level
/// cache: the first level's few outstanding lines are needed for what is being written.
#[inline]
pub fn prefetch(address: *const u8) {
    // SAFETY: prefetching reads nothing and cannot fault; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) }
}

/// Makes this thread's streamed stores visible before all later ones: without it, another thread could be
/// told that memory is complete and yet read what was there before.
#[inline]
pub fn fence_streams() {
    // SAFETY: a fence touches no memory; SSE is part of x86-64.
    unsafe { _mm_sfence() }
}
