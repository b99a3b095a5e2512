"""The distribution: what it holds, and that no dependency brings packages of our names."""

from importlib.metadata import distributions

OURS = {"app", "solver", "models", "migrations"}


def test_no_dependency_installs_our_package_names() -> None:
    """Our top-level names are plain words: nobody else may bring them along."""
    for distribution in distributions():
        if distribution.name == "givetake":
            continue
        tops = {path.parts[0] for path in distribution.files or () if path.suffix == ".py"}
        assert not tops & OURS, distribution.name
