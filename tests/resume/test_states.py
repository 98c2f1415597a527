"""What a state is: what it may be loaded into, what is refused, and that it changes nothing by being asked for."""

import io
import pickle
import subprocess
import sys
import textwrap

import pytest
import torch
from support.both_loaders import write_images
from support.compare import assert_same
from support.stops import DATASETS, SIZE, Broken, Counting, Eager, Going, Numbers, Stream, Told, seed, steps
from torch.utils.data import BatchSampler, SequentialSampler

import penstock
from penstock import DataLoader, compat, explain, message
from penstock.message import Message, told_by

WORKERS = [0, 2]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), 6)


def numbers(**options):
    return DataLoader(Numbers(), **({"batch_size": 4, "shuffle": True} | options))


def after(loader, batches):
    """Return the state after so many batches."""
    iterator = iter(loader)
    for _ in range(batches):
        next(iterator)
    return loader.state_dict()


def rest(loader, state):
    """Return what a loader gives from a state on."""
    loader.load_state_dict(state)
    seed()
    return [*steps(loader, 0)]


@pytest.mark.parametrize("workers", WORKERS)
def test_a_state_is_plain_data_that_a_checkpoint_may_hold(workers):
    state = after(numbers(num_workers=workers, generator=torch.Generator()), 3)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == state
    assert pickle.loads(pickle.dumps(state)) == state


@pytest.mark.parametrize("data", DATASETS)
@pytest.mark.parametrize("workers", WORKERS)
def test_a_state_stays_as_it_was_taken(paths, data, workers):
    loader = DataLoader(DATASETS[data](paths), batch_size=4, sampler=Going(), num_workers=workers)
    iterator = steps(loader, 0)
    for _ in range(2):
        next(iterator)
    state = loader.state_dict()
    copied = pickle.dumps(state)
    assert [*iterator]
    assert pickle.dumps(state) == copied


@pytest.mark.parametrize("workers", WORKERS)
def test_to_ask_for_states_changes_nothing(workers):
    seed()
    theirs = [*torch.utils.data.DataLoader(Numbers(), 4, shuffle=True, num_workers=workers)]
    after_theirs = torch.get_rng_state()
    seed()
    loader, ours = numbers(num_workers=workers), []
    loader.state_dict()
    for batch in loader:
        ours.append(batch)
        loader.state_dict()
    assert_same(ours, theirs)
    assert torch.equal(torch.get_rng_state(), after_theirs)


@pytest.mark.parametrize("workers", WORKERS)
def test_a_state_can_be_loaded_again_and_passed_on(workers):
    state = after(numbers(num_workers=workers), 2)
    loader = numbers(num_workers=workers)
    first = rest(loader, state)
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    assert_same(rest(loader, state), first)
    assert len(first) == 4


def test_with_workers_nothing_is_drawn_to_go_on():
    state = after(numbers(num_workers=2), 2)
    loader = numbers(num_workers=2)
    loader.load_state_dict(state)
    before = torch.get_rng_state()
    iter(loader)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_iterator_that_lives_is_not_disturbed():
    loader = numbers(num_workers=0, shuffle=False)
    old = iter(loader)
    next(old)
    state = loader.state_dict()
    next(old)
    loader.load_state_dict(state)
    fresh = iter(loader)
    assert next(old)[0].tolist() == [8, 9, 10, 11]
    assert next(fresh)[0].tolist() == [4, 5, 6, 7]


def test_a_state_counts_batches_of_the_newest_iterator():
    loader = numbers(shuffle=False, num_workers=2)
    after(loader, 3)
    state = after(loader, 1)
    assert rest(loader, state)[0][0].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize("persistent", [False, True])
def test_an_epoch_that_was_left_is_accounted_for(persistent):
    def run(stop):
        seed()
        loader = numbers(num_workers=2, persistent_workers=persistent)
        after(loader, 3)
        if not stop:
            return [*steps(loader, 1)]
        state = after(loader, 1)
        fresh = numbers(num_workers=2, persistent_workers=persistent)
        return rest(fresh, state)

    assert_same(run(stop=True), run(stop=False)[1:])


def test_a_loader_nobody_has_iterated_over_begins_with_its_generator():
    def make():
        return numbers(num_workers=2, generator=torch.Generator().manual_seed(8))

    loader = make()
    torch.randn(3, generator=loader.generator)
    state = loader.state_dict()
    theirs = [*steps(loader, 0)]
    assert_same(rest(make(), state), theirs)


