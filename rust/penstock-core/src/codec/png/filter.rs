//! The filters: each byte of a line was written as its difference from a guess.

use super::dispatch;
use super::reason::Reason;
use crate::codec::error::Irregular;
use penstock_jpeg::simd::Level;

/// The last of the filters, which are numbers.
pub(super) const MOST_FILTER: u8 = 4;

/// Undoes the filter of a line.
///
/// `bytes` are those of a pixel, 1 if several are in one; `above` is the line above as it is after this, of zeros for
/// the first line of a pass.
///
/// # Errors
/// [`Irregular`] if there is no such filter.
pub(super) fn undo(
    level: Level,
    filter: u8,
    bytes: usize,
    above: &[u8],
    line: &mut [u8],
) -> Result<(), Irregular> {
    match bytes {
        1 => undo_pixels::<1>(level, filter, above, line),
        2 => undo_pixels::<2>(level, filter, above, line),
        3 => undo_pixels::<3>(level, filter, above, line),
        4 => undo_pixels::<4>(level, filter, above, line),
        6 => undo_pixels::<6>(level, filter, above, line),
        8 => undo_pixels::<8>(level, filter, above, line),
        _ => Err(Reason::Kind.into()),
    }
}

fn undo_pixels<const N: usize>(
    level: Level,
    filter: u8,
    above: &[u8],
    line: &mut [u8],
) -> Result<(), Irregular> {
    // A single byte would be alone in a vector.
    if filter == 4 && N > 1 && dispatch::paeth::<N>(level, above, line) {
        return Ok(());
    }
    let pixels = line.as_chunks_mut::<N>().0.iter_mut().zip(above.as_chunks::<N>().0);
    match filter {
        0 => {}
        1 => {
            let mut left = [0_u8; N];
            for (pixel, _) in pixels {
                left = std::array::from_fn(|k| pixel[k].wrapping_add(left[k]));
                *pixel = left;
            }
        }
        2 => line.iter_mut().zip(above).for_each(|(byte, up)| *byte = byte.wrapping_add(*up)),
        3 => {
            let mut left = [0_u8; N];
            for (pixel, up) in pixels {
                left = std::array::from_fn(|k| pixel[k].wrapping_add(left[k].midpoint(up[k])));
                *pixel = left;
            }
        }
        4 => {
            let (mut left, mut corner) = ([0_u8; N], [0_u8; N]);
            for (pixel, up) in pixels {
                left = std::array::from_fn(|k| pixel[k].wrapping_add(paeth(left[k], up[k], corner[k])));
                *pixel = left;
                corner = *up;
            }
        }
        _ => return Err(Reason::Filter.into()),
    }
    Ok(())
}

/// Whichever of left, up and corner is nearest to left + up - corner, the earlier one if two are.
///
/// That is the corner where it lies in the middle third between the others, and otherwise the one of them that is
/// farther from it.
pub(super) fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (low, high) = (u16::from(left.min(up)), u16::from(left.max(up)));
    let (sum, thrice) = (low + high, 3 * u16::from(corner));
    let above = if thrice >= sum + high { low } else { corner.into() };
    (if thrice <= sum + low { high } else { above }) as u8
}
