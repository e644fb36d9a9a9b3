# mypy: ignore-errors
# (torch's own annotations of what a subclass of tensors overrides are not those of what it calls)
"""A stand-in for an Apple GPU: tensors that say they are on "mps", are computed by the CPU, and refuse what that lacks.

Refused are float64 (PyTorch's notes on the MPS backend: the framework has no doubles), operators without a kernel for
MPS by torch's own table of operators (``native_functions.yaml``, which comes inside the package), and operands that lie
on different devices. What it computes, how quickly and in which rounding, is the CPU's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torchgen
import yaml
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

MPS, CPU = torch.device("mps"), torch.device("cpu")
_aten = torch.ops.aten
_EVERYWHERE = ("MPS", "CompositeImplicitAutograd", "CompositeExplicitAutograd",
               "CompositeExplicitAutogradNonFunctional")
_INSTEAD = {"_scaled_dot_product_attention_math_for_mps": _aten._scaled_dot_product_attention_math}
"""Operators that only MPS has, and what computes the same elsewhere."""
_ACROSS = ("copy_", "_to_copy", "to", "index", "index_put_", "_index_put_impl_", "_local_scalar_dense")
"""May have operands of both devices."""


@cache
def lacking() -> frozenset[str]:
    """Operators as ``name.overload`` that have kernels, and none that an Apple GPU could run."""
    table = Path(torchgen.__file__).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    known, delegates = {}, {}
    for entry in yaml.safe_load(table.read_text(encoding="utf-8")):
        name = entry["func"].partition("(")[0]
        kernels = {key.strip() for keys in entry.get("dispatch") or {} for key in keys.split(",")}
        known[name], delegates[name] = kernels, entry.get("structured_delegate")
    missing = set()
    for name, kernels in known.items():
        kernels = known.get(delegates[name] or "", set()) | kernels
        if kernels and not kernels.intersection(_EVERYWHERE):
            missing.add(name)
    return frozenset(missing)


class Pretended(torch.Tensor):
    """Says that it is on MPS; its numbers are those of ``inner``, on the CPU."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Pretended:
        if inner.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype: the MPS framework doesn't support float64.")
        with torch.inference_mode(False):  # tensors of that mode cannot be ours
            made = cls._made(inner)
        made.inner = inner
        return made

    @classmethod
    def _made(cls, inner: torch.Tensor) -> Pretended:
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype,
            device="meta")  # torch has guards for it here; those of MPS are not linked elsewhere than on a Mac

    @property
    def device(self) -> torch.device:
        return MPS

    def tolist(self) -> Any:
        return self.inner.tolist()

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({self.inner})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class PretendedDevice(TorchDispatchMode):
    """Lets tensors be made on the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {})


class _FromNumbers(TorchFunctionMode):
    """``torch.tensor`` and ``to`` ask the device itself, before any operator is called."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and torch.device(kwargs.get("device") or CPU) == MPS:
            kwargs["device"] = CPU
            return Pretended(func(*args, **kwargs))
        if func is torch.Tensor.to and type(args[0]) is torch.Tensor and MPS in (*args[1:], *kwargs.values()):
            args, kwargs = tree_map(_on_the_cpu, (args, kwargs))
            return Pretended(func(*args, **kwargs))
        return func(*args, **kwargs)


def _run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    flat = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.Tensor)]
    here = [one for one in flat if isinstance(one, Pretended)]
    name, overload = func._schema.name.removeprefix("aten::"), func._schema.overload_name
    named = next((one for one in tree_flatten((args, kwargs))[0] if isinstance(one, torch.device)), None)
    target = (MPS if here else CPU) if named is None else named
    if target.type == "meta":  # made by torch itself like one of ours
        target = MPS
    if name in ("copy_",):
        target = MPS if isinstance(args[0], Pretended) else CPU
    if name == "_local_scalar_dense":
        target = CPU
    if not here and target.type != "mps":
        return func(*args, **kwargs)
    full = f"{name}.{overload}" if overload else name
    if full in lacking():
        raise NotImplementedError(f"The operator 'aten::{full}' is not currently implemented for the MPS device.")
    if here and name not in _ACROSS and any(one.dim() and not isinstance(one, Pretended) for one in flat):
        raise RuntimeError(f"Expected all tensors to be on the same device: aten::{full}")
    owners = {id(one.inner): one for one in here}
    args, kwargs = tree_map(_on_the_cpu, (args, kwargs))
    found = _INSTEAD.get(name, func)(*args, **kwargs)

    def wrap(one: Any) -> Any:
        if not isinstance(one, torch.Tensor) or target.type != "mps":
            return one
        known = owners.get(id(one))
        return Pretended(one) if known is None else known

    return tree_map(wrap, found)


def _on_the_cpu(one: Any) -> Any:
    if isinstance(one, Pretended):
        return one.inner
    return CPU if isinstance(one, torch.device) else one


@contextmanager
def pretended_mps() -> Iterator[None]:
    """A machine with an Apple GPU, as far as this goes."""
    with _FromNumbers(), PretendedDevice(), mock.patch("torch.mps.synchronize"), \
            mock.patch("torch.backends.mps.is_available", return_value=True):
        yield


def onto_mps(model: Any) -> Any:
    """A module's parameters and buffers, on the device."""
    for module in model.modules():
        for name, parameter in list(module._parameters.items()):
            if parameter is not None:
                module._parameters[name] = torch.nn.Parameter(Pretended(parameter.data), requires_grad=False)
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = Pretended(buffer)
    return model
