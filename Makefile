SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
STACK := .venv-stack/bin/stack
# Settings of the local stack, for commands that talk to it.
WITH_STACK = eval "$$($(STACK) env)";

# OBJECT_STORE=minio gives the stack the other object store, seaweedfs being the default. A file is in one store only,
# hence another state directory for the tests.
export PAYMENTS_TEST_STATE_DIR ?= .state-test$(OBJECT_STORE:%=-%)

# Settings of `make demo`: webhooks, how many a second, and whether only they and Gold are shown.
COUNT ?= 200
RATE ?= 50
FAST ?=

include infra/local/stack.mk

##@ Run

.PHONY: demo
demo: up ## Show what the pipeline does, outages and a quarantine included; FAST=1: traffic and Gold alone
	@$(STACK) demo --count $(COUNT) --rate $(RATE) $(if $(FAST),--fast)

# Settings of `make report`: the first and the last day, in UTC; the 90 days until today unless set.
SINCE ?=
UNTIL ?=

.PHONY: report
report: $(PYTHON) ## Write a page of Gold, build/report/index.html, of the running stack; SINCE=2025-03-01 UNTIL=2025-03-31
	@$(WITH_STACK) $(PYTHON) -m analytics.report $(if $(SINCE),--since $(SINCE)) $(if $(UNTIL),--until $(UNTIL))

##@ Contracts

.PHONY: codegen drift
codegen: $(PYTHON) ## Derive generated/ from contracts/; rules, dashboards and compose.yaml from infra/
	@.venv/bin/codegen generate; $(PYTHON) -m monitoring; $(PYTHON) -m deployment

drift: $(PYTHON) ## Fail when a derived file is not what it is derived from says
	@.venv/bin/codegen drift; $(PYTHON) -m monitoring --check; $(PYTHON) -m deployment --check

# Settings of `make compat`: a commit to compare with, and rules whose findings do not fail.
AGAINST ?=
ACCEPT ?=

.PHONY: compat
compat: $(PYTHON) ## Fail when contracts/ break what they promised at AGAINST (default: where this branch left main)
	@.venv/bin/codegen compat $(if $(AGAINST),--against "$(AGAINST)") $(foreach rule,$(ACCEPT),--accept "$(rule)")

.PHONY: topics register registry-drift tables database
topics: ## Create the topics of the contracts on the running stack
	@$(WITH_STACK) .venv/bin/payments topics apply

register: ## Register the schemas of the contracts with the running stack
	@$(WITH_STACK) .venv/bin/payments schemas register

registry-drift: ## Tell where the registry of the running stack and the contracts disagree
	@$(WITH_STACK) .venv/bin/payments schemas check

tables: ## Create the tables of the contracts on the running stack
	@$(WITH_STACK) .venv/bin/payments tables apply

database: ## Create the tables of the operational database on the running stack
	@$(WITH_STACK) .venv/bin/payments database apply

##@ Check

.PHONY: check lint types architecture unit
check: lint types architecture contracts-lint drift compat catalogue unit ## All that needs no server: lint, types, architecture, contracts, catalogue, unit tests

lint: $(PYTHON)
	@echo "lint"; .venv/bin/ruff check . && .venv/bin/ruff format --check .

types: $(PYTHON)
	@echo "types"; .venv/bin/mypy

architecture: $(PYTHON)
	@echo "architecture"; .venv/bin/lint-imports

.PHONY: contracts-lint
contracts-lint: $(PYTHON)
	@.venv/bin/codegen lint

unit: $(PYTHON)
	@$(PYTHON) -m pytest -n auto --dist worksteal -m "not integration and not e2e" --cov --cov-report=
	@$(PYTHON) tests/tools/coverage_floors.py

# From the beginning each time: a verdict that was kept would not know of tests that have changed since.
.PHONY: mutants
mutants: $(PYTHON) ## Change the gateway's validators in every small way; fail when tests notice too few of the changes
	@cd services/gateway && rm -rf mutants && ../../.venv/bin/mutmut run && \
	../../.venv/bin/mutmut results --all true | ../../$(PYTHON) ../../tests/tools/mutation_scores.py

# Settings of `make mutants-codegen`, beside SEED: what to change, which of them, how many mutants of each, and how many of a
# hundred have to be noticed.
MUTANTS ?= mappings
NAMES ?=
COUNT_OF_EACH ?= 150
LEAST ?= 0

.PHONY: mutants-codegen
mutants-codegen: $(PYTHON) ## Change compiled mappings in small ways, or MUTANTS=interpreter, rules, emitters, compat, diff; print what no case notices
	@$(PYTHON) -m tests.mutation $(MUTANTS) $(NAMES) --count $(COUNT_OF_EACH) --least $(LEAST) $(if $(SEED),--seed $(SEED))

