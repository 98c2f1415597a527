"""What makes images record: Pillow's registry of openers, and torchvision's functions that read or make tensors.

Nothing else of Pillow or torchvision is touched, and every hook does what it stands before unless it meets an image of
ours. In torch's workers the hooks stay; elsewhere they are there for the time of one fetch, and only images that the
fetching thread opens record. All hooks are there or none: where one cannot be put, those before it are taken away,
images are what they are without penstock, and it is not tried a second time.
"""

import contextlib
import functools
import logging
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.utils.dlpack
from PIL import Image, ImageDraw
from torch.utils.data import get_worker_info
from torchvision import tv_tensors, utils
from torchvision.transforms.v2 import functional as F2

from penstock import compat
from penstock.compat.pillow import ENHANCE, OPEN, fromarray, is_pillows
from penstock.compat.torch import collate, collate_tensor_fn, default_collate_fn_map, script_builtin
from penstock.compat.torchvision import KERNEL_REGISTRY, image_of_array
from penstock.lowering.collation import entries_of, function_for
from penstock.lowering.known import HOOKED, is_pristine, unhooked
from penstock.ops.table import BATCHES, CALLS, ENHANCERS, HOOKS, IMAGE_KERNELS, KERNELS, STACKED, TENSOR_CALLS
from penstock.recording import canvases, conversions, opencv, planes, processors
from penstock.recording.bands import merges
from penstock.recording.batches import stack
from penstock.recording.blanks import makes_blanks
from penstock.recording.canvases import stack_masks
from penstock.recording.conversions import flips_images, wraps_images
from penstock.recording.current import current, current_of_any, recorders
from penstock.recording.decoded import has_decoder, reads_files
from penstock.recording.drawn import COMPOSED, draws_composed
from penstock.recording.enhancers import Degenerate, enhances, initialises
from penstock.recording.image_calls import call_recorded
from penstock.recording.images import is_recorded
from penstock.recording.imported import names_of
from penstock.recording.kernels import kernel_recorded
from penstock.recording.loaded import go_on, records_arrays
from penstock.recording.looking import OPENED, source_of
from penstock.recording.mixing import mixes
from penstock.recording.opened import open_recorded
from penstock.recording.pens import draws
from penstock.recording.planes import is_plane
from penstock.recording.recorder import Recorder
from penstock.recording.sent import collate_tensors
from penstock.recording.tensors import (
    RecordedImage,
    RecordedTensor,
    is_recording,
    materialize,
    note_touch,
    touch,
)
from penstock.system import held_over_forks

__all__ = ["begin", "catch_up", "end", "find_imported", "recording"]


_lock = threading.Lock()
_undo: list[Callable[[], Any]] = []
_logger = logging.getLogger("penstock")
# A worker that is forked while another thread holds the lock would wait for ever.
held_over_forks(_lock)


