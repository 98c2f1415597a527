"""What a `worker_init_fn` leaves behind in a worker is where its streams begin: torch's batches, natively if it only seeds."""
# ruff: noqa: NPY002 - NumPy's global generator is what is seeded

import collections.abc
import contextlib
import functools
import multiprocessing.context
import os
import random
import sys
import types

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from support.both_loaders import write_images
from support.cases import cases
from support.images import dataset_of
from support.record import Walk, assert_parity, failures
from torch.utils.data import DataLoader, get_worker_info
from torchvision.datasets import ImageFolder

import penstock
from penstock.lowering import worker_init

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning"),
    # torch's iterators whose workers failed are ended by the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FLIPS = [v1.RandomHorizontalFlip(), v1.RandomVerticalFlip()]
# From torch's generator and from Python's.
DRAWING = v1.Compose([v1.RandomCrop(6, padding=2), v1.RandomChoice(FLIPS), v1.ToTensor()])
# An abandoned epoch, and those after it.
WALK = Walk((2, None, 1, None), draws=True)
OPTIONS = types.SimpleNamespace(seed=7, ranks=[3, 4])
LONG = [*range(2000)]
SEEN = []
COUNT = 0


def make(function, workers=2, persistent=False, dataset=None):
    """How to make a loader of a class."""

    def loader(cls):
        data = dataset_of("CIFAR10", 19, 6, 6, transform=DRAWING) if dataset is None else dataset()
        options = {"num_workers": workers, "persistent_workers": persistent, "multiprocessing_context": "fork"}
        return cls(data, 4, shuffle=True, worker_init_fn=function, **options)

    return loader


def way(function, **options):
    return penstock.explain(make(function, **options)(DataLoader)).way


# ---------------------------------------------------------------------------------------------------------------
# functions that seed


def seed_worker(worker_id):
    """As the documentation of PyTorch has it."""
    worker_seed = torch.initial_seed() % 2**32
    np.random.seed(worker_seed)
    random.seed(worker_seed)


def seed_all(seed, deterministic=True):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)
        torch.cuda.manual_seed_all(seed)
    if deterministic:
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
    os.environ["PYTHONHASHSEED"] = str(seed)


def of_the_info(worker_id):
    info = get_worker_info()
    assert info.id == worker_id
    torch.manual_seed((info.seed + info.num_workers + len(info.dataset.targets)) % 2**63)
    torch.set_num_threads(1)


def of_numpys_state(worker_id):
    import numpy

    numpy.random.seed(numpy.random.get_state()[1][0] + worker_id)
    torch.manual_seed(int(numpy.random.get_state()[1][0]))


def of_the_environment(worker_id):
    torch.manual_seed(int(os.environ.get("PENSTOCK_TEST_SEED", "5")) + len(os.getenv("HOME", "")) + worker_id)


def with_parts(worker_id):
    seeds = []
    for part in (k * worker_id for k in range(3)):
        seeds.append(part + 1)
    mix = sum(seed**2 for seed in seeds)
    try:
        torch.manual_seed(int("none"))
    except ValueError:
        torch.manual_seed(mix)


def closure(offset):
    return lambda worker_id: seed_all(offset + worker_id)


class Trainer:
    """Whose method is the function."""

    base = 3

    def __init__(self):
        self.seed = 11

    def init(self, worker_id):
        self.start(self.seed + self.base + worker_id)

    @staticmethod
    def start(seed):
        torch.manual_seed(seed)

    def __call__(self, worker_id):
        self.init(2 * worker_id)


