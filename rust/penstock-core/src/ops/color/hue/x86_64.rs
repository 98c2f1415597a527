//! Hue in vectors of single precision, once for all widths of vectors: each level's module has the same names for its lanes.
//!
//! Pillow computes hues in double precision and rounds them to single precision. Here they are single precision
//! throughout: the sixth part of the position is a product with the reciprocal and a correction by what that leaves over,
//! which is the rounded quotient, and the whole part of its product with 255 then is Pillow's for every pixel there is.
//! On the way back a channel is the greatest value less a part of it, a product of three bytes over 255 times 255. That
//! product has 24 bits and is exact, and nothing that Pillow rounds is so near to a half that the one rounding behind
//! it would show.

/// Defines a level's kernels, in a module of its name.
macro_rules! kernels {
    ($level:ident, $features:literal) => {
        pub(super) mod $level {
            use crate::ops::color::hue::sectors::{BEGINS, FIRST_ADDED, SIGNS, THEN_ADDED, sectors};
            use crate::ops::color::x86_64::$level::*;
            use crate::ops::kinds::Block;

            /// Pillow's change of hue, by 256ths of the circle.
            #[target_feature(enable = $features)]
            pub(in super::super) fn pillow(block: &mut Block, shift: u8) {
                let all = sectors(block);
                let [red, green, blue] = block.each_mut().map(|plane| plane.as_chunks_mut().0);
                let inputs = all.sector.as_chunks().0.iter().zip(all.most.as_chunks().0);
                let inputs = inputs.zip(all.middle.as_chunks().0).zip(all.least.as_chunks().0);
                let outputs = red.iter_mut().zip(green).zip(blue);
                let (one, zero, byte) = (splat(1.0), splat(0.0), splat(255.0));
                let (begins, signs) = (table(BEGINS), table(SIGNS));
                // Where red is greatest and green is least, the circle's zero lies ahead.
                let rounds = table([0.0, 255.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
                let (sixth, six) = (splat(1.0 / 6.0), splat(6.0));
                let shift = splat(f32::from(shift));
                let part = splat(1.0 / 65_025.0);
                for ((((sector, most), middle), least), ((red, green), blue)) in inputs.zip(outputs) {
                    let sector = wholes(sector);
                    let most = floats(wholes(most));
                    let range = sub(most, floats(wholes(least)));
                    let ratio = div(sub(most, floats(wholes(middle))), max(range, one));
                    let position = product_and_sum(ratio, look_up(signs, sector), look_up(begins, sector));
                    let near = mul(position, sixth);
                    let hue = product_and_sum(less_product(six, near, position), sixth, near);
                    let hue = floor(product_and_sum(hue, byte, look_up(rounds, sector)));
                    let saturation = floor(mul(div(range, max(most, one)), byte));

                    let turned = add(hue, shift);
                    let hue = choose(is_at_most(turned, byte), turned, sub(turned, splat(256.0)));
                    let full = mul(most, saturation);
                    let rounded = add(most, splat(0.5));
                    // By how much each channel is darkened, in 255ths: a trapezoid over the circle.
                    let by_red = sub(splat(510.0), magnitude(product_and_sum(hue, six, splat(-765.0))));
                    let by_green = sub(magnitude(product_and_sum(hue, six, splat(-510.0))), byte);
                    let by_blue = sub(magnitude(product_and_sum(hue, six, splat(-1020.0))), byte);
                    let by_red = mul(full, max(min(by_red, byte), zero));
                    let by_green = mul(full, max(min(by_green, byte), zero));
                    let by_blue = mul(full, max(min(by_blue, byte), zero));
                    store(red, less_product(by_red, part, rounded));
                    store(green, less_product(by_green, part, rounded));
                    store(blue, less_product(by_blue, part, rounded));
                }
            }

            /// torchvision's change of hue, by a part of the circle; of its generations the first one or the second.
            #[target_feature(enable = $features)]
            pub(in super::super) fn torch<const FIRST: bool>(block: &mut Block, turn: f32) {
                let all = sectors(block);
                let [red, green, blue] = block.each_mut().map(|plane| plane.as_chunks_mut().0);
                let inputs = all.sector.as_chunks().0.iter().zip(all.most.as_chunks().0);
                let inputs = inputs.zip(all.middle.as_chunks().0).zip(all.least.as_chunks().0);
                let outputs = red.iter_mut().zip(green).zip(blue);
                let (one, zero, turn) = (splat(1.0), splat(0.0), splat(turn));
                let (signs, first, then) = (table(SIGNS), table(FIRST_ADDED), table(THEN_ADDED));
                for ((((sector, most), middle), least), ((red, green), blue)) in inputs.zip(outputs) {
                    let sector = wholes(sector);
                    let most = fraction::<FIRST>(floats(wholes(most)));
                    let middle = fraction::<FIRST>(floats(wholes(middle)));
                    let range = sub(most, fraction::<FIRST>(floats(wholes(least))));
                    let coloured = is_less(zero, range);
                    let ratio = div(sub(most, middle), choose(coloured, range, one));
                    let saturation = div(range, choose(coloured, most, one));
                    let position = product_and_sum(ratio, look_up(signs, sector), look_up(first, sector));
                    let position = add(position, look_up(then, sector));
                    let hue = add(scaled::<FIRST>(position, 6.0), one);
                    let hue = add(choose(is_less(hue, one), hue, sub(hue, one)), turn);
                    let hue = choose(is_less(hue, one), hue, sub(hue, one));
                    let hue = mul(choose(is_less(hue, zero), add(hue, one), hue), splat(6.0));

                    let sector = floor(hue);
                    let part = sub(hue, sector);
                    // A hue that was rounded up to the whole circle.
                    let sector = choose(is_less(sector, splat(6.0)), sector, zero);
                    let taken = mul(saturation, part);
                    let left = sub(one, saturation);
                    let added =
                        if FIRST { sub(one, mul(saturation, sub(one, part))) } else { add(taken, left) };
                    let p = max(min(mul(left, most), one), zero);
                    let q = max(min(mul(sub(one, taken), most), one), zero);
                    let t = max(min(mul(added, most), one), zero);
                    let below_two = is_less(sector, splat(2.0));
                    let below_three = is_less(sector, splat(3.0));
                    let below_four = is_less(sector, splat(4.0));
                    let below_five = is_less(sector, splat(5.0));
                    let in_first = is_less(sector, one);
                    let of_red = choose(below_four, p, choose(below_five, t, most));
                    let of_red = choose(in_first, most, choose(below_two, q, of_red));
                    let of_green = choose(below_three, most, choose(below_four, q, p));
                    let of_green = choose(in_first, t, of_green);
                    let of_blue = choose(below_two, p, choose(below_three, t, choose(below_five, most, q)));
                    store(red, mul(of_red, splat(255.999)));
                    store(green, mul(of_green, splat(255.999)));
                    store(blue, mul(of_blue, splat(255.999)));
                }
            }

            /// Bytes as fractions of 255.
            #[inline]
            #[target_feature(enable = $features)]
            fn fraction<const FIRST: bool>(bytes: Floats) -> Floats {
                scaled::<FIRST>(bytes, 255.0)
            }

            /// The quotient, or the product with the reciprocal.
            #[inline]
            #[target_feature(enable = $features)]
            fn scaled<const FIRST: bool>(value: Floats, divisor: f32) -> Floats {
                if FIRST { div(value, splat(divisor)) } else { mul(value, splat(1.0 / divisor)) }
            }
        }
    };
}

kernels!(avx2, "avx2,fma");
kernels!(avx512, "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma");
