"""`python -m solver.compile`: compile the kernels once, so that no plan waits for them.

The compiled code is kept beside the source, or in the user's cache where that is not writable.
"""

import numpy as np

from solver.backends.limits import Limits
from solver.formulation.loop_columns import find_loops
from solver.instances.balanced_exchange import KINDS, made_up_country, make
from solver.prices.decomposition import decompose
from solver.prices.price_search import PriceSearch
from solver.solve import by_prices


def main() -> None:
    """Solve a small instance of each kind that prices answer, and find its loops."""
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
        find_loops(problem, np.arange(len(problem.candidates)))


if __name__ == "__main__":
    main()
