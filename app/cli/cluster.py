"""A Dask cluster as the executor of blocks and rounds; Dask itself is an optional extra."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from app.errors import Problem as BadInput

_ANSWER_S = 10


@contextmanager
def executor_at(address: str | None) -> Iterator[Executor | None]:
    """Connect to the scheduler at `dask://host:port`; None without an address."""
    if address is None:
        yield None
        return
    scheme, _, place = address.partition("://")
    if scheme != "dask" or not place.rpartition(":")[2].isdecimal():
        raise BadInput(
            f"--executor {address!r} is not the address of a Dask scheduler. "
            "Enter it as dask://host:port."
        )
    try:
        from distributed import Client
    except ImportError as error:
        raise BadInput(
            f"--executor {address} needs Dask, which is not installed. Run "
            "`pip install 'distributed>=2025.1'` on this machine and on the workers."
        ) from error
    try:
        client = Client(f"tcp://{place}", timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"--executor {address}: no Dask scheduler answered. Check the address and that the "
            "scheduler is running."
        ) from error
    with client:
        if not client.ncores():
            raise BadInput(f"--executor {address}: the scheduler has no workers. Start some first.")
        yield client.get_executor(pure=False)
