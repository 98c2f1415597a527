"""Batches of a loader that is wrapped by one which converts them: made as they are wanted in the end.

timm's `PrefetchLoader` takes a batch of bytes, makes numbers of it, and subtracts and divides by constants, each in a
pass over all memory, before anybody else sees it. What its code does to the first batch is written down call by call,
as functions on single images are, and the next batches are made that way by the threads that make their pixels: such
a batch is a tensor without memory, which becomes the plain one when the same calls have been made on it. Calls that are
not known, or are other ones than before, are made on the tensor that it stands for until then.
"""

import functools
from collections.abc import Callable
from typing import Any, Self

import torch

from penstock import calls
from penstock.compat.torch import DisableTorchFunctionSubclass, make_wrapper_subclass
from penstock.recording.chain import Chain, Key, chain_of
from penstock.recording.memoryless import METADATA, Memoryless, is_torch_plain, own_of, swapped
from penstock.recording.rendering import Renderer, Rendering, Wanted

__all__ = ["Awaited", "Converting"]

# Dimensions of a batch of images.
_BATCH = 4
_NAMES: dict[Any, str] = {function: name for name, function in calls.FUNCTIONS.items()}
# The attributes that only a tensor without memory has.
_OWN = frozenset(("_promise", "_chain", "_real"))


class Converting:
    """What is done to the batches of an iterator by the code that takes them.

    Args:
        renderer: Makes their pixels.
        rendered: Is told of a rendering that was made for a single batch.
        expected: What was done to the batch before, if anything is known: the mode of its images, and a chain's key.
            It is changed with each batch that is made otherwise.
    """

    def __init__(
        self, renderer: Renderer, rendered: Callable[[Rendering], None], expected: list[tuple[str, Key]]
    ) -> None:
        self._renderer, self._rendered, self._expected = renderer, rendered, expected
        self._last: torch.Tensor | None = None

    def rendering(self) -> Rendering:
        """Return a rendering that has not begun, whose batches of bytes are awaited."""
        return self._renderer.rendering(functools.partial(_Expecting, self))

    def chain_for(self, wanted: Wanted) -> Chain | None:
        """Return what a batch is expected to become; None if nothing is."""
        return next((chain_of(*each) for each in self._expected if each[0] == wanted.chain.mode), None)

    def handed_out(self, batch: "Awaited") -> None:
        """Note the latest tensor of a batch that is with the code that converts it."""
        self._last = batch

    def finish(self) -> None:
        """Have the batch that was handed out be plain: what is done to it next is nobody's business any more."""
        last, self._last = self._last, None
        if isinstance(last, Awaited):
            last.materialize()

    def make(self, wanted: Wanted) -> torch.Tensor:
        """Make a batch here and now, and expect the next ones to be made so."""
        self._expected[:] = [(wanted.chain.mode, wanted.chain.key)]
        rendering = self._renderer.rendering()
        tensor = rendering.add(wanted)
        rendering.begin()
        rendering.finish()
        self._rendered(rendering)
        return tensor


class _Expecting(Rendering):
    """A rendering of which batches of bytes are awaited, and made as they are expected to be wanted.

    Args:
        converting: Who converts them.
        given: See `Rendering`.
        options: See `Rendering`.
    """

    def __init__(self, converting: Converting, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._converting = converting

    def add(self, wanted: Wanted, tensor: torch.Tensor | None = None) -> torch.Tensor:
        """Return a tensor that will hold what is wanted."""
        is_batch = len(wanted.shape) == _BATCH and wanted.chain.dtype == torch.uint8
        # What is mixed is converted afterwards, of bytes.
        can_wait = wanted.chain.margin is None and (not wanted.mixes or wanted.chain.is_of_bytes)
        if tensor is not None or not is_batch or not can_wait or wanted.given:
            return super().add(wanted, tensor)
        chain = self._converting.chain_for(wanted)
        made = None if chain is None else (chain, super().add(wanted.then(chain)))
        return Awaited(_Promise(self._converting, wanted, made), wanted.chain)


class _Promise:
    """What a batch can be made of.

    Args:
        converting: Who converts it.
        wanted: The batch as it arrived.
        made: What it is expected to become, and the tensor whose pixels are being made so.
    """

    def __init__(self, converting: Converting, wanted: Wanted, made: tuple[Chain, torch.Tensor] | None) -> None:
        self.converting, self.wanted, self._made = converting, wanted, made

    def has(self, chain: Chain) -> bool:
        """Whether the batch was made that way."""
        return self._made is not None and self._made[0].values == chain.values

    def keep(self, chain: Chain) -> torch.Tensor:
        """Return the batch made that way."""
        if self._made is not None and self.has(chain):
            (_, tensor), self._made = self._made, None
            return tensor
        return self.converting.make(self.wanted.then(chain))


class Awaited(Memoryless):
    """A batch that becomes plain when it has been converted as expected, or when its values are looked at.

    Args:
        promise: What it can be made of.
        chain: What was done to its values so far.
    """

    _promise: _Promise
    _chain: Chain

    @staticmethod
    def __new__(cls, promise: _Promise, chain: Chain) -> Self:
        """Return a tensor of that type, without memory."""
        self: Self = make_wrapper_subclass(cls, promise.wanted.shape, dtype=chain.dtype)
        self._promise, self._chain = promise, chain
        promise.converting.handed_out(self)
        return self

    def materialize(self) -> torch.Tensor:
        """Have the batch made, if it is not; return the plain tensor."""
        return swapped(self, self._promise.keep(self._chain), _OWN) if self._real is None else self._real

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        func, kwargs = own_of(func), kwargs or {}
        first = args[0] if args else None
        if isinstance(first, Awaited) and first._real is None:
            if func in METADATA:
                with DisableTorchFunctionSubclass():
                    return func(*args, **kwargs)
            if (converted := first._converted(func, args, kwargs)) is not None:
                return converted
        return cls.on_plain(func, args, kwargs)

    def _converted(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
        """Return what a call comes to, None if that is not known."""
        name = _NAMES.get(func)
        if name is None or not is_torch_plain() or torch.is_inference_mode_enabled():
            return None
        call = calls.call_of(name, 0, args, kwargs)
        chain = None if call is None else self._chain.then("call", *call)
        if chain is None or call is None:
            return None
        if calls.is_in_place(name):
            if chain.dtype != self._chain.dtype:
                return None
            self._chain = chain
            return self._as_expected()
        if self._chain.returns("call", *call):
            return self
        return Awaited(self._promise, chain)._as_expected()

    def _as_expected(self) -> torch.Tensor:
        """Return the plain tensor if that has been made; itself otherwise."""
        return self.materialize() if self._promise.has(self._chain) else self


Awaited.__name__, Awaited.__qualname__, Awaited.__module__ = "Tensor", "Tensor", "torch"
