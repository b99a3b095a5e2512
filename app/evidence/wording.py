"""Where the quality of an offer comes from, in one sentence."""

from collections.abc import Mapping
from typing import Final

from models.vocabulary import EvidenceKind
from solver.pairing.point_reasons import NO_EVIDENCE
from solver.pairing.quality import Quality

MOST: Final = 5
_ONE: Final[Mapping[EvidenceKind, str]] = {
    EvidenceKind.OUTCOME: "a school that it supported",
    EvidenceKind.MONITOR: "a monitor",
    EvidenceKind.ACCREDITATION: "a body that accredited it",
    EvidenceKind.PEER_VISIT: "a visitor from another organisation",
}
_MANY: Final[Mapping[EvidenceKind, str]] = {
    EvidenceKind.OUTCOME: "{} results of schools that it supported",
    EvidenceKind.MONITOR: "{} reviews by monitors",
    EvidenceKind.ACCREDITATION: "{} accreditations",
    EvidenceKind.PEER_VISIT: "{} visits from other organisations",
}


def comes_from(quality: Quality) -> str:
    """Say what the quality of an offer is, who said so and when."""
    if quality.step == 0:
        return NO_EVIDENCE
    claimed = _claimed(quality)
    start = f"The quality of this support counts as {quality.step} out of {MOST}"
    if not quality.others:
        return f"{start}: {claimed}, and nobody else has said anything of it."
    return f"{start}: {'; '.join([*_of_others(quality), claimed])}."


def _claimed(quality: Quality) -> str:
    if quality.claim is None:
        return "the supporting organisation itself claims nothing"
    said = f"the supporting organisation itself claims {quality.claim}"
    if quality.claim_counts < quality.claim:
        said += f", and a claim counts as {quality.claim_counts} at most"
    return said


def _of_others(quality: Quality) -> list[str]:
    """Those of each kind together, with what they said from the lowest to the highest."""
    found = []
    for kind in _ONE:
        said = [each for each in quality.others if each.kind is kind]
        if not said:
            continue
        years = _listed([str(year) for year in sorted({each.on_day.year for each in said})])
        low, high = min(each.strength for each in said), max(each.strength for each in said)
        if len(said) == 1:
            found.append(f"{_ONE[kind]} said {low} in {years}")
        else:
            strengths = f"{low}" if low == high else f"{low} to {high}"
            found.append(f"{_MANY[kind].format(len(said))} say {strengths}, from {years}")
    return found


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
