"""A fake of CUDA's streams, events and memory, as unkind as the real ones are allowed to be.

Nothing that is queued on a stream is done before somebody waits for it. The memory of a copy's source goes to another
owner, and is poisoned, the moment that nothing refers to it. So does that of a copy: at once if no other stream was
recorded for it, and then the stream that it was taken on has run as far as it could; else when those streams have done
what was queued on them by then.
"""

import weakref

import torch

_POISON = {torch.bool: True, torch.uint8: 171}


def poison(tensor):
    with torch.inference_mode():
        tensor.fill_(_POISON.get(tensor.dtype, float("nan") if tensor.is_floating_point() else -77))


class Stream:
    """What is queued, in order, and how much of it is done."""

    def __init__(self):
        self.queued, self.done = [], 0

    def launch(self, work):
        self.queued.append(work)

    def run(self, until=None):
        until = len(self.queued) if until is None else until
        while self.done < until:
            work = self.queued[self.done]
            self.done += 1
            work()

    synchronize = run

    def record_event(self):
        return Event(self)

    def wait_event(self, event):
        self.launch(event.synchronize)

    def wait_stream(self, other):
        self.wait_event(other.record_event())


class Prompt(Stream):
    """Does everything at once."""

    def launch(self, work):
        super().launch(work)
        self.run()


class Event:
    def __init__(self, stream):
        self._stream, self._position = stream, len(stream.queued)

    def query(self):
        return self._stream.done >= self._position

    def synchronize(self):
        self._stream.run(self._position)


class Gpu:
    """One device; `current` is the stream that a user computes on.

    Args:
        prompt: Whether that stream does at once what is queued on it.
    """

    def __init__(self, *, prompt=False):
        self.side, self.current = Stream(), Prompt() if prompt else Stream()
        self.recorded = {}
        self.copied_bytes = 0

    def cuda(self, device):
        """Stand for `penstock.delivery.streams.Cuda`."""
        return FakeCuda(self)

    def read(self, batch):
        """Queue a kernel that reads the tensors of a batch; return where its findings will be."""
        found, memory = [], [tensor.detach() for tensor in tensors_of(batch)]
        self.current.launch(lambda: found.extend(tensor.clone() for tensor in memory))
        return found


class FakeCuda:
    device = torch.device("cpu")

    def __init__(self, gpu):
        self.gpu = gpu

    def pinned(self, tensor):
        return tensor

    def copy(self, cargo):
        source, made = cargo
        self.gpu.copied_bytes += source.nbytes
        memory = source.detach()
        right = made(source)
        copy = torch.empty_like(right).as_subclass(type(right))
        target = copy.detach()
        poison(target)
        weakref.finalize(source, self._source_is_gone, memory).atexit = False
        weakref.finalize(copy, self._copy_is_gone, id(copy), target).atexit = False

        def work():
            with torch.inference_mode():
                target.copy_(made(memory.clone()))

        self.gpu.side.launch(work)
        return copy

    def event(self):
        return self.gpu.side.record_event()

    def consumer(self):
        return self.gpu.current

    def record(self, copy, stream):
        self.gpu.recorded.setdefault(id(copy), []).append(stream)

    def _source_is_gone(self, memory):
        poison(memory)

    def _copy_is_gone(self, number, target):
        streams = self.gpu.recorded.pop(number, [])
        if not streams:
            self.gpu.side.run()
            poison(target)
        for stream in streams:
            stream.launch(lambda: poison(target))


def tensors_of(batch):
    """Return the tensors of a batch, in order."""
    if isinstance(batch, torch.Tensor):
        return [batch]
    parts = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (list, tuple)) else ()
    return [tensor for part in parts for tensor in tensors_of(part)]
