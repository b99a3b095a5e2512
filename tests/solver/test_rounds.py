"""Rounds of prices on an executor: the answers of threads, bit for bit, whatever befalls it."""

import os
import pickle
import signal
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from drawn_problems import problems
from hypothesis import HealthCheck, given, settings

from solver import parts, rounds
from solver.instances import KINDS, made_up_country, make
from solver.market import take_apart
from solver.parts import answer_part
from solver.prices import PriceSearch
from solver.prices_kernel import ask
from solver.race import Limits
from solver.rounds import COMPARED, TRIED, WARMING, WORTHWHILE_S, Quicker, Rounds
from solver.solve import solve
from solver.workers import SharedExecutor


class Here(Executor):
    """Calls at once what has travelled, and remembers what it was called with."""

    def __init__(self):
        self.calls = []

    def submit(self, fn, /, *args):
        self.calls.append((fn, args))
        future = Future()
        future.set_result(pickle.loads(pickle.dumps(fn(*pickle.loads(pickle.dumps(args))))))
        return future


class Silent(Executor):
    """Never answers."""

    def submit(self, fn, /, *args):
        return Future()


class Broken(Executor):
    """Cannot call."""

    def submit(self, fn, /, *args):
        raise OSError("no machine is left")


@pytest.fixture(scope="module")
def cluster():
    """A client of two Dask workers, separate processes of one thread each."""
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    )
    with local, distributed.Client(local.scheduler_address, set_as_default=False) as client:
        yield client


DASK = pytest.param("dask", marks=pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="module", params=["threads", "processes", DASK])
def executor(request):
    """Executors that are not ours."""
    if request.param == "dask":
        yield request.getfixturevalue("cluster").get_executor(pure=False)
    elif request.param == "threads":
        with ThreadPoolExecutor(3) as pool:
            yield pool
    else:
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            yield pool


def searches(market, executor, *, rounds_on="executor", stop=lambda: False):
    """A search on threads, and one on an executor."""
    on_executor = Rounds(market, SharedExecutor(executor, rounds_on), stop)
    return PriceSearch(market), PriceSearch(market, on_executor=on_executor)


def assert_alike(one, other):
    assert other.bound() == one.bound()
    assert np.array_equal(other._who.value, one._who.value)
    assert np.array_equal(other.given, one.given)
    assert np.array_equal(other.taken, one.taken)
    assert not other._who.stale.any()


def posted_to(executor):
    return [args[2] for fn, args in executor.calls if fn is answer_part]


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(problem=problems())
def test_parts_answer_as_the_whole(problem):
    """Under every rule, drawn at random, parts give value, half-days and bound of the whole."""
    one, other = searches(take_apart(problem), Here())
    for step in (0.4, 0.3, 0.01, 0.001):
        assert other.round(step) == one.round(step)
        assert_alike(one, other)
    assert len(ask.signatures) == 1, "compiled again, as a worker would in each process"
    other.close()
    assert not parts._held


@pytest.mark.parametrize("kind", KINDS)
def test_every_executor_answers_as_threads(executor, kind):
    """Answers that travelled are those of threads, for every kind of rules."""
    one, other = searches(take_apart(make(made_up_country(60, 3), 3, kind)), executor)
    other._ask_on_threads = lambda: pytest.fail("threads had to ask somebody again")
    for step in np.geomspace(0.4, 0.001, 8):
        assert other.round(step) == one.round(step)
        assert_alike(one, other)


def test_large_worths_travel_whole():
    """Worths and answers beyond 32 bits come through."""
    problem = make(made_up_country(60, 3), 3)
    problem.candidates.points.flags.writeable = True
    problem.candidates.points[:] *= 2**24
    one, other = searches(take_apart(problem), Here())
    for _ in range(3):
        assert other.round(0.4) == one.round(0.4)
    assert one._who.value.max() > 2**32
    assert_alike(one, other)


