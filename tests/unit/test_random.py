"""The native generator against torch's: its words, its state, what it leaves alone."""

import random

import numpy as np
import pytest
import torch

from penstock import _native


def torch_words(generator: torch.Generator, count: int) -> np.ndarray:
    """A generator's next 32-bit words: below 2**28 `randint` takes one for each number, so two halves give a word."""
    state = generator.get_state()
    low = torch.randint(0, 1 << 16, (count,), generator=generator)
    generator.set_state(state)
    rest = torch.randint(0, (1 << 16) + 1, (count,), generator=generator)
    # A word w is low + 2**16 * high, and 2**16 is -1 modulo 2**16 + 1.
    high = (low - rest) % ((1 << 16) + 1)
    return (low + (high << 16)).numpy().astype(np.uint32)


def native_words(generator: _native.Generator, count: int) -> np.ndarray:
    return np.frombuffer(generator.words(count), np.uint32)


@pytest.mark.parametrize("seed", [0, 1, 5489, 2**31, 2**32 - 1, 2**32 + 7, 2**63 - 1])
def test_a_million_words_are_torchs(seed):
    assert np.array_equal(
        native_words(_native.Generator(seed), 10**6), torch_words(torch.Generator().manual_seed(seed), 10**6)
    )


@pytest.mark.parametrize("drawn", [0, 1, 2, 227, 396, 397, 623, 624, 625, 1247, 1248, 1249, 5000])
def test_a_state_goes_over_and_back_at_any_position(drawn):
    theirs = torch.Generator().manual_seed(11)
    torch.randint(0, 10, (drawn,), generator=theirs)
    ours = _native.Generator(0)
    ours.load(theirs.get_state().numpy())
    assert native_words(ours, 700).tolist() == torch_words(theirs, 700).tolist()

    exported = torch.Generator().manual_seed(11).get_state()
    ours.store(exported.numpy())
    assert torch.equal(exported, theirs.get_state())
    theirs.set_state(exported)
    assert native_words(ours, 700).tolist() == torch_words(theirs, 700).tolist()


def test_a_state_that_was_not_drawn_from_is_stored_as_it_was():
    for seeded in (torch.Generator().manual_seed(3), torch.Generator()):
        before = seeded.get_state()
        ours = _native.Generator(0)
        ours.load(before.numpy())
        after = before.clone()
        ours.store(after.numpy())
        assert torch.equal(before, after)


def test_the_cached_normal_deviate_survives():
    generator = torch.Generator().manual_seed(5)
    first = torch.randn(1, generator=generator)  # keeps the second deviate of the pair
    twin = torch.Generator()
    twin.set_state(generator.get_state())

    state = generator.get_state()
    ours = _native.Generator(0)
    ours.load(state.numpy())
    ours.words(3)
    ours.store(state.numpy())
    generator.set_state(state)
    torch.randint(0, 10, (3,), generator=twin)

    cached = torch.randn(1, generator=generator)
    assert cached != first
    assert torch.equal(cached, torch.randn(1, generator=twin))
    assert torch.equal(generator.get_state(), twin.get_state())


def test_bytes_that_are_no_state_are_refused():
    with pytest.raises(ValueError, match="5056 bytes, got 3"):
        _native.Generator(0).load(np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="not a CPU generator's state"):
        _native.Generator(0).load(np.zeros(5056, np.uint8))
    frozen = torch.Generator().get_state().numpy()
    frozen.flags.writeable = False
    with pytest.raises(BufferError, match="read-only"):
        _native.Generator(0).store(frozen)


@pytest.mark.parametrize("words", [0, 1, 623, 624, 625, 5000])
def test_pythons_generator_goes_on_and_comes_back(words):
    theirs, ours = random.Random(7), _native.Generator(0)
    for _ in range(words):
        theirs.getrandbits(32)
    ours.load_python(theirs.getstate()[1])
    assert ours.python_state() == theirs.getstate()[1]
    assert native_words(ours, 700).tolist() == [theirs.getrandbits(32) for _ in range(700)]
    assert ours.python_state() == theirs.getstate()[1]


@pytest.mark.parametrize("numbers", [[], [1, 2], [0] * 624, [0] * 624 + [625], [0] * 626])
def test_what_is_no_state_of_pythons_is_refused(numbers):
    with pytest.raises(ValueError, match="a generator of Python's has 625 numbers"):
        _native.Generator(0).load_python(numbers)


@pytest.mark.parametrize("count", [3, 5, 16, 17])
def test_normal_numbers_that_torch_keeps_are_part_of_a_position(count):
    generator, ours = torch.Generator().manual_seed(3), _native.Generator(0)
    torch.empty(count).normal_(generator=generator)
    ours.load(generator.get_state().numpy())
    copy = _native.Generator(1)
    copy.follow(ours)
    state = torch.Generator().manual_seed(3).get_state()
    copy.store(state.numpy())
    assert torch.equal(state, generator.get_state())
