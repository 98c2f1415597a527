"""`device` and what belongs to it as arguments: errors, defaults, copies, and what torch's loader would have done."""

import copy
import inspect
import pickle

import pytest
import torch
import torch.utils.data as tud
from support.delivered import COUNT, made
from support.fake_cuda import tensors_of

import penstock
from penstock import DataLoader
from penstock.delivery import deliver, iterator
from penstock.recording.iterators import RecordingIter

WORKERS = pytest.mark.parametrize("workers", [0, 2])


@pytest.fixture(autouse=True)
def _uninstalled():
    yield
    penstock.uninstall()


@pytest.mark.parametrize("device", ["gpu", "cuda:first", -1, 2.5])
def test_an_unknown_device_gets_torchs_error(device):
    with pytest.raises(Exception) as theirs:
        torch.device(device)
    with pytest.raises(theirs.type) as ours:
        DataLoader([1], device=device)
    assert str(ours.value) == str(theirs.value)
    loader = DataLoader([1], device="cpu")
    loader.device = device
    with pytest.raises(theirs.type) as ours:
        iter(loader)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@WORKERS
def test_a_missing_device_gets_torchs_error_before_anything_is_drawn(workers):
    with pytest.raises(Exception) as theirs:
        torch.ones(1).to("cuda")
    loader = DataLoader(made("lowered"), shuffle=True, num_workers=workers, device="cuda")
    before = torch.get_rng_state()
    with pytest.raises(theirs.type) as ours:
        iter(loader)
    assert str(ours.value) == str(theirs.value)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"transfer": "uint8"}, "device is missing"),
        ({"dtype": torch.half}, "device is missing"),
        ({"memory_format": torch.channels_last}, "device is missing"),
        ({"device": "cpu", "transfer": "int4"}, "transfer should be"),
        ({"device": "cpu", "dtype": torch.int64}, "dtype should be"),
        ({"device": "cpu", "dtype": "half"}, "dtype should be"),
        ({"device": "cpu", "memory_format": torch.channels_last_3d}, "memory_format should be"),
    ],
)
def test_what_means_nothing_is_refused(options, match):
    with pytest.raises(ValueError, match=match):
        DataLoader([1], **options)
    with pytest.raises(ValueError, match=match):
        penstock.install(**options)


def test_options_are_keyword_only_and_attributes():
    options = {"device": "cpu", "dtype": torch.half, "memory_format": torch.channels_last, "transfer": "uint8"}
    loader = DataLoader(made("lowered"), **options)
    for twin in (loader, copy.copy(loader), copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert {name: getattr(twin, name) for name in options} == options
    parameters = inspect.signature(DataLoader.__init__).parameters
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in options)
    public = {name: value for name, value in vars(loader).items() if not name.startswith("_")}
    for name in ("batch_sampler", "batch_size", "drop_last", "sampler"):
        del public[name]
    assert type(loader)(**public).device == "cpu", "as Ignite does it"
    given = {name: vars(loader)[name] for name in parameters if name in vars(loader)}
    given = {name: value for name, value in given.items() if value != parameters[name].default}
    rebuilt = type(loader)(**given | {"sampler": [1, 0], "shuffle": False, "batch_sampler": None})
    assert {name: getattr(rebuilt, name) for name in options} == options, "as Lightning does it"


def test_pinning_is_what_the_user_said_and_what_delivery_needs(monkeypatch):
    loader = DataLoader(made("torch"), device="cuda")
    assert vars(loader)["pin_memory"] is False
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert loader.pin_memory is True
    loader.device = "cpu"
    assert loader.pin_memory is False
    loader.pin_memory = True
    assert loader.pin_memory is vars(loader)["pin_memory"] is True


def test_a_subclass_may_have_a_property_of_that_name():
    class Wrapped(tud.DataLoader):
        @property
        def device(self):
            return "the user's own"

    class Ours(Wrapped, DataLoader):
        pass

    assert len(list(Ours(made("lowered"), batch_size=4))) == 6


def test_a_wrapper_that_never_was_initialised_asks_the_loader_inside():
    class Adapter(DataLoader):
        """As Accelerate's, while penstock is installed."""

        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(vars(self)["inner"], name)

    assert Adapter(DataLoader(made("torch"), device="cpu", pin_memory=True)).pin_memory is True


