"""The private names of torch, and of Python's queues as torch's workers use them."""

from typing import TYPE_CHECKING, Any

from penstock.compat.names import LOWERING, RECORDING, RESUME, Names

__all__ = [
    "NAMES",
    "STATUS_CHECK_INTERVAL",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "ExceptionWrapper",
    "_BaseDataLoaderIter",
    "_DatasetKind",
    "_MapDatasetFetcher",
    "_MultiProcessingDataLoaderIter",
    "_SingleProcessDataLoaderIter",
    "collate",
    "collate_int_fn",
    "collate_tensor_fn",
    "default_collate_fn_map",
    "disable_current_modes",
    "dispatch_modes",
    "extra_reducers",
    "function_modes",
    "generate_state",
    "is_torch_function_enabled",
    "make_wrapper_subclass",
    "new_shared",
    "pin_memory",
    "profiler_enabled",
    "reduce_storage",
    "sample_dirichlet",
    "script_builtin",
    "script_function",
    "swap_tensor_impl",
    "worker_loop",
]

NAMES = Names("torch", "torch")
_fetch, _expect = NAMES.fetch, NAMES.expect
_BOTH = (LOWERING, RECORDING)
# Iterators of torch's that tell where they are; images are recorded under those.
_TOLD = (RECORDING, RESUME)


def _none(*_arguments: Any, **_options: Any) -> Any:
    """Stands for a function that is missing where a part that does not need it may ask it all the same."""
    return 0


class _Missing:
    """Stands for a class that is missing, where others derive from it; `object` could not come before other bases."""


# Iterators, and what they set and call of themselves.
_LOADER = "torch.utils.data.dataloader"
_BASE = f"{_LOADER}:_BaseDataLoaderIter"
_MULTI = f"{_LOADER}:_MultiProcessingDataLoaderIter"
_SINGLE = f"{_LOADER}:_SingleProcessDataLoaderIter"
if TYPE_CHECKING:
    from torch._C import DisableTorchFunction, DisableTorchFunctionSubclass
    from torch._utils import ExceptionWrapper
    from torch.utils.data._utils.fetch import _MapDatasetFetcher
    from torch.utils.data.dataloader import (
        _BaseDataLoaderIter,
        _DatasetKind,
        _MultiProcessingDataLoaderIter,
        _SingleProcessDataLoaderIter,
    )
else:
    _BaseDataLoaderIter = _fetch(_LOADER, "_BaseDataLoaderIter", *_BOTH, RESUME, instead=_Missing)
    _MultiProcessingDataLoaderIter = _fetch(_LOADER, "_MultiProcessingDataLoaderIter", *_TOLD, instead=_Missing)
    _SingleProcessDataLoaderIter = _fetch(_LOADER, "_SingleProcessDataLoaderIter", *_TOLD, instead=_Missing)
    _DatasetKind = _fetch(_LOADER, "_DatasetKind", *_BOTH, RESUME)
    _MapDatasetFetcher = _fetch("torch.utils.data._utils.fetch", "_MapDatasetFetcher", *_BOTH)
    ExceptionWrapper = _fetch("torch._utils", "ExceptionWrapper", *_BOTH, RESUME)
    DisableTorchFunction = _fetch("torch._C", "DisableTorchFunction", *_BOTH)
    DisableTorchFunctionSubclass = _fetch("torch._C", "DisableTorchFunctionSubclass", RECORDING)
_expect(f"{_LOADER}:DataLoader", "_dataset_kind _get_iterator _index_sampler", *_BOTH, RESUME)
_expect(_BASE, "_auto_collation _base_seed _collate_fn _dataset _drop_last _next_data _num_workers", LOWERING)
_expect(_BASE, "_num_yielded _pin_memory _pin_memory_device _reset _sampler_iter _timeout", LOWERING)
_expect(_MULTI, "_auto_collation _collate_fn _data_queue _dataset_kind _get_data _in_order _next_data", RECORDING)
_expect(
    _MULTI,
    "_num_workers _pin_memory _pin_memory_device _process_data _rcvd_idx _reset _send_idx _shared_seed _task_info",
    RECORDING,
)
_expect(_MULTI, "_tasks_outstanding _timeout _try_get_data _try_put_index _worker_init_fn", RECORDING)
_expect(_SINGLE, "_dataset_fetcher", *_TOLD)
_expect(_BASE, "_base_seed _num_yielded _persistent_workers", *_TOLD)
_expect(_SINGLE, "_next_data", *_TOLD)
_expect(_MULTI, "_in_order _next_data _process_data _reset _task_info _try_get_data _worker_init_fn", RESUME)
_expect(_MULTI, "_worker_queue_idx_cycle", *_TOLD)
_expect(f"{_LOADER}:_DatasetKind", "create_fetcher", *_TOLD)
_expect("torch.utils.data._utils.fetch:_IterableDatasetFetcher", "dataset_iter ended", *_TOLD)
worker_loop: Any = _fetch("torch.utils.data._utils.worker", "_worker_loop", *_TOLD)
pin_memory: Any = _fetch("torch.utils.data._utils.pin_memory", "pin_memory", *_BOTH, RESUME)
STATUS_CHECK_INTERVAL: float = _fetch("torch.utils.data._utils", "MP_STATUS_CHECK_INTERVAL", *_TOLD, instead=5.0)
# What Beta and Dirichlet distributions draw by.
sample_dirichlet: Any = _fetch("torch", "_sample_dirichlet", LOWERING)
generate_state: Any = _fetch("torch.utils.data._utils.worker", "_generate_state", LOWERING)
profiler_enabled: Any = _fetch("torch._C._autograd", "_profiler_enabled", LOWERING, instead=_none)

