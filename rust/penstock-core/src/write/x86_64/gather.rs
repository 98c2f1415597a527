//! The windows of a line by byte shuffles: 16 lanes with AVX2, 64 with AVX-512 and VBMI.
//!
//! A window's shuffle is in registers while it goes down all lines of the block. Stores are whole vectors;
//! see `compile` in `gather` for why that is right at the end of a line.

use std::arch::x86_64::{
    __m128i, __m512i, _mm_add_epi8, _mm_adds_epu8, _mm_and_si128, _mm_andnot_si128, _mm_blendv_epi8,
    _mm_cmpeq_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_set1_epi64x, _mm_shuffle_epi8,
    _mm_sub_epi8, _mm_unpackhi_epi8, _mm_unpacklo_epi8, _mm512_add_epi8, _mm512_mask_blend_epi8,
    _mm512_mask_permutexvar_epi8, _mm512_mask2_permutex2var_epi8, _mm512_movepi8_mask, _mm512_set1_epi8,
};

use crate::write::window::{Block, Strip, Window, transpose};
use penstock_jpeg::simd::Part;
use penstock_jpeg::simd::arch::x86_64::memory::{load16, load16_part, load64, load64_part, store16, store64};

/// Row `delta + 3`: the multiples of `delta` from -3 to 3, modulo 256.
static RAMPS: [[u8; 64]; 7] = {
    let mut ramps = [[0; 64]; 7];
    let mut i = 0;
    while i < 7 * 64 {
        ramps[i / 64][i % 64] = ((i / 64) as i32 * (i % 64) as i32 - 3 * (i % 64) as i32) as u8;
        i += 1;
    }
    ramps
};

/// The ramp of that step.
#[inline]
fn multiples(delta: i8) -> &'static [u8; 64] {
    &RAMPS[usize::from(delta.clamp(-3, 3).abs_diff(-3))]
}

/// See `ramp` in `dispatch`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn ramp_avx512(lanes: &mut [u8; 64], mask: u64, start: u8, delta: i8) {
    let ramp = _mm512_add_epi8(_mm512_set1_epi8(start as i8), load64(multiples(delta)));
    store64(lanes, _mm512_mask_blend_epi8(mask, load64(lanes), ramp));
}

/// See `ramp` in `dispatch`; only 16 lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(crate) fn ramp_avx2(lanes: &mut [u8; 64], mask: u64, start: u8, delta: i8) {
    let (Some(multiples), Some(lanes)) = (multiples(delta).first_chunk(), lanes.first_chunk_mut()) else {
        return;
    };
    let ramp = _mm_add_epi8(_mm_set1_epi8(start as i8), load16(multiples));
    store16(lanes, _mm_blendv_epi8(load16(lanes), ramp, byte_mask(mask)));
}

/// One byte of ones per bit of the lower 16.
#[inline]
#[target_feature(enable = "avx2")]
fn byte_mask(mask: u64) -> __m128i {
    let spread = |byte: u8| (u64::from(byte) * 0x0101_0101_0101_0101) as i64;
    let halves = _mm_set_epi64x(spread((mask >> 8) as u8), spread(mask as u8));
    let bits = _mm_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    _mm_cmpeq_epi8(_mm_and_si128(halves, bits), bits)
}

/// The parts of a block's source lines that a window reads, at least `least` bytes each.
#[inline]
fn parts<'a>(
    block: &Block<'a>,
    window: &Window,
    plane: usize,
    least: usize,
) -> impl Iterator<Item = Part<'a>> + use<'a> {
    let bytes = window.bytes.max(least);
    block.lines.parts(plane, [block.first, block.count], block.step, [window.at, bytes])
}

/// A plane of the strip from a window's vector in the first output line on.
#[inline]
fn slots<'p>(strip: &'p mut Strip<'_>, block: &Block<'_>, window: &Window, channel: usize) -> &'p mut [u8] {
    strip.plane_mut(channel).get_mut(block.out + window.out..).unwrap_or(&mut [])
}

