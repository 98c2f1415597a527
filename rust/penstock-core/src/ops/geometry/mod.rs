//! Geometry: what takes pixels from elsewhere, by more than rows and columns, as Pillow does it, and partly torch.

mod affine;
mod affine_grid;
mod dispatch;
mod field;
mod fixed;
mod float_sampler;
mod inside;
mod matrix;
mod moved;
mod perspective;
mod places;
mod random_affine;
mod random_perspective;
mod rotation;
mod sample;
mod sampled_floats;
mod sampled_grid;
mod sampler;
mod sampling;
mod texture;
mod torch_grid;
mod turn;
mod warp;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use affine::Affine;
pub use affine_grid::AffineGrid;
pub use moved::{Moved, Translation};
pub use perspective::Perspective;
pub use random_affine::RandomAffine;
pub use random_perspective::RandomPerspective;
pub use rotation::{RandomRotation, Rotated, Rotation};
pub use sample::Interpolation;
pub use sampled_floats::SampledFloats;
pub use sampled_grid::{Looking, SampledGrid};
pub use sampler::Sampler;
pub use sampling::Sampling;
pub use torch_grid::Places;
pub use turn::{Quarter, Turn};
pub use warp::Warper;

#[cfg(test)]
mod tests;