.PHONY: catalogue catalogue-browser
catalogue: $(PYTHON) ## Build the contract catalogue, generated/docs/index.html; fail where a link is dead
	@.venv/bin/catalogue

catalogue-browser: catalogue ## Look at the catalogue in a real browser; needs Chromium
	@$(PYTHON) -m pytest tests/browser/check_catalogue.py

.PHONY: report-browser
report-browser: $(PYTHON) ## Look at the page of `make report`, of rows made by hand, in a real browser; needs Chromium
	@$(PYTHON) -m pytest tests/browser/check_report.py

.PHONY: console-browser console-stack
console-stack: setup ## The console on a whole stack of its own, with a real browser; needs Chromium
	@$(PYTHON) -m pytest -m e2e tests/browser/check_console_parts.py tests/browser/check_console_stack.py

console-browser: $(PYTHON) ## Look at the pages of `payments console`, with parts in memory, in a real browser; needs Chromium
	@$(PYTHON) -m pytest tests/browser/check_console.py

.PHONY: browsers
browsers: catalogue-browser report-browser console-browser ## Look at all pages that need no server in a real browser

.PHONY: images
images: $(PYTHON) ## Build every image and run it without rights, or some: IMAGES="gateway inference"; needs a container engine
	@$(PYTHON) -m pytest -s infra/deployment/tests/check_images.py

.PHONY: containers
containers: setup ## Build every image, run them as compose.yaml says on the test stack's servers, and follow webhooks from the gateway to Gold
	@$(PYTHON) -m pytest -s -m e2e tests/e2e/check_containers.py

.PHONY: deployment
deployment: $(PYTHON) ## Check images, compose and chart, by Helm, operators' definitions and a Kubernetes API server; gets these once
	@$(PYTHON) -m pytest infra/deployment/tests
	@$(PYTHON) -m pytest infra/deployment/tests/check_chart.py infra/deployment/tests/check_definitions.py
	@$(PYTHON) -m pytest -s infra/deployment/tests/check_cluster.py

