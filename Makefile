# The words of this project: `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
HOST_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Progress shows as it happens where the output is a file or a pipe, too.
export PYTHONUNBUFFERED := 1
# A site may sign what it relays with its own authority: trust what the system trusts.
export UV_SYSTEM_CERTS ?= 1
# Ansible wants UTF-8, which cron and containers do not always have.
ifeq (,$(findstring UTF-8,$(shell locale charmap 2>/dev/null)))
export LC_ALL := C.UTF-8
endif
# This checkout's settings: neither the user's own, nor none, as Ansible has it in a folder that all may write to.
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
unexport ANSIBLE_COLLECTIONS_PATH ANSIBLE_COLLECTIONS_PATHS
# Ansible starts Python for each module: without bytecode it would compile the SDKs every time.
unexport PYTHONPATH PYENV_VERSION PYTHONDONTWRITEBYTECODE

.PHONY: help setup rehearse rehearse-stop rehearse-clean test test-long lint unit sanity publication artifact molecule fuzz bench generate

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv with ansible-core and its company
	@PATH="$(HOST_PATH)" $(PYTHON) tests/tools/setup.py $(VENV) requirements.lock

rehearse: setup ## Start the rehearsal cloud and deploy the service on it
	@ansible-playbook -i inventories/rehearsal playbooks/rehearse.yml $(ARGS)

rehearse-stop: setup ## Stop the rehearsal; `make rehearse` resumes it
	@ansible-playbook -i inventories/rehearsal playbooks/rehearse_stop.yml $(ARGS)

rehearse-clean: setup ## Remove the rehearsal and everything in it
	@ansible-playbook -i inventories/rehearsal playbooks/rehearse_stop.yml -e rehearsal_state=absent $(ARGS)

test: setup ## Everything that CI runs
	@$(PYTHON) tests/run.py $(STAGES)

test-long: setup ## What CI runs, and what is slow and rarely breaks
	@TEST_LONG=1 FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-10000} $(PYTHON) tests/run.py $(STAGES)

lint: setup ## Linters and generated files only
	@$(PYTHON) tests/run.py lint

unit: setup ## Unit tests only
	@$(PYTHON) tests/run.py unit

sanity: setup ## ansible-test sanity, and the older ansible-core
	@$(PYTHON) tests/run.py sanity

publication: setup ## What a release has to pass: Galaxy, documentation, changelog
	@$(PYTHON) tests/run.py publication

artifact: setup ## Build the collection's archive in build/artifact
	@ansible-galaxy collection build --force --output-path build/artifact

molecule: setup ## Scenarios on the rehearsal cloud only
	@$(PYTHON) tests/run.py molecule

fuzz: setup ## Try 10,000 random pairs of files of each kind (FUZZ_EXAMPLES=... for another number)
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-10000} pytest -q -n 2 tests/unit/model/test_fuzz.py

bench: setup ## Measure; prints ratios, writes build/bench.json
	@python tests/benchmarks/run.py $(ARGS)

generate: setup ## Write what the model describes: argument specs, defaults, schemas, reference
	@python tests/tools/generate.py