def test_lowered_states_go_on_where_images_record_and_the_other_way_round(paths, monkeypatch):
    def make():
        return DataLoader(DATASETS["images in memory"](paths), batch_size=4, shuffle=True, num_workers=2)

    seed()
    whole = [*steps(make(), 0)]
    seed()
    lowered = after(make(), 3)
    with monkeypatch.context() as patch:
        patch.setitem(compat._given_up, compat.LOWERING, "a test")
        assert explain(make()).way != "lowered"
        assert_same(rest(make(), lowered), whole[3:])
        seed()
        other = after(make(), 3)
    assert_same(rest(make(), other), whole[3:])


OTHERS = {
    "batch_size": {"batch_size": 5},
    "drop_last": {"drop_last": True},
    "num_workers": {"num_workers": 1},
    "persistent_workers": {"persistent_workers": True},
    "samplers": {"shuffle": False},
    "generators": {"generator": torch.Generator()},
}


@pytest.mark.parametrize("setting", OTHERS)
def test_a_state_of_another_setting_is_refused_and_nothing_of_it_loaded(setting):
    state = after(numbers(num_workers=2), 2)
    loader = numbers(**{"num_workers": 2} | OTHERS[setting])
    with pytest.raises(ValueError, match=f"a loader with {setting} = "):
        loader.load_state_dict(state)
    assert loader.state_dict()["position"] == 0


def test_a_state_of_another_length_is_refused():
    with pytest.raises(ValueError, match="samples = 23, and this loader's is 7"):
        DataLoader(range(7), shuffle=True).load_state_dict(after(numbers(batch_size=1), 1))


@pytest.mark.parametrize(
    ("state", "match"),
    [
        (None, "not a state of a penstock.DataLoader: NoneType"),
        ({}, "not a state of a penstock.DataLoader"),
        ({"_snapshot": {}, "_steps_since_snapshot": 0, "_iterator_finished": False}, "torchdata's StatefulDataLoader"),
        ({"_sampler_iter_yielded": 1, "dataset_state": None, "_iterator_finished": False}, "torchdata's"),
        ({"penstock": 99}, "version 99, and this penstock reads version 1"),
    ],
)
def test_what_is_none_of_ours_is_refused(state, match):
    with pytest.raises(ValueError, match=match):
        numbers().load_state_dict(state)


@pytest.mark.parametrize("missing", ["workers", "order", "generators", "base_seed"])
def test_a_state_that_lacks_something_is_refused_as_a_whole(missing):
    state = after(numbers(generator=torch.Generator()), 1)
    del state[missing]
    loader = numbers(generator=torch.Generator().manual_seed(1))
    before = loader.generator.get_state()
    with pytest.raises(ValueError, match="not complete"):
        loader.load_state_dict(state)
    assert torch.equal(loader.generator.get_state(), before)


def test_keys_of_others_are_not_minded():
    state = after(numbers(num_workers=2), 2)
    theirs = rest(numbers(num_workers=2), state)
    assert_same(rest(numbers(num_workers=2), state | {"_iterator_finished": False, "_num_yielded": 7}), theirs)


def test_batches_in_any_order_cannot_be_gone_on_with():
    loader = numbers(num_workers=2, in_order=False)
    state = after(loader, 2)
    with pytest.raises(ValueError, match="in_order=False"):
        loader.load_state_dict(state)


class Unwilling(Counting):
    """Cannot say where it is."""

    def state_dict(self):
        raise OSError("a socket is no state")


def test_a_data_set_that_cannot_say_where_it_is_spoils_no_batch():
    loader = DataLoader(Unwilling(), batch_size=4, num_workers=1)
    state = after(loader, 2)
    with pytest.raises(ValueError, match="OSError: a socket is no state"):
        loader.load_state_dict(state)


def test_what_iterates_by_itself_says_so():
    class Own(DataLoader):
        def _get_iterator(self):
            return torch.utils.data.dataloader._SingleProcessDataLoaderIter(self)

    loader = Own(Numbers(), batch_size=4)
    state = after(loader, 1)
    with pytest.raises(ValueError, match="Own"):
        loader.load_state_dict(state)


def test_explain_says_what_is_done_again():
    assert explain(numbers()).resuming == ()
    assert explain(DataLoader(Numbers(), sampler=Going())).resuming == ()
    assert "Eager has no state_dict" in str(explain(DataLoader(Numbers(), sampler=Eager())))
    assert "Stream has no state_dict" in str(explain(DataLoader(Stream(), num_workers=2)))
    assert explain(DataLoader(Told())).resuming == ()
    batched = DataLoader(Numbers(), batch_sampler=BatchSampler(SequentialSampler(range(SIZE)), 4, drop_last=False))
    assert explain(batched).resuming == ()


