"""Clip: the figure of one seed in motion, with everything known about it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lookreel.data.mannequin.bare import arms, legs, trunk
from lookreel.data.mannequin.camera import Camera
from lookreel.data.mannequin.clothes import clothes
from lookreel.data.mannequin.colors import apart, backdrop
from lookreel.data.mannequin.head import head
from lookreel.data.mannequin.keypoints import keypoints
from lookreel.data.mannequin.moves import Moves
from lookreel.data.mannequin.physique import Physique
from lookreel.data.mannequin.pose import Pose
from lookreel.data.mannequin.render import Stage, render
from lookreel.data.mannequin.stance import Stance
from lookreel.data.mannequin.streams import MOTIONS, stream
from lookreel.data.mannequin.wardrobe import Outfit
from lookreel.errors import InputError
from lookreel.poses.track import Track


@dataclass(frozen=True)
class Clip:
    """F frames of one dressed figure.

    frames: uint8 (F, 3, H, W). track: 18 keypoints in pixels, confidence 0 where hidden, with `dense`.
    yaw: float32 (F,) radians, 0 faces the camera, pi shows the back; positive turns the face to the picture's right.
    masks: "garment" and "person", bool (F, H, W); garment lies within person.
    flow: float32 (F, 2, H, W), x and y in pixels from frame i to i - 1: what is at p in frame i was at p + flow in
    frame i - 1; zero in the first frame and on the background.
    dense: uint8 (F, 3, H, W), DensePose part 0-24, U and V scaled to 0-255.
    """

    frames: torch.Tensor
    track: Track
    yaw: torch.Tensor
    masks: dict[str, torch.Tensor]
    flow: torch.Tensor
    dense: torch.Tensor

    def __len__(self) -> int:
        return len(self.frames)


def clip(
    seed: int, motion: str = "turn", frames: int = 16, size: tuple[int, int] = (128, 96), fps: float = 12.0
) -> Clip:
    """The figure and garment of `seed` in one of MOTIONS; a pure function of its arguments.

    Raises InputError for an unknown motion, no frames, a negative seed, or a size under 16 pixels.
    """
    if motion not in MOTIONS:
        raise InputError(f"motion {motion!r}: not a motion of the mannequin; expected one of {', '.join(MOTIONS)}")
    if frames < 1 or seed < 0:
        raise InputError(f"frames {frames}, seed {seed}: expected at least one frame and a seed of 0 or more")
    return _filmed(seed, Moves.of(seed, motion, frames, fps), size, fps)


def frames_at(seed: int, yaws: Sequence[float], size: tuple[int, int] = (128, 96)) -> Clip:
    """Stills of the same figure and garment at these yaws (radians); the flow between them is zero."""
    still = _filmed(seed, Moves.still(seed, np.asarray(yaws)), size, 12.0)
    still.flow.zero_()
    return still


def _filmed(seed: int, moves: Moves, size: tuple[int, int], fps: float) -> Clip:
    if min(size) < 16:
        raise InputError(f"size {size[0]}x{size[1]}: too small for a figure; expected at least 16 pixels a side")
    body, outfit = Physique.of(seed), Outfit.of(seed)
    camera = Camera(size, body.height)
    pose = Pose.of(Stance.of(seed), moves)
    pieces = [trunk(pose, body), *clothes(pose, body, outfit), *arms(pose, body), *legs(pose, body, outfit)]
    picture = render([*pieces, *head(pose, body)], _stage(seed, body, outfit), camera, len(moves.yaw))
    points = keypoints(pose, camera, picture.depth)
    tensor = torch.from_numpy
    return Clip(
        frames=tensor(picture.frames),
        track=Track(points, camera.size, fps, "openpose18", picture.dense),
        yaw=tensor(moves.yaw.astype(np.float32)),
        masks={"garment": tensor(picture.garment), "person": tensor(picture.person)},
        flow=tensor(picture.flow),
        dense=tensor(picture.dense),
    )


def _stage(seed: int, body: Physique, outfit: Outfit) -> Stage:
    """Backdrop and light of one seed; the backdrop keeps away from cloth, skin and hair."""
    rng = stream(seed, "stage")
    worn = (outfit.top.front.base, outfit.top.back.base, outfit.bottom.front.base, body.skin, body.hair)
    color = apart(rng, *worn, least=0.35, pick=backdrop)
    light = np.array([rng.uniform(-0.7, 0.7), rng.uniform(0.2, 0.7), 1.0])
    return Stage(color, (light / np.linalg.norm(light)).astype(np.float32), float(rng.uniform(0.5, 0.7)))
