"""FashionFlow's ablations: the conditioning of Table 2, and the open questions about convolutions and attention."""

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
        return self.name.replace(", ", "-").replace(" ", "-")


@dataclass(frozen=True)
class Ablation:
    """Rows that are trained alike, on the same clips in the same order, and measured on the same garments."""

    title: str
    rows: tuple[Row, ...]
    settings: Settings
    mannequins: int = 600
    garments: int = 24

    def describe(self) -> dict[str, Any]:
        """What the trained models depend on."""
        return {"rows": {row.name: row.config.to_json() for row in self.rows}, "settings": asdict(self.settings)}


def _base() -> FashionFlowConfig:
    """The bundled model as the paper conditions it, without the interpolation network."""
    config = mini()
    net = replace(config.net, in_channels=4)
    return replace(config, net=net, interpolation=None, photo_in_every_frame=False)


def _settings() -> Settings:
    return Settings(steps=900, batch=4, lr=1e-3, warmup=50, decay=0.3, average=0.99, save_every=150, probe_every=10_000)


def conditioning() -> Ablation:
    """Table 2, and what the bundled model adds to it: the photo's latent in every frame."""
    config, net = _base(), paper().net
    every = replace(config, photo_in_every_frame=True, net=replace(config.net, in_channels=8))
    changed = {
        "global only": replace(config, local=False),
        "local only": replace(config, global_=False),
        "both": config,
        "both, photo in every frame": every,
    }
    rows = [
        Row(name, made, net, dict(zip(NAMES, PAPER[name], strict=True)) if name in PAPER else {})
        for name, made in changed.items()
    ]
    return Ablation("Local and global conditioning (Table 2)", tuple(rows), _settings())


def convolutions() -> Ablation:
    """Pseudo-3D convolutions against 2-D and full 3-D ones."""
    return Ablation("Convolutions (section 3.2)", _rows("convolution", ("pseudo3d", "2d", "3d")), _settings())


def attention() -> Ablation:
    """Attention over space, time, both or neither."""
    return Ablation("Attention (section 3.5)", _rows("attention", ("both", "spatial", "temporal", "none")), _settings())


def _rows(name: str, words: tuple[str, ...]) -> tuple[Row, ...]:
    config, net = _base(), paper().net
    made = [(word, replace(config, net=replace(config.net, **{name: word}))) for word in words]
    return tuple(Row(word, changed, replace(net, **{name: word})) for word, changed in made)


def toy() -> Ablation:
    """Two rows in seconds: for tests."""
    config = toy_config()
    net = replace(config.net, in_channels=4)
    base = replace(config, net=net, interpolation=None, photo_in_every_frame=False)
    settings = Settings(steps=1, batch=1, lr=1e-3, precision="no", log_every=1, probe_every=10, save_every=1)
    rows = (Row("both", base, net), Row("global only", replace(base, local=False), net))
    return Ablation("Toy", rows, settings, mannequins=1, garments=2)


ABLATIONS: dict[str, Callable[[], Ablation]] = {
    "fashionflow-table2": conditioning,
    "fashionflow-convolutions": convolutions,
    "fashionflow-attention": attention,
}