@contextlib.contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Have images record for a recorder."""
    before = recorders.get(recorder.thread)
    begin(recorder)
    try:
        yield
    finally:
        if before is None:
            end(recorder)
        else:
            begin(before)


def begin(recorder: Recorder) -> None:
    """Have images record until the process ends; the recorder is told if they cannot."""
    with _lock:
        if not recorders:
            _install_or_give_up()
        recorder.why_not = compat.why_not(compat.RECORDING)
        recorders[recorder.thread] = recorder


def end(recorder: Recorder) -> None:
    """Have images record no more for a recorder."""
    with _lock:
        if recorders.pop(recorder.thread, None) is not None and not recorders:
            _remove()


def _install_or_give_up() -> None:
    if compat.why_not(compat.RECORDING) is not None:
        return
    try:
        _install()
    except Exception as error:
        _remove()
        reason = f"images cannot be made to record: {type(error).__name__}: {error}"
        compat.give_up(compat.RECORDING, reason)
        worker = get_worker_info()
        if worker is None or worker.id == 0:
            _logger.warning("%s", reason, exc_info=error)
    except BaseException:
        _remove()
        raise


def _install() -> None:
    Image.preinit()
    for name in OPENED:
        _hook_opener(name)
    _hook_others()
    _hook_function(Image, "init", _loads_others)
    for owner, name in _NAMED:
        _hook_function(owner, name, _wrapper(owner, name))
    _hook_opencv()
    _hook_transformers()
    _hook_imported()
    for hook in HOOKS:
        _hook_function(hook.owner, hook.name, functools.partial(_made, hook.make), static=hook.static)
    for kind, name in COMPOSED:
        _hook_function(kind, name, draws_composed)
    for kind, mixed in BATCHES.items():
        _hook_function(kind, "transform", functools.partial(mixes, mixed))
    _hook_function(ENHANCE, "enhance", enhances)
    for enhancer in ENHANCERS:
        _hook_function(enhancer, "__init__", initialises)
    _set_attribute(ENHANCE, "degenerate", Degenerate())
    _hook_function(tv_tensors, "wrap", wraps_images, passes=True)
    if has_decoder():
        _hook_function(torch.ops.image, "read_file", reads_files(current))
    # It takes what lies in memory without asking the tensor.
    _hook_function(
        torch.utils.dlpack,
        "to_dlpack",
        lambda function: lambda tensor: function(planes.real(canvases.real(touch(tensor)))),
    )
    for (functional, kind), make in _KERNELS.items():
        _hook_kernel(functional, kind, make)
    if unhooked(function := default_collate_fn_map.get(torch.Tensor)) is collate_tensor_fn:
        # A batch of which some record may begin with one that does not.
        _hook_collation(torch.Tensor, _collate_any, function)
    for kind in (RecordedTensor, RecordedImage):
        if kind not in default_collate_fn_map:  # to it, images that record are torchvision's
            _hook_collation(kind, _collate, None)


def catch_up() -> None:
    """Put a hook before what this process, a worker, has imported since it began."""
    with _lock:
        if _undo:
            _hook_opencv()
            _hook_transformers()


def _hook_opencv() -> None:
    for name, function in opencv.readers().items():
        if getattr(module := sys.modules["cv2"], name, None) is function:
            _hook_function(module, name, opencv.decodes(current, name))


def _hook_transformers() -> None:
    if (kind := processors.processor()) is not None:
        _hook_function(kind, "process_image", processors.takes_images, passes=True)


def _wrapper(owner: Any, name: str) -> Callable[[Any], Any]:
    """Return what makes the hook of a function that may be imported by name."""
    if (records := CALLS.get((owner, name))) is not None:
        return functools.partial(call_recorded, records)
    if (records_tensor := TENSOR_CALLS.get((owner, name))) is not None:
        # Of version 1, which makes tensors of images.
        return functools.partial(kernel_recorded, records_tensor, kind=RecordedTensor)
    return conversions.HOOKS.get((owner, name)) or _WRAPPERS[name]


def _made(make: Callable[..., Any], function: Any) -> Any:
    return make(function, is_recorded)


def _remove() -> None:
    while _undo:
        with contextlib.suppress(Exception):  # what a user has taken away meanwhile need not be put back
            _undo.pop()()
    HOOKED.clear()


def _hook_opener(name: str) -> None:
    factory, accept = OPEN[name]

    def opener(fp: Any, filename: Any = None) -> Any:
        recorder = current()
        if recorder is None:
            return factory(fp, filename)
        start = time.thread_time()
        source, why_not = source_of(fp, filename, name)
        if source is None:
            recorder.others[why_not] += 1
            return go_on(factory(fp, filename), recorder, why_not)
        source.outcome.looked = time.thread_time() - start
        recorder.opened(source)
        return open_recorded(source, fp, filename)

    _replace_opener(name, opener, factory, accept)


def _hook_others() -> None:
    """Hook the openers of all formats that are not decoded here, as far as Pillow has loaded them."""
    for name, (factory, accept) in [*OPEN.items()]:
        if name not in OPENED and factory not in HOOKED:
            _replace_opener(name, _opener(name, factory), factory, accept)


def _opener(name: str, factory: Any) -> Any:
    def opener(fp: Any, filename: Any = None) -> Any:
        image, why = factory(fp, filename), f"format {name}"
        if (recorder := current()) is None:
            return image
        recorder.others[why] += 1
        return go_on(image, recorder, why)

    return opener


def _loads_others(function: Any) -> Any:
    """Return what stands before `Image.init`, which loads the plugins of all other formats."""

    def hook() -> Any:
        changed = function()
        # What is loaded while hooks are put or taken away goes without.
        if _lock.acquire(blocking=False):
            try:
                with contextlib.suppress(Exception):  # their images are Pillow's then
                    if recorders:
                        _hook_others()
            finally:
                _lock.release()
        return changed

    return hook


def _replace_opener(name: str, opener: Any, factory: Any, accept: Any) -> None:
    HOOKED[opener] = factory
    OPEN[name] = opener, accept

    def undo() -> None:
        if OPEN.get(name, (None,))[0] is opener:
            OPEN[name] = factory, accept

    _undo.append(undo)


def _hook_function(
    owner: Any, name: str, make: Callable[[Any], Any], *, static: bool = False, passes: bool = False
) -> None:
    """Put a hook before a function, unless somebody has put one of his own there, which is then called.

    Args:
        owner: What it is an attribute of.
        name: Of the attribute.
        make: Given the function, makes the hook.
        static: Whether the owner is a class of which it is a static method.
        passes: Whether the hook calls whatever function it is in any case.
    """
    function = getattr(owner, name)
    is_own = is_pristine(function) or is_pillows(function)
    if isinstance(function, types.FunctionType) and not (passes or is_own):
        return
    hook = functools.wraps(function)(make(function))
    HOOKED[hook] = function
    _have_scripts_call(hook, function)
    kind: Any = staticmethod if static else lambda plain: plain
    setattr(owner, name, kind(hook))

    def undo() -> None:
        if getattr(owner, name) is hook:
            setattr(owner, name, kind(function))

    _undo.append(undo)


def _set_attribute(owner: Any, name: str, value: Any) -> None:
    """Give a class an attribute that it does not have."""
    setattr(owner, name, value)

    def undo() -> None:
        if vars(owner).get(name) is value:
            delattr(owner, name)

    _undo.append(undo)


def _have_scripts_call(hook: Any, function: Any) -> None:
    """Have `torch.jit.script` compile a function and not its hook."""
    if (undo := script_builtin(hook, function)) is not None:
        _undo.append(undo)
    else:
        # As torch's own `script_if_tracing` has it.
        hook.__original_fn, hook.__script_if_tracing_wrapper = function, True


def find_imported() -> None:
    """Look for the names that modules have given to hooked functions, so that forked workers find them known."""
    names_of([*_NAMED.values(), *opencv.readers().values()])


def _hook_imported() -> None:
    """Have modules that imported a function by name call its hook as well."""
    hooks = {id(function): hook for hook, function in HOOKED.items()}
    named = [*_NAMED.values(), *opencv.readers().values()]
    for names, name, function in names_of(named, only_new=get_worker_info() is not None):
        if (hook := hooks.get(id(function))) is None:
            continue
        names[name] = hook

        def undo(names: Any = names, name: str = name, function: Any = function, hook: Any = hook) -> None:
            if names.get(name) is hook:
                names[name] = function

        _undo.append(undo)


def _hook_kernel(functional: Any, kind: type, make: Callable[[Any], Any]) -> None:
    """Put a hook before the kernel of version 2 for a type; to a look-up a recording image's type is that of images."""
    registry = KERNEL_REGISTRY[functional]
    kernel = registry[kind]
    registry[kind] = hook = functools.wraps(kernel)(make(kernel))

    def undo() -> None:
        if registry[kind] is hook:
            registry[kind] = kernel

    _undo.append(undo)


