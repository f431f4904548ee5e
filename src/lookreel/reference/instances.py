"""What a window's frames read of the photos, each block's made when the block asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor

from lookreel.nets.attention import KeyValue, halves


class Instances(Mapping[str, KeyValue]):
    """Block name -> keys and values of F frames, each (F, P, C): prototypes, in ProFashion's words.

    prototype: how a model makes one block's, (name, z (1, R, L, C), m) -> (F, P, C).

    memory: block name -> the photos' keys and values side by side, (1, R, L, 2C), by `UNet.keys_values`: mixed after
    the projection instead of before it, the result is the same. m: (1, F, R, h, w).
    Nothing is kept: all of a window's prototypes would be many times the memory of the photos'.
    """

    def __init__(
        self, prototype: Callable[[str, Tensor, Tensor], Tensor], memory: Mapping[str, Tensor], m: Tensor
    ) -> None:
        self._prototype, self._memory, self._m = prototype, memory, m

    def __getitem__(self, name: str) -> KeyValue:
        return halves(self._prototype(name, self._memory[name], self._m))

    def __iter__(self) -> Iterator[str]:
        return iter(self._memory)

    def __len__(self) -> int:
        return len(self._memory)
