//! torchvision's matrix of an affine transform, which its two generations compute in different orders.

use crate::ops::generation::Generation;

/// The matrix from the output to the source. Centre, translation and shear are of columns and rows; angles are in degrees.
pub(super) fn matrix(
    generation: Generation,
    center: [f64; 2],
    angle: f64,
    translation: [f64; 2],
    scale: f64,
    shear: [f64; 2],
) -> [f64; 6] {
    match generation {
        Generation::V1 => first_matrix(center, angle, translation, scale, shear),
        Generation::V2 => second_matrix(center, angle, translation, scale, shear),
    }
}

/// The matrix from the output to the source, as the first generation computes it.
#[expect(clippy::suboptimal_flops, reason = "Python's own roundings")]
fn first_matrix(
    [cx, cy]: [f64; 2],
    angle: f64,
    [tx, ty]: [f64; 2],
    scale: f64,
    [sx, sy]: [f64; 2],
) -> [f64; 6] {
    let (turn, sx, sy) = (angle.to_radians(), sx.to_radians(), sy.to_radians());
    let a = (turn - sy).cos() / sy.cos();
    let b = -(turn - sy).cos() * sx.tan() / sy.cos() - turn.sin();
    let c = (turn - sy).sin() / sy.cos();
    let d = -(turn - sy).sin() * sx.tan() / sy.cos() + turn.cos();
    let [m0, m1, m3, m4] = [d, -b, -c, a].map(|number| number / scale);
    let m2 = m0 * (-cx - tx) + m1 * (-cy - ty) + cx;
    let m5 = m3 * (-cx - tx) + m4 * (-cy - ty) + cy;
    [m0, m1, m2, m3, m4, m5]
}

/// The matrix from the output to the source, as the second generation computes it.
#[expect(clippy::suboptimal_flops, reason = "Python's own roundings")]
fn second_matrix(
    [cx, cy]: [f64; 2],
    angle: f64,
    [tx, ty]: [f64; 2],
    scale: f64,
    [sx, sy]: [f64; 2],
) -> [f64; 6] {
    let (turn, sx, sy) = (angle.to_radians(), sx.to_radians(), sy.to_radians());
    let (cos_sy, tan_sx, rest) = (sy.cos(), sx.tan(), turn - sy);
    let a = rest.cos() / cos_sy;
    let b = -(a * tan_sx + turn.sin());
    let c = rest.sin() / cos_sy;
    let d = turn.cos() - c * tan_sx;
    let [m0, m1, m3, m4] = [d, -b, -c, a].map(|number| number / scale);
    let m2 = cx - m0 * (cx + tx) - m1 * (cy + ty);
    let m5 = cy - m3 * (cx + tx) - m4 * (cy + ty);
    [m0, m1, m2, m3, m4, m5]
}
