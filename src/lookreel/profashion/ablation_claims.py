"""What the ablation is to decide: the orders of the paper's tables, and those that a user would expect beside."""

from __future__ import annotations

from lookreel.profashion.ablation_recipe import Claim

PAPER_TABLE3 = {
    2.5: {"SSIM": "0.859", "PSNR": "22.67", "LPIPS": "0.103", "FVD": "147.63"},
    3.5: {"SSIM": "0.885", "PSNR": "23.57", "LPIPS": "0.086", "FVD": "126.92"},
    5.0: {"SSIM": "0.871", "PSNR": "22.23", "LPIPS": "0.109", "FVD": "196.1"},
    7.5: {"SSIM": "0.859", "PSNR": "22.20", "LPIPS": "0.105", "FVD": "210.2"},
}
# Reasons, shown where an order does not hold.
FLOW = """\
**Flow attention against temporal layers alone.** In this world photos and poses leave little open that frames would
have to agree on: flicker is mostly each frame's own error, and neighbours are asked at equal places as well as along
the flow. Tried: the joints' flow as the target, hardly nearer to a turning garment's than none, which taught wrong
offsets; 400 steps instead of 800, which did not move the warp error of two films; the exact flow of the body's surface,
which is what is shown. On `mini`, after 1,700 steps of flow attention alone, films without it flicker a little more
(README)."""
GUIDANCE = """\
**Guidance.** These small, shortly trained networks bear less of it than the paper's: it magnifies their errors with the
rest. How VGC, which does not mind contrast, goes with the scale stands in the table below."""
COSINE = """\
**The selector's similarity.** How often either is right after equally many steps stands in the table of the selector
below; the gap between the two is to be read beside that between PPA and the average."""


def paper_claims() -> tuple[Claim, ...]:
    """What the paper's tables order, in our measures."""
    others = [(scale, f"guidance-{scale:g}") for scale in PAPER_TABLE3 if scale != 3.5]
    return (
        Claim("mean", "first", "psnr", "the average of several photos beats one (Table 1)"),
        Claim("concat", "mean", "psnr", "concatenated photos beat their average (Table 1)"),
        Claim("ppa", "concat", "psnr", "PPA beats concatenated photos (Table 1)"),
        Claim("ppa", "mean", "psnr", "PPA beats the average (Table 1)"),
        Claim("ppa", "first", "psnr_back", "PPA beats one photo, on the back (Fig. 1)"),
        Claim("ppa", "full", "psnr", "PPA beats full attention (Fig. 7)"),
        Claim("fta", "ppa", "psnr", "PPA + FTA beats PPA (Table 1)"),
        *(
            claim
            for measure in ("warp", "dtssd")
            for claim in (
                Claim("fta", "ppa", measure, "PPA + FTA flickers less than PPA (Table 1, FVD)"),
                Claim("fta", "temporal", measure, "FTA flickers less than temporal layers alone (section 3.5)", FLOW),
                Claim("fta", "fta-unsupervised", measure, "supervised offsets flicker less (section 3.6)", FLOW),
            )
        ),
        *(Claim("guidance-3.5", row, "psnr", f"guidance 3.5 beats {s:g} (Table 3)", GUIDANCE) for s, row in others),
    )


def our_claims() -> tuple[Claim, ...]:
    """What a user would expect beside."""
    return (
        Claim("ppa", "photos-1", "psnr_back", "with the back photo the back is closer than without any but the front"),
        Claim("ppa", "photos-no-back", "psnr_back", "a missing back photo costs the back"),
        Claim("ppa", "photos-random", "psnr", "photos by view beat photos at random (appendix A)"),
        Claim("photos-6", "ppa", "psnr", "six photos beat three"),
        Claim("ppa", "cosine", "psnr", "a dot product selects better than a cosine", COSINE),
    )
