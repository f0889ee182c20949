# Ferrite. `make help` says what there is.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS := $(if $(KEEP),--keep)
SOURCES := crds ferrite controller speaker cli lab bench image e2e tests

.DEFAULT_GOAL := help
QUICK := --ignore tests/netns --ignore tests/cluster --ignore tests/helm --ignore tests/kubelets --ignore tests/image
PROGRAMS = $$($(BIN)/python -m lab bin)

.PHONY: help venv check format test unit netns chart cluster image demo bench crds manifests protos lock clean

help: ## Show this list
	@echo "Ferrite: LoadBalancer Services for bare-metal Kubernetes and OpenShift."
	@echo
	@awk -F':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "First time here: make demo (as root on Debian; it installs what it needs)."

venv: $(VENV)/.ready ## Make .venv with the locked dependencies and the console scripts

$(VENV)/.ready: requirements/dev.lock pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "make: python3 is older than 3.11" >&2; exit 2; }
	@python3 -c 'import ensurepip' 2>/dev/null || { apt-get -q update && apt-get -qy install python3-venv; }
	python3 -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r requirements/dev.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation --editable .
	@touch $@

check: venv ## Quick: formatting, linters, types, import contracts, file sizes, unit tests (no root)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m crds --check
	@set -o pipefail; git ls-files '*.py' ':!speaker/bgp/pb' | xargs wc -l \
		| awk '$$2 != "total" && $$1 > 400 {print $$2 ": " $$1 " lines, over 400"; bad = 1} END {exit bad}'
	$(BIN)/pytest -q $(QUICK)

format: venv ## Format the code
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

test: check lab netns chart cluster ## All tests: the quick ones, then those that need root, a kernel and a cluster

unit: venv ## Unit tests only
	$(BIN)/pytest -q $(QUICK)

.PHONY: lab
lab: venv ## Install packages and build programs of the lab (once; kept outside the checkout)
	$(BIN)/python -m lab bin

netns: lab ## Tests in network namespaces: a kernel, FRR, gobgpd; nodes with a kubelet
	$(BIN)/pytest -q tests/netns --require netns
	$(BIN)/pytest -q tests/kubelets --require netns

chart: lab ## Tests of the chart with helm and an API server; workflows and scripts, linted
	PATH="$(PROGRAMS):$$PATH" $(BIN)/pytest -q tests/helm tests/test_kind.py tests/test_workflows.py \
		--require helm --require kubectl --require etcd --require kube-apiserver --require kube-controller-manager \
		--require kube-score --require actionlint --require vtysh

cluster: lab ## Tests against a real cluster
	$(BIN)/pytest -q tests/cluster --require netns

image: venv ## Build the container image without a registry, and test it (as root on Debian)
	$(BIN)/python -m lab image
	$(BIN)/pytest -q tests/image --require image

.PHONY: e2e
e2e: image ## The promises to users: chart, image, upgrade, migration, on nodes with a real kubelet (root, Debian)
	$(BIN)/python -m e2e

demo: venv ## The walk-through on a real cluster; KEEP=1 leaves it up
	$(BIN)/python -m lab.demo $(DEMO_ARGS)

bench: venv ## Measure the controller on a real cluster (6 minutes): one table, one JSON file (as root on Debian)
	$(BIN)/python -m bench --json bench/results/bench.json

crds: venv ## Generate crds/*.yaml from the models
	$(BIN)/python -m crds
	@echo "Now run: make manifests"

manifests: lab ## Generate the chart's CRDs and manifests/ferrite.yaml from crds/ and the chart
	rm -f helm/ferrite/files/crds/*.yaml && cp crds/*.yaml helm/ferrite/files/crds/
	set -o pipefail; $(PROGRAMS)/helm template ferrite helm/ferrite --namespace metallb-system \
		--kube-version 1.34.0 --api-versions policy/v1 --set namespace.create=true \
		| sed '/app.kubernetes.io\/managed-by: Helm/d; /helm.sh\/chart:/d' > manifests/ferrite.yaml

protos: venv ## Generate the stubs of GoBGP's API from our own subset
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. speaker/bgp/pb/gobgp.proto

lock: ## Renew the lock files (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/runtime.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/dev.lock
	python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])' \
		| uv pip compile - --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header -q -o requirements/build.lock

clean: ## Remove what was made here; the lab's programs stay in their cache
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