def _hook_collation(kind: type, hook: Any, function: Any) -> None:
    """Put a hook before what collates a type, into torch's table, or where there was nothing."""
    HOOKED[hook] = unhooked(function)
    default_collate_fn_map[kind] = hook

    def undo() -> None:
        if default_collate_fn_map.get(kind) is not hook:  # the user has put another one there meanwhile
            return
        if function is None:
            del default_collate_fn_map[kind]
        else:
            default_collate_fn_map[kind] = function

    _undo.append(undo)


_WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "fromarray": records_arrays,
    "Draw": draws,
    "merge": merges,
    "new": makes_blanks,
    "_Image_fromarray": functools.partial(records_arrays, warns=False),
}


def _collate(batch: Any, *, collate_fn_map: Any = None) -> Any:
    batch = [*batch]
    # As torch would for plain tensors: a user may have changed its table, or give one of his own.
    entries = entries_of(collate_fn_map)
    kind = tv_tensors.Image if isinstance(batch[0], tv_tensors.Image) else torch.Tensor
    function = function_for(batch[0], kind, entries)
    if function is None:
        return collate([touch(item) for item in batch], collate_fn_map=entries)
    if function is not collate_tensor_fn:
        return function(batch, collate_fn_map=collate_fn_map)
    recorded = stack(batch)
    recorder = current_of_any()
    if recorded is None:
        if recorder is not None:
            recorder.make_now([note_touch(item) for item in batch if is_recording(item)])
        return function([touch(item) for item in batch], collate_fn_map=collate_fn_map)
    if recorder is None:
        return touch(recorded)
    if not recorder.collects:
        recorder.make_now([recorded])
    elif recorder.thread is None and _are_made_beside(recorded):
        # In a worker, which torch has put tensors straight into the memory that it sends.
        recorder.use_here(recorded)
        return function([materialize(item) for item in batch], collate_fn_map=collate_fn_map)
    return recorded