SEEDING = {
    "documented": seed_worker,
    "all": lambda worker_id: seed_all(OPTIONS.seed + worker_id),
    "torch": torch.manual_seed,
    "numpy alone": lambda worker_id: np.random.seed(worker_id),
    "info": of_the_info,
    "numpy's state": of_numpys_state,
    "environment": of_the_environment,
    "parts": with_parts,
    "closure": closure(21),
    "list": lambda worker_id: torch.manual_seed(OPTIONS.ranks[worker_id]),
    "partial of partial": functools.partial(functools.partial(seed_all, deterministic=False)),
    "method": Trainer().init,
    "callable": Trainer(),
    "nothing": lambda worker_id: None,
    "negative": lambda worker_id: torch.manual_seed(-1 - worker_id),
}


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("function", SEEDING.values(), ids=SEEDING)
def test_functions_that_seed(function, persistent):
    assert way(function) == "lowered"
    assert_parity(make(function, persistent=persistent), penstock.DataLoader, DataLoader, WALK)


def test_what_it_seeds_is_seen():
    """Otherwise the tests above would pass if the functions were passed over."""
    torch.manual_seed(0)
    with_it = [images for images, _ in make(SEEDING["all"])(penstock.DataLoader)]
    torch.manual_seed(0)
    without = [images for images, _ in make(None)(penstock.DataLoader)]
    assert not all(map(torch.equal, with_it, without))


@pytest.mark.parametrize("persistent", [False, True])
def test_damaged_files_rewind_to_it(persistent, tmp_path):
    paths = write_images(tmp_path)
    for path in paths[3:9:5]:
        path.write_bytes(path.read_bytes()[:-300])  # which shows when the pixels are made
    transform = v1.Compose([v1.RandomResizedCrop(8), v1.RandomHorizontalFlip(), v1.ToTensor()])
    function = functools.partial(seed_all, deterministic=False)
    folder = make(function, persistent=persistent, dataset=lambda: ImageFolder(tmp_path, transform))
    assert penstock.explain(folder(DataLoader)).way == "lowered"
    assert failures(assert_parity(folder, penstock.DataLoader, DataLoader, WALK))


# ---------------------------------------------------------------------------------------------------------------
# those of frameworks


@pytest.mark.parametrize("rank", [None, 0, 1])
def test_lightnings(rank):
    seed = pytest.importorskip("lightning.fabric.utilities.seed")
    function = functools.partial(seed.pl_worker_init_function, rank=rank)
    assert way(function) == "lowered"
    assert_parity(make(function), penstock.DataLoader, DataLoader, WALK)


@pytest.mark.parametrize("rank", [0, 1])
def test_transformerss(rank):
    utils = pytest.importorskip("transformers.trainer_utils")
    function = functools.partial(utils.seed_worker, num_workers=2, rank=rank)
    assert way(function) == "lowered"
    assert_parity(make(function, persistent=True), penstock.DataLoader, DataLoader, WALK)


