# What there is to do here. .ci/run does all of it in one go.

SECONDS_PER_FUZZ ?= 10
REQUIRE ?= $(WEIR_TEST_REQUIRE)

.DEFAULT_GOAL := help
.PHONY: help build demo test race lint bench smoke fuzz ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## ./weir, the one binary
	CGO_ENABLED=0 go build -trimpath -o weir ./cmd/server

demo: ## three sample peers, a proxy, a page and traffic; ends with ctrl-c
	go run ./cmd/server demo

test: ## all tests; those whose part is missing here skip
	go test ./...

race: ## all tests with the race detector (needs gcc), then what skipped; REQUIRE=nginx,wrk fails instead of skipping
	WEIR_TEST_REQUIRE='$(REQUIRE)' .ci/run race

lint: ## gofmt, go vet and golangci-lint in the version that .ci/run pins
	.ci/run fmt vet lint

bench: ## picks, asks and exchanges; then CPU per request against nginx (needs nginx, wrk and h2load)
	go test -run '^$$' -bench . -benchmem ./balance/... ./proxy/...
	go test -run '^$$' -bench Ask -benchmem ./bench
	go test -run '^$$' -bench 'Proxies|Protocols|Handshakes' -benchtime 1x ./bench

smoke: ## weir as a process between nginx and wrk, while peers are killed and frozen
	go run ./internal/smoke

fuzz: ## every fuzz target for SECONDS_PER_FUZZ (10)
	@grep -rn --include='*_test.go' '^func Fuzz' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | sort | while read -r dir name; do \
		go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(SECONDS_PER_FUZZ)s "$$dir" || exit 1; done

ci: ## everything that must pass: .ci/run
	.ci/run
