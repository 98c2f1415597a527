//! Pillow's conversion to hue, saturation and value in bytes, and back, in its mixture of single and double precision.

use super::sector::in_sector;

/// A pixel whose hue is moved by 256ths of the circle.
pub(super) fn turned(pixel: [u8; 3], shift: u8) -> [u8; 3] {
    let [hue, saturation, value] = to_hsv(pixel);
    from_hsv([hue.wrapping_add(shift), saturation, value])
}

/// Pillow's `rgb2hsv`.
pub(in crate::ops::color) fn to_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    if most == least {
        return [0, 0, most];
    }
    let range = f32::from(most - least);
    let [red, green, blue] = [r, g, b].map(|value| f32::from(most - value) / range);
    let sector = if r == most {
        blue - green
    } else if g == most {
        (2.0 + f64::from(red) - f64::from(blue)) as f32
    } else {
        (4.0 + f64::from(green) - f64::from(red)) as f32
    };
    let hue = ((f64::from(sector) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(most);
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most]
}

/// Pillow's `hsv2rgb`.
pub(in crate::ops::color) fn from_hsv([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let position = f64::from(hue) * 6.0 / 255.0;
    let sector = position.floor();
    let (part, saturation) = ((position - sector) as f32, (f64::from(saturation) / 255.0) as f32);
    let darkened = |by: f64| (f64::from(value) * (1.0 - by)).round() as u8;
    let p = darkened(f64::from(saturation));
    let q = darkened(f64::from(saturation * part));
    let t = darkened(f64::from(saturation) * (1.0 - f64::from(part)));
    in_sector(sector as u8, value, [p, q, t])
}
