//! Numbers without their fractions, for plain loops that the compiler makes vectors of: `as` would do as much, lane by lane.
#![expect(unsafe_code, reason = "conversions of bounded numbers")]

/// As a byte; what is less than 0, or more than 255, is one of these, and what is no number is 0.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn byte_of_single(value: f32) -> u8 {
    // What is no number compares as false.
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: it is a number from 0 to 255.
    unsafe { value.to_int_unchecked::<i32>() as u8 }
}

/// The same of a number in double precision.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn byte_of_double(value: f64) -> u8 {
    let value = if value > 0.0 { value } else { 0.0 };
    let value = if value < 255.0 { value } else { 255.0 };
    // SAFETY: it is a number from 0 to 255.
    unsafe { value.to_int_unchecked::<i32>() as u8 }
}

/// A whole number if it is not negative, else -1.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled for each level's vectors")]
pub(crate) fn place(value: f64) -> i32 {
    let value = if value >= 0.0 { value } else { -1.0 };
    let value = if value < f64::from(i32::MAX) { value } else { -1.0 };
    // SAFETY: it is a number from -1 to the largest integer.
    unsafe { value.to_int_unchecked::<i32>() }
}
