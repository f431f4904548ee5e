"""What things cost beside each other, in one process: python -m lookreel.profashion.bench (`make bench`).

Times are ratios of medians over runs in ABBA order, so that a busy machine slows both sides alike. The weights are
random, at the bundled model's width: the cost of a step does not depend on what was learned.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from lookreel.profashion.conditions import Conditions
from lookreel.profashion.config import ProFashionConfig, mini
from lookreel.profashion.model import ProFashion

FRAMES = 16


def guided_step(config: ProFashionConfig, references: int) -> Callable[[], None]:
    """One sampler step of a 16-frame window with guidance, conditions already read."""
    torch.manual_seed(0)
    model = ProFashion(config).eval()
    conditions = _conditions(model, references)
    z, t = torch.randn(FRAMES, 4, *config.latent_size), torch.full((FRAMES,), 500)
    zero = torch.zeros(FRAMES, 1, config.unet.cross_attention_dim)

    @torch.inference_mode()
    def step() -> None:
        z_R = model.prototypes(conditions.features, conditions.m)
        model.denoiser.video(z, t, conditions.semantic, z_R, conditions.pose, FRAMES)
        model.denoiser.video(z, t, zero, {}, conditions.pose, FRAMES)

    return step


@torch.inference_mode()
def _conditions(model: ProFashion, references: int) -> Conditions:
    config = model.config
    embeddings = torch.randn(1, references, config.unet.cross_attention_dim)
    latents = torch.randn(references, 4, *config.latent_size)
    features = model.reference_encoder(latents[None], embeddings)
    poses, photos = torch.rand(1, FRAMES, 3, *config.size), torch.rand(1, references, 3, *config.size)
    m = model.weights(poses, photos)
    return Conditions(latents, features, m, model.semantic(embeddings, m), model.pose_guider(poses[0]))


def ratio(one: Callable[[], None], other: Callable[[], None], rounds: int = 5) -> float:
    """Median time of `one` over the median time of `other`, run in ABBA order after one warm-up each."""
    one()
    other()
    times: dict[Callable[[], None], list[float]] = {one: [], other: []}
    for _ in range(rounds):
        for run in (one, other, other, one):
            began = time.perf_counter()
            run()
            times[run].append(time.perf_counter() - began)
    return statistics.median(times[one]) / statistics.median(times[other])


def main() -> None:
    config = mini()
    three = guided_step(config, 3)
    still = replace(config, flow_sites=(), motion_sites=())
    rows = {
        "three references / one": ratio(three, guided_step(config, 1)),
        "three references, concatenated / PPA": ratio(guided_step(replace(config, aggregator="concat"), 3), three),
        "with flow attention / without": ratio(three, guided_step(replace(config, flow_sites=()), 3)),
        "with motion layers / image network": ratio(three, guided_step(still, 3)),
    }
    print(json.dumps({name: round(value, 3) for name, value in rows.items()}, indent=2))


if __name__ == "__main__":
    main()
