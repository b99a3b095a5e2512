"""The processes that tests start, and the children of those."""

from pathlib import Path


def children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for thread in task.iterdir()
        for child in (thread / "children").read_text().split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
