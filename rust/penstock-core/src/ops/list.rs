//! The one list of all operations: what is drawn, and what is done.
//!
//! Enums, dispatch, names and the numbers that are sent come from here. Enums and no trait objects: a step is a few words
//! in a list of thousands, and the renderer's `match` costs nothing. Only a table of bytes is elsewhere, and shared.

use penstock_jpeg::simd::Level;

use super::choose;
use super::color::{
    AutoContrast, Brightness, BrightnessFloats, ColorJitter, Contrast, ContrastFloats, Contrasted, Equalize,
    Gray, GrayFloats, Grayscale, Hue, HueFloats, Invert, InvertFloats, Luminance, NormalizeFloats, Permute,
    Point, Posterize, RandomAutocontrast, RandomChannelPermutation, RandomEqualize, RandomGrayFloats,
    RandomGrayscale, RandomInvert, RandomInvertFloats, RandomPhotometricDistort, RandomPosterize,
    RandomSolarize, RandomSolarizeFloats, Saturation, SaturationFloats, Solarize, SolarizeFloats,
    SummedContrast,
};
use super::crop::{CenterCrop, Crop, RandomCrop};
use super::erase::{Erase, Overprint, Paste, RandomErasing};
use super::filter::{
    BoxBlur, Convolution, ConvolutionFloats, GaussianBlur, Kernel3, Kernel5, RandomAdjustSharpness,
    RandomGaussianBlur, Sharpness,
};
use super::flip::{FlipHorizontal, FlipVertical, RandomFlip};
use super::geometry::{
    Affine, AffineGrid, Moved, Perspective, RandomAffine, RandomPerspective, RandomRotation, Rotated,
    SampledFloats, SampledGrid, Turn,
};
use super::kinds::{
    Area, Block, Draw, Elements, FloatArea, FloatPixels, Ink, Lut, Map, Measured, Parameters, Pixels, Put,
    Size, Take, Wire,
};
use super::pad::{Margins, Pad};
use super::refuse::Refuse;
use super::resize::{RandomResizedCrop, Resample, ResampleFloats, Resize};
use super::statistics::Statistics;
use super::tables::Tables;
use super::zoom_out::RandomZoomOut;
use crate::image::axis::Axis;
use crate::image::{ImageView, Planes, Region};
use crate::random::Streams;

/// Declares what is drawn: each operation's name for other languages, and its type.
macro_rules! draws {
    ($($name:ident: $draw:ident,)*) => {
        /// One operation of the user's pipeline, numbers not yet drawn.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Op {
            $(#[doc = concat!("See [`", stringify!($draw), "`].")] $draw($draw),)*
        }

        $(impl From<$draw> for Op {
            fn from(draw: $draw) -> Op {
                Op::$draw(draw)
            }
        })*

        impl Draw<Step> for Op {
            fn draw(&self, size: Size, streams: &mut Streams, steps: &mut Vec<Step>) -> Option<Size> {
                match self {
                    $(Op::$draw(draw) => draw.draw(size, streams, steps),)*
                }
            }
        }

        impl Op {
            /// The names of all.
            pub const NAMES: &[&str] = &[$(stringify!($name),)*];

            /// The operation of that name with these parameters; `None` if there is none.
            pub fn named(name: &str, from: &mut impl Take) -> Option<Op> {
                match name {
                    $(stringify!($name) => $draw::take(from).map(Op::from),)*
                    _ => None,
                }
            }
        }
    };
}

// What operations are chosen from are operations, whose list only this file knows.
type Always = choose::Always<Step>;
type RandomApply = choose::RandomApply<Op>;
type RandomChoice = choose::RandomChoice<Op>;
type RandomOrder = choose::RandomOrder<Op>;
type RandAugment = choose::RandAugment<Op>;
type AutoAugment = choose::AutoAugment<Op>;

