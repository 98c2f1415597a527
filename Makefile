# The whole set-up is behind these targets: each makes .venv and builds the wheel first where that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust python -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.pyi')

# A thread of torch's that waits should sleep: on a machine that is shared, spinning costs several times the time.
export OMP_WAIT_POLICY ?= passive
# Two for each core: half of the time a test waits for processes that it has started.
TEST_PROCESSES ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))

.DEFAULT_GOAL := help
.PHONY: help train test test-plain smoke lint generated docs bench bench-readme wheel manylinux sdist crate audit fuzz \
	platforms clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: $(VENV)/package ## Train a ResNet-18 on the embedded data set (ARGS="--epochs 3" passes options)
	$(BIN)/penstock train $(ARGS)

test: $(VENV)/installed ## Run the Rust and the Python tests (ARGS="-k parity" passes options to pytest)
	cargo test --workspace --locked --quiet
	$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile $(ARGS)

test-plain: $(VENV)/installed ## The same with all that only some systems have left out (ARGS=FILES takes some of the tests)
	cargo test --package penstock-core --features plain --locked --quiet
	rm -rf target/plain && mkdir -p target/plain
	PYO3_PYTHON=$(abspath $(BIN)/python) cargo build --release --locked --package penstock-py --features plain
	cp -r python target/plain && cp target/release/lib_native.so target/plain/python/penstock/_native.abi3.so
	PYTHONPATH=$(abspath target/plain/python) $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile $(ARGS)

# Every operation, files of every kind, either way, and nothing that needs the other libraries.
SMOKE := $(addprefix tests/,parity/test_arrays.py parity/test_files.py parity/test_operations.py \
	recorded/test_file_objects.py unit/test_decode_jpeg.py unit/test_random.py)
WHEEL = $(firstword $(wildcard $(abspath dist)/*.whl))
smoke: ## Install the wheel in dist/ for PYTHON, which may be another one, and run some of the tests (ARGS=FILES others)
	@test -n "$(WHEEL)" || { echo "make smoke: there is no wheel in dist/: make wheel first" >&2; exit 2; }
	rm -rf target/smoke && $(PYTHON) -m venv target/smoke
	target/smoke/$(notdir $(BIN))/python -m pip install --quiet "$(WHEEL)[dev]"
	target/smoke/$(notdir $(BIN))/python -m pytest $(or $(ARGS),$(SMOKE))

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

bench: $(VENV)/installed ## Measure images in memory and write benches/record/ and BENCHMARKS.md's table
	cargo bench --workspace --locked
	$(BIN)/python benches/python/record.py

bench-readme: $(VENV)/installed ## Measure README's table over an ImageFolder of JPEGs (DATA=FOLDER), in five minutes
	@test -n "$(DATA)" || { echo "make bench-readme: DATA is an ImageFolder of JPEGs: make bench-readme DATA=FOLDER" >&2; exit 2; }
	$(BIN)/python benches/python/front.py $(DATA) $(ARGS)

wheel: $(VENV)/tools ## Build the wheel into dist/
	$(BIN)/maturin build --release --locked --out dist

manylinux: $(VENV)/tools ## The same for every Linux since glibc 2.28, whatever this one has
	$(BIN)/python -m pip install --quiet "ziglang>=0.13" auditwheel
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/maturin build --release --locked --zig --compatibility manylinux_2_28 --out dist
	$(BIN)/auditwheel show dist/*manylinux_2_28*.whl

sdist: $(VENV)/tools ## Pack the sources into dist/
	$(BIN)/maturin sdist --out dist

crate: ## Pack penstock-jpeg as a crate and build it alone (CRATE=publish hands it to the registry)
	cargo $(or $(CRATE),package) --package penstock-jpeg --locked

audit: ## Advisories, licences and sources of all that is compiled in; needs cargo-deny
	cargo deny --locked --all-features check

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/installed ## Fuzz the decoders for FUZZ_SECONDS each; needs a nightly compiler and cargo-fuzz
	for target in decode header; do \
		$(BIN)/python scripts/mutants.py --seeds rust/fuzz/corpus/$$target && \
		cargo +nightly fuzz run --fuzz-dir rust/fuzz $$target -- \
			-dict=rust/fuzz/jpeg.dict -max_len=4096 -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

PLATFORMS ?= aarch64-unknown-linux-gnu aarch64-apple-darwin x86_64-pc-windows-msvc
platforms: ## Check that the crates compile for other systems
	rustup target add $(PLATFORMS)
	for target in $(PLATFORMS); do \
		PYO3_NO_PYTHON=1 RUSTFLAGS="-D warnings" cargo check --workspace --locked --target $$target || exit 1; \
	done

clean: ## Remove everything that the targets made
	rm -rf $(VENV) target dist runs .pytest_cache .mypy_cache .ruff_cache .hypothesis

# Each missing prerequisite is named with what to do about it.
$(VENV)/tools: pyproject.toml scripts/prerequisites.sh
	@PYTHON="$(PYTHON)" sh scripts/prerequisites.sh
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet "maturin>=1.14,<2"
	@touch $@

# What some of the package's extras ask for, without the package.
EXTRAS = $(BIN)/python -c 'import sys, tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
	print(*(wanted for name in sys.argv[1:] for wanted in extras[name]))'

# The pages are made of the sources, so nothing is built for them.
$(VENV)/docs: $(VENV)/tools
	$(EXTRAS) docs | xargs $(BIN)/python -m pip install --quiet
	@touch $@

# What a training needs. Tests want several times as much.
$(VENV)/package: $(VENV)/tools $(SOURCES)
	$(BIN)/maturin develop --release --locked --extras train
	@touch $@

# WITH are requirements that come last: make test WITH="torch==2.11.* torchvision==0.26.*"
$(VENV)/installed: $(VENV)/package
	$(EXTRAS) dev ecosystem | xargs $(BIN)/python -m pip install --quiet
	$(if $(WITH),$(BIN)/python -m pip install --quiet $(WITH))
	@touch $@
