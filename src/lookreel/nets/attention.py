"""Attention as Stable Diffusion 1.5 has it, with room for prototype tokens (ProFashion Eq. 10).

Parameter names are SD1.5's, so that its checkpoints load as they are. What an attention reads beside the latents may
come as tokens, or already worked out as far as it does not depend on the latents: `KeyValue` and `Answer`.
"""

from typing import NamedTuple

from torch import Tensor, cat, nn
from torch.nn import functional as F

from lookreel.nets.position import near, waves


class KeyValue(NamedTuple):
    """Tokens already projected to keys and values: each (B, M, C)."""

    keys: Tensor
    values: Tensor


class Answer(NamedTuple):
    """What an attention answers whatever it is asked: tokens (B or 1, 1, C), the same for every query."""

    tokens: Tensor


def halves(keys_values: Tensor) -> KeyValue:
    """Keys and values that lie side by side, (B, M, 2C)."""
    keys, values = keys_values.chunk(2, dim=-1)
    return KeyValue(keys, values)


class Attention(nn.Module):
    """Multi-head attention: q, k, v without bias, output with bias (SD1.5).

    width: channels of the queries and of the output. memory_width: channels of keys and values. octaves: of the waves
    that tell queries and keys their places (`position.py`); SD1.5 has none.
    """

    def __init__(self, width: int, memory_width: int, heads: int, octaves: int = 0) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"{width} channels: no multiple of {heads} heads")
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(memory_width, width, bias=False)
        self.to_v = nn.Linear(memory_width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Identity()])
        if octaves:
            self.place_q, self.place_k = near(heads, width, octaves), near(heads, width, octaves)

    def forward(self, x: Tensor, memory: Tensor | KeyValue, places: Tensor | None = None) -> Tensor:
        """x (B, L, C) attends to memory, tokens (B, M, C') or their keys and values; returns (B, L, C).

        places: waves (L, 4 * octaves) of the queries' places; the memory is one or several pictures of the same grid.
        """
        return self.attend(self.to_q(x), memory, places)

    def attend(self, query: Tensor, memory: Tensor | KeyValue, places: Tensor | None = None) -> Tensor:
        """The same with queries already projected, (B, L, C)."""
        keys, values = memory if isinstance(memory, KeyValue) else self.project(memory)
        if places is not None:
            query = query + self.place_q(places)
            keys = keys + self.place_k(places).repeat(keys.shape[1] // len(places), 1)
        q, k, v = (self._split(t) for t in (query, keys, values))
        z = F.scaled_dot_product_attention(q, k, v)  # (B, heads, L, C / heads)
        return self.to_out[0](z.transpose(1, 2).flatten(2))

    def project(self, memory: Tensor) -> KeyValue:
        """Keys and values of tokens (B, M, C'): all of them that does not depend on a query."""
        return KeyValue(self.to_k(memory), self.to_v(memory))

    def settle(self, memory: Tensor) -> Answer | KeyValue:
        """All that tokens (B, M, C') decide alone. Over one token that is the answer: a softmax over one key is 1."""
        if memory.shape[1] == 1:
            return Answer(self.to_out[0](self.to_v(memory)))
        return self.project(memory)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)


class GEGLU(nn.Module):
    """Linear, half of it gated by the GELU of the other half."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, inner * 2)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        return value * F.gelu(gate)


class FeedForward(nn.Module):
    """GEGLU feed-forward, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.ModuleList([GEGLU(width, width * 4), nn.Identity(), nn.Linear(width * 4, width)])

    def forward(self, x: Tensor) -> Tensor:
        return self.net[2](self.net[0](x))


class TransformerBlock(nn.Module):
    """Spatial self-attention, semantic cross-attention, feed-forward; each pre-normed with a residual."""

    def __init__(self, width: int, context_width: int, heads: int, octaves: int = 0) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads, octaves)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, context_width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(
        self,
        z: Tensor,
        context: Tensor | KeyValue | Answer,
        prototype: Tensor | KeyValue | None = None,
        places: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One block on tokens z (B, L, C) with context: tokens (B, M, C'), or what `attn2.settle` made of them.

        prototype: extra tokens (B, P, C), or their keys and values, for the spatial attention, Eq. 10: query z,
        key and value [z ; z_R]. They are taken as they are: the reference net has already normed them.
        places: waves of the tokens' places, where the network has octaves.
        Returns the block's output and the normed input of its self-attention (what a reference net hands out),
        both (B, L, C).
        """
        tokens = self.norm1(z)
        z = z + self.attn1(tokens, self._own_and(tokens, prototype), places)
        z = z + (context.tokens if isinstance(context, Answer) else self.attn2(self.norm2(z), context))
        return z + self.ff(self.norm3(z)), tokens

    def _own_and(self, tokens: Tensor, prototype: Tensor | KeyValue | None) -> Tensor | KeyValue:
        """[z ; z_R] of Eq. 10."""
        if prototype is None:
            return tokens
        if isinstance(prototype, KeyValue):
            pairs = zip(self.attn1.project(tokens), prototype, strict=True)
            return KeyValue(*(cat(pair, dim=1) for pair in pairs))
        return cat([tokens, prototype.to(tokens.dtype)], dim=1)


class SpatialTransformer(nn.Module):
    """GroupNorm, 1x1 convolution, one transformer block over the pixels, 1x1 convolution, residual."""

    def __init__(self, width: int, context_width: int, heads: int, groups: int, octaves: int = 0) -> None:
        super().__init__()
        self.octaves = octaves
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context_width, heads, octaves)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(
        self, x: Tensor, context: Tensor | KeyValue | Answer, prototype: Tensor | KeyValue | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (B, C, h, w) -> output (B, C, h, w) and the block's self-attention input (B, h*w, C).

        context, prototype: as `TransformerBlock` takes them.
        """
        z = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)  # (B, h*w, C)
        places = waves(*x.shape[2:], self.octaves, self.norm.weight) if self.octaves else None
        z, tokens = self.transformer_blocks[0](z, context, prototype, places)
        z = z.transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(z), tokens