draws! {
    pad: Pad,
    center_crop: CenterCrop,
    random_crop: RandomCrop,
    random_flip: RandomFlip,
    resize: Resize,
    random_resized_crop: RandomResizedCrop,
    random_invert: RandomInvert,
    random_posterize: RandomPosterize,
    random_solarize: RandomSolarize,
    color_jitter: ColorJitter,
    grayscale: Grayscale,
    random_grayscale: RandomGrayscale,
    random_autocontrast: RandomAutocontrast,
    random_equalize: RandomEqualize,
    random_invert_floats: RandomInvertFloats,
    random_solarize_floats: RandomSolarizeFloats,
    random_gray_floats: RandomGrayFloats,
    random_photometric_distort: RandomPhotometricDistort,
    random_channel_permutation: RandomChannelPermutation,
    random_adjust_sharpness: RandomAdjustSharpness,
    random_gaussian_blur: RandomGaussianBlur,
    random_rotation: RandomRotation,
    random_affine: RandomAffine,
    random_perspective: RandomPerspective,
    random_erasing: RandomErasing,
    random_zoom_out: RandomZoomOut,
    refuse: Refuse,
    always: Always,
    contrasted: Contrasted,
    moved: Moved,
    rotated: Rotated,
    random_apply: RandomApply,
    random_choice: RandomChoice,
    random_order: RandomOrder,
    rand_augment: RandAugment,
    auto_augment: AutoAugment,
}

