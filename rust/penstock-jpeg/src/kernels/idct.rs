//! From coefficients to samples: libjpeg's accurate integer transform ("islow"), to the bit.
//!
//! Columns first, to 2 bits more than samples have, then rows; constants of 13 bits. libjpeg-turbo's vector
//! code keeps 16 bits between the passes where its C code keeps 32, and its C code wraps samples where the
//! vector code saturates. [`Quant::limits`], [`MAX_BETWEEN`] and [`MAX_SAMPLE`] bound the numbers so that
//! neither can happen; what lies beyond is [`Coefficient`](crate::Reason::Coefficient). No encoder of 8-bit samples gets there.

use crate::markers::QuantTable;

/// A block of coefficients, row by row.
pub(crate) type Block = [i16; 64];

/// Greatest magnitude of a dequantised coefficient: as the only one of a block it makes a sample of
/// [`MAX_SAMPLE`]. Samples of 8 bits make at most 1024 and rounding.
const MAX_COEFFICIENT: i32 = 4087;
/// Greatest magnitude between the passes: the second pass adds two of them in 16 bits.
pub(crate) const MAX_BETWEEN: i32 = 16_383;
/// Greatest magnitude of a sample before it is centred: libjpeg's table wraps beyond.
pub(crate) const MAX_SAMPLE: i32 = 511;
const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;
/// What the passes shift down by.
pub(crate) const SHIFT_COLUMNS: u32 = CONST_BITS - PASS1_BITS;
pub(crate) const SHIFT_ROWS: u32 = CONST_BITS + PASS1_BITS + 3;

/// The constants of the transform, times 2^13; named as sums are formed from them.
pub(crate) mod constants {
    pub(crate) const F_0_298: i32 = 2446;
    pub(crate) const F_0_390: i32 = 3196;
    pub(crate) const F_0_541: i32 = 4433;
    pub(crate) const F_0_765: i32 = 6270;
    pub(crate) const F_0_899: i32 = 7373;
    pub(crate) const F_1_175: i32 = 9633;
    pub(crate) const F_1_501: i32 = 12299;
    pub(crate) const F_1_847: i32 = 15137;
    pub(crate) const F_1_961: i32 = 16069;
    pub(crate) const F_2_053: i32 = 16819;
    pub(crate) const F_2_562: i32 = 20995;
    pub(crate) const F_3_072: i32 = 25172;
}

/// A quantisation table, and what coefficients it allows.
#[derive(Clone, Debug)]
pub(crate) struct Quant {
    pub(crate) steps: Block,
    /// Greatest magnitude of each quantised coefficient.
    pub(crate) limits: Block,
}

impl Quant {
    pub(crate) fn new(table: &QuantTable) -> Self {
        // Steps of 2^15 and more keep their low 16 bits, and are multiplied with zeros only.
        let steps = table.map(|step| step as i16);
        let limits = table.map(|step| (MAX_COEFFICIENT / i32::from(step.max(1))) as i16);
        Quant { steps, limits }
    }
}

/// Transforms neighbouring blocks into samples from the start of `out` on, `stride` apart, and zeroes them.
/// `extents` tells how far each block's coefficients reach in the order of the file. False if a coefficient
/// is out of range; the samples are worthless then.
pub(crate) fn blocks_to_samples(
    blocks: &mut [Block],
    extents: &[u8],
    quant: &Quant,
    out: &mut [u8],
    stride: usize,
) -> bool {
    let mut valid = true;
    for (i, (block, &extent)) in blocks.iter_mut().zip(extents).enumerate() {
        let Some(out) = out.get_mut(8 * i..) else { return false };
        valid &= block_to_samples(block, extent, quant, out, stride);
        *block = [0; 64];
    }
    valid
}

fn block_to_samples(block: &Block, extent: u8, quant: &Quant, out: &mut [u8], stride: usize) -> bool {
    let mut valid =
        block.iter().zip(&quant.limits).all(|(&c, &limit)| i32::from(c).abs() <= i32::from(limit));
    let mut samples = [[0; 8]; 8];
    if extent == 0 {
        samples = [[flat_sample(block, quant); 8]; 8];
    } else {
        let mut columns = [[0; 8]; 8];
        for (x, column) in columns.iter_mut().enumerate() {
            let input = std::array::from_fn(|y| {
                i32::from(block[8 * y + x]).wrapping_mul(i32::from(quant.steps[8 * y + x]))
            });
            *column = transform(input, SHIFT_COLUMNS);
            valid &= column.iter().all(|value| value.abs() <= MAX_BETWEEN);
        }
        if valid {
            for (y, row) in samples.iter_mut().enumerate() {
                let values = transform(std::array::from_fn(|x| columns[x][y]), SHIFT_ROWS);
                valid &= values.iter().all(|value| value.abs() <= MAX_SAMPLE);
                *row = values.map(sample);
            }
        }
    }
    for (row, out) in samples.iter().zip(out.chunks_mut(stride.max(1))) {
        let Some(out) = out.first_chunk_mut() else { return false };
        *out = *row;
    }
    valid
}

/// The sample of a block that has only its first coefficient.
#[inline]
pub(crate) fn flat_sample(block: &Block, quant: &Quant) -> u8 {
    let value = i32::from(block[0].wrapping_mul(quant.steps[0]));
    sample(((value << PASS1_BITS) + (1 << (PASS1_BITS + 2))) >> (PASS1_BITS + 3))
}

fn sample(value: i32) -> u8 {
    (value + 128).clamp(0, 255) as u8
}

/// Eight values transformed and shifted down. The numbers are bounded, so nothing wraps; wrapping arithmetic
/// is for blocks that are going to be refused.
fn transform(input: [i32; 8], shift: u32) -> [i32; 8] {
    use constants::{
        F_0_298, F_0_390, F_0_541, F_0_765, F_0_899, F_1_175, F_1_501, F_1_847, F_1_961, F_2_053, F_2_562,
        F_3_072,
    };
    let input = input.map(|value| value.clamp(-32768, 32767));
    let [x0, x1, x2, x3, x4, x5, x6, x7] = input;
    let dot = |a: i32, p: i32, b: i32, q: i32| a.wrapping_mul(p).wrapping_add(b.wrapping_mul(q));
    let round = 1 << (shift - 1);
    let (sum, difference) = (((x0 + x4) << CONST_BITS) + round, ((x0 - x4) << CONST_BITS) + round);
    let outer = dot(x2, F_0_541 + F_0_765, x6, F_0_541);
    let inner = dot(x2, F_0_541, x6, F_0_541 - F_1_847);
    let even = [
        sum.wrapping_add(outer),
        difference.wrapping_add(inner),
        difference.wrapping_sub(inner),
        sum.wrapping_sub(outer),
    ];
    let (z3, z4) = (x7 + x3, x5 + x1);
    let r3 = dot(z3, F_1_175 - F_1_961, z4, F_1_175);
    let r4 = dot(z3, F_1_175, z4, F_1_175 - F_0_390);
    let odd = [
        dot(x7, -F_0_899, x1, F_1_501 - F_0_899).wrapping_add(r4),
        dot(x5, -F_2_562, x3, F_3_072 - F_2_562).wrapping_add(r3),
        dot(x5, F_2_053 - F_2_562, x3, -F_2_562).wrapping_add(r4),
        dot(x7, F_0_298 - F_0_899, x1, -F_0_899).wrapping_add(r3),
    ];
    std::array::from_fn(|i| {
        let at = i.min(7 - i);
        let value = if i < 4 { even[at].wrapping_add(odd[at]) } else { even[at].wrapping_sub(odd[at]) };
        value >> shift
    })
}