def test_only_who_saw_a_price_move_is_sent():
    """One price that moves asks its giver and its taker, and sends what these two alone trade."""
    market = take_apart(make(made_up_country(60, 3), 3))
    here = Here()
    one, other = searches(market, here)
    one.ask()
    other.ask()
    here.calls.clear()
    other.ask()
    assert not here.calls
    k = len(market) // 2
    for search in (one, other):
        search._prices.price[k] += market.part
        search.ask()
    assert_alike(one, other)
    giver, taker = market.places.giver[k], market.places.taker[k]
    posted = posted_to(here)
    assert sum(each.asked.sum() for each in posted) == 2
    gives = np.isin(market.places.giver, [giver, taker]).sum()
    takes = np.isin(market.places.taker, [giver, taker]).sum()
    assert sum(len(each.give[0]) for each in posted) == gives
    assert sum(len(each.take[0]) for each in posted) == takes
    assert not any(len(each.give[1]) or len(each.take[1]) for each in posted)


def test_parts_travel_once_and_again_where_they_were_lost():
    """A process keeps its parts; one that is new says that it has none and is sent them."""
    here = Here()
    one, other = searches(take_apart(make(made_up_country(60, 3), 3)), here)

    def sent():
        part_of = [args[1] is not None for _, args in here.calls]
        here.calls.clear()
        one.round(0.3)
        return part_of

    other.round(0.3)
    first = sent()
    assert len(first) > 1
    assert all(first)
    other.round(0.3)
    assert not any(sent())
    parts._held.clear()
    other.round(0.3)
    again = sent()
    assert again.count(True) == again.count(False) == len(first)
    assert_alike(one, other)


def test_a_process_keeps_no_more_than_so_many_parts(monkeypatch):
    """The parts asked last are kept; where there are too many, answers are the same."""
    monkeypatch.setattr(parts, "HELD", 3)
    one, other = searches(take_apart(make(made_up_country(60, 3), 3)), Here())
    for step in (0.4, 0.2):
        assert other.round(step) == one.round(step)
    assert len(parts._held) == 3
    assert_alike(one, other)


def test_threads_do_what_an_executor_does_not():
    """When it is time to stop, who has not answered is asked here; so is everybody after."""
    market = take_apart(make(made_up_country(60, 3), 3))
    one, other = searches(market, Silent(), stop=lambda: True)
    for step in (0.4, 0.2):
        assert other.round(step) == one.round(step)
    assert_alike(one, other)


def test_where_rounds_must_be_a_failure_is_told():
    """Whoever wants rounds on the executor hears what keeps them from it."""
    _, search = searches(take_apart(make(made_up_country(60, 3), 3)), Broken())
    with pytest.raises(OSError, match="no machine is left"):
        search.round(0.4)


@pytest.mark.parametrize("bad", [Broken, Silent])
def test_an_executor_that_fails_is_left(monkeypatch, bad):
    """Where rounds may be on threads they go on there, and nothing is lost."""
    monkeypatch.setattr(rounds, "PATIENCE", (0.0, 0.0))
    market = take_apart(make(made_up_country(60, 3), 3))
    one, other = searches(market, bad(), rounds_on="quicker")
    other._on_executor._quicker = tried = Quicker()
    for _ in range(WARMING):
        tried.learn(False, 1.0)
    for step in (0.4, 0.2):
        assert other.round(step) == one.round(step)
    assert tried.lost
    assert_alike(one, other)


def test_rounds_leave_the_executor_to_blocks():
    """While something else runs there, rounds are on threads."""
    here, block = Here(), Future()
    shared = SharedExecutor(here, "executor")
    search = PriceSearch(
        market := take_apart(make(made_up_country(60, 3), 3)),
        on_executor=Rounds(market, shared, lambda: False),
    )
    here.submit, submit = lambda fn: block, here.submit
    assert shared.submit(max) is block
    here.submit = submit
    search.round(0.4)
    assert not here.calls
    block.set_result(None)
    search.round(0.4)
    assert here.calls


