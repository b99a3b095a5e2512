"""The processes of blocks: their answers, their faults, their ends."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path

import pytest

from solver.blocks.workers import ATTEMPTS, BlockWorkers, answers


def test_answers_and_faults_come_back():
    """A call's answer is its future's result, and what it raises is raised there."""
    with BlockWorkers(2) as workers:
        assert [workers.submit(divmod, n, 3).result() for n in range(5)] == [
            divmod(n, 3) for n in range(5)
        ]
        with pytest.raises(ZeroDivisionError):
            workers.submit(divmod, 1, 0).result()
        assert workers.submit(divmod, 7, 2).result() == (3, 1)


def test_killed_process_loses_nothing(tmp_path):
    """A call whose process is killed is done by a new one."""
    with BlockWorkers(1) as workers:
        assert workers.submit(_die_once, tmp_path / "killed").result() == "done"
        with pytest.raises(BrokenExecutor, match=r"_die .* killed"):
            workers.submit(_die).result()
        assert workers.submit(divmod, 7, 2).result() == (3, 1)
    assert ATTEMPTS > 1


@pytest.mark.parametrize(
    "died", [BrokenExecutor("killed"), MemoryError(), ConnectionResetError(), "KilledWorker"]
)
def test_a_call_that_processes_died_over_has_a_stand_in(died):
    """Also where a cluster says so; what the call itself raises is a fault, and raised."""
    if died == "KilledWorker":
        distributed = pytest.importorskip("distributed", reason="the extra is not installed")
        died = distributed.KilledWorker("block", None, 3)
    lost, done, wrong = Future(), Future(), Future()
    lost.set_exception(died)
    done.set_result(1)
    wrong.set_exception(ZeroDivisionError())
    assert sorted(answers([lost, done], lambda: False, lambda: -1)) == [(0, -1), (1, 1)]
    with pytest.raises(ZeroDivisionError):
        list(answers([wrong], lambda: False, lambda: -1))


def test_leaving_does_not_wait_for_calls():
    """Leaving ends processes in mid-call; calls not begun are cancelled, also large ones."""
    workers = BlockWorkers(1)
    long = workers.submit(time.sleep, 3600)
    waiting = [workers.submit(len, bytes(10**6)) for _ in range(3)]
    while not long.running():
        time.sleep(0.01)
    workers.shutdown()
    assert isinstance(long.exception(), RuntimeError)
    assert all(future.cancelled() for future in waiting)


def test_a_process_ends_with_the_one_that_started_it():
    """Though that was killed, and could end nothing: who else holds its output ends too."""
    program = (
        "import time; from solver.backends.processes import start_process; "
        "start_process(time.sleep, 300); print('started', flush=True); time.sleep(300)"
    )
    command = [sys.executable, "-c", program]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert parent.stdout.readline() == b"started\n"
    parent.kill()
    assert parent.communicate(timeout=60) == (b"", b"")


def test_what_compiled_code_prints_never_reaches_standard_output():
    """A backend's debug lines would stand in the midst of a command's answer."""
    program = (
        "import os; from solver.blocks.workers import BlockWorkers\n"
        "with BlockWorkers(1) as workers: print(workers.submit(os.write, 1, b'debug').result())"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert ended.stdout == b"5\n"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        _die()
    return "done"
