"""The VGG loss: L1 between the VGG19 features of two pictures.

Johnson et al. 2016, with pix2pixHD's five layers and weights (Wang et al. 2018). DreamPose's column of that name cites
only the former; its layers and scale are not published, so the two are not comparable.
"""

import torch
from torch import Tensor, nn

from lookreel.metrics.trunks import Trunk

WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)  # relu1_1 to relu5_1


class VGGLoss(nn.Module):
    """Pictures (B, 3, H, W) in [0, 1] -> loss (B,)."""

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[None, :, None, None], persistent=False)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        pairs = zip(self.trunk((a - self.mean) / self.std), self.trunk((b - self.mean) / self.std), strict=True)
        terms = [(left - right).abs().mean((1, 2, 3)) for left, right in pairs]
        return sum(weight * term for weight, term in zip(WEIGHTS, terms, strict=True))
