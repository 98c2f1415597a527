"""What stands for torchdata's `StatefulDataLoader` while `penstock.install` holds: our class does what that is for."""

from typing import Any, TypeVar

from penstock.loader import DataLoader

__all__ = ["StatefulDataLoader"]

_T_co = TypeVar("_T_co", covariant=True)


class StatefulDataLoader(DataLoader[_T_co]):
    """`penstock.DataLoader` with torchdata's additional argument.

    Args:
        arguments: torch's.
        snapshot_every_n_steps: Of no account: a state is exact at each batch.
        options: torch's.
    """

    def __init__(self, *arguments: Any, snapshot_every_n_steps: int | None = 1, **options: Any) -> None:  # noqa: ARG002 - torchdata's
        super().__init__(*arguments, **options)