def test_install_gives_defaults_to_loaders_that_are_made_without():
    data = made("lowered")
    penstock.install(device="cpu", dtype=torch.half)
    penstock.install(device="meta")
    assert tud.DataLoader(data).device == "meta"
    assert tud.DataLoader(data).dtype is None, "the last call counts"
    assert tud.DataLoader(data, device="cpu").device == "cpu"
    assert tud.DataLoader(data, device=None).device is None
    assert next(iter(tud.DataLoader(data)))[0].is_meta
    with penstock.installed(device="cpu"):
        assert tud.DataLoader(data).device == "cpu"
    assert tud.DataLoader(data).device == "meta"
    penstock.uninstall()
    assert DataLoader(data).device is None
    with penstock.installed(device="cpu"):
        assert tud.DataLoader(data).device == "cpu"
    assert DataLoader(data).device is None
    with pytest.raises(TypeError, match="unexpected keyword argument 'devise'"):
        penstock.install(devise="cuda")
    assert not isinstance(torch.utils.data.DataLoader([1]), DataLoader), "nothing was installed"


def test_accelerate_hands_out_what_was_delivered():
    accelerate = pytest.importorskip("accelerate")
    with penstock.installed(device="cpu"):
        prepared = accelerate.Accelerator(cpu=True).prepare(tud.DataLoader(made("lowered"), 4))
        assert len(list(prepared)) == 6
    assert prepared.base_dataloader.device == "cpu"
    assert penstock.stats(prepared).delivered_bytes > 0


class Counting(tud.Sampler):
    def __init__(self):
        self.taken = 0

    def __len__(self):
        return COUNT

    def __iter__(self):
        for index in range(COUNT):
            self.taken += 1
            yield index


@WORKERS
def test_the_sampler_is_asked_when_torchs_loader_asks(gpu, dataset, workers):
    def walk(cls, **options):
        sampler = Counting()
        iterator = iter(cls(dataset, 2, sampler=sampler, num_workers=workers, **options))
        taken = [sampler.taken]
        for _ in iterator:
            taken.append(sampler.taken)
        return taken

    assert walk(DataLoader, device="cuda") == walk(tud.DataLoader)


class Failing(Exception):
    pass


@WORKERS
def test_an_error_comes_with_its_own_batch(gpu, monkeypatch, workers):
    data = made("lowered")
    data.targets[5] = None  # the batch of which cannot be collated
    iterator = iter(DataLoader(data, 2, num_workers=workers, device="cuda"))
    assert len(next(iterator)[0]) == len(next(iterator)[0]) == 2
    with pytest.raises(RuntimeError, match="NoneType"):
        next(iterator)
    batches = [gpu.read(batch) for batch in iterator]
    gpu.current.synchronize()
    assert [batch[1].tolist() for batch in batches] == [data.targets[k : k + 2] for k in range(6, COUNT, 2)]


@WORKERS
def test_a_failed_delivery_is_its_batchs_and_ctrl_c_loses_none(gpu, monkeypatch, workers):
    data = made("lowered")
    iterator = iter(DataLoader(data, 2, num_workers=workers, device="cuda"))
    rebuilt, errors = deliver.rebuilt, {1: Failing(), 2: KeyboardInterrupt()}
    calls = []

    def failing(batch, replace):
        calls.append(batch)
        if error := errors.get(len(calls) - 1):
            raise error
        return rebuilt(batch, replace)

    monkeypatch.setattr(deliver, "rebuilt", failing)
    read = [gpu.read(next(iterator))]
    with pytest.raises(Failing):
        next(iterator)
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    read += [gpu.read(batch) for batch in iterator]
    gpu.current.synchronize()
    assert [batch[1].tolist() for batch in read] == [data.targets[k : k + 2] for k in (0, *range(4, COUNT, 2))]


def test_recorded_images_are_copied_ahead(gpu, paths, monkeypatch):
    ahead = []
    begin = deliver.Delivery.begin
    monkeypatch.setattr(deliver.Delivery, "begin", lambda self, parts: (ahead.append([*parts]), begin(self, ahead[-1])))
    monkeypatch.setattr(RecordingIter, "_receive_all", receive_and_wait)
    loader = DataLoader(made("recorded", paths), 2, num_workers=2, prefetch_factor=4, device="cuda", transfer="uint8")
    copied = sum(part.nbytes for batch in loader for part in tensors_of(batch))
    assert any(ahead)
    assert gpu.copied_bytes < copied / 2
    assert penstock.stats(loader).bus_bytes == gpu.copied_bytes, "nothing was copied in vain"


def receive_and_wait(iterator):
    while iterator._tasks_outstanding > 0:
        index, data = iterator._get_data()
        iterator._tasks_outstanding -= 1
        iterator._task_info[index] += (data,)
        iterator._arrived_in[index] = torch.is_inference_mode_enabled()
        for rendering in data.renderings:
            rendering.finish()


def test_attributes_of_the_inner_iterator_are_found(gpu):
    loader = DataLoader(made("torch"), 2, num_workers=2, device="cuda")
    delivering = iter(loader)
    assert isinstance(delivering, iterator.DeliveringIter)
    assert len(delivering) == len(loader)
    assert len(delivering._workers) == 2
    with pytest.raises(NotImplementedError):
        pickle.dumps(delivering)
    delivering._shutdown_workers()
