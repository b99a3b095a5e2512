"""The distribution: what it holds, and that no dependency brings packages of our names."""

import subprocess
import sys
from importlib.metadata import distributions, version

from typer.testing import CliRunner

from app.cli.main import app

OURS = {"app", "solver", "models", "migrations"}


def test_no_dependency_installs_our_package_names() -> None:
    """Our top-level names are plain words: nobody else may bring them along."""
    for distribution in distributions():
        if distribution.name == "givetake":
            continue
        tops = {path.parts[0] for path in distribution.files or () if path.suffix == ".py"}
        assert not tops & OURS, distribution.name


def test_the_command_says_its_version() -> None:
    """Whoever reports a fault can say of which version."""
    said = CliRunner().invoke(app, ["--version"])
    assert (said.exit_code, said.stdout) == (0, f"givetake {version('givetake')}\n")


def test_the_package_is_the_command() -> None:
    """`python -m app` does what the script does, where that is not on the path."""
    said = subprocess.run(
        [sys.executable, "-m", "app", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"givetake {version('givetake')}\n"
