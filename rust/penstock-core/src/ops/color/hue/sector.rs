//! From a hue's sixth of the circle to the channels of a pixel.

/// The channels of a pixel, of its greatest value, its least one `p`, and what lies between where the hue falls (`q`) and
/// where it rises (`t`), by the sixth of the circle that the hue is in.
pub(super) fn in_sector<T: Copy>(sector: u8, value: T, [p, q, t]: [T; 3]) -> [T; 3] {
    match sector % 6 {
        0 => [value, t, p],
        1 => [q, value, p],
        2 => [p, value, t],
        3 => [p, q, value],
        4 => [t, p, value],
        _ => [value, p, q],
    }
}
