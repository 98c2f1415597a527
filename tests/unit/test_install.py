"""`penstock.install`: whose class the names hold, what stays an instance of what, what can be pickled."""

import abc
import copy
import logging
import pickle
import subprocess
import sys
import textwrap
import types

import pytest
import torch.utils.data
from torch.utils.data import DataLoader as Torchs  # as a module of the user's has it

import penstock

HOLDERS = (
    "accelerate.data_loader",
    "transformers.trainer",
    "ray.train.v2.torch.train_loop_utils",
    "lightning.pytorch.core.datamodule",
    "lightning_fabric.fabric",
    "pytorch_lightning",
    "timm.data.naflex_loader",
    "ignite.distributed.auto",
)
# Of the user's own, and of packages that are none of the frameworks'.
OTHERS = ("users_own", "ray.data.loader", "timmy.data", "raytrain")
IMAGES = [torch.zeros(3)] * 5


@pytest.fixture(autouse=True)
def undone():
    yield
    penstock.uninstall()
    assert torch.utils.data.DataLoader is Torchs
    assert torch.utils.data.dataloader.DataLoader is Torchs


@pytest.fixture
def holders(monkeypatch):
    """Modules that took torch's class before, those of frameworks first."""
    made = []
    for name in (*HOLDERS, *OTHERS):
        made.append(types.ModuleType(name))
        made[-1].DataLoader = made[-1]._TorchLoader = Torchs
        monkeypatch.setitem(sys.modules, name, made[-1])
    monkeypatch.setitem(sys.modules, "timm.blocked", None)
    monkeypatch.setitem(sys.modules, "timm.no_module", Torchs)
    return made


def test_names_are_exchanged_and_exchanged_back(holders):
    frameworks, others = holders[: len(HOLDERS)], holders[len(HOLDERS) :]
    penstock.install()
    for module in (torch.utils.data, torch.utils.data.dataloader, *frameworks):
        assert module.DataLoader is penstock.DataLoader
    for module in frameworks:
        assert module._TorchLoader is penstock.DataLoader, "whatever the name"
    for module in others:
        assert module.DataLoader is module._TorchLoader is Torchs
    penstock.install()
    penstock.uninstall()
    for module in (torch.utils.data, torch.utils.data.dataloader, *holders):
        assert module.DataLoader is Torchs
    for module in holders:
        assert module._TorchLoader is Torchs
    penstock.uninstall()


def test_modules_are_not_made_to_import_what_they_lack(monkeypatch):
    class Lazy(types.ModuleType):
        def __getattr__(self, name):
            raise AssertionError(name)

    monkeypatch.setitem(sys.modules, "transformers.lazy", Lazy("transformers.lazy"))
    with penstock.installed():
        pass


def test_only_names_that_hold_ours_are_exchanged_back(holders):
    class Somebodys(Torchs):
        pass

    penstock.install()
    holders[0].DataLoader = Somebodys
    penstock.uninstall()
    assert holders[0].DataLoader is Somebodys
    penstock.install()
    assert holders[0].DataLoader is Somebodys


def test_what_is_imported_later_takes_ours_and_gives_it_back(monkeypatch):
    penstock.install()
    later = types.ModuleType(HOLDERS[0])
    exec("from torch.utils.data import DataLoader", vars(later))  # noqa: S102 - an import of a module that is not there
    monkeypatch.setitem(sys.modules, HOLDERS[0], later)
    assert later.DataLoader is penstock.DataLoader
    penstock.uninstall()
    assert later.DataLoader is Torchs


