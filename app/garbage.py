"""The collector of circular garbage, and when it has nothing to do."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def keep_uncollected() -> None:
    """Leave what there is by now out of every later collection, as it is kept to the end."""
    gc.collect()
    gc.freeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect what there is, then make many rows without the collector: none are circular.

    It looks at all there are again and again as they become more, which took most of the time
    of making the proposals of a country. What a search leaves behind may be 400 MB.
    """
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
