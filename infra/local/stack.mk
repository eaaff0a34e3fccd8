# The local stack; included by the root Makefile. Settings: PAYMENTS_CACHE_DIR, PAYMENTS_STATE_DIR, PAYMENTS_PORT_OFFSET, OBJECT_STORE, PROFILE.

STACK ?= .venv-stack/bin/stack

# PROFILE=three-brokers: Kafka of three brokers, of which one may fail. A state directory keeps the number that it began with.
PROFILE ?=
ifeq ($(PROFILE),three-brokers)
export KAFKA_BROKERS := 3
else ifneq ($(PROFILE),)
$(error PROFILE is $(PROFILE), and there is three-brokers alone; without it Kafka is one broker)
endif

##@ Stack

.PHONY: setup up down status logs clean-state

setup: ## Get the servers and the Python environments (first time: minutes)
	@infra/local/bootstrap.sh setup

up: setup ## Start everything, or SERVICES="kafka registry", or ONLY=infrastructure; PROFILE=three-brokers
	@$(STACK) up $(SERVICES) $(if $(ONLY),--only $(ONLY))

down: $(STACK) ## Stop everything; state is kept
	@$(STACK) down

status: $(STACK) ## Show what runs and how much memory it takes
	@$(STACK) status

logs: $(STACK) ## Show and follow the log of SERVICE
	@if [ -z "$(SERVICE)" ]; then echo 'Which one? For example: make logs SERVICE=kafka' >&2; exit 2; fi
	@$(STACK) logs $(SERVICE) --follow

clean-state: $(STACK) ## Delete all data of the stopped stack
	@$(STACK) clean-state

$(STACK):
	@infra/local/bootstrap.sh --help >/dev/null
