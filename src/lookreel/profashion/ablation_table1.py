"""The ablations of the paper in the mannequin world: Table 1, Table 3, Fig. 7, and what users ask beside them.

Sized for two CPU cores: 64x48, where bold prints survive the VAE, two thirds of `mini`'s widths, short schedules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from lookreel.nets.unet_config import UNetConfig
from lookreel.profashion import config as configs
from lookreel.profashion.ablation_claims import PAPER_TABLE3, our_claims, paper_claims
from lookreel.profashion.ablation_recipe import BY_VIEW, Ablation, Row, Training
from lookreel.profashion.batches import Sampling
from lookreel.profashion.config import ProFashionConfig
from lookreel.training.task import Settings

PAPER_TABLE1 = {
    "first": {"SSIM": "0.829", "PSNR": "20.84", "LPIPS": "0.127", "FVD": "268.50"},
    "mean": {"SSIM": "0.838", "PSNR": "21.36", "LPIPS": "0.125", "FVD": "205.45"},
    "concat": {"SSIM": "0.841", "PSNR": "22.08", "LPIPS": "0.122", "FVD": "201.89"},
    "ppa": {"SSIM": "0.867", "PSNR": "23.44", "LPIPS": "0.094", "FVD": "196.95"},
    "fta": {"SSIM": "0.885", "PSNR": "23.57", "LPIPS": "0.086", "FVD": "126.92"},
}
AGGREGATORS = {
    "first": "one photo (Animate Anyone)",
    "mean": "average of the photos",
    "concat": "photos concatenated",
    "ppa": "PPA",
    "full": "full attention instead of PPA (Fig. 7)",
}
SCALES = (1.0, 1.5, 2.5, 3.5, 5.0, 7.5)
# The first three are the photos by view; then the other side, and between them.
ORDER = (*BY_VIEW, -math.pi / 2, math.pi / 4, -3 * math.pi / 4)


def table1() -> Ablation:
    """All rows, in about two hours on two idle cores: see docs/ablation.md."""
    unet = UNetConfig(
        block_out_channels=(32, 64, 96),
        layers_per_block=1,
        down_attention=(False, True, True),
        up_attention=(True, True, True),
        attention_head_dim=(1, 2, 3),
        cross_attention_dim=64,
        norm_num_groups=16,
        positions=5,
    )
    config = replace(configs.mini(), size=(64, 48), unet=unet, sampler="multistep", guidance=1.5, mirror_sides=False)
    pictures = Settings(
        steps=1500, batch=4, lr=5e-4, warmup=100, decay=0.2, average=0.995, precision="no", save_every=250
    )
    clips = replace(pictures, steps=800, batch=2, decay=0.7, average=0.98, save_every=50)
    return Ablation(
        name="table1",
        config=config,
        trainings=trainings(config, pictures, clips, Sampling(noise_power=2.0)),
        rows=(*table1_rows(), *guidance_rows(config.guidance), *photo_rows()),
        claims=(*paper_claims(), *our_claims()),
    )


def toy() -> Ablation:
    """A few rows in seconds: for tests."""
    config = replace(
        configs.toy(), unet=replace(configs.toy().unet, cross_attention_dim=64), window=4, overlap=1, guidance=2.5
    )
    few = Settings(steps=2, batch=1, lr=1e-3, precision="no", log_every=1, save_every=1)
    names = ("vae", "first", "ppa", "temporal", "fta", "guidance-1", "photos-random", "motion-another")
    rows = (*table1_rows(), *guidance_rows(config.guidance), *photo_rows())
    made = trainings(config, few, few, Sampling(targets=2), frames=4)
    return Ablation(
        name="toy",
        config=config,
        trainings=tuple(training for training in made if training.name in names),
        rows=tuple(row for row in rows if row.name in names),
        claims=tuple(claim for claim in paper_claims() if {claim.better, claim.worse} <= set(names)),
        mannequins=2,
        garments=3,
        clip_frames=4,
        frames=4,
        steps=1,
        at_once=2,
    )


def trainings(
    config: ProFashionConfig, pictures: Settings, clips: Settings, sampling: Sampling, frames: int = 16
) -> tuple[Training, ...]:
    """Stage 1 for each aggregator and for the cosine selector; stage 2 in three ways from PPA's stage 1."""
    still = replace(config, flow_sites=(), motion_sites=())
    cosine = replace(still, selector=replace(config.selector, similarity="cosine"))
    first = {name: replace(still, aggregator=name) for name in AGGREGATORS} | {"cosine": cosine}
    moving = replace(sampling, targets=frames, flow="surface")
    temporal = replace(config, flow_sites=())
    return (
        *(Training(name, made, pictures, sampling) for name, made in first.items()),
        Training("temporal", temporal, clips, moving, start="ppa", offset_weight=0.0),
        Training("fta-unsupervised", config, clips, moving, start="ppa", offset_weight=0.0),
        Training("fta", config, clips, moving, start="ppa"),
    )


def table1_rows() -> tuple[Row, ...]:
    """Each training once, made alike; and the ceiling."""
    more = {
        "temporal": "PPA + temporal layers, without FTA",
        "fta-unsupervised": "PPA + FTA, offsets unsupervised (lambda 0)",
        "fta": "PPA + FTA (ProFashion)",
    }
    lines = [Row(n, t, n, "table1", published=PAPER_TABLE1.get(n, {})) for n, t in (AGGREGATORS | more).items()]
    cosine = Row("cosine", "PPA, selector compares by cosine", "cosine", "table1")
    return Row("vae", "ceiling: the truth through the VAE", None, "table1"), *lines, cosine


def guidance_rows(own: float) -> tuple[Row, ...]:
    """Table 3 on the PPA model; the model's own scale is the PPA row itself."""
    return tuple(
        Row(f"guidance-{s:g}", f"guidance {s:g}", "ppa", "guidance", guidance=s, published=PAPER_TABLE3.get(s, {}))
        for s in SCALES
        if s != own
    )


def photo_rows() -> tuple[Row, ...]:
    """The PPA model with other photos and another motion."""
    counts = [Row(f"photos-{n}", _photos(n), "ppa", "photos", yaws=ORDER[:n]) for n in range(1, 7) if n != 3]
    return (
        *counts,
        Row("photos-random", "three photos at random yaws", "ppa", "photos", yaws=None),
        Row("photos-no-back", "the back photo missing", "ppa", "photos", yaws=(BY_VIEW[0], BY_VIEW[2])),
        Row("motion-another", "another figure's motion", "ppa", "photos", another_motion=True),
    )


def _photos(count: int) -> str:
    words = ("front", "back", "one side", "the other side", "halfway to the front", "halfway to the back")
    return f"{count} photo{'s' * (count > 1)}: {', '.join(words[:count])}"


ABLATIONS: dict[str, Callable[[], Ablation]] = {"table1": table1, "toy": toy}
