"""`lookreel prepare` killed at random moments and begun again ends with the very files of an unbroken run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import videos
from lookreel.data.manifest import read_manifest


def start(folder: Path, out: Path, jobs: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "lookreel.cli", "prepare", str(folder), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--shortest", "1", "--jobs", str(jobs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finished(run: subprocess.Popen) -> None:
    assert run.wait(timeout=1200) == 0


def files(out: Path) -> int:
    """How many files there are, half-written ones among them."""
    return sum(1 for path in out.rglob("*") if path.is_file()) if out.exists() else 0


def killed(folder: Path, out: Path, jobs: int, more: int, later: float) -> bool:
    """Start a run and kill it `later` seconds after `more` further files are there; False where it ended before."""
    run, wanted = start(folder, out, jobs), files(out) + more
    while files(out) < wanted and run.poll() is None:
        time.sleep(0.002)
    time.sleep(later)
    if run.poll() is not None:
        return False
    run.send_signal(signal.SIGKILL)
    run.wait()
    return True


def unbroken_and_broken(folder: Path, place: Path, jobs: int, most_files: int, most_kills: int, latest: float) -> int:
    """Make a dataset twice, once with kills until it is whole; compare; returns how often it was killed.

    Each kill comes once 1 to `most_files` - 1 further files are there, and up to `latest` seconds.
    """
    finished(start(folder, place / "unbroken", jobs))
    rng, kills, out = np.random.default_rng(7), 0, place / "broken"
    while killed(folder, out, jobs, int(rng.integers(1, most_files)), float(rng.uniform(0, latest))):
        kills += 1
        if kills == most_kills:
            break
    finished(start(folder, out, jobs))
    one, other = videos.tree(place / "unbroken"), videos.tree(out)
    assert sorted(one) == sorted(other)
    assert not [name for name in one if one[name] != other[name]]
    return kills


def test_a_run_that_is_killed_ends_like_one_that_is_not(tmp_path):
    folder = videos.figures(tmp_path / "videos", 4)
    assert unbroken_and_broken(folder, tmp_path, jobs=1, most_files=4, most_kills=2, latest=0) == 2
    assert len(read_manifest(tmp_path / "broken")) == 4


def test_two_runs_do_not_work_in_one_folder(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    from lookreel.cli import main

    folder = videos.figures(tmp_path / "videos", 1)
    (tmp_path / "set" / ".prepare").mkdir(parents=True)
    with (tmp_path / "set" / ".prepare" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert main(["prepare", str(folder), "--out", str(tmp_path / "set")]) == 2
    assert main(["prepare", str(folder), "--out", str(tmp_path / "set"), "--shortest", "1"]) == 0


@pytest.mark.slow
def test_fifty_clips_in_two_processes(tmp_path):
    """Slow: fifty clips of five seconds at 25 a second are looked at twice, in many runs; minutes on two cores."""
    for seed in range(50):
        videos.film(tmp_path / "videos" / f"{seed:02d}.mp4", videos.figure(seed, frames=125), 25)
    assert unbroken_and_broken(tmp_path / "videos", tmp_path, jobs=2, most_files=60, most_kills=30, latest=0.3) >= 4
    assert len({line["source"] for line in read_manifest(tmp_path / "broken")}) == 50
