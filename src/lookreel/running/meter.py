"""What a computation costs, counted as it runs: FLOPs, bytes, kernels, and the most memory that lives at once.

On meta tensors nothing is computed, so that a full-size network is counted on any machine in seconds.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

# They start no kernel.
FREE = ("aten::empty", "aten::new_empty", "aten::_unsafe_view", "aten::detach", "aten::alias", "aten::lift_fresh")


class Meter(TorchDispatchMode):
    """`with Meter() as meter: ...`; then the counts.

    Attention counts as one fused kernel that keeps no scores, which is how the devices run it.
    Bytes are what each kernel reads and writes, nothing fused. Memory is what the computation holds beyond what there
    was before: activations and results, no weights. flops: whether to count FLOPs, which takes as long as all the rest.
    """

    def __init__(self, flops: bool = True) -> None:
        super().__init__()
        self.bytes = 0
        self.peak = 0
        self.kernels: Counter[str] = Counter()
        self._live = 0
        self._known: set[int] = set()
        self._attention = _FusedAttention(self)
        self._flops = FlopCounterMode(display=False) if flops else None

    @property
    def flops(self) -> int:
        """Floating point operations; a multiplication with its addition counts two."""
        return (self._flops.get_total_flops() if self._flops else 0) + self._attention.flops

    def __enter__(self) -> Meter:
        if self._flops:
            self._flops.__enter__()
        super().__enter__()
        self._attention.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self._attention.__exit__(*reason)
        super().__exit__(*reason)
        if self._flops:
            self._flops.__exit__(*reason)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        name = func._schema.name
        if not _is_view(func):
            written = [value for value in tree_leaves(made) if isinstance(value, Tensor)]
            self._hold(written)
            if name not in FREE:
                self.count(name, [*tree_leaves(args), *tree_leaves(kwargs or {})], written)
        return made

    def count(self, name: str, read: Iterable[Any], written: Iterable[Any]) -> None:
        """One kernel that reads and writes these tensors."""
        self.kernels[name] += 1
        self.bytes += sum(size(value) for value in [*read, *written] if isinstance(value, Tensor))

    def _hold(self, made: list[Tensor]) -> None:
        for value in made:
            storage = value.untyped_storage()
            if storage._cdata not in self._known:
                self._known.add(storage._cdata)
                self._live += storage.nbytes()
                weakref.finalize(storage, self._release, storage._cdata, storage.nbytes()).atexit = False
        self.peak = max(self.peak, self._live)

    def _release(self, storage: int, held: int) -> None:
        self._known.discard(storage)
        self._live -= held


class _FusedAttention(TorchFunctionMode):
    """Takes scaled_dot_product_attention before it falls apart into products that keep all scores."""

    def __init__(self, meter: Meter) -> None:
        super().__init__()
        self.meter, self.flops = meter, 0

    def __torch_function__(self, func: Callable, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention or not args[0].is_meta:
            return func(*args, **kwargs)
        q, k, v = args[:3]
        self.flops += 2 * math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])
        # heads lie beside each other in memory, as the devices' kernels write them
        made = q.new_empty(q.shape[0], q.shape[2], q.shape[1], v.shape[-1]).transpose(1, 2)
        self.meter.count("attention", (q, k, v), (made,))
        return made


def size(value: Tensor) -> int:
    """Bytes of a tensor's elements."""
    return value.numel() * value.element_size()


def _is_view(func) -> bool:
    """Whether an operation only looks at its argument's memory in another way."""
    returns = func._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)
