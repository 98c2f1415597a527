"""The named recipes: what they are made of, on which images, and how their accuracies are called."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from torchvision.models import resnet18

from penstock import explain
from penstock.train import SettingError, data, loop, recipe_for
from penstock.train.evaluation import Precision, evaluate
from penstock.train.model import learning_rate, make_model, make_optimizer
from penstock.train.recipes import DATA, RECIPES

CPU = torch.device("cpu")


@pytest.fixture
def copy(tmp_path):
    """Makes files of 32x32 images in class folders, as people have made them of CIFAR-10."""

    def make(ending, side=32):
        rng = np.random.default_rng(0)
        for part, count in (("train", 8), ("test", 6)):
            for index in range(count):
                path = tmp_path / ending / part / "ab"[index % 2] / f"{index}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).save(path)
        return f"folder:{tmp_path / ending}"

    return make


def batches_of(recipe, which):
    """The first batch of the loader number `which`, by penstock and by torch."""
    found = []
    for loader in ("penstock", "torch"):
        torch.manual_seed(3)
        made = loop.make_loaders(recipe_for(**{**recipe, "loader": loader}), data.load(recipe_for(**recipe)), CPU)
        if loader == "penstock":
            explained = explain(made[which])
            assert explained.native, str(explained)
        found.append(next(iter(made[which])))
    return found


@pytest.mark.usefixtures("cifar10")
@pytest.mark.parametrize("which", [0, 1], ids=["train", "test"])
@pytest.mark.parametrize("name", [name for name in RECIPES if name.startswith("cifar10")])
def test_the_images_of_cifar10_are_native_and_equal(name, which, tmp_path):
    recipe = {"recipe": name, "root": str(tmp_path / "data"), "batch_size": 8}
    ours, theirs = batches_of(recipe, which)
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("which", [0, 1], ids=["train", "test"])
def test_the_images_of_files_are_native_and_equal(which, folder, copy):
    for recipe in ({"recipe": "cifar10-94", "data": copy("jpg")}, {"recipe": "folder-160", "data": f"folder:{folder}"}):
        ours, theirs = batches_of({**recipe, "batch_size": 4}, which)
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
        side = ours[0].shape[-1]
        assert side == (32 if recipe["recipe"] == "cifar10-94" else (160, 224)[which])


@pytest.mark.usefixtures("cifar10")
def test_a_whole_square_is_cut_out_of_every_training_image(tmp_path):
    recipe = {"recipe": "cifar10-96", "root": str(tmp_path / "data"), "batch_size": 40}
    images = batches_of(recipe, 0)[0][0]
    for erased in (images == 0).all(1):
        rows, columns = erased.any(1).nonzero(), erased.any(0).nonzero()
        assert len(rows) == len(columns) == 12
        assert erased[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert not (batches_of(recipe, 1)[0][0] == 0).all(1).any()


def test_accuracies_on_copies_are_called_so(run, copy, monkeypatch):
    monkeypatch.setattr(
        loop, "make_model", lambda *_arguments: torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2))
    )
    for ending, title in (("jpg", "a JPEG copy of CIFAR-10"), ("png", "a copy of CIFAR-10 in files")):
        result = run(ending, recipe="cifar10-94", data=copy(ending), batch_size=4, workers=0, epochs=1)
        named = f"test accuracy {result.accuracy:.2%} on {title} (mirror test-time augmentation)"
        assert named in run.said
        assert "mirror acc" in run.said
        assert json.loads((result.folder / "metrics.jsonl").read_text())["tta"] == "mirror"
    with pytest.raises(SettingError, match=r"is for CIFAR-10, but .* is of 40x40 pixels"):
        data.load(recipe_for(copy("webp", 40), recipe="cifar10-94"))


def test_the_seed_recipe_is_the_ordinary_script():
    recipe = recipe_for(recipe="cifar10-seed")
    assert (recipe.data, recipe.epochs, recipe.batch_size, recipe.amp, recipe.tta) == (
        "cifar10",
        10,
        128,
        False,
        "none",
    )
    assert [learning_rate(recipe, progress) for progress in (0, 0.3, 1)] == [0.01] * 3
    torch.manual_seed(0)
    ours = make_model(32, 3, 10, recipe.stem)
    torch.manual_seed(0)
    theirs = resnet18(num_classes=10)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))
    (group,) = make_optimizer(recipe, ours).param_groups
    (wanted,) = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9).param_groups
    assert {**group, "params": 0, "fused": 0} == {**wanted, "params": 0, "fused": 0}


@pytest.mark.usefixtures("cifar10")
def test_the_seed_recipe_normalises_as_imagenet_does(tmp_path):
    root = str(tmp_path / "data")
    normalize = data.load(recipe_for(recipe="cifar10-seed", root=root)).test.transform.transforms[-1]
    assert (list(normalize.mean), list(normalize.std)) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_the_rates_of_the_short_recipes():
    recipe = recipe_for(recipe="cifar10-94")
    assert (recipe.epochs, recipe_for(recipe="cifar10-96").epochs) == (26, 80)
    assert [learning_rate(recipe, progress) for progress in (0, 0.2, 0.6, 1)] == pytest.approx([0.04, 0.2, 0.1, 0])
    photos = recipe_for("folder:photos", recipe="folder-160")
    assert [learning_rate(photos, progress) for progress in (0, 0.125, 1)] == pytest.approx([5e-5, 0.5, 0])


def test_normalisation_need_not_decay():
    model = make_model(32, 3, 10)
    groups = make_optimizer(recipe_for("folder:photos", recipe="folder-160"), model).param_groups
    assert [group["weight_decay"] for group in groups] == [5e-5, 0]
    norms = {name for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    named = {id(parameter): name.rpartition(".")[0] for name, parameter in model.named_parameters()}
    assert {named[id(parameter)] for parameter in groups[1]["params"]} == norms
    assert sum(len(group["params"]) for group in groups) == len(named)


def test_mirror_images_count_as_much_as_the_images():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 5)).eval()
    images, labels = torch.randn(700, 3, 8, 8), torch.randint(5, (700,))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), 512)
    precision = Precision.of(CPU, amp=True)
    for tta in ("none", "mirror"):
        loss, accuracy = evaluate(model, loader, precision, tta=tta, count=700)
        with torch.no_grad():
            scores = model(images) if tta == "none" else (model(images) + model(images.flip(-1))) / 2
        assert accuracy == (scores.argmax(1) == labels).sum().item() / 700
        # Sums of float32 in another order.
        assert loss == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-5)


def test_a_compiled_run_saves_what_any_run_goes_on_from(run, assert_equal, monkeypatch):
    compiled = []

    def compile_eagerly(module):
        compiled.append(module)
        return real(module, backend="eager")  # the operations as they are: no compiler, and the same bits

    real = torch.compile
    monkeypatch.setattr(torch, "compile", compile_eagerly)
    small = {"max_steps": 2}
    assert_equal(run("plain", **small), run("compiled", compile=True, **small))
    assert compiled
    assert "compiled; 1 epochs" in run.said


@pytest.mark.slow
@pytest.mark.timeout(900)  # a compiler runs
def test_a_compiled_network_learns(run):
    result = run("compiled", compile=True, max_steps=None, epochs=2)
    assert result.history[-1].loss < result.history[0].loss


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_take_changes_and_are_of_known_data(name):
    where = {"data": "folder:photos"} if RECIPES[name]["data"] == "folder" else {}
    recipe = recipe_for(**where, recipe=name, epochs=3, label_smoothing=0.2)
    assert (recipe.recipe, recipe.epochs, recipe.label_smoothing) == (name, 3, 0.2)
    assert recipe.kind in DATA
