"""What a film says of itself."""

import json
import math
from hashlib import sha256

import numpy as np
import pytest
import torch

from lookreel import __version__
from lookreel.photos import OpenedPhoto
from lookreel.poses.motions import load_motion
from lookreel.report import report
from toys import SIZE, photos, system, track


def opened(name: str, keypoints: np.ndarray | None) -> OpenedPhoto:
    return OpenedPhoto(torch.zeros(3, *SIZE), keypoints, name, name * 8, SIZE)


FRONT, BACK, SIDE = ((photo.keypoints) for photo in photos((0.0, math.pi, math.pi / 2)))
TURN = load_motion(track(12))


def made(references: list[OpenedPhoto], weights: torch.Tensor | None = None) -> dict:
    return report(system(), references, TURN, {"seed": 7, "steps": 2}, {"encode": 0.12345}, weights)


def test_warnings_name_the_frames_of_each_view():
    found = made([opened("a", FRONT)])
    assert [warning.split(":")[0] for warning in found["warnings"]] == [
        "no photo shows the back",
        "no photo shows the side",
    ]
    assert made([opened("a", FRONT), opened("b", BACK), opened("c", SIDE)])["warnings"] == []


def test_everything_is_there_and_is_json():
    found = made([opened("a", FRONT), opened("b", BACK)], torch.tensor([[0.25, 0.75], [1 / 3, 2 / 3]]))
    assert json.loads(json.dumps(found)) == found
    assert (found["seed"], found["steps"], found["fps"]) == (7, 2, TURN.track.fps)
    assert found["photos"] == [{"file": "a", "sha256": "a" * 8}, {"file": "b", "sha256": "b" * 8}]
    assert found["motion"] == {"name": "track", "sha256": TURN.sha256, "drawn_video": False}
    assert found["weights"] == [[0.25, 0.75], [0.3333, 0.6667]]
    assert found["seconds"] == {"encode": 0.123}
    assert found["versions"]["lookreel"] == __version__ and found["versions"]["torch"] == torch.__version__
    assert "AI-generated" in found["statement"]
    assert made([opened("a", FRONT)])["weights"] is None


def test_a_films_report_is_of_that_film():
    given = photos()
    film = system().animate(given, track(3), seed=11, steps=1, guidance=1.5)
    facts = film.report
    assert (facts["seed"], facts["steps"], facts["guidance"], facts["frames"]) == (11, 1, 1.5, 3)
    assert facts["size"] == list(SIZE) and set(facts["seconds"]) == {"encode", "denoise", "decode"}
    assert [photo["sha256"] for photo in facts["photos"]] == [
        sha256(photo.image.tobytes()).hexdigest() for photo in given
    ]
    weights = torch.tensor(facts["weights"])
    assert weights.shape == (3, 3) and weights.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-3)
    json.dumps(facts)
