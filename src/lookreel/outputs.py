"""Files that appear whole or not at all: checked before the work, written under another name, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lookreel.errors import InputError

_LONGEST = 200  # bytes of a file's name: most disks hold 255, and the temporary names are longer
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def check_output(path: str | os.PathLike, suffixes: Sequence[str], force: bool = False) -> Path:
    """The path to write to, or InputError: wrong suffix, no such folder, or something there that stays without `force`.

    suffixes: those allowed, with their dots, in lower case.
    """
    path = Path(path)
    if len(os.fsencode(path.name)) > _LONGEST:
        raise InputError(f"{path}: a name of {len(os.fsencode(path.name))} bytes; expected at most {_LONGEST}")
    if path.suffix.lower() not in suffixes:
        raise InputError(f"{path}: unknown suffix {path.suffix or '(none)'}; expected {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: the folder {path.parent} cannot be written to")
    if path.is_dir():
        raise InputError(f"{path}: a folder; expected the name of a file to write")
    if path.exists() and not force:
        raise InputError(f"{path}: exists already; --force (force=True) overwrites it")
    return path


@contextmanager
def whole(*paths: Path) -> Iterator[list[Path]]:
    """Temporary names to write, one beside each path; all are renamed at the end, or none where something failed.

    The temporary names keep the suffix, so that a writer that goes by it still does. Raises InputError where the disk
    is full or cannot be written to.
    """
    temporary = [path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}") for path in paths]
    try:
        with room_for(*paths):
            yield temporary
            for source, target in zip(temporary, paths, strict=True):
                os.replace(source, target)
    finally:
        for source in temporary:
            source.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A temporary folder to fill, which takes the place of `path` at the end, or leaves it alone; errors as `whole`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with room_for(path):
            temporary.mkdir()
            yield temporary
            if path.exists():
                shutil.rmtree(path)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def room_for(*paths: Path) -> Iterator[None]:
    """A full disk, or one that cannot be written to, becomes an InputError that names the first path."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise InputError(f"{paths[0]}: cannot be written ({error.strerror}); a place with room is expected") from error
