"""`python -m solver.compile`: compile the kernels once, so that no plan waits for them.

The compiled code is kept beside the source, or in the user's cache where that is not writable. What
was compiled before is thrown away: a kernel is not compiled anew where another file has changed
whose functions it holds.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.vocabulary import Reciprocity
from solver.backends.limits import Limits
from solver.formats.tables import Rules
from solver.formulation.loop_columns import find_loops, with_loops
from solver.formulation.loop_packing import pack
from solver.formulation.program import formulate
from solver.instances.balanced_exchange import KINDS, made_up_country, make
from solver.methods.loop_shares import LoopShares
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.solve import by_prices


def main() -> None:
    """Solve a small instance of each kind that prices answer, and bound loops of one."""
    for compiled in Path(__file__).parent.glob("*/__pycache__/*.nb[ic]"):
        compiled.unlink(missing_ok=True)
    for kind in KINDS:
        problem = make(made_up_country(60, seed=0), seed=0, kind=kind)
        by_prices(
            problem,
            Limits(work=1),
            on_news=lambda objective, bound: None,
            cancelled=lambda: False,
        )
        search = PriceSearch(decompose(problem))
        search.round(1.0)
        search.reduced_costs()
    rules = Rules(Reciprocity.CLOSED_LOOPS, 3)
    problem = replace(make(made_up_country(60, seed=0), seed=0), rules=rules)
    program = formulate(problem)
    loops = find_loops(problem, program.candidate).split(len(problem.candidates) ** 2)
    packing = pack(with_loops(program, problem, loops), loops)
    dual = np.zeros(len(packing.program.row_lower))
    LoopShares(problem, packing, loops, dual, most_nodes=1).round(1.0, aim=0.1, memory=0.5)


if __name__ == "__main__":
    main()
