# Copyright (c) 2026, rke.cis contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The playbook of `make scan`, and what else to hand to ansible-playbook: make scan ARGS="-v"
PRACTICE_PLAYBOOK = playbooks/cis_scan.yml
ARGS =

# The program of `make benchmark`.
BENCHMARK = tests/benchmark/run.py

# A Python 3.10 or newer for the virtual environment. Empty: python3, or the newest python3.X there is.
PYTHON =

# The kube-apiserver that some tests talk to is built once, and kept outside of the checkout.
RKE_CIS_CACHE ?= $(HOME)/.cache/rke-cis
export RKE_CIS_CACHE

# What `make test-all` runs after `make test` and before the integration tests, in this order. `sanity` runs beside those
# before `targets`, since it uses one core most of the time, and so do they.
GATES = lint docs unit-nodes importer targets

# All tests at once, a file in one process: those of a file share what is costly to set up.
TOGETHER = --numprocesses auto --maxprocesses 4 --dist loadfile

VENV = $(CURDIR)/.venv
SHELL = bash
.SHELLFLAGS = -euo pipefail -c
MAKEFLAGS += --no-print-directory

# Put before a command: Python managers' shims off PATH, the virtual environment first, the collection found, our
# ansible.cfg in force wherever make was started from.
RUN = PATH=$$(tests/tools/pythons.sh .cache/pythons $(VENV)) ANSIBLE_CONFIG=$(CURDIR)/ansible.cfg \
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache/dev

.DEFAULT_GOAL := help
.PHONY: help scan test test-all rest setup venv unit-venv run-venv hooks quick lint docs sanity unit unit-nodes importer integration targets benchmark format clean

help: ## say what there is (this text)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

scan: run-venv ## a practice scan; needs python3 and make, changes nothing outside of this directory
	@$(RUN) ansible-playbook -i playbooks/practice/inventory.yml $(PRACTICE_PLAYBOOK) $(ARGS)

test: unit-venv ## what a change has to pass first, in minutes: quick lint, unit tests, a practice scan; needs no root
	@tests/tools/lint.sh quick
	$(RUN) python -m pytest $(TOGETHER) --cov=plugins --cov-report= tests/unit tests/oracle tests/practice $(ARGS)
	printf 'coverage of plugins/ by these tests: %s %%\n' "$$($(RUN) python -m coverage report --format=total)"

test-all: test rest ## everything: make test, then all other gates, and integration tests on real hosts

# System packages and the kube-apiserver come in the background: no gate before the targets needs them.
rest: venv
	@tests/tools/setup.sh >.cache/setup.log 2>&1 & setup=$$!
	gate() {
	    local start=$$SECONDS rc=0
	    printf '\n==== make %s\n' "$$1"
	    $(MAKE) "$$1" || rc=$$?
	    printf '==== %s: %s s\n' "$$1" "$$((SECONDS - start))"
	    return "$$rc"
	}
	gate sanity >.cache/sanity.log 2>&1 & sanity=$$!
	failed=
	for gate in $(GATES); do
	    if [ "$$gate" = targets ]; then
	        wait "$$sanity" || failed="$$failed sanity"
	        wait "$$setup" || true
	        cat .cache/sanity.log .cache/setup.log
	    fi
	    gate "$$gate" || failed="$$failed $$gate"
	done
	printf '\n==== integration tests\n'
	$(RUN) python -m pytest $(TOGETHER) tests/fuzz tests/integration $(ARGS) || failed="$$failed integration"
	result=$${failed:+failed:$$failed}
	printf '\n==== %s\n' "$${result:-all gates and tests passed}"
	[ -z "$$failed" ]

setup: ## system packages (as root on Debian and Ubuntu) and the kube-apiserver that the tests use
	@tests/tools/setup.sh

venv: ## .venv with all that running, checking and testing need
	@tests/tools/venv.sh $(VENV) tests/requirements.txt $(PYTHON)
	tests/tools/stage.sh link
	tests/tools/awx.sh

unit-venv:
	@tests/tools/venv.sh $(VENV) tests/requirements-unit.txt $(PYTHON)
	tests/tools/stage.sh link

run-venv:
	@tests/tools/venv.sh $(VENV) requirements.txt $(PYTHON)
	tests/tools/stage.sh link

hooks: venv ## have git run quick checks before each commit, and `make lint` before a push
	@.venv/bin/pre-commit install

lint: venv ## format, style, YAML, ansible-lint (production), changelog, documentation
	@tests/tools/lint.sh

docs: venv ## the documentation site, built into .cache/docs/build/html, and its links followed
	@tests/tools/docs.sh

sanity: venv ## ansible-test sanity with the ansible-core of .venv, 2.16 and 2.21, on all Pythons there are
	@tests/tools/sanity.sh

quick: unit-venv ## the checks that take seconds: format, style, types, YAML, words
	@tests/tools/lint.sh quick

unit: unit-venv ## unit tests (pytest): make unit ARGS="-k flags"
	@$(RUN) python -m pytest tests/unit $(ARGS)

unit-nodes: venv ## unit tests of what runs on nodes (ansible-test), on all Pythons there are
	@tests/tools/units.sh

integration: targets ## integration tests: ansible-test targets, then pytest against real hosts
	@$(RUN) python -m pytest tests/integration $(ARGS)

importer: venv ## build the collection and look at it as Galaxy does
	@tests/tools/importer.sh

targets: venv ## ansible-test integration targets only
	@tests/tools/targets.sh

benchmark: venv ## measure the speed of a scan
	@$(RUN) python $(BENCHMARK) $(ARGS)

format: venv ## put the Python code into shape
	@$(RUN) ruff check --fix --quiet . || true
	$(RUN) ruff format .

clean: ## remove what these targets made (the built kube-apiserver stays)
	rm -rf .venv .cache .ansible .ruff_cache .pytest_cache collections/ansible_collections tests/output
	rm -f changelogs/.plugin-cache.yaml rke-cis-*.tar.gz
	find . -name .git -prune -o -name __pycache__ -type d -exec rm -rf {} +

.ONESHELL:
