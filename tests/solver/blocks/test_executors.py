"""Blocks on another executor than the pool: a local Dask cluster of processes."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from app.cli.cluster import executor_at
from app.errors import Problem as BadInput
from solver.instances.balanced_exchange import made_up_country, make
from solver.solve import solve


@pytest.fixture
def cluster():
    """Two worker processes of one thread each, on the loopback."""
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as local:
        yield local


def address(local):
    return local.scheduler_address.replace("tcp://", "dask://")


def found(plan):
    content = plan.to_json()
    del content["seconds"]
    return content


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_plan_of_the_pool(cluster):
    """Same problem, seed and work: the plan does not tell who solved its blocks."""
    problem = make(made_up_country(60, 3), 3)
    pool = solve(problem, method="prices", work=1, seed=5)
    with executor_at(address(cluster)) as executor:
        again = solve(problem, method="prices", work=1, seed=5, executor=executor)
    assert found(again) == found(pool)


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_loses_nothing(cluster):
    """Its block is solved by another, and the plan is the same."""
    problem = make(made_up_country(60, 4), 4)
    whole = solve(problem, method="prices", work=1)
    distributed = pytest.importorskip("distributed")
    killed, ended = [], threading.Event()

    def kill_one_that_works():
        scheduler = cluster.scheduler_address
        with distributed.Client(scheduler, set_as_default=False) as client:
            while not killed and not ended.is_set():
                busy = [at for at, running in client.processing().items() if running]
                if busy:
                    pid = client.run(os.getpid, workers=busy[:1])[busy[0]]
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                time.sleep(0.01)

    killer = threading.Thread(target=kill_one_that_works)
    killer.start()
    with executor_at(address(cluster)) as executor:
        again = solve(problem, method="prices", work=1, executor=executor)
    ended.set()
    killer.join()
    assert killed
    assert found(again) == found(whole)


@pytest.mark.parametrize("at", ["tcp://127.0.0.1:1", "dask://", "here"])
def test_what_is_no_cluster_is_refused(at):
    """The sentence says how an address is written."""
    with pytest.raises(BadInput, match="Enter it as dask://host:port"), executor_at(at):
        pass


def test_a_missing_dask_is_said_so():
    """Without the extra the sentence names what to install; nothing is solved."""
    hidden = (
        "import sys; sys.modules['distributed'] = None\nfrom app.cli.cluster import executor_at\n"
    )
    run = "with executor_at('dask://127.0.0.1:1'): pass"
    done = subprocess.run(
        [sys.executable, "-c", hidden + run], capture_output=True, text=True, check=False
    )
    assert "needs Dask, which is not installed. Run `pip install" in done.stderr