/// The slot for the vector of output line `i`.
#[inline]
fn slot<'p, const N: usize>(slots: &'p mut [u8], block: &Block<'_>, i: usize) -> Option<&'p mut [u8; N]> {
    slots.get_mut(i * block.width..)?.first_chunk_mut()
}

/// Gathers a block with vectors of 64 lanes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn gather_avx512(block: &Block<'_>, strip: &mut Strip<'_>) {
    for window in block.windows {
        if block.lines.step == 1 {
            for (channel, lanes) in window.lanes.iter().enumerate().take(block.channels) {
                planar_avx512(block, window, channel, load64(lanes), strip);
            }
        } else {
            interleaved_avx512(block, window, strip);
        }
    }
}

/// One window of one channel of its own.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn planar_avx512(block: &Block<'_>, window: &Window, channel: usize, lanes: __m512i, strip: &mut Strip<'_>) {
    let (keep, bytes) = (window.keep, window.bytes.min(64));
    let out = slots(strip, block, window, channel);
    for (i, part) in parts(block, window, channel, 0).enumerate() {
        let codes = _mm512_mask_permutexvar_epi8(lanes, keep, lanes, load64_part(part, 0, bytes));
        if let Some(slot) = slot(out, block, i) {
            store64(slot, codes);
        }
    }
}

/// One window of three interleaved channels: up to 192 bytes of a line become 64 lanes of each.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn interleaved_avx512(block: &Block<'_>, window: &Window, strip: &mut Strip<'_>) {
    let [red, green, blue, ..] = &window.lanes;
    let lanes = [load64(red), load64(green), load64(blue)];
    let high = lanes.map(|lanes| _mm512_movepi8_mask(lanes) & window.keep);
    let thirds = [0, 64, 128].map(|at| (at.min(window.bytes), window.bytes.saturating_sub(at).min(64)));
    for (i, part) in parts(block, window, 0, 0).enumerate() {
        let [a, b, c] = thirds.map(|(at, count)| load64_part(part, at, count));
        for channel in 0..3 {
            let (lanes, high) = (lanes[channel], high[channel]);
            // Lanes of fills keep what `lanes` has there, the code.
            let codes = _mm512_mask2_permutex2var_epi8(a, lanes, window.keep & !high, b);
            let codes = _mm512_mask_permutexvar_epi8(codes, high, lanes, c);
            if let Some(slot) = slot(slots(strip, block, window, channel), block, i) {
                store64(slot, codes);
            }
        }
    }
}

/// What a window of 16 lanes does to one channel: a shuffle for each of the vectors that it reads (lanes
/// that come from elsewhere give zero), and the fills.
struct Shuffles<const N: usize> {
    take: [__m128i; N],
    fill: __m128i,
}

#[target_feature(enable = "avx2")]
fn shuffles<const N: usize>(window: &Window, channel: usize) -> Shuffles<N> {
    let lanes = window.lanes.get(channel).and_then(|lanes| lanes.first_chunk());
    let lanes = lanes.map_or(_mm_set1_epi8(0), |lanes| load16(lanes));
    let keep = byte_mask(window.keep);
    let mut take = [lanes; N];
    for (k, take) in take.iter_mut().enumerate() {
        // Vector k has the bytes from 16 k on. Saturation leaves 0x70 to 0x7f to lanes within, whose low bits
        // are the place, and sets the top bit of all others: the shuffle then gives zero.
        let place = _mm_adds_epu8(_mm_sub_epi8(lanes, _mm_set1_epi8(16 * k as i8)), _mm_set1_epi8(0x70));
        *take = _mm_or_si128(place, _mm_andnot_si128(keep, _mm_set1_epi8(-128)));
    }
    Shuffles { take, fill: _mm_andnot_si128(keep, lanes) }
}

