"""Stance: how the figure of one seed holds its arms and feet."""

from dataclasses import dataclass

import numpy as np

from lookreel.data.mannequin.streams import stream


@dataclass(frozen=True)
class Stance:
    """Pairs are (right, left). upper_out, fore_out: angles from hanging, outwards, of upper arm and forearm;
    upper_ahead, fore_ahead: forwards. feet: half the distance between the ankles; lean: of the neck towards the left,
    hip: greatest shift of the hips, both in figure heights."""

    upper_out: np.ndarray
    fore_out: np.ndarray
    upper_ahead: np.ndarray
    fore_ahead: np.ndarray
    feet: float
    lean: float
    hip: float

    @classmethod
    def of(cls, seed: int) -> "Stance":
        rng = stream(seed, "stance")
        upper, fore = np.zeros(2), np.zeros(2)
        for side, kind in enumerate(_arms(rng)):
            ranges = {
                "hang": ((0.14, 0.28), (0.0, 0.14)),
                "out": ((0.3, 0.5), (0.2, 0.45)),
                "hip": ((0.62, 0.72), (-0.8, -0.65)),
            }
            upper[side], fore[side] = (rng.uniform(*ends) for ends in ranges[kind])
        return cls(
            upper_out=upper,
            fore_out=fore,
            upper_ahead=rng.uniform(-0.12, 0.06, 2),
            fore_ahead=rng.uniform(0.02, 0.25, 2),
            feet=rng.uniform(0.035, 0.075),
            lean=rng.uniform(-0.008, 0.008),
            hip=rng.uniform(0.004, 0.012),
        )


def _arms(rng: np.random.Generator) -> list[str]:
    """Right and left: mostly hanging, sometimes held out, now and then a hand on the hip."""
    both = str(rng.choice(["hang", "hang", "hang", "out", "hip"]))
    other = str(rng.choice(["hang", "out", "hip"]))
    return [both, other] if rng.random() < 0.25 else [both, both]
