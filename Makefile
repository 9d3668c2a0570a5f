# One command each; `make` alone lists them. GNU make 3.81 or newer, a POSIX shell, Python 3.11 or newer.
# PYTHON=python3.12 picks the interpreter of a new .venv, ARGS="..." goes to the command a target runs.

BIN := .venv/bin
SERVE := .venv/serve.stamp
DEV := .venv/dev.stamp
INSTALL := tools/install.sh pyproject.toml requirements-build.txt

.DEFAULT_GOAL := help
.PHONY: help setup serve demo test check lint types imports docs bench lock sbom audit clean

help: ## What can be made
	@echo "make TARGET [ARGS=...]"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-10s %s\n", $$1, $$2 }'

serve: $(SERVE) ## Install what is missing, migrate the database and serve on 127.0.0.1:8000
	@exec $(BIN)/folkmoot serve $(ARGS)

demo: $(SERVE) ## Give a team one task over the files of this clone and show how it gets done
	@data=$$(mktemp -d) && trap 'rm -rf "$$data"' EXIT && trap 'exit 130' INT && \
	DATA_DIR="$$data" DATABASE_URL="sqlite:///$$data/demo.db" $(BIN)/folkmoot run \
		"Summarise what this project promises about crashes, with sources" \
		--file README.md --file docs/runs.md --out build/demo $(ARGS)

setup: $(DEV) ## Install everything a developer needs into .venv

test: $(DEV) ## The default tests: no service, no network, no key
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest $(ARGS)

check: lint types imports test ## Everything that must hold; with FOLKMOOT_TEST_POSTGRES set, on both databases
	@if [ -n "$${FOLKMOOT_TEST_POSTGRES:-}" ]; then $(BIN)/pytest -m postgres; \
	else echo "PostgreSQL not tested: FOLKMOOT_TEST_POSTGRES is not set"; fi

lint: $(DEV) ## Style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(DEV) ## mypy --strict over the product, its tests and its tools
	$(BIN)/mypy

imports: $(DEV) ## The import contracts of docs/house.md
	$(BIN)/lint-imports --no-logo

docs: $(DEV) ## Write the generated pages again: errors, events, .env.example, the client's calls
	$(BIN)/python -m tools.document
	$(BIN)/python -m tools.client

bench: $(DEV) ## Measure against hand-written floors; prints ratios
	$(BIN)/python -m bench $(ARGS)

lock: ## Write the locks from pyproject.toml; UPGRADE=1 takes the newest versions
	sh tools/lock.sh $(if $(UPGRADE),--upgrade)

sbom: $(DEV) ## Write what a base install consists of to build/sbom.cdx.json (CycloneDX)
	@$(BIN)/python -m tools.sbom

audit: $(DEV) ## Look its packages up in the advisory database, where that can be reached
	@$(BIN)/python -m tools.audit

clean: ## Remove what was built, the .venv included; data stays
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests tools bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(SERVE): requirements.txt $(INSTALL)
	@PYTHON="$(PYTHON)" sh tools/install.sh serve

$(DEV): requirements.txt requirements-dev.txt $(INSTALL)
	@PYTHON="$(PYTHON)" sh tools/install.sh dev