@pytest.mark.parametrize(
    ("shared", "there"), [("executor", True), ("quicker", True), ("threads", False), (None, False)]
)
def test_rounds_are_only_where_they_may_be(shared, there):
    """On threads if so wanted, and if the executor is the processes that blocks start with."""
    pool = Here() if shared is None else SharedExecutor(Here(), shared)
    market = take_apart(make(made_up_country(60, 3), 3))
    search = PriceSearch.beside(pool, market, Limits(), lambda: False, None)
    assert (search._on_executor is not None) == there


def learnt(threads, executor):
    """Rounds on the executor of a search in which each way takes so many seconds."""
    quicker, there = Quicker(), []
    for at in range(3 * COMPARED):
        there.append(quicker.on_executor())
        quicker.learn(there[-1], executor(at) if there[-1] else threads(at))
    return [at for at, on_executor in enumerate(there) if on_executor]


def test_the_quicker_way_is_taken():
    """Rounds too short to send are never sent; else a few tell, and threads are compared later."""
    tried = [*range(WARMING, WARMING + TRIED)]
    assert learnt(lambda at: WORTHWHILE_S / 2, lambda at: 0.0) == []
    assert learnt(lambda at: 0.1, lambda at: 0.2) == tried
    # Parts travel with the first, which says nothing of those to come.
    often = learnt(lambda at: 0.1, lambda at: 9.0 if at == WARMING else 0.05)
    assert often == [at for at in range(WARMING, 3 * COMPARED) if at % COMPARED]
    # Somebody else has the executor from then on.
    busier = learnt(lambda at: 0.1, lambda at: 0.05 if at <= COMPARED else 0.3)
    assert busier == [at for at in range(WARMING, 2 * COMPARED) if at != COMPARED]


@pytest.mark.parametrize("kind", ["whole", "linking"])
def test_a_plan_does_not_tell_where_its_rounds_were(kind):
    """Same problem, seed and work: rounds on the executor and blocks too, the same plan."""
    problem = make(made_up_country(60, 5), 5, kind)
    plans, calls = [], []
    for rounds_on in ("threads", "executor"):
        here = Here()
        plan = solve(problem, method="prices", work=1, executor=here, rounds_on=rounds_on)
        plans.append({key: value for key, value in plan.to_json().items() if key != "seconds"})
        calls.append(len(posted_to(here)))
    assert plans[0] == plans[1]
    assert calls[0] == 0 < calls[1]


@pytest.mark.parametrize(("rounds_on", "why"), [("here", "choose one of"), ("executor", "is none")])
def test_where_rounds_cannot_be_is_said(rounds_on, why):
    """The sentence names the value and what to choose."""
    with pytest.raises(ValueError, match=f"rounds on '{rounds_on}': .*{why}"):
        solve(make(made_up_country(60, 3), 3), rounds_on=rounds_on)


@pytest.mark.filterwarnings("ignore")
def test_a_worker_killed_in_mid_rounds_loses_nothing(cluster):
    """Its calls are repeated by others, and its successor is sent the parts."""
    market = take_apart(make(made_up_country(400, 3), 3))
    one, other = searches(market, cluster.get_executor(pure=False))
    ended, killed = threading.Event(), []

    def kill():
        while not killed and not ended.wait(0.001):
            busy = [at for at, running in cluster.processing().items() if running]
            if busy:
                killed.append(pids[busy[0]])
                os.kill(killed[0], signal.SIGKILL)

    other.round(0.4)
    one.round(0.4)
    pids = cluster.run(os.getpid)
    killer = threading.Thread(target=kill)
    killer.start()
    for step in np.geomspace(0.4, 0.001, 40):
        assert other.round(step) == one.round(step)
    ended.set()
    killer.join()
    assert killed
    assert_alike(one, other)
