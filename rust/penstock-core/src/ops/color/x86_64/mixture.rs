//! Mixtures of a block's values with a plane, once for all widths of vectors: each level's module has the same names for its
//! lanes.
//!
//! What the compiler makes of the plain loop takes half as long again: it cuts values off at 0 and 255 before they are
//! whole numbers, where packing these does it.

/// Defines a level's kernel, in a module of its name.
macro_rules! kernels {
    ($level:ident, $features:literal) => {
        pub(in crate::ops::color) mod $level {
            use super::super::$level::*;
            use crate::ops::color::blend::Blend;
            use crate::ops::color::kernels::{self, Plane};
            use crate::ops::kinds::Block;
            use crate::ops::library::Library;

            /// See [`kernels::saturate`].
            #[target_feature(enable = $features)]
            pub(in crate::ops::color) fn saturate(blend: Blend, block: &mut Block) {
                let dull = kernels::gray(blend.library, block);
                match blend.library {
                    Library::Pillow => mix_pillow(blend, &dull, block),
                    Library::Torch1 | Library::Torch2Unfused => mix_torch(blend, &dull, block),
                    Library::Torch2 => mix_torch_fused(blend, &dull, block),
                }
            }

            /// Defines, as a function, the mixture of a block's values with a plane.
            macro_rules! mixture {
                ($name:ident, $mixed:ident) => {
                    #[inline]
                    #[target_feature(enable = $features)]
                    fn $name(blend: Blend, dull: &Plane, block: &mut Block) {
                        let [factor, rest, most] = [splat(blend.factor), splat(blend.rest), splat(255.0)];
                        let [red, green, blue] = block.each_mut().map(|plane| plane.as_chunks_mut().0);
                        let planes = red.iter_mut().zip(green).zip(blue);
                        for (dull, ((red, green), blue)) in dull.as_chunks().0.iter().zip(planes) {
                            let dull = four(dull);
                            for values in [red, green, blue] {
                                let mut mixed = four(values);
                                for (value, dull) in mixed.iter_mut().zip(dull) {
                                    *value = min($mixed([factor, rest], dull, *value), most);
                                }
                                store_four(values, mixed);
                            }
                        }
                    }
                };
            }

            mixture!(mix_pillow, pillow);
            mixture!(mix_torch, torch);
            mixture!(mix_torch_fused, torch_fused);

            /// Bytes as numbers.
            #[inline]
            #[target_feature(enable = $features)]
            fn four(bytes: &[u8; 4 * LANES]) -> [Floats; 4] {
                let mut numbers = [splat(0.0); 4];
                for (numbers, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
                    *numbers = floats(wholes(bytes));
                }
                numbers
            }

            /// See [`pillow`](crate::ops::color::blend::pillow).
            #[inline]
            #[target_feature(enable = $features)]
            fn pillow([factor, _]: [Floats; 2], dull: Floats, value: Floats) -> Floats {
                add(dull, mul(factor, sub(value, dull)))
            }

            /// See [`torch`](crate::ops::color::blend::torch).
            #[inline]
            #[target_feature(enable = $features)]
            fn torch([factor, rest]: [Floats; 2], dull: Floats, value: Floats) -> Floats {
                add(mul(value, factor), mul(dull, rest))
            }

            /// See [`torch_fused`](crate::ops::color::blend::torch_fused).
            #[inline]
            #[target_feature(enable = $features)]
            fn torch_fused([factor, rest]: [Floats; 2], dull: Floats, value: Floats) -> Floats {
                product_and_sum(dull, rest, mul(value, factor))
            }
        }
    };
}

kernels!(avx2, "avx2,fma");
kernels!(avx512, "avx512f,avx512bw,avx512vl,avx512vbmi,avx2,fma");
