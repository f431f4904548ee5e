"""Attention as Stable Diffusion 1.5 has it, with room for prototype tokens (ProFashion Eq. 10).

Parameter names are SD1.5's, so that its checkpoints load as they are.
"""

from torch import Tensor, cat, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention: q, k, v without bias, output with bias (SD1.5).

    width: channels of the queries and of the output. memory_width: channels of keys and values.
    """

    def __init__(self, width: int, memory_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(memory_width, width, bias=False)
        self.to_v = nn.Linear(memory_width, width, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(width, width), nn.Identity()])

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """x (B, L, C) attends to memory (B, M, C'); returns (B, L, C)."""
        return self.attend(self.to_q(x), memory)

    def attend(self, query: Tensor, memory: Tensor) -> Tensor:
        """The same with queries already projected, (B, L, C)."""
        q, k, v = (self._split(t) for t in (query, self.to_k(memory), self.to_v(memory)))
        z = F.scaled_dot_product_attention(q, k, v)  # (B, heads, L, C / heads)
        return self.to_out[0](z.transpose(1, 2).flatten(2))

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

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = Attention(width, width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = Attention(width, context_width, heads)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def forward(self, z: Tensor, context: Tensor, prototype: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One block on tokens z (B, L, C) with context (B, M, C').

        prototype: extra tokens (B, P, C) for the keys and values of the spatial attention, Eq. 10: query z,
        key and value [z ; z_R]. They are taken as they are: the reference net has already normed them.
        Returns the block's output and the normed input of its self-attention (what a reference net hands out),
        both (B, L, C).
        """
        tokens = self.norm1(z)
        memory = tokens if prototype is None else cat([tokens, prototype.to(tokens.dtype)], dim=1)
        z = z + self.attn1(tokens, memory)
        z = z + self.attn2(self.norm2(z), context)
        return z + self.ff(self.norm3(z)), tokens


class SpatialTransformer(nn.Module):
    """GroupNorm, 1x1 convolution, one transformer block over the pixels, 1x1 convolution, residual."""

    def __init__(self, width: int, context_width: int, heads: int, groups: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(groups, width, eps=1e-6)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, context_width, heads)])
        self.proj_out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, context: Tensor, prototype: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x (B, C, h, w) -> output (B, C, h, w) and the block's self-attention input (B, h*w, C)."""
        z = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)  # (B, h*w, C)
        z, tokens = self.transformer_blocks[0](z, context, prototype)
        z = z.transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(z), tokens
