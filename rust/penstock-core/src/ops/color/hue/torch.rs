//! torchvision's conversion to hue, saturation and value and back, in single precision throughout.

use super::sector::in_sector;
use crate::ops::library::Library;

/// A pixel whose hue is turned by a part of the circle.
pub(super) fn turned(pixel: [u8; 3], turn: f32, library: Library) -> [u8; 3] {
    let first = library == Library::Torch1;
    let [hue, saturation, value] = to_hsv(pixel, first);
    let hue = remainder(hue + turn);
    from_hsv([hue, saturation, value], first).map(|value| (value * 255.999) as u8)
}

/// torch's `remainder` by 1 of a number above -1, which has the divisor's sign.
fn remainder(value: f32) -> f32 {
    let rest = value % 1.0;
    if rest < 0.0 { rest + 1.0 } else { rest }
}

/// The first generation divides by 255 and by 6, the second one multiplies with the reciprocals.
fn to_hsv([r, g, b]: [u8; 3], first: bool) -> [f32; 3] {
    let scaled = |value: f32, by: f32| if first { value / by } else { value * (1.0 / by) };
    let fraction = |byte| scaled(f32::from(byte), 255.0);
    let most = r.max(g).max(b);
    let value = fraction(most);
    let range = value - fraction(r.min(g).min(b));
    let [by, of] = if range > 0.0 { [range, value] } else { [1.0, 1.0] };
    let [red, green, blue] = [r, g, b].map(|byte| (value - fraction(byte)) / by);
    let sector = if r == most {
        blue - green
    } else if g == most {
        red + 2.0 - blue
    } else {
        green + 4.0 - red
    };
    [(scaled(sector, 6.0) + 1.0) % 1.0, range / of, value]
}

/// Of the generations, the second one computes what is added to a channel from what is taken off another one.
fn from_hsv([hue, saturation, value]: [f32; 3], first: bool) -> [f32; 3] {
    let position = hue * 6.0;
    let sector = position.floor();
    let part = position - sector;
    let taken = saturation * part;
    let left = 1.0 - saturation;
    let added = if first { 1.0 - saturation * (1.0 - part) } else { taken + left };
    let [p, q, t] = [left, 1.0 - taken, added].map(|share| (share * value).clamp(0.0, 1.0));
    in_sector(sector as u8, value, [p, q, t])
}
