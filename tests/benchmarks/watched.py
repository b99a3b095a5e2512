"""A method in a process of its own: what it tells on the way, and the memory of all it starts."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRACE_S = 5.0
"""How long after its time limit a process may live before it is killed."""
SAMPLE_S = 0.02, 0.3
"""Time between looks at the memory: short at first, so that short runs are seen too."""


@dataclass
class Watched:
    """How a process went; `news` are (seconds since its start, what it told)."""

    ended: str = "done"
    seconds: float = 0.0
    peak_mb: int | None = None
    news: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


def watch(
    module: str, *arguments: object, time_limit_s: float, grace_s: float = GRACE_S
) -> Watched:
    """Run a module with a time limit; it prints its news as lines of JSON."""
    found, started = Watched(), time.time()
    command = [sys.executable, "-m", module, *map(str, arguments), str(started + time_limit_s)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    reader = threading.Thread(target=_read, args=(process, started, found), daemon=True)
    reader.start()
    while process.poll() is None:
        memory = session_pss_mb(process.pid)
        if memory is not None:
            found.peak_mb = max(memory, found.peak_mb or 0)
        if time.time() > started + time_limit_s + grace_s:
            found.ended = "killed"
            break
        time.sleep(SAMPLE_S[time.time() > started + 1])
    found.seconds = round(time.time() - started, 2)
    _kill(process)
    reader.join()
    assert process.stdout is not None
    process.stdout.close()
    if found.ended == "done" and process.returncode:
        found.ended = "failed"
    return found


def session_pss_mb(session: int) -> int | None:
    """Proportional memory of all processes of a session, None where the system does not tell."""
    total = None
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) != session:
                continue
            told = re.search(r"^Pss:\s+(\d+)", (folder / "smaps_rollup").read_text(), re.MULTILINE)
        except OSError:
            continue
        if told is not None:
            total = (total or 0) + int(told[1])
    return None if total is None else total // 1024


def _read(process: subprocess.Popen[str], started: float, found: Watched) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{"):
            found.news.append((round(time.time() - started, 2), json.loads(line)))


def _kill(process: subprocess.Popen[str]) -> None:
    """End the process and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