def _are_made_beside(batch: Any) -> bool:
    """Whether the images that record are few beside the plain tensors of a batch, and most of them decoded here.

    Plain ones that are part of a ticket are copied twice on their way.
    """
    given, traces = len(batch._given), batch._traces
    undecoded = sum(trace.source.begun(trace.mode, trace.steps) is None for trace in traces)
    return given > len(traces) and given > 3 * undecoded


def _collate_any(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if is_plane(batch[0]) and (masks := stack_masks([*batch])) is not None:
        return masks
    function = _collate if any(map(is_recording, batch)) else collate_tensors
    return function(batch, collate_fn_map=collate_fn_map)


# Functions by where they are hooked, as they are.
_NAMED: dict[tuple[Any, str], Any] = {
    **{(owner, name): getattr(owner, name) for owner, name in conversions.HOOKS},
    (Image, "fromarray"): fromarray,
    **{(Image, name): getattr(Image, name) for name in ("merge", "new")},
    (ImageDraw, "Draw"): ImageDraw.Draw,
    **({} if image_of_array is None else {(utils, "_Image_fromarray"): image_of_array}),
    **{(owner, name): getattr(owner, name) for owner, name in (*CALLS, *TENSOR_CALLS) if hasattr(owner, name)},
}
# Pure tensors are flipped, and all of them cropped, by functions of torch, which record.
_KERNELS: dict[tuple[Any, type], Callable[[Any], Any]] = {
    **{
        (functional, kind): functools.partial(kernel_recorded, records, stacked=functional in STACKED)
        for functional, records in KERNELS.items()
        for kind in (tv_tensors.Image, torch.Tensor)
    },
    **{
        (functional, Image.Image): functools.partial(call_recorded, records)
        for functional, records in IMAGE_KERNELS.items()
    },
    **{
        (functional, kind): make
        for functional, make in conversions.KERNELS.items()
        for kind in (tv_tensors.Image, torch.Tensor)
    },
    (F2.horizontal_flip, tv_tensors.Image): functools.partial(flips_images, horizontal=True),
    (F2.vertical_flip, tv_tensors.Image): functools.partial(flips_images, horizontal=False),
}
