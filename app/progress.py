"""How long work tells what it is doing: a stage in words and how much of it is done."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a stage and its fraction done, 0.0 to 1.0."""


def silent(stage: str, fraction: float) -> None:
    """Report to nobody."""