def test_an_exception_is_a_batch_that_was_handed_out():
    loader = DataLoader(Broken(), batch_size=4, num_workers=2)
    first = steps(loader, 0)
    assert isinstance(next(first), str)
    whole = [*first]
    loader = DataLoader(Broken(), batch_size=4, num_workers=2)
    assert isinstance(next(steps(loader, 0)), str)
    state = loader.state_dict()
    assert state["position"] == 1
    assert [type(batch) for batch in rest(loader, state)] == [type(batch) for batch in whole]


def test_a_fresh_process_goes_on(tmp_path, paths):
    program = """
        import pickle, sys
        import torch
        from support.stops import Case, seed, steps

        cases, file, stop = pickle.loads(bytes.fromhex(sys.argv[1])), sys.argv[2], sys.argv[3] == "stop"
        paths = sys.argv[4:]
        if __name__ == "__main__":
            found = {}
            states = {} if stop else torch.load(file, weights_only=False)
            for case in cases:
                loader = case.make(paths)
                if stop:
                    seed()
                    iterator = steps(loader, 0)
                    for _ in range(3):
                        next(iterator)
                    found[case] = loader.state_dict()
                else:
                    loader.load_state_dict(states[case])
                    found[case] = [*steps(loader, 0)]
            torch.save(found, file)
    """
    from support.stops import Case

    options = (("num_workers", 2), ("multiprocessing_context", "spawn"))
    cases = [Case(data, "shuffled", 4, options) for data in ("images in memory", "numbers", "files", "stream")]
    script, file = tmp_path / "script.py", tmp_path / "states.pt"
    script.write_text(textwrap.dedent(program))
    for what in ("stop", "go on"):
        arguments = [sys.executable, script, pickle.dumps(cases).hex(), file, what, *map(str, paths)]
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=240, check=False, env=_environment())
        assert done.returncode == 0, done.stderr
    found = torch.load(file, weights_only=False)
    for case in cases:
        seed()
        whole = [*steps(case.make(paths), 0)]
        assert_same(found[case], whole[3:], case.data)


def _environment():
    import os
    from pathlib import Path

    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    }


def test_torchs_loader_knows_nothing_of_it():
    assert not hasattr(torch.utils.data.DataLoader, "state_dict")
    assert hasattr(penstock.DataLoader, "state_dict")


def test_what_cannot_go_on_does_not_begin_anew_instead(monkeypatch):
    loader = numbers()
    state = after(loader, 2)
    monkeypatch.setenv("PENSTOCK_RECORD", "0")
    monkeypatch.setitem(compat._given_up, compat.RESUME, "a test")
    loader.load_state_dict(state)
    with pytest.raises(RuntimeError, match="nothing can go on from the state that was loaded: a test"):
        iter(loader)


def test_without_the_names_that_it_needs_batches_are_torchs_all_the_same(monkeypatch):
    seed()
    theirs = [*torch.utils.data.DataLoader(Numbers(), 4, shuffle=True, num_workers=2)]
    monkeypatch.setenv("PENSTOCK_RECORD", "0")
    monkeypatch.setitem(compat._given_up, compat.RESUME, "a test")
    seed()
    loader = numbers(num_workers=2)
    assert_same([*loader], theirs)
    with pytest.raises(ValueError, match="nobody can go on from this state: a test"):
        loader.load_state_dict(loader.state_dict())


def test_the_methods_can_be_left_out():
    code = "import penstock; assert not hasattr(penstock.DataLoader, 'state_dict'); penstock.DataLoader([1])"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240, env=_environment() | {"PENSTOCK_RESUME": "0"})


def test_a_batch_is_pinned_with_what_comes_with_it(monkeypatch):
    pinned = []
    monkeypatch.setattr(message, "pin_memory", lambda data: pinned.append(data) or "pinned")
    sent = Message(["a batch"], {"torch": (b"", b"")}).pin_memory()
    assert pinned == [["a batch"]]
    assert (sent.data, told_by(sent)) == ("pinned", {"torch": (b"", b"")})


class Refusing(Going):
    """Takes no state."""

    def load_state_dict(self, state):
        raise KeyError("another version")


def test_what_a_sampler_raises_leaves_generators_as_they_were():
    def make(sampler):
        return DataLoader(Numbers(), batch_size=4, sampler=sampler, generator=torch.Generator().manual_seed(1))

    state = after(make(Going()), 6)
    loader = make(Refusing())
    state["settings"]["samplers"] = ["BatchSampler", "Refusing"]
    before = loader.generator.get_state()
    with pytest.raises(KeyError, match="another version"):
        loader.load_state_dict(state)
    assert torch.equal(loader.generator.get_state(), before)
    assert loader.state_dict()["position"] == 0
