"""Every tuning value of every method: named, frozen, with its unit, its range and its evidence.

`solver.solve.solve` takes `SolveParameters` and hands each method and each child process what
concerns it; nothing else in the solver holds a number that tunes. None of these changes what is
true: bounds stay bounds and plans keep every rule whatever the values. They change how soon a good
plan is found, and how tight its bound is.

What the evidence refers to: an *authority* is an area of 200 to 300 institutions, a *region* one of
some 2,600, a *country* one of some 24,500; `whole`, `roomy`, `scarce` and `ranges` are kinds of
drawn instances (`solver.instances.balanced_exchange`). "Chosen" is short for chosen, not measured:
nobody has compared the value with others.

The constants that stay in the modules are no tuning: limits of 64-bit sums, formats, codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendParameters:
    """What limits mean to HiGHS, CP-SAT and PDLP; carried by `solver.backends.limits.Limits`.

    Attributes
    ----------
    hand_back_s
        Seconds that a backend is given less than the race, to hand back its plan in time; > 0.
        Chosen.
    block_hand_back_s, block_hand_back_s_per_entry
        The same for a block: seconds, and seconds for each entry of its matrix; >= 0. With 0.6 s
        for each block, one second in three of a short solve was lost.
    highs_nodes_per_work
        Branch-and-bound nodes of HiGHS per unit of the deterministic limit; >= 1. Chosen; CP-SAT
        takes a unit as one deterministic second.
    pdlp_tolerance
        Relative error of dual values that is near enough, > 0. Chosen: the bound they prove is
        valid with any.
    pdlp_iterations_per_work
        Iterations of PDLP per unit of the deterministic limit; >= 1. Chosen.
    pdlp_time_share
        Share of the time left that PDLP may take, 0 to 1. With 45,438 loops it proves a bound
        within a second or two, where HiGHS told none within a minute.
    """

    hand_back_s: float = 0.6
    block_hand_back_s: float = 0.05
    block_hand_back_s_per_entry: float = 2e-6
    highs_nodes_per_work: int = 100
    pdlp_tolerance: float = 1e-4
    pdlp_iterations_per_work: int = 10_000
    pdlp_time_share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceParameters:
    """Lagrangian decomposition: its subproblems, and the subgradient search for the dual point.

    "Whole" is of problems where most candidates have fixed half-days, "ranged" of the others.

    Attributes
    ----------
    point_parts
        Most parts that a point is split into, so that prices are whole numbers; a power of two up
        to 2^20. Fewer are taken where sums would not fit 64 bits. Chosen.
    table_places
        Places of a participant's knapsack table beyond which its subproblem is relaxed, >= 1: what
        it takes in memory and time. Chosen.
    choices_per_place
        Places of the table of choices that weigh as much as one of values, >= 1. Chosen.
    price_limit
        Prices stay within so many times what a candidate adds to the objective; >= 1. Chosen.
    few_participants
        Participants up to which more rounds are cheap and restricted problems are wide at once. An
        authority's gap after four seconds halved for a tenth of a second more of rounds.
    first_rate
        Share of its points that a half-day costs at first where days range, 0 to 1; the price of
        whole days starts at 0. Chosen with `first_step_ranged` on an authority of `ranges`, whose
        150 rounds end within 0.4 % of its lowest bound known.
    rate_speed
        How many times its points the price of a half-day moves by in a step of 1; > 0. Larger steps
        brought a region of `ranges` 1.7 % nearer its best bound after as many rounds.
    ranged_share
        Share of candidates with ranged days beyond which a problem counts as ranged, 0 to 1.
        Chosen.
    lean_whole, lean_ranged
        Weight of what a candidate's offer, need, giver and taker disagree about in sum, each, in
        the direction of its price; >= 0, 0 is the plain subgradient. On a region of `whole` the
        bound after 60 rounds is 0.26 % above the lowest known at 0.3, 0.49 % at 0.5 and 1.40 % at
        0; on one of `roomy` 0.5 is best (docs/method.md, Moving prices).
    first_step_whole, first_step_ranged
        First step of a cold start, as a share of what a candidate adds to the objective; > 0. The
        second as told of `first_rate`, the first from the first sketch.
    last_step, last_step_few
        Step that the geometric fall ends at, in general and with few participants; > 0. Smaller
        last steps left a country's programs a fifth smaller (with 300 rounds instead of 150); with
        few, programs are better for candidates that are not quite wanted.
    inertia
        Share of the last direction in the next one, 0 to below 1. From the first sketch; 0.8 is not
        compared with others.
    frequency_weight
        Weight of the latest round in the fading column frequency, 0 to 1. Chosen.
    slices_per_thread, forced_slices_per_thread
        Slices of the participants for each thread, in a round and when reduced costs are computed,
        where participants differ most in work; >= 1. Chosen.
    check_every_s
        Seconds between two questions whether to go on, while a round or reduced costs are computed;
        >= 0. Chosen: as often as a method is asked.
    short_places
        Table places up to which a round is done at once, without threads and checks: milliseconds;
        threads cost four times as much as the round of a tiny problem.
    sliced_from
        Candidates or participants from which work is sliced at all. Chosen.
    """

    point_parts: int = 2**10
    table_places: int = 2**18
    choices_per_place: int = 64
    price_limit: int = 4
    few_participants: int = 500
    first_rate: float = 0.2
    rate_speed: float = 2.0
    ranged_share: float = 0.5
    lean_whole: float = 0.4
    lean_ranged: float = 0.1
    first_step_whole: float = 0.4
    first_step_ranged: float = 0.8
    last_step: float = 0.0003
    last_step_few: float = 0.001
    inertia: float = 0.8
    frequency_weight: float = 0.1
    slices_per_thread: int = 4
    forced_slices_per_thread: int = 32
    check_every_s: float = 0.1
    short_places: int = 2**20
    sliced_from: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmParameters:
    """A warm start from a state's prices and plan.

    Measured together: with 1 % of the needs changed, a country of 1.5 million candidates was within
    1 % after 7.7 s instead of 33 s, a region within 0.5 % after 2.4 s instead of 6.9 s.

    Attributes
    ----------
    agreed_frequency
        Column frequency beyond which a candidate's price is one that both sides would pay, 0 to 1.
    fresh_price
        Share of its worth that a candidate's price starts from where nothing like it is known, 0 to
        1.
    first_step
        First step from prices that are nearly right; > 0.
    rounds
        Rounds before large neighbourhood search, >= 1.
    fresh_speed
        How many times as much the prices of candidates move that the state does not know; > 0.
    far_gap
        The widest gap after these rounds, as a fraction, at which prices are kept; beyond it the
        problem has changed too much, and they start cold.
    """

    agreed_frequency: float = 0.5
    fresh_price: float = 0.2
    first_step: float = 0.01
    rounds: int = 30
    fresh_speed: float = 10.0
    far_gap: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairParameters:
    """The repair heuristic, from what both sides want to a feasible plan.

    Attributes
    ----------
    passes
        Most times that candidates are tried again, after others have given; >= 1. Chosen: few are
        ever needed.
    unwanted_frequency
        Frequency added to all when filling up, so that candidates never wanted come by their
        points; > 0 and small. Chosen.
    """

    passes: int = 20
    unwanted_frequency: float = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundParameters:
    """How many rounds of prices come before blocks.

    Attributes
    ----------
    least
        Fewest rounds, also where time is short; >= 1. Chosen.
    most_whole, most_ranged, most_few
        Most rounds: in general, where days range, and with few participants. With 300 instead of
        150 the first programs of a country are a sixth smaller, and it ends at 0.23 to 0.28 % after
        75 s instead of 0.48 %. Rates of half-days settle slowly.
    per_work
        Rounds per unit of the deterministic limit, before blocks and before each sweep; >= 1.
        Chosen.
    time_share
        Share of the time limit that they may take, 0 to 1. A country in 45 s ended at 1.95 % with
        rounds cut short, and at 0.86 % with all of them.
    plans
        How often on the way a plan is made of what both sides want; >= 1. Chosen.
    """

    least: int = 60
    most_whole: int = 300
    most_ranged: int = 800
    most_few: int = 400
    per_work: int = 20
    time_share: float = 0.45
    plans: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedParameters:
    """Which candidates (columns) restricted problems hold.

    Starting with few matters most: in a block of 1,532 participants of a country the linear
    relaxation stood 0.46 % above the plan with 3,078 columns and 3.7 % with all 35,374.

    Attributes
    ----------
    first_frequency, first_frequency_by_work
        Column frequency that a candidate must exceed to be in the first restricted problem; the
        second with a deterministic limit, where less is known after fewer rounds; 0 to 1. Found on
        a country, without a record of the alternatives.
    last_frequency
        What the threshold never falls below, 0 to 1. Chosen.
    frequency_factor
        What the threshold is multiplied by from one sweep to the next, 0 to 1. Chosen.
    widening, widening_few
        How many times as many candidates come in by reduced cost where sweeps are slow, in general
        and with few participants; > 1. Chosen.
    bound_moved
        Share of the gap that the bound must have moved by for reduced costs to be computed again,
        >= 0. Chosen.
    close_at_once, close_at_end
        Candidates left after reduced-cost fixing up to which one program has them all, in the
        middle of the search and at its end; >= 0. Chosen.
    """

    first_frequency: float = 0.2
    first_frequency_by_work: float = 0.05
    last_frequency: float = 0.01
    frequency_factor: float = 0.8
    widening: float = 2.5
    widening_few: float = 1.5
    bound_moved: float = 0.05
    close_at_once: int = 6_000
    close_at_end: int = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockParameters:
    """Blocks of participants: how the map is cut, and how closely each is solved.

    Attributes
    ----------
    priced_blocks
        Priced blocks at least, as long as that leaves them large enough; >= 1. Small ones first
        brought a region of tight balances from 6 % to about 2 % after nine seconds.
    priced_least, priced_most, priced_by_work
        Participants that the size of a priced block is limited to at least and at most, and the
        size with a deterministic limit, as nodes alone do not bound a large program's time; >= 1.
    waves
        Waves that priced blocks are solved in, >= 1. Four waves instead of one took a country's gap
        after 45 s from 1.3 to 0.75 %; other numbers are not compared.
    credited_frequency
        Column frequency beyond which a pairing over a block's border earns its giver credit before
        its taker has agreed, 0 to 1. From the first sketch: below some 0.7 too many balances break.
    tight_gap
        Gap before blocks, as a fraction, from which balances count as tight: mending would undo
        most of what priced blocks agree on; > 0.
    tight_frequency, tight_participants
        Column frequency, 0 to 1, and most participants of the large blocks taken then, closed in
        themselves. A region of `whole` is within 3 % after nine seconds; it was 94 % by mending.
    tight_participants_ranged
        The same where most days range, as open days make a program larger. Three regions of
        `ranges` were 4.1 to 4.7 % from their bounds after 15 s with 700; with 400 two of them 44 %;
        with 1,300 and 2,600 some 5, others 50 to 80 %, as HiGHS found no good plan in time.
    calm_regret
        Share of the average regret below which a block is left as it is, >= 0. Chosen.
    unplaced_share
        Share of participants without a position beyond which blocks are cut along partners instead
        of the map, 0 to 1. Chosen.
    gap_alone, gap_of_many
        Share of the whole gap that a block is solved to if it is the only one, and at least however
        many there are; > 0. What one of many can gain is small beside its own points.
    widest_gap, widest_gap_share
        The widest gap that a block is solved to, as a fraction, and as a share of the whole gap
        where that is more; > 0. Solved closer than before, a country ended at 0.23 to 0.28 % after
        75 s instead of 0.48 %.
    far_gap
        Gap beyond which the whole counts as no farther from its bound; > 0. Chosen.
    work
        Units of the deterministic limit for one block, >= 1. Chosen.
    """

    priced_blocks: int = 16
    priced_least: int = 300
    priced_most: int = 1_400
    priced_by_work: int = 300
    waves: int = 4
    credited_frequency: float = 0.7
    tight_gap: float = 0.5
    tight_frequency: float = 0.35
    tight_participants: int = 8_000
    tight_participants_ranged: int = 700
    calm_regret: float = 0.2
    unplaced_share: float = 0.5
    gap_alone: float = 0.3
    gap_of_many: float = 0.03
    widest_gap: float = 0.001
    widest_gap_share: float = 0.002
    far_gap: float = 10.0
    work: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingParameters:
    """Adaptive large neighbourhood search: sizes of neighbourhoods, turns, and time.

    A *sweep* solves each block of one labelling once. Chosen together with 300 rounds and closer
    blocks on a country, which ended at 0.23 to 0.28 % after 75 s instead of 0.48 %.

    Attributes
    ----------
    first_participants
        Participants of a block at first, and again when restricted problems get wider; >= 1.
    least_participants, most_participants, most_participants_by_work
        What sizes stay within; the last with a deterministic limit. Chosen.
    least_size_share
        Blocks have from this share of the size to all of it, at random, so that borders differ; 0
        to 1. Chosen.
    regret_noise
        Regrets are multiplied by 1 give or take this at random before groups grow around them, 0 to
        1. Chosen.
    hard_gap
        Gap to its bound beyond which a block counts as hard when its limit is up; > 0. Chosen.
    hard_share
        Share of hard blocks beyond which the next sweep cuts smaller ones, 0 to 1. Chosen.
    shrink, growth, growth_quick
        What sizes are multiplied by after a sweep with too many hard blocks, after one without any,
        and after a quick one without any. Chosen.
    quick_share
        Share of the time left below which a sweep was quick, 0 to 1. Chosen.
    turns
        Every so many sweeps it is a set neighbourhood's turn, else that of the best pace; >= 1.
        Groups around regret close more of the gap for a second while there is much of it, cuts more
        later.
    slow_share
        Share of what is missing that a sweep must bring not to be slow, with a deterministic limit;
        > 0. Chosen.
    patience
        Otherwise it must bring enough to close the gap, at its pace, in so many times the time so
        far; > 0. Small gains kept a country at the first programs for minutes.
    idle_sweeps
        Sweeps without a better plan after which the search has stalled; >= 1. Chosen.
    sweeps_ahead
        Sweeps that the time left should allow at least; >= 1. Chosen.
    block_s, block_time_share
        What one block may take at most: seconds, and a share of the time so far. With a far time
        limit one hard block held a warm start up for seconds.
    least_block_s
        What one block may always take, seconds; > 0. Chosen.
    sweep_time_share
        Share of the time left that sweeps are planned for, 0 to 1. Chosen.
    late_s
        A search that ends so many seconds before its limit has ended for it: programs end a little
        early; >= 0. Chosen.
    further_first_step, further_last_step
        First and last step of rounds beside the blocks, as multiples of the last step before
        blocks; > 0. Larger ones would fill programs with what is wanted only in passing.
    further_rounds
        Rounds of one such search from the best dual point; >= 1. Chosen.
    """

    first_participants: int = 300
    least_participants: int = 150
    most_participants: int = 2_600
    most_participants_by_work: int = 300
    least_size_share: float = 0.8
    regret_noise: float = 0.5
    hard_gap: float = 0.002
    hard_share: float = 0.3
    shrink: float = 0.7
    growth: float = 1.3
    growth_quick: float = 2.0
    quick_share: float = 0.05
    turns: int = 5
    slow_share: float = 0.01
    patience: float = 5.0
    idle_sweeps: int = 40
    sweeps_ahead: int = 3
    block_s: float = 8.0
    block_time_share: float = 0.4
    least_block_s: float = 0.5
    sweep_time_share: float = 0.8
    late_s: float = 0.3
    further_first_step: float = 4.0
    further_last_step: float = 0.3
    further_rounds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentParameters:
    """Large generalised assignment: the linear relaxation, then neighbourhoods of givers.

    Measured on drawn instances of 80 agents and 1,600 jobs: after 60 s type D was 0.23 % over the
    relaxation, type E 0.11 %; by rounds of prices 0.6 % with a job left out, and 9.4 %.

    Attributes
    ----------
    least_candidates, most_candidates
        Candidates between which the relaxation comes before prices; >= 0. After ten seconds, and
        before rounds of prices came between: with 1,000 prices were nearer; with 16,000 (40 agents,
        400 jobs) they were 0.2 instead of 0.6 % off for type C, 0.7 both for D, and 3.0 instead of
        0.6 % for E. The upper end is chosen.
    needs_per_giver
        Needs for each giver at least, >= 0. With 5 prices proved more, of all three types.
    density
        Share of all pairs of a giver and a need that are candidates, at least; 0 to 1. Chosen.
    time_share
        Share of the time that the relaxation may take, 0 to 1. Chosen.
    priced_candidates, rounds, rounds_time_share
        Candidates up to which rounds of prices follow, how many, and the share of the time left
        beyond which they are given up; >= 0. Chosen.
    givers, least_givers
        Givers of a group at first, and at least; > 0.
    columns
        Candidates of each need that a group decides on at first, >= 1.
    gap_share
        Share of the whole gap that the groups of a sweep leave together at first, 0 to 1.
    widest_gap
        The widest gap that a group is decided to, as a fraction; > 0. Chosen.
    hard_gap
        Times the gap asked for that a group's may be before it counts as hard, >= 1. Chosen.
    hard_share
        Share of hard groups beyond which the next are smaller, 0 to 1. Chosen.
    shrink, growth, closer
        What the size of groups is multiplied by after a sweep with too many hard ones, and after
        one without any; what their candidates are multiplied by, and what the share of the gap is,
        after one that brought nothing. Chosen.
    idle_sweeps
        Sweeps in a row that brought nothing, after which one program takes all; >= 1. Chosen.
    close_at_once, close_at_end
        Candidates that might still be better up to which it does after the first of these sweeps,
        and after all; >= 0. Chosen.
    block_s, least_block_s
        Seconds that a group may take at most, and always; > 0.
    sweep_time_share
        Share of the time left that a sweep is planned for, 0 to 1. Chosen.
    """

    least_candidates: int = 3_000
    most_candidates: int = 300_000
    needs_per_giver: float = 8.0
    density: float = 0.2
    time_share: float = 0.4
    priced_candidates: int = 10_000
    rounds: int = 200
    rounds_time_share: float = 0.15
    givers: float = 10.0
    least_givers: float = 3.0
    columns: int = 4
    gap_share: float = 0.3
    widest_gap: float = 0.001
    hard_gap: float = 1.1
    hard_share: float = 0.3
    shrink: float = 0.8
    growth: float = 1.2
    closer: float = 0.5
    idle_sweeps: int = 10
    close_at_once: int = 1_500
    close_at_end: int = 6_000
    block_s: float = 4.0
    least_block_s: float = 0.5
    sweep_time_share: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One restricted problem of the exact method.

    Attributes
    ----------
    frequency
        Column frequency that a candidate must exceed to be in, 0 to 1.
    gap
        Fraction to which the program is solved at least.
    """

    frequency: float
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactParameters:
    """HiGHS's side of the exact method, helped by prices.

    Measured on drawn needs and offers at real positions of one large authority (1,199 institutions
    in reach, 7,444 candidates that can fit): HiGHS alone proves 3.9 % in 60 s, CP-SAT 11 %; prices
    bound it within 2 s, and HiGHS on the tenth of the candidates that are wanted is within 1 % of
    that after some 5 s.

    Attributes
    ----------
    rounds
        Rounds of prices first, >= 1.
    stages
        Restricted problems, one after another.
    stage_time_share
        Share of the time left that each may have, 0 to 1.
    restricted_from
        Candidates from which prices and restricted problems come first. Chosen.
    stop_s
        Seconds left at which rounds end early; >= 0. Chosen.
    """

    rounds: int = 300
    stages: tuple[Stage, ...] = (
        Stage(frequency=0.2, gap=0.005),
        Stage(frequency=0.05, gap=0.002),
        Stage(frequency=0.005, gap=0.0005),
    )
    stage_time_share: float = 0.4
    restricted_from: int = 500
    stop_s: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParameters:
    """Closed loops: the search for them, and large neighbourhood search among them.

    Attributes
    ----------
    most_entries
        Loops found at most, times the participants of the longest; >= 0: what they take in memory.
        A region of `whole` has 102,503 loops of up to three.
    most_steps
        Steps of one whole search for loops, >= 0: a second or two in all.
    greedy_arcs
        Arcs of the loops that the greedy plan tries, the best ones; >= 0. Chosen.
    short_time_share
        Where some loops are left out, share of the time left for plans of those found, 0 to 1; the
        rest is for the bound. Chosen.
    first_participants
        Participants decided on together at first, >= 2. Larger ones with less time each than before
        brought the same or better plans for the same seconds of processor, on authorities of 200
        and 300.
    growth
        What a neighbourhood's size is divided by after one not solved to proof, and multiplied by,
        over as many neighbourhoods as a pass has, after ones that brought nothing; > 1. Chosen.
    least_participants
        What the size never falls below, >= 2.
    neighbourhood_s
        Seconds that one neighbourhood may take; > 0. Measured with `first_participants`.
    patience
        Neighbourhoods in a row that brought nothing, after which the next may take twice as long as
        the first; after twice as many three times, and so on; >= 1. In 50 seconds 20 brought
        1,223,668 points rather than 1,220,275 on 200 institutions.
    neighbourhoods_per_work
        Neighbourhoods per unit of the deterministic limit; >= 1. Chosen.
    stop_s
        Seconds left at which the search ends; >= 0. Chosen.
    simplex_columns
        Columns up to which the linear relaxation is solved by simplex, exactly; >= 0. 120,000 take
        two seconds where each is on one loop at most; beyond, PDLP comes near sooner.
    restricted_columns
        Columns, those of least reduced cost, of the first restricted problem; >= 1. Chosen.
    restricted_growth
        How many times as many the next one has; >= 2. Chosen.
    restricted_time_share
        Share of the time left for each but the last, 0 to 1. Chosen.
    shares_time_share
        Share of the time left then for shares of loops, 0 to 1. Chosen.
    shares_step, shares_shrink, shares_least_step
        First step of shares, > 0; by what it is multiplied after `shares_patience` rounds in a row
        that lowered no bound, and divided after as many that did, 0 to 1; at what step they end.
        With steps that only shrink a county of 3,100 was 1.9 % higher after 1,500 rounds.
    shares_patience
        Rounds; >= 1. Six of them ended 1.9 % higher on that county than 15.
    shares_aim
        Fraction of the best bound that a step reaches below it, 0 to 1. Chosen.
    shares_memory
        Weight of directions before, 0 to below 1. Chosen.
    shares_nodes
        Steps of one participant's search in a round, >= 1. Cut short it is of no use: with 5,000
        the bound of 200 institutions stayed 4.8 % higher, as one exempt participant of theirs is
        on 255 loops.
    shares_per_work
        Rounds of shares per unit of the deterministic limit; >= 1. Chosen.
    """

    most_entries: int = 4_000_000
    most_steps: int = 2**26
    greedy_arcs: int = 400_000
    short_time_share: float = 0.5
    first_participants: int = 32
    growth: float = 1.25
    least_participants: float = 2.0
    neighbourhood_s: float = 1.5
    patience: int = 20
    neighbourhoods_per_work: int = 20
    stop_s: float = 0.5
    simplex_columns: int = 120_000
    restricted_columns: int = 2_000
    restricted_growth: int = 4
    restricted_time_share: float = 0.2
    shares_time_share: float = 0.7
    shares_step: float = 0.05
    shares_shrink: float = 0.7
    shares_least_step: float = 0.0005
    shares_patience: int = 15
    shares_aim: float = 0.05
    shares_memory: float = 0.7
    shares_nodes: int = 1_000_000
    shares_per_work: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainParameters:
    """Of explanations that solve again around one need. All chosen: an answer within seconds.

    Attributes
    ----------
    steps
        How far the neighbourhood grows from the need: whom its candidates join, and on; >= 1.
    most_candidates
        Candidates decided anew at most, besides the need's own; >= 0.
    work
        Deterministic limit of one solve, >= 1.
    most_tries
        Changes tried for one need, each of three solves; >= 1.
    """

    steps: int = 2
    most_candidates: int = 600
    work: int = 5
    most_tries: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveParameters:
    """All of them, and how `auto` chooses.

    Attributes
    ----------
    exact_up_to
        Candidates up to which `auto` takes the exact method. Chosen.
    flow_time_share
        Share of the time that `auto` gives to the flow before it turns to prices, 0 to 1. Chosen: a
        flow of 27,000 institutions is proven in 13 to 21 s.
    check_s, check_s_per_candidate
        Seconds kept for the check at the end, and for each candidate; >= 0. Chosen.
    backends, prices, warm, repair, rounds, restricted, blocks, pacing, assignment
        Of each part.
    exact, loops, explain
        Of each method else, and of explanations.
    """

    exact_up_to: int = 400
    flow_time_share: float = 0.5
    check_s: float = 0.1
    check_s_per_candidate: float = 1e-6
    backends: BackendParameters = BackendParameters()
    prices: PriceParameters = PriceParameters()
    warm: WarmParameters = WarmParameters()
    repair: RepairParameters = RepairParameters()
    rounds: RoundParameters = RoundParameters()
    restricted: RestrictedParameters = RestrictedParameters()
    blocks: BlockParameters = BlockParameters()
    pacing: PacingParameters = PacingParameters()
    assignment: AssignmentParameters = AssignmentParameters()
    exact: ExactParameters = ExactParameters()
    loops: LoopParameters = LoopParameters()
    explain: ExplainParameters = ExplainParameters()


DEFAULTS: Final = SolveParameters()
