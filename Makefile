# The whole set-up is behind these targets: each makes .venv and builds the wheel first where that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust python -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi')

# A thread of torch's that waits should sleep: on a machine that is shared, spinning costs several times the time.
export OMP_WAIT_POLICY ?= passive
# Two for each core: half of the time a test waits for processes that it has started.
TEST_PROCESSES ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.DEFAULT_GOAL := help
.PHONY: help train test lint generated docs bench bench-readme wheel clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/installed ## Train a ResNet-18 on the embedded data set (ARGS="--epochs 3" passes options)
	$(BIN)/penstock train $(ARGS)

test: $(VENV)/installed ## Run the Rust and the Python tests (ARGS="-k parity" passes options to pytest)
	cargo test --workspace --locked --quiet
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile $(ARGS)

lint: $(VENV)/installed ## Formatters, linters, types, stubs, generated tables
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest penstock._native
	$(BIN)/python scripts/native_tables.py --check

generated: $(VENV)/installed ## Write the table of operations in docs/native.md from the package's
	$(BIN)/python scripts/native_tables.py

docs: $(VENV)/docs ## Build the documentation into target/site
	$(BIN)/mkdocs build --strict --quiet

bench: $(VENV)/installed ## Measure pictures in memory and write benches/record/ and BENCHMARKS.md's table
	cargo bench --workspace --locked
	$(BIN)/python benches/python/record.py

bench-readme: $(VENV)/installed ## Measure README's table over an ImageFolder of JPEGs (DATA=FOLDER), in five minutes
	@test -n "$(DATA)" || { echo "make bench-readme: DATA is an ImageFolder of JPEGs: make bench-readme DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benches/python/front.py $(DATA) $(ARGS)

wheel: $(VENV)/tools ## Build the wheel into dist/
	$(BIN)/maturin build --release --locked --out dist

clean: ## Remove everything that the targets made
	rm -rf $(VENV) target dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each missing prerequisite is named with what to do about it.
$(VENV)/tools: pyproject.toml scripts/prerequisites.sh
	@PYTHON="$(PYTHON)" sh scripts/prerequisites.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "maturin>=1.14,<2"
	@touch $@

# The extra alone: the pages are made of the sources, so nothing is built for them.
$(VENV)/docs: $(VENV)/tools
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])' \
		| xargs $(BIN)/python -m pip install --quiet
	@touch $@

$(VENV)/installed: $(VENV)/tools $(SOURCES)
	$(BIN)/maturin develop --release --locked --extras train,dev,ecosystem
	@touch $@