# The uv that made .venv: the cache keeps it.
UV ?= $(firstword $(wildcard $(or $(PAYMENTS_CACHE_DIR),$(HOME)/.cache/payment-pipeline)/tools/uv/*/bin/uv))

.PHONY: audit
audit: $(PYTHON) ## Tell what is known against dependencies, list all in build/sbom.cdx.json; exit code 75 where nobody can be asked
	@$(PYTHON) -m tests.audit $(UV)

.PHONY: format
format: $(PYTHON) ## Format the code
	@.venv/bin/ruff check --fix-only . && .venv/bin/ruff format .

.PHONY: integration test
integration: setup ## Tests against real servers, on ports and a state directory of their own; OBJECT_STORE=minio on the other object store
	@$(TEST_STACK) tests/tools/integration.sh

# Runs a command on the stack of the tests, and stops that; --streams starts Kafka and the registry with the contracts.
TEST_STACK = tests/tools/with_test_stack.sh

# Settings of `make fuzz`: malformed bodies for all gateways, cases of schemathesis for each operation, a seed to repeat.
BODIES ?= 50000
CASES ?= 500
SEED ?=

.PHONY: fuzz
fuzz: setup ## Send the gateways BODIES malformed bodies, and all services what schemathesis makes of their contracts
	@$(TEST_STACK) --streams $(PYTHON) -m tests.fuzz --bodies $(BODIES) --cases $(CASES) $(if $(SEED),--seed $(SEED))

.PHONY: seen
seen: setup ## See each panel draw data, and look for what webhooks held in every log, metric, topic, table and database
	@$(PYTHON) -m pytest -m e2e tests/e2e/check_seen.py

# Settings of `make faults`, beside SEED: which processes to kill instead of all; or how often to kill Flink's two and
# Kafka, with the stream alone, and for how many seconds all of Flink then stays away at a time; and other options.
KILL ?=
STREAM ?=
DOWNTIME ?=
FAULTS_OPTIONS ?=

.PHONY: faults
faults: setup ## Kill every process that carries events while webhooks come in; fail when one is lost, repeated or stuck
	@$(TEST_STACK) $(PYTHON) -m tests.faults $(if $(SEED),--seed $(SEED)) $(foreach name,$(KILL),--only $(name)) \
		$(if $(STREAM),--stream $(STREAM)) $(if $(DOWNTIME),--downtime $(DOWNTIME)) $(FAULTS_OPTIONS)

.PHONY: nightly
nightly: export PAYMENTS_TEST_SEED ?= random
nightly: setup ## What takes too long for every change: secured servers, three brokers, a rollout, more kills and builds; an hour
	@failed=0; $(PYTHON) -m pytest -m 'nightly or chance' --durations=15 tests services || failed=1; $(MAKE) seen && exit $$failed

test: ## Set up what is needed and run all tests but those of `make nightly`
	@tests/tools/everything.sh

# Checks and codegen need no server: those are for `make setup`, or `make up`.
$(PYTHON):
	@infra/local/bootstrap.sh setup --python

##@ Documents

# An environment of its own: nothing else needs Sphinx.
SPHINX := .venv-docs/bin/sphinx-build
UV_CACHE_DIR ?= $(or $(PAYMENTS_CACHE_DIR),$(HOME)/.cache/payment-pipeline)/uv

$(SPHINX): uv.lock | $(PYTHON)
	@UV_CACHE_DIR="$(UV_CACHE_DIR)" UV_PROJECT_ENVIRONMENT=.venv-docs $(UV) sync --frozen --only-group docs --quiet && touch $@

.PHONY: docs docs-serve
docs: $(SPHINX) catalogue ## Build the site of the documents, build/site/index.html; fail where a link or an anchor is dead
	@$(PYTHON) -m docs.site build

# Settings of `make docs-serve`.
DOCS_PORT ?= 8000

docs-serve: docs ## Build the site, and show it at http://127.0.0.1:8000, or DOCS_PORT
	@echo "http://127.0.0.1:$(DOCS_PORT)"; $(PYTHON) -m http.server $(DOCS_PORT) --bind 127.0.0.1 --directory build/site

# Settings of `make dbt-docs`: the project, where its documents go, and whether the running stack is asked for its tables.
DBT_PROJECT_DIR ?= dbt
DBT_DOCS ?= build/dbt
LAKE ?=

.PHONY: dbt-docs
dbt-docs: $(PYTHON) ## Build dbt's pages of all models and what they are made from, build/dbt/static_index.html; LAKE=1: of the running stack
	@$(if $(LAKE),$(WITH_STACK)) dbt/build_docs.sh $(DBT_PROJECT_DIR) $(abspath $(DBT_DOCS)) $(if $(LAKE),--lake)

##@ Measure

# Which of the benchmarks, and options such as `BENCH_OPTIONS="--rounds 9"` for the gateway's. Those of the whole stack,
# `pipeline`, `orchestrator`, `analytics` and `trace`, take many minutes and are run when they are named.
BENCH ?= normalization gateway
BENCH_OPTIONS ?=

.PHONY: bench bench-normalization bench-gateway bench-lake bench-object-store bench-pipeline bench-orchestrator bench-archiver bench-audit bench-analytics bench-trace
bench: $(addprefix bench-,$(BENCH)) ## Print how fast things are: BENCH=gateway, normalization, lake, object-store, pipeline, orchestrator, archiver, audit, analytics, trace

bench-normalization: $(PYTHON)
	@$(PYTHON) tests/performance/normalization.py

bench-gateway: setup
	@$(TEST_STACK) --streams $(PYTHON) -m tests.performance.gateway $(BENCH_OPTIONS)

bench-lake: $(PYTHON)
	@$(PYTHON) -m tests.performance.lake $(BENCH_OPTIONS)

bench-object-store:
	@for store in seaweedfs minio; do OBJECT_STORE=$$store infra/local/bootstrap.sh setup; done
	@$(PYTHON) -m tests.performance.object_store $(BENCH_OPTIONS)

bench-pipeline bench-orchestrator bench-archiver bench-audit bench-analytics: bench-%: up
	@$(WITH_STACK) $(PYTHON) -m tests.performance.$* $(BENCH_OPTIONS)

# A state directory of its own, which is deleted: tests would meet millions of rows.
bench-trace: export PAYMENTS_TEST_STATE_DIR = .state-bench
bench-trace: setup
	@clean() { PAYMENTS_STATE_DIR=.state-bench $(STACK) clean-state; }; clean; \
	$(TEST_STACK) $(PYTHON) -m tests.performance.trace $(BENCH_OPTIONS); clean

# Settings of `make evaluate`, beside SEED: failed payments, and options such as `EVALUATE_OPTIONS="--hours 48"`.
PAYMENTS ?= 20000
EVALUATE_OPTIONS ?=

.PHONY: evaluate
evaluate: $(PYTHON) ## Print what retry advice recovers and spends against charging again every 24 hours; needs no server
	@$(PYTHON) -m tests.evaluation --payments $(PAYMENTS) $(if $(SEED),--seed $(SEED)) $(EVALUATE_OPTIONS)

##@ Help

.PHONY: help
help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
