# Names for what one does here. The work is in CMakePresets.json and in tools/; nothing is decided in this file.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo run test check bench simulate kafka-up kafka-down cluster cluster-down format clean

JOBS ?= $(shell nproc)
PRESET ?= dev
SEEDS ?= 1000
export JOBS

help: ## say what there is
	@echo 'Tributary: an event-sourced customer data platform. make ...'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F '|' '{printf "  %-10s %s\n", $$1, $$2}'
	@echo 'Variables: PRESET=dev|release|asan-ubsan|tsan (test, simulate), JOBS=n (default: one per core).'

demo: ## install, build, play half a year of made-up customers (DATA=file: import purchases instead)
	@tools/bootstrap.sh build
	@tools/build.sh release tributary
	@DATA='$(DATA)' tools/demo$(if $(DATA),-import).sh

run: ## build and run `tributary serve` on ./data/tributary (ARGS='...': more flags)
	@tools/bootstrap.sh build
	@tools/build.sh release tributary
	@build/release/tools/tributary/tributary serve $(ARGS)

test: ## build and run all tests; those that need a Kafka get one
	@tools/bootstrap.sh build
	@tools/build.sh $(PRESET)
	@tools/test.sh $(PRESET)

check: ## format, tidy, contracts, layers, shell, model, links (BASE=ref: tidy only what changed since)
	@tools/bootstrap.sh check
	@BASE='$(BASE)' tools/check/all.sh

bench: ## print one table of ratios and write it as JSON
	@tools/bootstrap.sh build
	@tools/bench.sh

simulate: ## play SEEDS=n random histories with faults through the core
	@tools/bootstrap.sh build
	@tools/build.sh $(PRESET) tributary_simulator
	@build/$(PRESET)/tests/simulation/tributary_simulator --seeds=$(SEEDS) --jobs=$(JOBS)

kafka-up: ## start a Kafka on this machine (BROKERS=3: of three brokers)
	@tools/bootstrap.sh kafka
	@deploy/kafka/cluster.sh up $(if $(BROKERS),--brokers $(BROKERS))

kafka-down: ## stop it; its data stays
	@deploy/kafka/cluster.sh down

cluster: ## run each service as a process of its own on a Kafka of three brokers (BROKERS=1: of one)
	@tools/bootstrap.sh build kafka
	@tools/build.sh release tributary tributary-ingestion tributary-identity tributary-profile
	@deploy/cluster/cluster.sh up $(if $(BROKERS),--brokers $(BROKERS))

cluster-down: ## stop them; their data stays
	@deploy/cluster/cluster.sh down

format: ## lay out our C++ as .clang-format says
	@tools/bootstrap.sh check
	@tools/check/format.sh --fix

clean: ## remove what was built (the tools' own environment and the data stay)
	@rm -rf build/dev build/release build/asan-ubsan build/tsan build/*.log
