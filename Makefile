# Maquette. `make run` starts everything, `make test` tests everything; nothing else is needed to begin.
#   make run PORT=8010 SERVING_PORT=8011 MAQUETTE_DATA=/some/folder VERBOSE=1
python := .venv/bin/python
chromium := $(or $(MAQUETTE_CHROMIUM),$(shell command -v chromium || command -v chromium-browser || command -v google-chrome))

# Compiled once, not by each of the hundreds of processes that tests begin.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run doctor check types site-checks quick-tests test test-postgres lint format bench screenshots pins sbom clean

run:
	@./bootstrap
	@exec $(python) manage.py up

# It only looks: nothing is installed.
doctor:
	@test -x $(python) || { echo "Nothing is installed yet. Type: make run"; exit 1; }
	@exec $(python) manage.py doctor

# Under a minute: format, types, settings, migrations, messages and the quick tests. Run it before each commit.
check: lint
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target quick-tests types site-checks

types:
	@$(python) -m mypy

site-checks:
	@$(python) -m tests.site_checks

quick-tests:
	@$(python) -m tests.quick $(ARGS)

# What the machine must have apart from Python is in .ci/run. ARGS goes to pytest: make test ARGS="tests/ops -x"
# Three processes also on two cores: many tests wait for a site, a browser or a training of their own.
test: lint
	@test -n "$(chromium)" || $(python) -m playwright install chromium
	@$(python) manage.py check
	@$(python) manage.py makemigrations --check --dry-run
	@MAQUETTE_CHROMIUM="$(chromium)" $(python) -m pytest -n 3 --dist loadgroup --no-loadscope-reorder $(ARGS)

# What a database can break, over a PostgreSQL of its own in a temporary folder; `make test` does this on its way.
test-postgres:
	@./bootstrap dev
	@$(python) -m tests.postgres $(ARGS)

lint:
	@./bootstrap dev
	@$(python) -m ruff check
	@$(python) -m ruff format --check
	@.venv/bin/oxlint --quiet --deny-warnings static/js

format:
	@./bootstrap dev
	@$(python) -m ruff check --fix
	@$(python) -m ruff format
	@.venv/bin/djade --target-version 5.2 $$(find templates -name '*.html')

# Speed and accuracy against the stock libraries; prints its figures. About half an hour on two cores.
bench:
	@./bootstrap dev
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(python) $$script || exit 1; done

# The pictures of the README, taken by the browser test on its way.
screenshots:
	@./bootstrap dev
	@MAQUETTE_SCREENSHOTS="$(CURDIR)/docs/screenshots" MAQUETTE_CHROMIUM="$(chromium)" $(python) -m pytest tests/browser

# After changing requirements/*.txt and installing into .venv: write down what is there, then the hashes of its files.
pins:
	@{ head -n 1 requirements/constraints.txt; $(python) -m pip freeze --all | grep -viE '^(pip|wheel)=' | sed 's/+cpu$$//' | LC_ALL=C sort -f; } > .venv/pins
	@mv .venv/pins requirements/constraints.txt
	@$(python) requirements/lock.py

# What is released, library by library, as CycloneDX: sbom.json
sbom:
	@./bootstrap dev
	@$(python) deploy/sbom.py

# The data stays: it is in var/.
clean:
	rm -rf .venv
