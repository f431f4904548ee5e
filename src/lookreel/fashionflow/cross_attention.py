"""Cross-attention to the photo's tokens (FashionFlow, sections 3.4 and 3.5, Fig. 2c): the global condition.

The tokens of all frames (h w f) attend together. Parameter names are the published network's.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from lookreel.fashionflow.pseudo3d import each_frame


class PhotoAttention(nn.Module):
    """Multi-head attention to other tokens, Eq. 3: q, k, v without bias, output with bias."""

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(context_width, width, bias=False)
        self.v_proj = nn.Linear(context_width, width, bias=False)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, L, C), context (B, M, D) -> (B, L, C)."""
        parts = self.q_proj(x), self.k_proj(context), self.v_proj(context)
        q, k, v = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        return self.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Pointwise(nn.Module):
    """A 1x1 convolution under the name that the published network gives it; it begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial_conv = nn.Conv2d(width, width, 1)
        nn.init.dirac_(self.spatial_conv.weight)
        nn.init.zeros_(self.spatial_conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        return each_frame(self.spatial_conv, x)


class CrossAttention(nn.Module):
    """Attention to the photo and a gated feed-forward, each pre-normed with a residual, then a 1x1 convolution.

    As in the published network the convolution's output replaces x: there is no residual around the whole. So that
    the network learns from the first step, the convolution begins as the identity, both branches as nothing.
    """

    def __init__(self, width: int, context_width: int, heads: int) -> None:
        super().__init__()
        self.layernorm_2 = nn.LayerNorm(width)
        self.attention_2 = PhotoAttention(width, context_width, heads)
        self.layernorm_3 = nn.LayerNorm(width)
        self.linear_geglu_1 = nn.Linear(width, 8 * width)
        self.linear_geglu_2 = nn.Linear(4 * width, width)
        self.conv_output = Pointwise(width)
        for layer in (self.attention_2.out_proj, self.linear_geglu_2):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, C, F, h, w), context (B, M, D) -> the shape of x."""
        z = x.permute(0, 2, 3, 4, 1).flatten(1, 3)  # (B, F*h*w, C)
        z = z + self.attention_2(self.layernorm_2(z), context)
        value, gate = self.linear_geglu_1(self.layernorm_3(z)).chunk(2, dim=-1)
        z = z + self.linear_geglu_2(value * F.gelu(gate))
        return self.conv_output(z.unflatten(1, x.shape[2:]).permute(0, 4, 1, 2, 3))
