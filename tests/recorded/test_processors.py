"""Image processors of transformers, as scripts call them: in a data set, in its batches, in a transform of rows."""

import os

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from support.both_loaders import Opened, assert_program, write_images
from torchvision.transforms import functional as F

# Nothing here is on a hub, and nobody may ask one.
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")

transformers = pytest.importorskip("transformers")
backends = pytest.importorskip("transformers.image_processing_backends")

from penstock.recording import processors  # noqa: E402 - what the module asks of the other one must be there

SIZE = {"height": 24, "width": 20}
OPTIONS = {
    "vit": (transformers.ViTImageProcessor, {"size": SIZE}),
    "as they are": (transformers.ViTImageProcessor, {"size": SIZE, "do_rescale": False, "do_normalize": False}),
    "only scaled": (transformers.ViTImageProcessor, {"size": SIZE, "do_normalize": False, "resample": 3}),
    "clip": (
        transformers.CLIPImageProcessor,
        {"size": {"shortest_edge": 24}, "crop_size": {"height": 20, "width": 20}},
    ),
    "larger crop": (transformers.CLIPImageProcessor, {"size": {"shortest_edge": 18}, "crop_size": SIZE}),
}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), 8)


class Processed(Opened):
    """An image at a time, in one of the forms that a processor takes."""

    form = "image"

    def __getitem__(self, index):
        image = self.open(index)
        forms = {"tensor": F.pil_to_tensor, "array": np.array, "gray": lambda image: image.convert("L")}
        given = forms.get(self.form, lambda image: image)(image)
        return {"pixels": self.transform(given, return_tensors="pt")["pixel_values"][0], "label": index}


class InBatches(Opened):
    """A batch at a time."""

    def __getitems__(self, indices):
        made = self.transform([self.open(index) for index in indices], return_tensors="pt")["pixel_values"]
        return [{"pixels": pixels, "label": index} for pixels, index in zip(made, indices, strict=True)]


def program(paths, processor, kind=Processed, form="image", workers=2):
    dataset = kind(paths, processor)
    dataset.form = form
    return lambda: torch.utils.data.DataLoader(dataset, 3, shuffle=True, num_workers=workers)


@pytest.mark.parametrize("kind", [Processed, InBatches])
@pytest.mark.parametrize("name", ["vit", "as they are", "only scaled", "clip"])
def test_images_are_processed_natively(name, kind, paths):
    make, options = OPTIONS[name]
    assert_program(program(paths, make(**options), kind))


@pytest.mark.parametrize("form", ["tensor", "array", "gray"])
def test_other_forms(form, paths):
    make, options = OPTIONS["vit"]
    processor = make(**options, **({"image_mean": 0.5, "image_std": 0.5} if form == "gray" else {}))
    assert_program(program(paths, processor, form=form), 1.0 if form == "tensor" else None)


def test_a_crop_that_is_larger_than_its_image(paths):
    make, options = OPTIONS["larger crop"]
    assert_program(program(paths, make(**options)), None)


def test_without_workers(paths):
    make, options = OPTIONS["vit"]
    assert_program(program(paths, make(**options), workers=0), None)


def test_rows_with_a_transform(paths):
    datasets = pytest.importorskip("datasets")
    make, options = OPTIONS["vit"]
    processor = make(**options)

    def transform(rows):
        images = [image.convert("RGB") for image in rows["image"]]
        return {**processor(images, return_tensors="pt"), "labels": rows["label"]}

    rows = datasets.Dataset.from_dict({"image": [*map(str, paths)], "label": [*range(len(paths))]})
    rows = rows.cast_column("image", datasets.Image()).with_transform(transform)
    assert_program(lambda: torch.utils.data.DataLoader(rows, 4, shuffle=True, num_workers=2))


def test_a_processor_of_pillows(paths):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    assert_program(program(paths, ViTImageProcessorPil(size=SIZE)), None)


def test_functions_that_are_others_are_called(paths, monkeypatch):
    """One that is the user's own is not hooked, and one that does something else is not trusted."""
    function = backends.TorchvisionBackend.process_image
    assert processors.processor() is backends.TorchvisionBackend
    assert processors.takes_tensors(function)
    assert not processors.takes_tensors(lambda _, image, **__: torch.from_numpy(np.array(image)))
    monkeypatch.setattr(
        backends.TorchvisionBackend, "process_image", lambda *given, **options: 255 - function(*given, **options)
    )
    assert processors.processor() is None
    make, options = OPTIONS["vit"]
    assert_program(program(paths, make(**options)), None)


def test_the_answer_is_the_librarys(paths):
    """What it is asked of an image, and of its tensor."""
    image = Image.open(paths[0])
    function = backends.TorchvisionBackend.process_image
    hook = processors.takes_images(function)
    assert torch.equal(hook(None, image), function(None, image))
