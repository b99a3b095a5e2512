"""`python -m app`: the command without its script."""

from app.cli.main import run

if __name__ == "__main__":
    run()