# Collation.
_COLLATE = "torch.utils.data._utils.collate"
default_collate_fn_map: dict[Any, Any] = _fetch(_COLLATE, "default_collate_fn_map", *_BOTH, instead={})
collate: Any = _fetch(_COLLATE, "collate", *_BOTH)
collate_tensor_fn: Any = _fetch(_COLLATE, "collate_tensor_fn", *_BOTH)
collate_int_fn: Any = _fetch(_COLLATE, "collate_int_fn", LOWERING)

# Modes, and tensors of classes of our own.
dispatch_modes: Any = _fetch("torch._C", "_len_torch_dispatch_stack", *_BOTH, instead=_none)
function_modes: Any = _fetch("torch._C", "_len_torch_function_stack", *_BOTH, instead=_none)
disable_current_modes: Any = _fetch("torch.utils._python_dispatch", "_disable_current_modes", *_BOTH)
is_torch_function_enabled: Any = _fetch("torch._C", "_is_torch_function_enabled", RECORDING)
swap_tensor_impl: Any = _fetch("torch._C", "_swap_tensor_impl", RECORDING)
make_wrapper_subclass: Any = _fetch("torch:Tensor", "_make_wrapper_subclass", RECORDING)

# What is sent between processes. Queues pickle by a table that has no public name.
reduce_storage: Any = _fetch("torch.multiprocessing.reductions", "reduce_storage", RECORDING)
new_shared: Any = _fetch("torch:UntypedStorage", "_new_shared", RECORDING)
extra_reducers: dict[Any, Any] = _fetch(
    "multiprocessing.reduction:ForkingPickler", "_extra_reducers", RECORDING, instead={}
)
_expect("multiprocessing.queues:Queue", "_reader", RECORDING)

# How `torch.jit.script` finds the function behind a hook.
_BUILTINS = "torch.jit._builtins"
_register_builtin: Any = _fetch(_BUILTINS, "_register_builtin", RECORDING)
_get_builtin_table: Any = _fetch(_BUILTINS, "_get_builtin_table", RECORDING)
_OpOverloadPacket: Any = _fetch("torch._ops", "OpOverloadPacket", RECORDING, instead=())
_expect("torch._ops:OpOverloadPacket", "_qualified_op_name", RECORDING)
_expect("torch.jit._script", "__script_if_tracing_wrapper __original_fn", RECORDING)

# What calling a module does besides its `forward`.
_expect("torch.nn:Module", "_backward_hooks _backward_pre_hooks _call_impl", LOWERING)
_expect("torch.nn:Module", "_forward_hooks _forward_pre_hooks _modules", LOWERING)
for _kind in ("forward_hooks", "forward_pre_hooks", "backward_hooks", "backward_pre_hooks"):
    _fetch("torch.nn.modules.module", f"_global_{_kind}", LOWERING)


def script_builtin(hook: Any, function: Any) -> Any:
    """Have `torch.jit.script` take a hook for the operation that it stands before.

    Returns:
        What undoes that; None if the function is no operation.
    """
    if not isinstance(function, _OpOverloadPacket):
        return None
    _register_builtin(hook, function._qualified_op_name)
    return lambda: _get_builtin_table().pop(id(hook), None)


def script_function(hook: Any, function: Any) -> None:
    """Have `torch.jit.script` take a hook for the function of torch's that it stands before, if it knows that one."""
    name = _get_builtin_table().get(id(function))
    if name is not None:
        _register_builtin(hook, name)
