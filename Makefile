# The two commands that matter: `make demo` and `make test`. On Windows see README.md.
SHELL := /bin/sh
PY := .venv/bin/python
# Everything a test or the demo makes stays below build/.
DEMO_DATA := build/demo

.PHONY: help setup demo test lint types imports format lock starter faults demo-data screenshots bench table3 pretrain-figures clean

help:
	@echo "make demo      set up and run the main job on the demo exams"
	@echo "make test      set up, check the code, run the whole suite"
	@echo "make setup     set up only"
	@echo "make starter   train the next starter model from the shipped one (about an hour and a half on two cores)"
	@echo "make demo-data render the demo exams again"
	@echo "make screenshots  pictures of every view and state into build/screenshots"
	@echo "make bench     measure speed against peers and limits (about five minutes)"
	@echo "make faults    kill the program at every point where it writes (about a quarter of an hour)"
	@echo "make table3    Table 3 on the phantom: four rows, three seeds (about two hours on two cores, resumable)"
	@echo "make pretrain-figures  what learning without labels brings; RESEARCH=DIR adds real pictures (some hours, resumable)"
	@echo "make lock      resolve the dependencies again (needs uv)"

setup:
	@python3 packaging/bootstrap.py

demo: setup
	@.venv/bin/polyptrace demo --data-dir $(DEMO_DATA)
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then \
		echo "Opening the window on the demo catalogue: .venv/bin/python -m desktop --data-dir $(DEMO_DATA)"; \
		(.venv/bin/python -m desktop --data-dir $(DEMO_DATA) >/dev/null 2>&1 &) ; \
	fi

# Two halves side by side, a thread each: one after the other they take two cores half an hour.
test: setup lint types imports
	@mkdir -p build
	@echo "tests/core runs beside the rest; its report follows at the end (build/test-core.log)"
	@export OMP_NUM_THREADS=1; \
	$(PY) -m pytest tests/core >build/test-core.log 2>&1 & core=$$!; \
	trap 'kill $$core' INT TERM; \
	$(PY) -m pytest --ignore=tests/core; rest=$$?; \
	wait $$core; core=$$?; cat build/test-core.log; exit $$((rest | core))

lint:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types:
	$(PY) -m mypy

imports:
	.venv/bin/lint-imports

format:
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
		--extra desktop --group dev -q -o requirements.lock pyproject.toml

starter: setup
	$(PY) -m core.training.starter

# Both go on where they were stopped. RESEARCH is a folder of research data; what isn't there is left out.
RESEARCH ?= research
table3: setup
	$(PY) -m core.training.ablation

pretrain-figures: setup
	$(PY) -m core.training.pretrain_figures \
		$(if $(wildcard $(RESEARCH)/clinicdb),--clinicdb $(RESEARCH)/clinicdb) \
		$(if $(wildcard $(RESEARCH)/open),--stills $(RESEARCH)/open)

faults: setup
	POLYPTRACE_FAULTS=all $(PY) -m pytest tests/core/catalog/test_kills.py

screenshots: setup
	@.venv/bin/polyptrace demo --data-dir $(DEMO_DATA) >/dev/null
	@$(PY) tests/screenshots/take.py build/screenshots --data-dir $(DEMO_DATA)

bench: setup
	@mkdir -p build
	@$(PY) tests/benchmarks/run.py --json build/bench.json

demo-data: setup
	$(PY) -m core.demo_data resources/demo

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
