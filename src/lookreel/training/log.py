"""The log of a training: JSON lines, tensorboard, sample pictures."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

from PIL import Image
from torch import Tensor


class Log:
    """Writes out/log.jsonl, out/tensorboard and out/samples/*.png; lines after step `first` are dropped on resume."""

    def __init__(self, out: Path, first: int, writes: bool) -> None:
        self.out, self.first, self.writes = out, first, writes

    def __enter__(self) -> Log:
        if not self.writes:
            return self
        from torch.utils.tensorboard import SummaryWriter

        path = self.out / "log.jsonl"
        kept = path.read_text().splitlines() if path.exists() else []
        kept = [line for line in kept if _step(line) <= self.first]
        path.write_text("".join(line + "\n" for line in kept))
        self.file = path.open("a")
        self.board = SummaryWriter(str(self.out / "tensorboard"), purge_step=self.first + 1)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.writes:
            self.file.close()
            self.board.close()

    def figures(self, step: int, values: dict[str, float]) -> None:
        self.file.write(json.dumps({"step": step} | {k: round(v, 6) for k, v in values.items()}) + "\n")
        self.file.flush()
        for name, value in values.items():
            self.board.add_scalar(name, value, step)

    def picture(self, step: int, picture: Tensor) -> None:
        """picture: uint8 (3, H, W)."""
        folder = self.out / "samples"
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(folder / f"{step:07d}.png")
        self.board.add_image("samples", picture, step)


def _step(line: str) -> float:
    """The step of a line; infinite for a line that was cut off."""
    try:
        return json.loads(line)["step"]
    except ValueError:
        return float("inf")