/// Gathers a block with vectors of 16 lanes.
#[target_feature(enable = "avx2,fma")]
pub(crate) fn gather_avx2(block: &Block<'_>, strip: &mut Strip<'_>) {
    for window in block.windows {
        if block.lines.step == 1 {
            for channel in 0..block.channels {
                planar_avx2(block, window, channel, strip);
            }
        } else {
            interleaved_avx2(block, window, strip);
        }
    }
}

/// One window of one channel of its own.
#[target_feature(enable = "avx2,fma")]
fn planar_avx2(block: &Block<'_>, window: &Window, channel: usize, strip: &mut Strip<'_>) {
    let Shuffles { take: [take], fill } = shuffles::<1>(window, channel);
    let out = slots(strip, block, window, channel);
    for (i, part) in parts(block, window, channel, 16).enumerate() {
        if let Some(slot) = slot(out, block, i) {
            store16(slot, _mm_or_si128(fill, _mm_shuffle_epi8(load16_part(part, 0), take)));
        }
    }
}

/// One window of three interleaved channels: 48 bytes of a line become 16 lanes of each.
#[target_feature(enable = "avx2,fma")]
fn interleaved_avx2(block: &Block<'_>, window: &Window, strip: &mut Strip<'_>) {
    let [red, green, blue] = [shuffles::<3>(window, 0), shuffles(window, 1), shuffles(window, 2)];
    let [reds, greens, blues] = strip.planes_mut();
    let mut at = block.out + window.out;
    for part in parts(block, window, 0, 48) {
        let bytes = [load16_part(part, 0), load16_part(part, 16), load16_part(part, 32)];
        for (shuffles, plane) in [(&red, &mut *reds), (&green, &mut *greens), (&blue, &mut *blues)] {
            if let Some(slot) = plane.get_mut(at..).and_then(|slots| slots.first_chunk_mut()) {
                store16(slot, taken(bytes, shuffles));
            }
        }
        at += block.width;
    }
}

/// One channel of 48 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn taken([a, b, c]: [__m128i; 3], shuffles: &Shuffles<3>) -> __m128i {
    let [first, second, third] = shuffles.take;
    let codes = _mm_or_si128(_mm_shuffle_epi8(a, first), _mm_shuffle_epi8(b, second));
    _mm_or_si128(codes, _mm_or_si128(_mm_shuffle_epi8(c, third), shuffles.fill))
}

/// [`transpose`] in blocks of 16 by 16.
#[target_feature(enable = "avx2")]
pub(crate) fn transpose_avx2(source: &[u8], stride: usize, shape: [usize; 2], out: &mut [u8]) {
    let [rows, columns] = shape;
    if rows < 16 || columns < 16 {
        return transpose(source, stride, shape, out);
    }
    // The last block of a line of blocks is moved back to end with it.
    for y in (0..rows).step_by(16).map(|y| y.min(rows - 16)) {
        for x in (0..columns).step_by(16).map(|x| x.min(columns - 16)) {
            let mut block = [_mm_set1_epi8(0); 16];
            for (i, line) in block.iter_mut().enumerate() {
                if let Some(bytes) = source.get((x + i) * stride + y..).and_then(|s| s.first_chunk()) {
                    *line = load16(bytes);
                }
            }
            // Interleaving line i with line i + 8, four times over, is a transposition.
            for _ in 0..4 {
                let mut next = block;
                for i in 0..8 {
                    next[2 * i] = _mm_unpacklo_epi8(block[i], block[i + 8]);
                    next[2 * i + 1] = _mm_unpackhi_epi8(block[i], block[i + 8]);
                }
                block = next;
            }
            for (i, line) in block.iter().enumerate() {
                if let Some(slot) = out.get_mut((y + i) * columns + x..).and_then(|o| o.first_chunk_mut()) {
                    store16(slot, *line);
                }
            }
        }
    }
}