/// Declares the steps of one kind.
macro_rules! kind {
    ($text:literal $kind:ident $all:ident $($copy:ident)?: $($number:literal $name:ident $step:ident),*) => {
        #[doc = $text]
        #[derive(Debug, Clone, $($copy,)? PartialEq)]
        pub enum $all {
            $(#[doc = concat!("See [`", stringify!($step), "`].")] $step($step),)*
        }

        $(impl From<$step> for Step {
            #[inline]
            fn from(step: $step) -> Step {
                Step::$kind($all::$step(step))
            }
        })*
    };
}

/// Declares what is done: by kind, each step's number where it is sent, its name, and its type.
macro_rules! steps {
    (
        Map { $($map_number:literal $map_name:ident: $map:ident,)* }
        Lut { $($lut_number:literal $lut_name:ident: $lut:ident,)* }
        Pixels { $($pixels_number:literal $pixels_name:ident: $pixels:ident,)* }
        Measured { $($measured_number:literal $measured_name:ident: $measured:ident,)* }
        Area { $($area_number:literal $area_name:ident: $area:ident,)* }
        FloatPixels { $($values_number:literal $values_name:ident: $values:ident,)* }
        FloatArea { $($floats_number:literal $floats_name:ident: $floats:ident,)* }
        Elements { $($elements_number:literal $elements_name:ident: $elements:ident,)* }
    ) => {
        /// A concrete operation: nothing is left to chance, and its size arithmetic is done.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Step {
            /// See [`Map`].
            Map(MapStep),
            /// See [`Lut`].
            Lut(LutStep),
            /// See [`Pixels`].
            Pixels(PixelsStep),
            /// See [`Measured`].
            Measured(MeasuredStep),
            /// See [`Area`].
            Area(AreaStep),
            /// See [`FloatPixels`].
            FloatPixels(FloatPixelsStep),
            /// See [`FloatArea`].
            FloatArea(FloatAreaStep),
            /// See [`Elements`].
            Elements(ElementsStep),
        }

        kind!("A step that edits the index maps." Map MapStep Copy: $($map_number $map_name $map),*);
        kind!("A step that is a table of bytes." Lut LutStep: $($lut_number $lut_name $lut),*);
        kind!("A step that changes pixels by themselves." Pixels PixelsStep Copy:
            $($pixels_number $pixels_name $pixels),*);
        kind!("A step that is a table of bytes once its image was looked at." Measured MeasuredStep Copy:
            $($measured_number $measured_name $measured),*);
        kind!("A step that makes pixels of several." Area AreaStep: $($area_number $area_name $area),*);
        kind!("A step that changes numbers." FloatPixels FloatPixelsStep Copy:
            $($values_number $values_name $values),*);
        kind!("A step that makes numbers of several." FloatArea FloatAreaStep:
            $($floats_number $floats_name $floats),*);
        kind!("A step that overwrites output." Elements ElementsStep:
            $($elements_number $elements_name $elements),*);

        impl Map for MapStep {
            #[inline]
            fn size(&self, size: Size) -> Option<Size> {
                match self { $(MapStep::$map(step) => step.size(size),)* }
            }

            #[inline]
            fn edit(&self, rows: &mut Axis, columns: &mut Axis) {
                match self { $(MapStep::$map(step) => step.edit(rows, columns),)* }
            }

            #[inline]
            fn fill(&self) -> Option<u16> {
                match self { $(MapStep::$map(step) => step.fill(),)* }
            }
        }

        impl Lut for LutStep {
            #[inline]
            fn value(&self, channel: usize, byte: u8) -> u8 {
                match self { $(LutStep::$lut(step) => step.value(channel, byte),)* }
            }

            fn tables(&self) -> Tables {
                match self { $(LutStep::$lut(step) => step.tables(),)* }
            }
        }

        impl Pixels for PixelsStep {
            #[inline]
            fn change(&self, level: Level, block: &mut Block) {
                match self { $(PixelsStep::$pixels(step) => step.change(level, block),)* }
            }
        }

        impl Measured for MeasuredStep {
            #[inline]
            fn look(&self, level: Level, block: &Block, pixels: usize, seen: &mut Statistics) {
                match self { $(MeasuredStep::$measured(step) => step.look(level, block, pixels, seen),)* }
            }

            #[inline]
            fn tables(&self, seen: &Statistics) -> Tables {
                match self { $(MeasuredStep::$measured(step) => step.tables(seen),)* }
            }
        }

        /// What a thread keeps for the steps of this kind.
        #[derive(Debug, Default)]
        pub struct AreaMemory {
            $($area_name: <$area as Area>::Memory,)*
        }

        impl Area for AreaStep {
            type Memory = AreaMemory;

            fn size(&self, size: Size) -> Option<Size> {
                match self { $(AreaStep::$area(step) => step.size(size),)* }
            }

            fn support(&self, size: Size, wanted: &Region) -> Region {
                match self { $(AreaStep::$area(step) => step.support(size, wanted),)* }
            }

            fn make<'m>(
                &self,
                level: Level,
                source: &ImageView<'m>,
                size: Size,
                wanted: &Region,
                memory: &'m mut AreaMemory,
            ) -> Option<ImageView<'m>> {
                match self {
                    $(AreaStep::$area(step) => step.make(level, source, size, wanted, &mut memory.$area_name),)*
                }
            }
        }

        impl FloatPixels for FloatPixelsStep {
            fn looks(&self) -> bool {
                match self { $(FloatPixelsStep::$values(step) => step.looks(),)* }
            }

            fn change(&self, level: Level, planes: &mut Planes) {
                match self { $(FloatPixelsStep::$values(step) => step.change(level, planes),)* }
            }
        }

        /// What a thread keeps for the steps of this kind.
        #[derive(Debug, Default)]
        pub struct FloatMemory {
            $($floats_name: <$floats as FloatArea>::Memory,)*
        }

        impl FloatArea for FloatAreaStep {
            type Memory = FloatMemory;

            fn size(&self, size: Size) -> Option<Size> {
                match self { $(FloatAreaStep::$floats(step) => step.size(size),)* }
            }

            fn support(&self, size: Size, wanted: &Region) -> Region {
                match self { $(FloatAreaStep::$floats(step) => step.support(size, wanted),)* }
            }

            fn make(
                &self,
                level: Level,
                source: &Planes,
                size: Size,
                wanted: &Region,
                memory: &mut FloatMemory,
                out: &mut Planes,
            ) -> Option<()> {
                match self {
                    $(FloatAreaStep::$floats(step) => {
                        step.make(level, source, size, wanted, &mut memory.$floats_name, out)
                    })*
                }
            }
        }

        impl Elements for ElementsStep {
            fn place(&self, size: Size) -> Option<Region> {
                match self { $(ElementsStep::$elements(step) => step.place(size),)* }
            }

            fn ink(&self) -> Ink<'_> {
                match self { $(ElementsStep::$elements(step) => step.ink(),)* }
            }
        }

        impl Step {
            /// Its number where it is sent.
            #[must_use]
            pub fn number(&self) -> u16 {
                match self {
                    $(Step::Map(MapStep::$map(_)) => $map_number,)*
                    $(Step::Lut(LutStep::$lut(_)) => $lut_number,)*
                    $(Step::Pixels(PixelsStep::$pixels(_)) => $pixels_number,)*
                    $(Step::Measured(MeasuredStep::$measured(_)) => $measured_number,)*
                    $(Step::Area(AreaStep::$area(_)) => $area_number,)*
                    $(Step::FloatPixels(FloatPixelsStep::$values(_)) => $values_number,)*
                    $(Step::FloatArea(FloatAreaStep::$floats(_)) => $floats_number,)*
                    $(Step::Elements(ElementsStep::$elements(_)) => $elements_number,)*
                }
            }

            /// Its name, for people and for other languages.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Step::Map(MapStep::$map(_)) => stringify!($map_name),)*
                    $(Step::Lut(LutStep::$lut(_)) => stringify!($lut_name),)*
                    $(Step::Pixels(PixelsStep::$pixels(_)) => stringify!($pixels_name),)*
                    $(Step::Measured(MeasuredStep::$measured(_)) => stringify!($measured_name),)*
                    $(Step::Area(AreaStep::$area(_)) => stringify!($area_name),)*
                    $(Step::FloatPixels(FloatPixelsStep::$values(_)) => stringify!($values_name),)*
                    $(Step::FloatArea(FloatAreaStep::$floats(_)) => stringify!($floats_name),)*
                    $(Step::Elements(ElementsStep::$elements(_)) => stringify!($elements_name),)*
                }
            }

            /// Writes its operands.
            pub fn put(&self, to: &mut impl Put) {
                match self {
                    $(Step::Map(MapStep::$map(step)) => step.put(to),)*
                    $(Step::Lut(LutStep::$lut(step)) => step.put(to),)*
                    $(Step::Pixels(PixelsStep::$pixels(step)) => step.put(to),)*
                    $(Step::Measured(MeasuredStep::$measured(step)) => step.put(to),)*
                    $(Step::Area(AreaStep::$area(step)) => step.put(to),)*
                    $(Step::FloatPixels(FloatPixelsStep::$values(step)) => step.put(to),)*
                    $(Step::FloatArea(FloatAreaStep::$floats(step)) => step.put(to),)*
                    $(Step::Elements(ElementsStep::$elements(step)) => step.put(to),)*
                }
            }

            /// The names of all.
            pub const NAMES: &[&str] = &[
                $(stringify!($map_name),)*
                $(stringify!($lut_name),)*
                $(stringify!($pixels_name),)*
                $(stringify!($measured_name),)*
                $(stringify!($area_name),)*
                $(stringify!($values_name),)*
                $(stringify!($floats_name),)*
                $(stringify!($elements_name),)*
            ];

            /// The step of that name with these operands; `None` if there is none.
            pub fn named(name: &str, from: &mut impl Take) -> Option<Step> {
                match name {
                    $(stringify!($map_name) => $map::take(from).map(Step::from),)*
                    $(stringify!($lut_name) => $lut::take(from).map(Step::from),)*
                    $(stringify!($pixels_name) => $pixels::take(from).map(Step::from),)*
                    $(stringify!($measured_name) => $measured::take(from).map(Step::from),)*
                    $(stringify!($area_name) => $area::take(from).map(Step::from),)*
                    $(stringify!($values_name) => $values::take(from).map(Step::from),)*
                    $(stringify!($floats_name) => $floats::take(from).map(Step::from),)*
                    $(stringify!($elements_name) => $elements::take(from).map(Step::from),)*
                    _ => None,
                }
            }

            /// The step of that number with these operands; `None` if there is none.
            pub fn take(number: u16, from: &mut impl Take) -> Option<Step> {
                match number {
                    $($map_number => $map::take(from).map(Step::from),)*
                    $($lut_number => $lut::take(from).map(Step::from),)*
                    $($pixels_number => $pixels::take(from).map(Step::from),)*
                    $($measured_number => $measured::take(from).map(Step::from),)*
                    $($area_number => $area::take(from).map(Step::from),)*
                    $($values_number => $values::take(from).map(Step::from),)*
                    $($floats_number => $floats::take(from).map(Step::from),)*
                    $($elements_number => $elements::take(from).map(Step::from),)*
                    _ => None,
                }
            }
        }
    };
}