def test_transformerss_with_another_function_in_it(monkeypatch):
    utils = pytest.importorskip("transformers.trainer_utils")
    function = functools.partial(utils.seed_worker, num_workers=2, rank=1)
    monkeypatch.setattr(utils, "set_seed", lambda seed: torch.manual_seed(seed // 3))
    assert way(function) == "lowered"
    assert_parity(make(function), penstock.DataLoader, DataLoader)
    monkeypatch.setattr(utils, "set_seed", lambda seed: torch.rand(seed % 5))
    assert way(function) == "recorded"
    assert_parity(make(function), penstock.DataLoader, DataLoader)


@pytest.mark.parametrize(
    ("seeding", "expected"), [("all", "lowered"), ("part", "lowered"), (lambda info: info.seed % 2**32 + 5, "recorded")]
)
def test_timms(seeding, expected):
    loader = pytest.importorskip("timm.data.loader")
    function = functools.partial(loader._worker_init, worker_seeding=seeding)
    assert way(function) == expected
    assert_parity(make(function), penstock.DataLoader, DataLoader, WALK)


# ---------------------------------------------------------------------------------------------------------------
# functions that do more, or might


def writes_global(worker_id):
    global COUNT
    COUNT = worker_id


def counts():
    count = 0

    def init(worker_id):
        nonlocal count
        count += 1
        torch.manual_seed(count)

    return init


def hides_it(worker_id):
    with contextlib.suppress(BaseException):
        torch.set_default_dtype(torch.float64)


def hides_it_by_hand(worker_id):
    try:
        torch.set_default_dtype(torch.float64)
    except BaseException:
        torch.manual_seed(worker_id)


def has_attributes(worker_id):
    has_attributes.worker = worker_id


def changes_the_dataset(worker_id):
    get_worker_info().dataset.targets = [worker_id] * 19


def changes_within_the_dataset(worker_id):
    get_worker_info().dataset.targets[0] = 5


class Counter:
    def __call__(self, worker_id):
        self.worker = worker_id


def nested_class(worker_id):
    class Seed:
        value = 5

    torch.manual_seed(Seed.value)


def matches(worker_id):
    match OPTIONS:
        case types.SimpleNamespace(seed=seed):
            torch.manual_seed(seed)


def matches_a_mapping(worker_id):
    match LIKE_A_DICT:
        case {"seed": seed}:
            torch.manual_seed(seed)


class LikeADict(collections.abc.Mapping):
    def __getitem__(self, name):
        return 5

    def __iter__(self):
        return iter(["seed"])

    def __len__(self):
        return 1


LIKE_A_DICT = LikeADict()


def generator(worker_id):
    torch.manual_seed(worker_id)
    yield


OTHERS = {
    "draws": lambda worker_id: torch.rand(3),
    "draws by a generator": lambda worker_id: torch.default_generator.seed(),
    "draws of python's": lambda worker_id: torch.manual_seed(random.randrange(5)),
    "draws of numpy's": lambda worker_id: torch.manual_seed(int(np.random.rand() * 9)),
    "dtype": lambda worker_id: torch.set_default_dtype(torch.float64),
    "dtype, hidden": hides_it,
    "dtype, hidden by hand": hides_it_by_hand,
    "deterministic": lambda worker_id: torch.use_deterministic_algorithms(True),
    "not known yet": lambda worker_id: torch.seed(),
    "raises": lambda worker_id: 1 // 0,
    "too large": lambda worker_id: np.random.seed(torch.initial_seed()),
    "wrong arguments": functools.partial(seed_all, seed=3),
    "prints": print,
    "exits": sys.exit,
    "global": writes_global,
    "list": lambda worker_id: SEEN.append(worker_id),
    "closure": counts(),
    "attribute": has_attributes,
    "attribute of its own": Counter(),
    "dataset": changes_the_dataset,
    "within the dataset": changes_within_the_dataset,
    "matches": matches,
    "matches a mapping": matches_a_mapping,
    "long": lambda worker_id: torch.manual_seed(LONG[worker_id]),
    "class": nested_class,
    "eval": lambda worker_id: eval("torch.manual_seed(1)"),  # noqa: S307 - that it is noticed is the test
    "by name": lambda worker_id: torch.rand(1),
    "import": lambda worker_id: __import__("penstock_has_no_such_module"),
    "frames": lambda worker_id: (k for k in [1]).gi_frame.f_back.f_globals,
    "a module's": lambda worker_id: setattr(torch, "some", 1),
    "generator": generator,
    "type": Trainer,
}


@pytest.mark.parametrize("function", OTHERS.values(), ids=OTHERS)
def test_functions_that_do_more_are_left_to_torch(function):
    report = penstock.explain(make(function)(DataLoader))
    assert report.way == "recorded"
    assert [row for row in report.rows if row.name == "worker_init_fn" and "worker processes" in row.reason]
    assert COUNT == 0
    assert SEEN == []
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("name", ["draws", "dtype", "raises", "too large", "within the dataset"])
def test_torchs_workers_call_them(name):
    assert_parity(make(OTHERS[name]), penstock.DataLoader, DataLoader)


def test_files_are_recorded_then(tmp_path):
    write_images(tmp_path)
    folder = make(OTHERS["draws"], dataset=lambda: ImageFolder(tmp_path, v1.Compose([v1.Resize((9, 9)), DRAWING])))
    assert penstock.explain(folder(DataLoader)).way == "recorded"
    assert_parity(folder, penstock.DataLoader, DataLoader)


def draws_unless_it_is_tried(worker_id):
    if torch.initial_seed() != worker_init._SOME_SEED + worker_id:
        torch.rand(3)


@pytest.mark.parametrize("persistent", [False, True])
def test_what_shows_only_when_the_seed_is_drawn(persistent, caplog):
    """Nobody's code runs twice, and no number is drawn twice."""
    loader = make(draws_unless_it_is_tried, persistent=persistent)
    expected = assert_parity(loader, penstock.DataLoader, DataLoader, WALK)
    assert expected
    lines = [record.getMessage() for record in caplog.records if record.name == "penstock"]
    assert len(lines) == 1
    assert "rand" in lines[0]


STATEMENTS = {
    "torch.manual_seed(worker_id + {})": True,
    "torch.manual_seed((torch.initial_seed() + {}) % 2**62)": True,
    "np.random.seed((torch.initial_seed() + {}) % 2**32)": True,
    "random.seed(worker_id * {})": True,
    "torch.manual_seed(get_worker_info().seed // {})": True,
    "seed_all(worker_id + {})": True,
    "if worker_id: torch.manual_seed({})": True,
    "pass": True,
    "torch.rand({})": False,
    "torch.randn(3)": False,
    "random.random()": False,
    "np.random.rand({})": False,
    "torch.set_default_dtype(torch.float64)": False,
    "raise ValueError({})": False,
}


@cases(15)
@given(
    st.lists(st.tuples(st.sampled_from([*STATEMENTS]), st.integers(1, 9)), min_size=1, max_size=3),
    st.integers(1, 2),
    st.booleans(),
)
def test_generated_functions(statements, workers, persistent):
    lines = [statement.format(number) for statement, number in statements]
    names = dict(globals())
    exec("def init(worker_id):\n" + "".join(f"    {line}\n" for line in lines), names)  # noqa: S102 - real functions
    function = names["init"]
    seeds = all(STATEMENTS[statement] for statement, _ in statements)
    assert way(function, workers=workers) == ("lowered" if seeds else "recorded")
    loader = make(function, workers, persistent)
    assert_parity(loader, penstock.DataLoader, DataLoader, Walk((1, None)))


# ---------------------------------------------------------------------------------------------------------------
# the caller's process


def test_the_callers_process_is_as_before(monkeypatch):
    monkeypatch.setitem(os.environ, "PYTHONHASHSEED", "0")
    torch.manual_seed(3)
    torch.randn(1)  # leaves a second normal number in the generator

    def state():
        queued = [
            [call for calls in module._lazy_seed_tracker.get_calls() for call in (calls or [])[:1]]
            for module in (torch.cuda, torch.xpu)
        ]
        modes = [torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark, torch.get_num_threads()]
        numpys = [item.tolist() if isinstance(item, np.ndarray) else item for item in np.random.get_state()]
        generators = [torch.get_rng_state().tolist(), random.getstate(), numpys]
        return queued, modes, generators, get_worker_info(), dict(os.environ)

    def watches(worker_id):
        seed_all(worker_id)
        torch.set_num_threads(7)

    options = {"num_workers": 2, "worker_init_fn": watches, "generator": torch.Generator()}
    loader = penstock.DataLoader(dataset_of("CIFAR10", 19, 6, 6, transform=DRAWING), 4, **options)
    before = state()
    assert len(list(loader)) == 5
    assert penstock.stats(loader).way == "lowered"
    assert state() == before


@pytest.mark.parametrize(
    ("name", "expected"), [("documented", "lowered"), ("all", "recorded"), ("environment", "recorded")]
)
def test_what_is_not_forked_need_not_have_the_same_globals(name, expected, monkeypatch):
    # As in a process that has started no worker yet.
    monkeypatch.setattr(multiprocessing.context._default_context, "_actual_context", None)
    loader = make(SEEDING[name])(DataLoader)
    loader.multiprocessing_context = "spawn"
    assert penstock.explain(loader).way == expected
    assert torch.multiprocessing.get_start_method(allow_none=True) is None, "asking must not settle it"
