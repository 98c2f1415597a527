//! What the [list](super::list) of operations becomes: an enum of each kind, dispatch to its types, and the wire numbers.

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

            fn laid(&self, given: Lying, size: Size) -> Lying {
                match self { $(MapStep::$map(step) => step.laid(given, size),)* }
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

            fn laid(&self, given: Lying, size: Size) -> Lying {
                match self { $(PixelsStep::$pixels(step) => step.laid(given, size),)* }
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

            fn laid(&self, given: Lying, size: Size) -> Lying {
                match self { $(MeasuredStep::$measured(step) => step.laid(given, size),)* }
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

            fn channels(&self, given: usize) -> usize {
                match self { $(AreaStep::$area(step) => step.channels(given),)* }
            }

            fn laid(&self, given: Lying, size: Size) -> Lying {
                match self { $(AreaStep::$area(step) => Area::laid(step, given, size),)* }
            }

            fn layout(&mut self) -> Option<&mut Layout> {
                match self { $(AreaStep::$area(step) => step.layout(),)* }
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

pub(super) use {draws, kind, steps};
