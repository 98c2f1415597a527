"""The private names of torchvision."""

from typing import Any

from penstock.compat.names import LOWERING, RECORDING, Names

__all__ = [
    "AFFINE_GRIDS",
    "APPLY_GRIDS",
    "GAUSSIAN_WEIGHTS",
    "INVERSE_MATRICES",
    "KERNEL_REGISTRY",
    "NAMES",
    "OUTPUT_SIZES",
    "compute_resized_output_size",
    "find_labels",
    "image_functional",
    "image_of_array",
    "must_return_subclass",
    "parse_fill",
    "perspective_coefficients",
    "tensor_functional",
]

NAMES = Names("torchvision", "torchvision")
_fetch, _expect = NAMES.fetch, NAMES.expect

_V2 = "torchvision.transforms.v2"
# What transforms of version 2 keep of their parameters, and call.
_expect(f"{_V2}:Transform", "_call_kernel _needs_transform_list", LOWERING)
_expect(f"{_V2}:Pad", "_fill", LOWERING)
_expect(f"{_V2}:RandomCrop", "_fill", LOWERING)
_expect(f"{_V2}:RandomRotation", "_fill", LOWERING)
_expect(f"{_V2}:RandomAffine", "_fill", LOWERING)
_expect(f"{_V2}:RandomPerspective", "_fill", LOWERING)
_expect("torchvision.transforms.autoaugment", "_apply_op", LOWERING)
_expect("torchvision.transforms:AutoAugment", "_augmentation_space", LOWERING)
_expect("torchvision.transforms:RandAugment", "_augmentation_space", LOWERING)
_expect("torchvision.transforms:TrivialAugmentWide", "_augmentation_space", LOWERING)
_expect(f"{_V2}:AutoAugment", "_AUGMENTATION_SPACE _fill _policies", LOWERING)
_expect(f"{_V2}:RandAugment", "_AUGMENTATION_SPACE _fill", LOWERING)
_expect(f"{_V2}:TrivialAugmentWide", "_AUGMENTATION_SPACE _fill", LOWERING)
_expect(f"{_V2}:RandomErasing", "_log_ratio", LOWERING)
_expect(f"{_V2}:RandomResizedCrop", "_log_ratio", LOWERING)

_expect(f"{_V2}:MixUp", "_check_image_or_video _dist _labels_getter", LOWERING, RECORDING)
_expect(f"{_V2}:CutMix", "_check_image_or_video _dist _labels_getter", LOWERING, RECORDING)
# How transforms of batches find the targets, unless they are told.
find_labels: Any = _fetch(f"{_V2}._utils", "_find_labels_default_heuristic", LOWERING)

KERNEL_REGISTRY: dict[Any, dict[Any, Any]] = _fetch(f"{_V2}.functional._utils", "_KERNEL_REGISTRY", RECORDING)
compute_resized_output_size: Any = _fetch(
    "torchvision.transforms.functional", "_compute_resized_output_size", RECORDING
)
must_return_subclass: Any = _fetch("torchvision.tv_tensors._torch_function_helpers", "_must_return_subclass", RECORDING)
# How fills of what lies outside an image are read, and which perspective moves corners.
parse_fill: Any = _fetch("torchvision.transforms._functional_pil", "_parse_fill", LOWERING)
perspective_coefficients: Any = _fetch("torchvision.transforms.functional", "_get_perspective_coeffs", LOWERING)
# What stands before Pillow's `fromarray`, where there is such a function.
image_of_array: Any = _fetch("torchvision.utils", "_Image_fromarray")
# Where transforms look up what they do to Pillow's images, and to tensors.
image_functional: Any = _fetch("torchvision.transforms", "_functional_pil", RECORDING)
tensor_functional: Any = _fetch("torchvision.transforms", "_functional_tensor", RECORDING)
# By generation, the weights of a Gaussian.
GAUSSIAN_WEIGHTS: dict[str, Any] = {
    "v1": _fetch("torchvision.transforms._functional_tensor", "_get_gaussian_kernel1d", LOWERING, RECORDING),
    "v2": _fetch(f"{_V2}.functional._misc", "_get_gaussian_kernel1d", LOWERING, RECORDING),
}
# By generation, the grid of places of an affine transform, and what looks at it.
AFFINE_GRIDS: dict[str, Any] = {
    "v1": _fetch("torchvision.transforms._functional_tensor", "_gen_affine_grid", RECORDING),
    "v2": _fetch(f"{_V2}.functional._geometry", "_affine_grid", RECORDING),
}
APPLY_GRIDS: dict[str, Any] = {
    "v1": _fetch("torchvision.transforms._functional_tensor", "_apply_grid_transform", RECORDING),
    "v2": _fetch(f"{_V2}.functional._geometry", "_apply_grid_transform", RECORDING),
}
# By generation, the width and height of what holds all of a turned tensor.
OUTPUT_SIZES: dict[str, Any] = {
    "v1": _fetch("torchvision.transforms._functional_tensor", "_compute_affine_output_size", LOWERING, RECORDING),
    "v2": _fetch(f"{_V2}.functional._geometry", "_compute_affine_output_size", LOWERING, RECORDING),
}
# By generation, the matrix of an affine transform from the output to the image.
INVERSE_MATRICES: dict[str, Any] = {
    "v1": _fetch("torchvision.transforms.functional", "_get_inverse_affine_matrix", LOWERING, RECORDING),
    "v2": _fetch(f"{_V2}.functional._geometry", "_get_inverse_affine_matrix", LOWERING, RECORDING),
}
