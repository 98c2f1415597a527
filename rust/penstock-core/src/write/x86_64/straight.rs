//! [`Straight`] with AVX-512.

use std::arch::x86_64::{
    __m512i, _mm512_add_epi8, _mm512_mask_mov_epi8, _mm512_mask_permutexvar_epi8, _mm512_movepi8_mask,
    _mm512_permutex2var_epi8, _mm512_set1_epi8,
};

use super::elements::Elements;
use crate::image::ahead::Ahead;
use crate::write::table::Table;
use crate::write::window::Straight;
use penstock_jpeg::simd::Part;
use penstock_jpeg::simd::arch::x86_64::memory::{cache_lines, load64, load64_up_to_end};

/// Makes a sample. False, and nothing done, if the output is not of whole cache lines or the elements are of 8
/// bytes. With each vector, one line of what is wanted next is asked for.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
pub(crate) fn straight_avx512<const STREAM: bool>(
    straight: &Straight<'_>,
    table: &Table,
    ahead: &mut Ahead,
    out: &mut [u8],
) -> bool {
    let (head, lines, tail) = cache_lines(out);
    if !head.is_empty() || !tail.is_empty() || straight.groups.is_empty() {
        return false;
    }
    let size = table.element_bytes();
    let interleaved = straight.lines.step > 1;
    let mut soon = ahead.clone();
    let planes = lines.chunks_exact_mut(straight.groups.len() * size);
    for (channel, lines) in planes.enumerate() {
        let plane = if interleaved { 0 } else { channel };
        let (Some(elements), Some(source)) = (Elements::new(table, channel), straight.lines.plane(plane))
        else {
            return false;
        };
        let fill = _mm512_set1_epi8(table.code(channel, straight.fill) as i8);
        for (group, lines) in straight.groups.iter().zip(lines.chunks_exact_mut(size)) {
            soon.fetch_line();
            let (at, keep) = (group.at as usize, group.keep);
            let lanes = load64(&straight.lanes[usize::from(group.late)].0);
            let codes = if interleaved {
                let lanes = _mm512_add_epi8(lanes, _mm512_set1_epi8(channel as i8));
                of_three(source, at, lanes, keep, fill)
            } else {
                _mm512_mask_permutexvar_epi8(fill, keep, lanes, load64_up_to_end(source, at))
            };
            elements.put::<STREAM>(codes, lines);
        }
    }
    *ahead = soon;
    true
}

/// The codes of one of three interleaved channels: up to 192 bytes become 64.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma")]
fn of_three(source: Part<'_>, at: usize, lanes: __m512i, keep: u64, fill: __m512i) -> __m512i {
    let [a, b, c] = [0, 64, 128].map(|third| load64_up_to_end(source, at + third));
    let codes = _mm512_mask_mov_epi8(fill, keep, _mm512_permutex2var_epi8(a, lanes, b));
    _mm512_mask_permutexvar_epi8(codes, keep & _mm512_movepi8_mask(lanes), lanes, c)
}
