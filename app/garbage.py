"""The collector of circular garbage, and when it has nothing to do."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many rows without the collector: none of them are circular.

    It looks at all there are again and again as they become more, which took most of the time
    of making the proposals of a country.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
