# One word a chore. MODELPORT_* may stand in the environment or after the word: make run MODELPORT_PORT=8090
.DEFAULT_GOAL := help
.PHONY: bench-pages help run stop install install-dev test lint format languages screenshots lock demo examples spark-base soak bench-scoring

# The first Python of 3.11 to 3.13 that really starts (a version manager's shim may not); another: PYTHON=/path/to/python
usable = $(shell for p in python3 python3.11 python3.12 python3.13; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
PYTHON ?= $(usable)
python := .venv/bin/python

help: ## what can be said
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: install ## start the portal; the first time it also runs the Iris example
	@exec $(python) manage.py start

stop: ## stop a portal started from another terminal
	@exec $(python) manage.py stop

install: ## the virtual environment, the requirements and the pages' assets
	@test -n "$(PYTHON)" || { echo "The portal needs Python 3.11, 3.12 or 3.13 and found none. Name one: make run PYTHON=/path/to/python3.11"; exit 1; }
	@exec $(PYTHON) portal/supervisor/install.py

install-dev: ## the same, with what the tests need
	@test -n "$(PYTHON)" || { echo "The portal needs Python 3.11, 3.12 or 3.13 and found none. Name one: make test PYTHON=/path/to/python3.11"; exit 1; }
	@exec $(PYTHON) portal/supervisor/install.py --dev

test: install-dev lint ## all tests; those whose parts are missing here are skipped, with the reason
	@exec $(python) -m pytest $(ARGS)

lint: install-dev ## ruff, and migrations that were forgotten
	@$(python) -m ruff check .
	@$(python) manage.py makemigrations --check --dry-run --settings=portal.settings.test

format: install-dev ## ruff's formatter
	@$(python) -m ruff check --fix . && $(python) -m ruff format .

screenshots: install-dev ## take the pictures of docs/screens.md anew
	@$(python) -m pytest -q tests/frontend/take_screenshots.py

languages: install-dev ## bring locale/*.po up to date with the marked texts, and say what is not translated
	@$(python) manage.py languages

lock: install-dev ## raise the exact releases in constraints.txt to the newest that fit together
	@grep -hv '^-' requirements.txt requirements-dev.txt | .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header - >constraints.new
	@mv constraints.new constraints.txt

demo: install ## the Iris example once more, against the running portal
	@exec $(python) manage.py quickstart --again

examples: install ## the score files of demo/scores, each built, served and called: NAMES="onnx-iris plain-text" WHEELS=folder
	@exec $(python) -m demo.scores.run $(if $(WHEELS),--wheels $(WHEELS)) $(NAMES)

spark-base: install ## the base image for Spark, in the Docker Engine
	@exec $(python) manage.py make_base spark-py

soak: install-dev ## ten minutes of good and hostile traffic at full speed; ends with what it saw (ARGS="--minutes 2")
	@exec $(python) -m benchmarks.soak $(ARGS)

bench-pages: install-dev ## every page with 100 and with 100,000 model versions, in PostgreSQL; some ten minutes (ARGS="--only models")
	@exec $(python) -m benchmarks.pages $(ARGS)

bench-scoring: install-dev ## the scoring runtime beside other scoring servers, some ten minutes (ARGS="--peers ours,mlflow --rounds 1")
	@exec $(python) -m benchmarks.scoring $(ARGS)
