import numpy as np
import pytest

from lookreel.poses.skeleton import L_HIP, L_SHOULDER, NECK, R_HIP, R_SHOULDER
from lookreel.poses.view import orientation, turned, view, view_of, yaw_distance


def _body(yaw: float, width: float = 0.6) -> np.ndarray:
    """(18, 3): only the joints that the rule reads, of a torso 100 px high at (200, 100)."""
    keypoints = np.zeros((18, 3))
    side = -width * 100 * np.cos(yaw) / 2
    for joint, x, y in ((NECK, 0, 0), (R_SHOULDER, side, 3), (L_SHOULDER, -side, 3), (R_HIP, 0, 98), (L_HIP, 0, 102)):
        keypoints[joint] = 200 + x, 100 + y, 1
    return keypoints


def test_r_follows_the_cosine_of_the_yaw():
    yaws = np.linspace(0, 2 * np.pi, 17)
    r = orientation(np.stack([_body(yaw) for yaw in yaws]))
    np.testing.assert_allclose(r, -0.6 * np.cos(yaws), atol=1e-12)
    folded = np.minimum(yaws, 2 * np.pi - yaws)
    np.testing.assert_allclose(turned(r), folded, atol=1e-6)
    np.testing.assert_allclose(yaw_distance(r[0], r[8]), np.pi)


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(0, "front"), (40, "front"), (50, "side"), (90, "side"), (130, "side"), (140, "back"), (180, "back"),
     (230, "side"), (310, "side"), (320, "front")],
)  # fmt: skip
def test_the_borders_lie_at_45_degrees(degrees, expected):
    assert view(_body(np.radians(degrees))) == expected
    assert view(_body(np.radians(degrees), width=0.4), width=0.4) == expected


def test_the_borders_are_exact():
    assert [view_of(r) for r in (-0.42, -0.419, 0.419, 0.42)] == ["front", "side", "side", "back"]


def test_absent_joints_give_no_view():
    for joint in (R_SHOULDER, L_SHOULDER):
        body = _body(0)
        body[joint, 2] = 0
        assert np.isnan(orientation(body)) and view(body) is None
    body = _body(0)
    body[[R_HIP, L_HIP], 2] = 0.2
    assert view(body) is None
    assert view(np.zeros((18, 3))) is None
    assert view(np.full((18, 2), np.nan)) is None
    assert view(np.ones((18, 3))) is None  # a torso without height
    assert np.isnan(yaw_distance(np.nan, 0.1))


def test_one_hip_or_a_missing_neck_is_enough():
    body = _body(0)
    body[R_HIP] = np.nan
    assert view(body) == "front"
    np.testing.assert_allclose(orientation(body), -60 / 102)
    body[NECK, 2] = 0
    np.testing.assert_allclose(orientation(body), -60 / 99)
    assert view(_body(np.pi)[:, :2]) == "back"
