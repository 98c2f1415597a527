//! The one list of all operations: what is drawn, and what is done.
//!
//! Enums, dispatch, names and the numbers that are sent come from here. Enums and no trait objects: a step is a few words
//! in a list of thousands, and the renderer's `match` costs nothing. Only a table of bytes is elsewhere, and shared.

use penstock_jpeg::simd::Level;

use super::choose;
use super::color::{
    AutoContrast, Brightness, BrightnessFloats, Channel, ColorJitter, Contrast, ContrastFloats, Contrasted,
    Equalize, Gray, GrayFloats, Grayscale, Hue, HueFloats, Invert, InvertFloats, NormalizeFloats, Permute,
    Point, Posterize, RandomAutocontrast, RandomChannelPermutation, RandomEqualize, RandomGrayFloats,
    RandomGrayscale, RandomInvert, RandomInvertFloats, RandomPhotometricDistort, RandomPosterize,
    RandomSolarize, RandomSolarizeFloats, Saturation, SaturationFloats, Solarize, SolarizeFloats, Space,
    SummedContrast,
};
use super::crop::{CenterCrop, RandomCrop};
use super::crop_or_pad::RandomCropOrPad;
use super::crop_step::Crop;
use super::declare::{draws, kind, steps};
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
use super::layout::{Layout, Lying};
use super::pad::{Margins, Pad};
use super::rectangle::Rectangle;
use super::refuse::Refuse;
use super::resize::{
    RandomResizedCrop, RandomResizedCropAndInterpolation, Resample, ResampleFloats, Resize, ResizeKeepRatio,
};
use super::statistics::Statistics;
use super::tables::Tables;
use super::zoom_out::RandomZoomOut;
use crate::image::axis::Axis;
use crate::image::{ImageView, Planes, Region};
use crate::random::Streams;

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
    random_resized_crop_and_interpolation: RandomResizedCropAndInterpolation,
    resize_keep_ratio: ResizeKeepRatio,
    random_crop_or_pad: RandomCropOrPad,
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
        63 space: Space,
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
        60 summed_contrast: SummedContrast,
        61 sampled_grid: SampledGrid,
        64 channel: Channel,
        65 rectangle: Rectangle,
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

impl Step {
    /// How the tensor lies that torch makes of one that lies so.
    #[must_use]
    pub fn laid(&self, given: Lying) -> Lying {
        let size = size_after(given.size, std::slice::from_ref(self)).unwrap_or(given.size);
        match self {
            Step::Map(step) => step.laid(given, size),
            Step::Pixels(step) => step.laid(given, size),
            Step::Measured(step) => step.laid(given, size),
            Step::Area(step) => step.laid(given, size),
            Step::Lut(_) | Step::FloatPixels(_) | Step::FloatArea(_) | Step::Elements(_) => {
                given.made(size, given.layout)
            }
        }
    }

    /// See [`Area::layout`].
    pub fn layout(&mut self) -> Option<&mut Layout> {
        if let Step::Area(step) = self { step.layout() } else { None }
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
