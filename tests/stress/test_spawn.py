"""Loaders that travel to other processes: DDP's launchers pickle them."""

import copy
import pickle

import pytest
import torch
from stress_support import cifar, digest, epoch, equal, loader


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_loaders_work_in_started_processes(passes_afresh, method):
    """A native loader in a started process; and one that falls back, whose workers are started so."""
    passes_afresh(
        f"""
        import logging
        import multiprocessing

        if __name__ == "__main__":
            logging.getLogger("penstock").setLevel(logging.ERROR)
            made = loader()
            expected = epoch(made, seed=1)
            iterator = iter(made)
            next(iterator)
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                assert pool.map(digest_of_an_epoch, [made, loader()]) == 2 * [digest(expected)]
            opaque = loader(Opaque(32), num_workers=1, multiprocessing_context="{method}", shuffle=False)
            assert torch.cat([index for _, index in opaque]).tolist() == list(range(32))
            assert len(list(iterator)) == 15
        """
    )


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("options", [{}, {"num_workers": 0}, {"persistent_workers": True}])
def test_a_duplicate_gives_the_same_batches(duplicate, options):
    made = loader(cifar(64), **options)
    twin = duplicate(made)
    assert type(twin) is type(made)
    assert equal(epoch(made, seed=1), epoch(twin, seed=1))


def test_a_live_iterator_is_not_pickled_as_torchs_is_not():
    made = loader(cifar(64), persistent_workers=True)
    iterator = iter(made)
    for item in (iterator, made):
        with pytest.raises(NotImplementedError, match="cannot be pickled"):
            pickle.dumps(item)
    assert len(list(iterator)) == 4


def test_a_digest_tells_epochs_apart():
    made = loader(cifar(64))
    assert digest(epoch(made, seed=1)) == digest(epoch(made, seed=1)) != digest(epoch(made, seed=2))
    assert torch.initial_seed() == 2
