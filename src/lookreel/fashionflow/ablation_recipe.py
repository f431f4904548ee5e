"""FashionFlow's ablation: the conditioning of Table 2, and the open questions about convolutions and attention.

All three tables have the paper's network as a line, so it is trained once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lookreel.fashionflow.config import FashionFlowConfig, NetConfig, mini, paper
from lookreel.fashionflow.config import toy as toy_config
from lookreel.training.task import Settings

PAPER = {
    "global only": (2.891, 1812.462, 0.881),
    "local only": (2.801, 2111.037, 1.179),
    "both": (2.965, 1659.546, 0.867),
}
NAMES = ("IS", "FVD", "VFID I3D")  # Table 2's columns: higher is better in the first, lower in the others


@dataclass(frozen=True)
class Row:
    """A film network to train and measure. net: the same change at the paper's size, whose cost is counted."""

    name: str
    config: FashionFlowConfig
    net: NetConfig
    published: dict[str, float] = field(default_factory=dict)
    """The paper's figures of this row, on its own data and at its own size."""

    @property
    def file_name(self) -> str:
        return self.name.replace(" ", "-")


@dataclass(frozen=True)
class Ablation:
    """Rows that are trained alike, on the same clips in the same order, and measured on the same garments."""

    name: str
    rows: tuple[Row, ...]
    tables: dict[str, dict[str, str]]
    """Title of each table -> row -> what the line is called there."""
    settings: Settings
    mannequins: int = 600
    garments: int = 32

    def describe(self) -> dict[str, Any]:
        """What the trained models depend on."""
        made = {row.name: row.config.to_json() for row in self.rows}
        return {"rows": made, "settings": asdict(self.settings), "mannequins": self.mannequins}


def whole() -> Ablation:
    """All rows, in about an hour on two cores."""
    config = _base()
    every = replace(config, photo_in_every_frame=True, net=replace(config.net, in_channels=8))
    conditions = {
        "both": config,
        "global only": replace(config, local=False),
        "local only": replace(config, global_=False),
        "photo in every frame": every,
    }
    nets = {
        "2-D convolutions": {"convolution": "2d"},
        "3-D convolutions": {"convolution": "3d"},
        "spatial attention": {"attention": "spatial"},
        "temporal attention": {"attention": "temporal"},
        "no attention": {"attention": "none"},
    }
    net = paper().net
    rows = [Row(name, made, net, _published(name)) for name, made in conditions.items()]
    rows += [
        Row(name, replace(config, net=replace(config.net, **change)), replace(net, **change))
        for name, change in nets.items()
    ]
    settings = Settings(
        steps=600, batch=4, lr=1e-3, warmup=50, decay=0.3, average=0.99, save_every=150, probe_every=10_000
    )
    return Ablation("fashionflow", tuple(rows), _tables(), settings)


def _base() -> FashionFlowConfig:
    """The bundled model as the paper conditions it, without the interpolation network, at a quarter of its cost."""
    config = mini()
    net = replace(config.net, in_channels=4)
    return replace(
        config,
        size=(96, 64),
        frames=8,
        fps=4.0,
        net=net,
        interpolation=None,
        photo_in_every_frame=False,
        noise_scale=1.0,
        interpolation_noise_scale=1.0,
    )


def _published(name: str) -> dict[str, float]:
    return dict(zip(NAMES, PAPER[name], strict=True)) if name in PAPER else {}


def _tables() -> dict[str, dict[str, str]]:
    return {
        "Local and global conditioning (Table 2)": {
            "global only": "global only",
            "local only": "local only",
            "both": "both",
            "photo in every frame": "both, and the photo in every frame (as `mini-fashionflow` is)",
        },
        "Convolutions (section 3.2)": {"both": "pseudo-3D", "2-D convolutions": "2-D", "3-D convolutions": "full 3-D"},
        "Attention (section 3.5)": {
            "both": "over space and time",
            "spatial attention": "over space",
            "temporal attention": "over time",
            "no attention": "none",
        },
    }


def toy() -> Ablation:
    """Two rows in seconds: for tests."""
    config = toy_config()
    net = replace(config.net, in_channels=4)
    base = replace(config, net=net, interpolation=None, photo_in_every_frame=False)
    settings = Settings(steps=1, batch=1, lr=1e-3, precision="no", log_every=1, probe_every=10, save_every=1)
    rows = (Row("both", base, net, _published("both")), Row("global only", replace(base, local=False), net))
    tables = {"Toy": {"both": "both", "global only": "global only"}}
    return Ablation("toy-fashionflow", rows, tables, settings, mannequins=1, garments=2)


ABLATIONS: dict[str, Callable[[], Ablation]] = {"fashionflow": whole}
