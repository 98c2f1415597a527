"""Orders of samplers from the middle on."""

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import BatchSampler, IterableDataset, RandomSampler, SequentialSampler

from penstock.lowering.known import is_pristine

__all__ = [
    "asked_beyond",
    "chain_of",
    "cut",
    "cut_at",
    "generators_of",
    "index_sampler_of",
    "is_iterable",
    "is_stateful",
    "stateful_of",
]


def is_iterable(dataset: Any) -> bool:
    """Whether a data set is iterated over, and has no samplers."""
    return isinstance(dataset, IterableDataset)


def index_sampler_of(loader: Any) -> Any:
    """Return the sampler that a loader's iterators ask: of batches, if it makes any."""
    return loader.sampler if loader.batch_sampler is None else loader.batch_sampler


def chain_of(sampler: Any) -> list[Any]:
    """Return a sampler and those inside of it, from the outermost on."""
    chain: list[Any] = []
    while sampler is not None and all(sampler is not each for each in chain):
        chain.append(sampler)
        fields = getattr(sampler, "__dict__", {})
        sampler = fields.get("sampler", fields.get("batch_sampler"))  # the second is Accelerate's
    return chain


def generators_of(loader: Any) -> dict[str, torch.Generator]:
    """Return the generators that a loader and its samplers have, each once, by the name of its first place."""
    places = {
        "loader": loader,
        **{f"sampler {depth}": each for depth, each in enumerate(chain_of(index_sampler_of(loader)))},
    }
    found: dict[str, torch.Generator] = {}
    for name, owner in places.items():
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator) and all(generator is not each for each in found.values()):
            found[name] = generator
    return found


def is_stateful(item: Any) -> bool:
    """Whether something can tell where it is, and be told."""
    return callable(getattr(item, "state_dict", None)) and callable(getattr(item, "load_state_dict", None))


def stateful_of(sampler: Any) -> Any:
    """Return the outermost of a sampler and those in it that can be told where to go on; None if there is none."""
    return next((each for each in chain_of(sampler) if is_stateful(each)), None)


def cut(sampler: Any) -> Any:
    """Return the sampler of single indices in one whose order can be cut; None if its order cannot."""
    if type(sampler) is BatchSampler and is_pristine(BatchSampler):
        sampler = sampler.sampler
    if type(sampler) is SequentialSampler and is_pristine(SequentialSampler):
        return sampler
    if type(sampler) is RandomSampler and is_pristine(RandomSampler) and not sampler.replacement:
        return sampler
    return None


def cut_at(sampler: Any, asked: int) -> Iterator[Any]:
    """Return what a sampler gives after it was asked so many times; its generator stands where it did at the first.

    What the sampler had drawn by then is drawn here and now, what it draws later is drawn later.

    Args:
        sampler: One whose order can be cut.
        asked: How many batches, or indices if it gives these, are left out.
    """
    if type(sampler) is not BatchSampler:
        return _rest(sampler, asked)
    rest = _rest(sampler.sampler, asked * sampler.batch_size)
    return iter(BatchSampler(rest, sampler.batch_size, sampler.drop_last))


def asked_beyond(sampler: Any, asked: int) -> bool:
    """Return whether a sampler of batches that was asked so many times has asked for indices that there were not."""
    if type(sampler) is not BatchSampler or sampler.drop_last:
        return False
    try:
        return asked * sampler.batch_size > len(sampler.sampler)  # type: ignore[arg-type]
    except Exception:
        return False  # it has no length


def _rest(sampler: Any, asked: int) -> Iterator[int]:
    if type(sampler) is SequentialSampler:
        return iter(range(min(asked, len(sampler)), len(sampler)))
    return iter(()) if asked > sampler.num_samples else _random_rest(sampler, asked)


def _random_rest(sampler: RandomSampler, asked: int) -> Iterator[int]:
    """Return the rest of a `RandomSampler`'s indices: whole permutations, then the beginning of one."""
    size, generator = len(sampler.data_source), sampler.generator
    if generator is None:
        generator = torch.Generator().manual_seed(int(torch.empty((), dtype=torch.int64).random_().item()))
    whole, last = divmod(sampler.num_samples, size)
    lengths = [size] * whole + [last]
    # A permutation is drawn when its first index is asked for.
    drawn = -(-asked // size)
    for _ in range(drawn - 1):
        torch.randperm(size, generator=generator)
    beginning: list[int] = []
    if drawn:
        within = asked - (drawn - 1) * size
        beginning = torch.randperm(size, generator=generator)[within : lengths[drawn - 1]].tolist()
    later = (torch.randperm(size, generator=generator)[:length].tolist() for length in lengths[drawn:])
    return itertools.chain(beginning, itertools.chain.from_iterable(later))