// A number that was sent once means the same for ever.
steps! {
    Map {
        0 crop: Crop,
        2 flip_horizontal: FlipHorizontal,
        3 flip_vertical: FlipVertical,
        4 pad: Margins,
    }
    Lut {
        5 invert: Invert,
        6 posterize: Posterize,
        7 solarize: Solarize,
        16 brightness: Brightness,
        23 point: Point,
    }
    Pixels {
        8 permute: Permute,
        17 saturation: Saturation,
        18 hue: Hue,
        19 gray: Gray,
    }
    Measured {
        20 contrast: Contrast,
        21 autocontrast: AutoContrast,
        22 equalize: Equalize,
    }
    Area {
        1 resize: Resample,
        40 box_blur: BoxBlur,
        41 gaussian_blur: GaussianBlur,
        42 sharpness: Sharpness,
        43 kernel3: Kernel3,
        44 kernel5: Kernel5,
        45 turn: Turn,
        46 affine: Affine,
        47 perspective: Perspective,
        48 affine_grid: AffineGrid,
        49 convolution: Convolution,
        24 luminance: Luminance,
        60 summed_contrast: SummedContrast,
        61 sampled_grid: SampledGrid,
    }
    FloatPixels {
        70 normalize_floats: NormalizeFloats,
        72 brightness_floats: BrightnessFloats,
        73 contrast_floats: ContrastFloats,
        74 saturation_floats: SaturationFloats,
        75 hue_floats: HueFloats,
        76 gray_floats: GrayFloats,
        77 invert_floats: InvertFloats,
        78 solarize_floats: SolarizeFloats,
    }
    FloatArea {
        71 resize_floats: ResampleFloats,
        79 sampled_floats: SampledFloats,
        80 convolution_floats: ConvolutionFloats,
    }
    Elements {
        9 erase: Erase,
        10 paste: Paste,
        62 overprint: Overprint,
    }
}

/// The size that an image of `size` has after all `steps`; `None` if one of them does not fit.
#[must_use]
pub fn size_after(size: Size, steps: &[Step]) -> Option<Size> {
    let (mut numbers, mut elements) = (false, false);
    steps.iter().try_fold(size, |size, step| {
        elements |= matches!(step, Step::Elements(_));
        numbers |= matches!(step, Step::FloatPixels(_) | Step::FloatArea(_));
        match step {
            Step::Elements(step) => step.place(size).map(|_| size),
            _ if elements => None,
            Step::Map(step) => step.size(size),
            Step::FloatPixels(_) => Some(size),
            Step::FloatArea(step) => step.size(size),
            _ if numbers => None,
            Step::Lut(_) | Step::Pixels(_) | Step::Measured(_) => Some(size),
            Step::Area(step) => step.size(size),
        }
    })
}
