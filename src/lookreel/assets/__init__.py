"""Package data: bundled models, detectors, motions and photos."""

from pathlib import Path

HERE = Path(__file__).parent
MODELS, MOTIONS, PHOTOS = HERE / "models", HERE / "motions", HERE / "photos"
DETECTORS = HERE / "detectors"
