# Every verb has one line of help; `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help build agents test test-long unit integration demo bench bench-short profile soak fuzz check clean

VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
# Tests on nodes share two cores with the nodes; a hung one still has to end.
TEST_TIME   := 30m
LONG_TIME   := 60m
FUZZTIME    := 10s
# Comma list of benches; all when empty.
BENCH       :=
# The tests that call long(t).
LONG        := $(shell awk -F '[^A-Za-z0-9_]+' '/^func Test/ { name = $$2 } /^\tlong.t.$$/ { print name }' integration/*_test.go | paste -sd '|')

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: agents ## build bin/muster, static, with the agents for amd64 and arm64 inside
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/muster ./cmd/muster

agents: ## build and compress the agents into cmd/muster/agents
	go run ./cmd/muster-agent/pack cmd/muster/agents

test: build ## run the tests; those on container nodes need Docker (MUSTER_NO_DOCKER=1 leaves them out)
	go test -short -timeout $(TEST_TIME) ./...
	@echo "the longest tests on nodes are left to: make test-long"

test-long: build ## run the tests on container nodes that `make test` leaves out
	go test -v -timeout $(LONG_TIME) -run '^($(LONG))$$' ./integration

unit: ## run the tests that need no nodes
	go test $$(go list ./... | grep -v '^muster/integration')

integration: build ## run the tests on container nodes
	go test -v -timeout $(TEST_TIME) ./integration/...

bench: build ## measure against Ansible, Mitogen, shell, apt and the goals, into bin/bench.json (about 30 min; BENCH=peers,scale narrows it)
	go run ./integration/bench -only '$(BENCH)'

bench-short: build ## the same with fewer nodes and rounds; fails where a goal is missed twofold
	go run ./integration/bench -short -only '$(BENCH)'

profile: build ## cpu and allocation profiles of the fleet benches, into bin/profile
	go run ./integration/bench -profile bin/profile -only scale,offline

soak: build ## kill the controller 50 times over SLURM and 200 times over files, users and packages (about an hour)
	MUSTER_SOAK_KILLS=200 MUSTER_SOAK_SLURM_KILLS=50 go test -v -timeout 8h -run '^TestKilled(Anywhere|Slurm)$$' ./integration

fuzz: agents ## fuzz every reader of foreign input for FUZZTIME each (10s)
	integration/fuzz $(FUZZTIME)

demo: build ## a SLURM cluster on container nodes: plan, apply, run jobs, apply again, remove
	integration/demo

check: agents ## gofmt, go vet and staticcheck (fetched by go run)
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	go vet ./...
	go run $(STATICCHECK) ./...

clean: ## remove what make has built
	rm -rf bin
	find cmd/muster/agents -type f ! -name README -delete
