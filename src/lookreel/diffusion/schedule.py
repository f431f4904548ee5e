"""The noise schedule: zero-terminal-SNR betas (Lin et al. 2024, algorithm 1), trailing timesteps, v-prediction.

Symbols: alpha = sqrt(alpha_bar_t), sigma = sqrt(1 - alpha_bar_t);  x = alpha x0 + sigma eps;  v = alpha eps - sigma x0.
A timestep t is an int, or an integer tensor (B,) with one entry per sample of x (B, ...); t = -1 is clean data.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from lookreel.errors import InputError


@dataclass(frozen=True)
class Schedule:
    """How much signal is left at each of the T training timesteps.

    train_steps: T.
    beta_start, beta_end: ends of the noise rate, Stable Diffusion's by default.
    kind: "scaled_linear" (linear in sqrt(beta)), "linear" (what the open Animate Anyone samples with), "cosine_ramp"
        (beta rises as half a cosine wave: FashionFlow's code) or "cosine" (Nichol and Dhariwal; has no ends).
    zero_snr: rescale so that the last timestep holds no signal; eps-prediction needs False.
    """

    train_steps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012
    kind: Literal["scaled_linear", "linear", "cosine_ramp", "cosine"] = "scaled_linear"
    zero_snr: bool = True

    @cached_property
    def alphas_cumprod(self) -> Tensor:
        """alpha_bar: float64 (T,), falling from .99915 to 0 (to a small positive value without zero_snr)."""
        alpha_bar = torch.cumprod(1 - self.betas(), dim=0)
        return zero_terminal_snr(alpha_bar) if self.zero_snr else alpha_bar

    def betas(self) -> Tensor:
        """The noise rate of every timestep before any rescaling: float64 (T,)."""
        if self.kind == "cosine":
            return _cosine_betas(self.train_steps)
        if self.kind == "cosine_ramp":
            ramp = (1 - torch.cos(torch.linspace(0, torch.pi, self.train_steps, dtype=torch.float64))) / 2
            return self.beta_start + (self.beta_end - self.beta_start) * ramp
        power = {"linear": 1, "scaled_linear": 2}[self.kind]
        ends = self.beta_start ** (1 / power), self.beta_end ** (1 / power)
        return torch.linspace(*ends, self.train_steps, dtype=torch.float64) ** power

    @cached_property
    def _table(self) -> Tensor:
        # clean data is the entry after the last, so that index -1 finds it
        return torch.cat([self.alphas_cumprod, torch.ones(1, dtype=torch.float64)])

    def alpha_bar(self, t: int) -> float:
        """alpha_bar at timestep t in [-1, T); exactly 1.0 at t = -1."""
        return self._table[t].item()

    def roots(self, t: int) -> tuple[float, float]:
        """(alpha, sigma) at timestep t in [-1, T)."""
        alpha_bar = self.alpha_bar(t)
        return alpha_bar**0.5, (1 - alpha_bar) ** 0.5

    def snr(self, t: Tensor) -> Tensor:
        """Signal-to-noise ratio alpha^2 / sigma^2: float64, of t's shape and device; t in [0, T)."""
        return (self.alphas_cumprod / (1 - self.alphas_cumprod)).to(t.device)[t]

    def trailing_timesteps(self, steps: int) -> list[int]:
        """The timesteps at which the network is asked, falling from T - 1: round(T - i T / steps) - 1.

        Raises InputError unless 1 <= steps <= T.
        """
        if not 1 <= steps <= self.train_steps:
            raise InputError(f"steps: found {steps}; expected a whole number from 1 to {self.train_steps}")
        return [round(self.train_steps - i * self.train_steps / steps) - 1 for i in range(steps)]

    def leading_timesteps(self, steps: int, offset: int = 1) -> list[int]:
        """The timesteps of Stable Diffusion's own samplers, falling to `offset` in whole strides of T // steps.

        Raises InputError unless 1 <= steps <= T.
        """
        if not 1 <= steps <= self.train_steps:
            raise InputError(f"steps: found {steps}; expected a whole number from 1 to {self.train_steps}")
        stride = self.train_steps // steps
        return [min(i * stride + offset, self.train_steps - 1) for i in reversed(range(steps))]

    def add_noise(self, x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """x = alpha x0 + sigma noise, of x0's shape, dtype and device."""
        alpha, sigma = self._roots_like(x0, t)
        return alpha * x0 + sigma * noise

    def velocity(self, x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """The target of v-prediction, v = alpha noise - sigma x0 (Salimans and Ho 2022)."""
        alpha, sigma = self._roots_like(x0, t)
        return alpha * noise - sigma * x0

    def x0_from_v(self, x: Tensor, v: Tensor, t: int | Tensor) -> Tensor:
        """x0 = alpha x - sigma v."""
        alpha, sigma = self._roots_like(x, t)
        return alpha * x - sigma * v

    def eps_from_v(self, x: Tensor, v: Tensor, t: int | Tensor) -> Tensor:
        """eps = alpha v + sigma x."""
        alpha, sigma = self._roots_like(x, t)
        return alpha * v + sigma * x

    def v_from_eps(self, x: Tensor, eps: Tensor, t: int | Tensor) -> Tensor:
        """v = (eps - sigma x) / alpha: lets the samplers drive an eps-predicting network; needs zero_snr=False."""
        alpha, sigma = self._roots_like(x, t)
        return (eps - sigma * x) / alpha

    def _roots_like(self, x: Tensor, t: int | Tensor) -> tuple[Tensor, Tensor] | tuple[float, float]:
        if isinstance(t, int):
            return self.roots(t)
        # the roots are taken in float64 before the cast: 1 - alpha_bar cancels in half precision
        roots = torch.stack([self._table.sqrt(), (1 - self._table).sqrt()]).to(x.dtype).to(x.device)
        alpha, sigma = roots[:, t.to(x.device)].reshape(2, -1, *(1,) * (x.ndim - 1))
        return alpha, sigma


def _cosine_betas(train_steps: int, offset: float = 0.008, largest: float = 0.999) -> Tensor:
    """Nichol and Dhariwal 2021, eq. 17: alpha_bar falls as a squared cosine; no beta is above `largest`."""
    time = torch.arange(train_steps + 1, dtype=torch.float64) / train_steps
    alpha_bar = torch.cos((time + offset) / (1 + offset) * torch.pi / 2).square()
    return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp(max=largest)


def zero_terminal_snr(alpha_bar: Tensor) -> Tensor:
    """Lin et al. 2024, algorithm 1: shift and scale sqrt(alpha_bar) so that it ends at 0 and begins where it did.

    alpha_bar: (T,), falling; the same comes back, with a last entry of exactly 0.
    """
    root = alpha_bar.sqrt()
    first, last = root[0], root[-1]
    return ((root - last) * (first / (first - last))) ** 2
