"""Wardrobe: the outfit of one seed; front and back of the trunk differ in print, half the time in base colour too."""

from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.colors import apart, cloth
from lookreel.data.mannequin.fabric import PATTERNS, Cloth, Panel
from lookreel.data.mannequin.letters import LETTERS
from lookreel.data.mannequin.motifs import SHAPES
from lookreel.data.mannequin.streams import stream

KINDS = ("dress", "dress", "dress", "shirt+trousers", "shirt+trousers", "shirt+skirt", "shirt+skirt", "coat")


@dataclass(frozen=True)
class Outfit:
    """Lengths in figure heights.

    kind: one of KINDS. top: cloth of the dress, the shirt or the coat; bottom: of the skirt or the trousers; inner: of
    the shirt under an open coat. ease: room between body and top. straight: 0 follows the waist, 1 falls straight from
    the chest. neckline: how far it dips at the front. sleeve: 0 none, up to 1 the share of the upper arm, up to 2 one
    more than the share of the forearm; sleeve_flare: widening at the wrist, in arm radii. top_hem: where a shirt ends.
    hem: where a dress or a skirt ends; flare: extra half-width there; folds: their number. leg: where trousers end;
    leg_flare: 0 narrow, 1 wide. coat_open: radians to each side of the front; 0 is buttoned.
    """

    kind: str
    top: Cloth
    bottom: Cloth
    inner: Cloth
    sleeves: Cloth
    ease: float
    straight: float
    neckline: float
    sleeve: float
    sleeve_flare: float
    top_hem: float
    hem: float
    flare: float
    folds: int
    leg: float
    leg_flare: float
    coat_open: float
    shoes: np.ndarray
    boots: bool

    @property
    def coat_hem(self) -> float:
        """Where a coat ends: never as low as a long dress."""
        return 0.2 + 0.6 * max(self.hem - 0.09, 0)

    @property
    def cover(self) -> float:
        """Height above which legs are hidden by a skirt or a closed coat; beyond the body where nothing hides them."""
        if self.kind == "coat":
            return 2.0 if self.coat_open else self.coat_hem + 0.004
        return 2.0 if self.kind == "shirt+trousers" else self.hem + 0.008

    @classmethod
    def of(cls, seed: int) -> "Outfit":
        rng = stream(seed, "garment")
        kind = KINDS[rng.integers(len(KINDS))]
        two_tone = rng.random() < 0.5
        top = _printed(rng, two_tone)
        bottom = _lower(rng, top, two_tone)
        inner = _printed(rng, False)
        loose = rng.random() ** 1.5
        sleeve = float(rng.choice([0.0, 0.45, 0.6, 0.95, 1.5, 1.92, 1.92]))
        raglan = rng.random() < 0.2
        color = apart(rng, top.front.base, top.back.base, least=0.4)
        coat_open = float(rng.choice([0.0, 0.35, 0.6]))
        if kind == "coat" and coat_open:
            top = Cloth(top.front.plain(), top.back)
        return cls(
            kind=kind,
            top=top,
            bottom=top.plain() if kind == "dress" and rng.random() < 0.6 else bottom,
            inner=inner,
            sleeves=Cloth(Panel(color), Panel(color)) if raglan else top.plain(),
            ease=0.006 + 0.014 * loose,
            straight=float(loose),
            neckline=float(rng.choice([0.008, 0.012, 0.025, 0.04])),
            sleeve=1.92 if kind == "coat" else sleeve,
            sleeve_flare=float(rng.choice([0.15, 0.3, 0.8])),
            top_hem=float(rng.uniform(0.495, 0.57)),
            hem=float(rng.uniform(0.09, 0.38)),
            flare=float(rng.choice([0.0, 0.03, 0.06, 0.10])),
            folds=int(rng.integers(6, 12)),
            leg=float(rng.choice([0.06, 0.06, 0.10, 0.33])),
            leg_flare=float(rng.choice([0.2, 0.5, 1.2])),
            coat_open=coat_open,
            shoes=cloth(rng) * np.float32(0.8),
            boots=bool(rng.random() < 0.3),
        )


def _printed(rng: np.random.Generator, two_tone: bool) -> Cloth:
    """Cloth of the trunk: a motif or a bold pattern on each side, never the same on both."""
    front = cloth(rng)
    back = apart(rng, front, least=0.7) if two_tone else front
    styles = rng.permutation(["letter", "shape", "shape", "letter", "pattern", "shape"])[:2]
    names = [*rng.permutation(LETTERS)[:2], *rng.permutation(SHAPES)[:2], *rng.permutation(PATTERNS)[:2]]
    panels = []
    for side, (style, base) in enumerate(zip(styles, (front, back), strict=True)):
        ink = apart(rng, base, front if side else base, least=0.65)
        period = float(rng.uniform(0.055, 0.095))
        if style == "pattern":
            panels.append(Panel(base, str(names[4 + side]), ink, period))
            continue
        motif = str(names[side] if style == "letter" else names[2 + side])
        radius, centre = float(rng.uniform(0.072, 0.095)), float(rng.uniform(0.69, 0.715))
        aside = float(rng.uniform(-0.012, 0.012))
        faint = base + (0.5 - base) * np.float32(0.28)
        pattern = PATTERNS[rng.integers(3)] if rng.random() < 0.3 else ""
        panels.append(Panel(base, pattern, faint, period, motif, ink, radius, centre, aside))
    return Cloth(panels[0], panels[1])


def _lower(rng: np.random.Generator, top: Cloth, two_tone: bool) -> Cloth:
    """Cloth of skirt or trousers: often patterned; two colours only under a two-tone top, and then mostly."""
    front = apart(rng, top.front.base, top.back.base, least=0.4)
    split = rng.random() < 0.7
    back = apart(rng, front, least=0.7) if two_tone and split else front
    pattern = str(rng.choice(["", "", "", *PATTERNS]))
    ink, period = apart(rng, front, back, least=0.5), float(rng.uniform(0.05, 0.09))
    return Cloth(Panel(front, pattern, ink, period), Panel(back, pattern, ink, period))
