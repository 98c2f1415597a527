"""What going on in the middle of an epoch takes of a loader, in words."""

from typing import Any

from penstock.resume.samplers import chain_of, cut, index_sampler_of, is_iterable, is_stateful, stateful_of

__all__ = ["notes_on"]


def notes_on(loader: Any) -> tuple[str, ...]:
    """Return what a loader does again when it resumes, as nobody can tell it to go on; nothing if that is little."""
    name = type(loader.dataset).__name__
    if is_iterable(loader.dataset):
        if is_stateful(loader.dataset):
            return ()
        where = (
            "in its worker" if loader.num_workers else "with the global generators as they stood at the epoch's start"
        )
        return (
            f"{name} has no state_dict: unless its iterator has one, it is iterated over from the start again, {where}",
        )
    sampler = index_sampler_of(loader)
    if cut(sampler) is not None or stateful_of(sampler) is not None:
        return ()
    return (f"{type(chain_of(sampler)[-1]).__name__} has no state_dict: it is asked again for all that it has given",)