def test_ray_train_as_it_is_installed():
    """In a process of its own, since its import changes much."""
    pytest.importorskip("ray")
    code = """
        import torch.utils.data
        torchs = torch.utils.data.DataLoader
        from ray.train.v2.torch import train_loop_utils
        import penstock
        penstock.install()
        assert train_loop_utils.DataLoader is penstock.DataLoader
        penstock.uninstall()
        assert train_loop_utils.DataLoader is torchs
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


def test_bad_samples_may_be_a_default():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([1, 2])

    with penstock.installed(on_error="replace", on_error_types=KeyError):
        made = torch.utils.data.DataLoader([1, 2])
        assert (made.on_error, made.on_error_types) == ("replace", KeyError)
        own = torch.utils.data.DataLoader([1, 2], on_error="skip")
        assert own.on_error == "skip"
        stream = torch.utils.data.DataLoader(Stream())
        assert stream.on_error == "raise", "its samples have no indices"
        assert [*stream] == [1, 2]
        with pytest.raises(ValueError, match="Stream is not"):
            torch.utils.data.DataLoader(Stream(), on_error="replace")
    assert penstock.DataLoader([1, 2]).on_error == "raise"
    for options, kind in [({"on_error": "ignore"}, ValueError), ({"on_error_types": 3}, TypeError)]:
        with pytest.raises(kind, match="on_error"):
            penstock.install(**options)
    with pytest.raises(TypeError, match="unexpected keyword argument 'rng'"):
        penstock.install(rng="index")
    assert torch.utils.data.DataLoader is Torchs


def test_a_with_block_ends_what_it_began():
    with penstock.installed():
        with penstock.installed():
            assert torch.utils.data.DataLoader is penstock.DataLoader
        assert torch.utils.data.DataLoader is penstock.DataLoader
    assert torch.utils.data.DataLoader is Torchs
    penstock.install()
    with pytest.raises(LookupError), penstock.installed():
        raise LookupError
    assert torch.utils.data.DataLoader is penstock.DataLoader


def test_instances_and_subclasses_both_ways():
    class Before(Torchs):
        pass

    before = Torchs(IMAGES), Before(IMAGES)
    assert not isinstance(before[0], penstock.DataLoader)
    assert not issubclass(Before, penstock.DataLoader)
    with penstock.installed():

        class During(torch.utils.data.DataLoader):
            pass

        class Abstract(torch.utils.data.DataLoader, abc.ABC):
            @abc.abstractmethod
            def images(self):
                """To be made."""

        during = torch.utils.data.DataLoader(IMAGES), During(IMAGES)
        for loader in (*before, *during):
            assert isinstance(loader, torch.utils.data.DataLoader)
            assert isinstance(loader, Torchs)
            assert len(list(loader)) == 5
        assert issubclass(Before, torch.utils.data.DataLoader)
        assert not isinstance(before[0], During)
        assert not isinstance(IMAGES, torch.utils.data.DataLoader)
        with pytest.raises(TypeError, match="images"):
            Abstract(IMAGES)
    assert not isinstance(before[0], penstock.DataLoader)
    for loader in during:
        assert isinstance(loader, torch.utils.data.DataLoader)
        assert len(list(loader)) == 5


def subclasses(cls):
    """All of them, as Lightning finds whose arguments it has to remember."""
    return {each for sub in cls.__subclasses__() for each in (sub, *subclasses(sub))}


def test_subclasses_of_torchs_class_are_ours_meanwhile():
    class Before(Torchs):
        pass

    class Below(Before):
        pass

    with penstock.installed():

        class During(torch.utils.data.DataLoader):
            pass

        assert {Before, Below, During} <= subclasses(torch.utils.data.DataLoader)
        assert issubclass(Below, torch.utils.data.DataLoader)
    assert During in subclasses(penstock.DataLoader)
    assert Before not in subclasses(penstock.DataLoader)
    assert not issubclass(Below, penstock.DataLoader), "nothing is remembered"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda loader: pickle.loads(pickle.dumps(loader))])
def test_loaders_of_both_classes_are_pickled_and_copied(duplicate):
    before = Torchs(IMAGES, batch_size=2, shuffle=True)
    with penstock.installed():
        during = torch.utils.data.DataLoader(IMAGES, batch_size=2, shuffle=True)
        twins = duplicate(before), duplicate(during)
        assert [type(twin) for twin in twins] == [Torchs, penstock.DataLoader]
    for twin in (*twins, duplicate(before), duplicate(during)):
        assert type(twin.sampler) is torch.utils.data.RandomSampler
        assert [len(batch) for batch in twin] == [2, 2, 1]


def test_a_pickle_of_either_time_is_read_at_the_other():
    before = pickle.dumps(Torchs(IMAGES))
    with penstock.installed():
        assert len(list(pickle.loads(before))) == 5
        during = pickle.dumps(Torchs(IMAGES))
    assert type(pickle.loads(during)) is Torchs


def test_loaders_of_either_class_are_explained(caplog):
    caplog.set_level(logging.ERROR, logger="penstock")
    with penstock.installed():
        for loader in (Torchs(IMAGES), torch.utils.data.DataLoader(IMAGES)):
            assert not penstock.explain(loader).native
            assert penstock.stats(loader).samples == 0


def test_penstock_0_leaves_everything_alone(monkeypatch):
    monkeypatch.setenv("PENSTOCK", "0")
    code = """
        import copyreg, torch.utils.data
        before = torch.utils.data.DataLoader
        import penstock
        with penstock.installed():
            penstock.install()
            assert torch.utils.data.DataLoader is before is penstock.DataLoader
            assert before not in copyreg.dispatch_table
        penstock.uninstall()
        assert torch.utils.data.DataLoader is before
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
