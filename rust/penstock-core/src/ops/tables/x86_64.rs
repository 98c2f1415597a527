//! A block's values looked up in registers.

use crate::ops::block::Block;
use penstock_jpeg::simd::arch::x86_64::lookup::{look32_up, look64_up};
use penstock_jpeg::simd::arch::x86_64::memory::{load32, load64, store32, store64};

/// See [`super::change`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2")]
pub(super) fn change_avx512(tables: &[[u8; 256]; 3], block: &mut Block) {
    for (table, values) in tables.iter().zip(block) {
        for values in values.as_chunks_mut().0 {
            store64(values, look64_up(table, load64(values)));
        }
    }
}

/// See [`super::change`].
#[target_feature(enable = "avx2")]
pub(super) fn change_avx2(tables: &[[u8; 256]; 3], block: &mut Block) {
    for (table, values) in tables.iter().zip(block) {
        for values in values.as_chunks_mut().0 {
            store32(values, look32_up(table, load32(values)));
        }
    }
}
