"""What JSON cannot hold, made again when a config is read."""

from typing import Any


def tuples(value: Any) -> Any:
    """Lists as the tuples they were before they were written, at every depth; anything else as it is."""
    return tuple(tuples(part) for part in value) if isinstance(value, list) else value
