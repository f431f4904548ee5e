# The words people type: make demo, make test, make lint, make bench.

PYTHON ?= python3
BIN := .venv/bin
PHOTOS := src/lookreel/assets/photos
# The tests are small: more threads than two cost more than they bring. `make test THREADS=8` tries it.
THREADS ?= 2

.PHONY: demo test lint bench clean
.DEFAULT_GOAL := demo

# The stamp is as new as the last complete install; a change of the requirements repeats it.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

demo: .venv/installed
	@mkdir -p out
	$(BIN)/lookreel animate --model mini --photo $(PHOTOS)/front.png --photo $(PHOTOS)/back.png \
		--photo $(PHOTOS)/side.png --motion turn --out out/demo.mp4 --force

test: .venv/installed
	OMP_NUM_THREADS=$(THREADS) $(BIN)/python -m pytest

lint: .venv/installed
	$(BIN)/ruff format --check src tests
	$(BIN)/ruff check src tests
	$(BIN)/pyright --pythonpath $(BIN)/python

bench: .venv/installed
	$(BIN)/python -m lookreel.bench --out docs/bench.json
	$(BIN)/python -m lookreel.bench.page

clean:
	rm -rf .venv out
