"""Chromium for the tests of pages: where it is, and the options under which it neither asks nor calls anybody."""

import shutil
import subprocess
from pathlib import Path

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars"),
)


def chromium(*more: str) -> str:
    """Chromium's path; the test is skipped where it, or one of the programs `more`, is not installed."""
    for name in ("chromium", *more):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    return shutil.which("chromium") or ""


def shown(page: Path, profile: Path, *flags: str) -> str:
    """The page's document after Chromium has loaded it, as HTML."""
    command = [chromium(), *FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
