"""The trainer's promise: the loader changes the speed, not one bit of the weights."""

import dataclasses

import pytest

TIMES = ("images_per_second", "waiting", "seconds")


@pytest.mark.parametrize("workers", [0, 2])
def test_penstock_and_torch_give_the_same_weights(run, assert_equal, workers):
    native = run("penstock", loader="penstock", workers=workers, epochs=2)
    reference = run("torch", loader="torch", workers=workers, epochs=2)
    assert_equal(native, reference)
    for one, other in zip(native.history, reference.history, strict=True):
        same = dict.fromkeys(TIMES, 0.0)
        assert dataclasses.replace(one, **same) == dataclasses.replace(other, **same)


@pytest.mark.usefixtures("cifar10")
def test_the_same_on_cifar10(run, assert_equal):
    settings = {"data": "cifar10", "batch_size": 8, "max_steps": 2}
    assert_equal(run("penstock", loader="penstock", **settings), run("torch", loader="torch", **settings))


def test_another_seed_gives_other_weights(run, saved):
    one, other = (saved(run(f"seed-{seed}", seed=seed, max_steps=1)) for seed in (1, 2))
    assert not one["conv1.weight"].equal(other["conv1.weight"])
