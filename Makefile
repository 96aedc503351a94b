# `make help` lists the targets.

GO       ?= go
TIMEOUT  ?= 40m
FUZZTIME ?= 5s
# Events of a bench, of its long runs, and of a soak.
EVENTS      ?= 3000000
LONG_EVENTS ?= 10000000
SOAK_EVENTS ?= 10000000
# Events of a soak by way of Kinesis, Lambda and Redshift.
SOAK_AWS_EVENTS ?= 1000000
# How often a soak kills the pipeline and restarts it.
SOAK_KILLS  ?= 20

# The processor to build for, where it is this machine's: x86-64-v3 takes 4 % less
# CPU. `make build GOAMD64=v1` makes a binary for every x86-64.
ifeq ($(shell grep -m 1 ^flags /proc/cpuinfo 2>/dev/null | grep -w abm | grep -w avx2 | grep -w bmi1 | grep -w bmi2 | grep -w f16c | grep -w fma | grep -cw movbe),1)
export GOAMD64 ?= v3
endif

# On a disk: /tmp may be memory.
bench = TMPDIR=$${TMPDIR:-/var/tmp} $(GO) run ./bench -ikada bin/ikada

tools := .tools/golangci-lint .tools/staticcheck
# Folders with a package.json.
node  := e2e/clients/node deploy/aws/check internal/awstest/kinesalite

.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.PHONY: docs lambda build test test-deps awscli lint bench bench-quick soak demo fuzz-short clean help

build: ## build bin/ikada
	$(GO) build -trimpath -o bin/ikada ./cmd/ikada

test: test-deps lint ## all checks: linters, then every test with the race detector
	$(GO) test -race -count=1 -timeout $(TIMEOUT) ./...

lint: $(tools) ## gofmt, go vet, staticcheck, golangci-lint
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt -w is due for:" $$unformatted >&2; exit 1; fi
	$(GO) vet ./...
	.tools/staticcheck ./...
	.tools/golangci-lint run ./...

bench: build .tools/versitygw .tools/otelcol ## measure throughput, CPU and memory beside physical yardsticks
	@dir=$$(mktemp -d "$${TMPDIR:-/var/tmp}/ikada-bench-XXXXXX"); trap 'rm -rf "$$dir"' EXIT; set -x; \
	$(bench) -dir "$$dir" -events $(EVENTS) -otelcol .tools/otelcol && \
	$(bench) -dir "$$dir" -events $(LONG_EVENTS) -only archive,queryable -rounds 2

bench-quick: build .tools/versitygw ## rehearse the bench with few events
	$(bench) -quick

soak: build test-deps ## the long run: many events, many kills
	$(bench) -only queryable -rounds 1 -events $(SOAK_EVENTS)
	$(GO) test -count=$(SOAK_KILLS) -timeout 2h -run Kill ./e2e
	$(GO) test -count=1 -timeout 2h -run OnAWS ./e2e -aws.events $(SOAK_AWS_EVENTS)
	$(GO) test -timeout 2h -run - -bench Rescue -benchtime 1x ./warehouse/duckdb ./warehouse/redshift

demo: build ## the whole pipeline with realistic traffic of 30 log types
	bin/ikada demo

lambda: ## build the Lambda functions: bin/lambda/NAME-ARCH.zip, for provided.al2023
	@set -e; for arch in arm64 amd64; do for name in $(notdir $(wildcard cmd/ikada-lambda-*)); do \
		dir=bin/lambda/$$name-$$arch; mkdir -p $$dir; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch GOAMD64=v1 $(GO) build -trimpath -tags lambda.norpc -ldflags '-s -w' -o $$dir/bootstrap ./cmd/$$name; \
		$(GO) run github.com/aws/aws-lambda-go/cmd/build-lambda-zip -o $$dir.zip $$dir/bootstrap; \
		echo $$dir.zip; \
	done; done

docs: ## write the table of settings into docs/configuration.md
	$(GO) test -count=1 -run TestDocumentHoldsTheTableOfSettings ./config -update

fuzz-short: ## run each fuzz target for $(FUZZTIME)
	@grep -rHoE --include='*_test.go' --exclude-dir=node_modules '^func Fuzz[A-Za-z0-9_]+' . | \
	while IFS=: read -r file func; do \
		echo "$${file%/*} $${func#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "$${file%/*}" || exit 1; \
	done

clean: ## remove what was built and installed here
	rm -rf bin .tools $(addsuffix /node_modules,$(node))

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sed 's/$$(FUZZTIME)/$(FUZZTIME)/' | expand -t 12

# What the tests need beside Go, gcc and node: an S3 server, the logger library
# that the end-to-end tests send with, a Kinesis server, AWS's specification, and
# Amazon's command line, version 2.
test-deps: .tools/versitygw $(addsuffix /node_modules/.package-lock.json,$(node)) awscli

awscli:
	@aws=/usr/bin/aws; test -x $$aws || aws=aws; case "$$($$aws --version 2>&1)" in aws-cli/2*) ;; *) \
		if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; set -x; \
		$$sudo apt-get install -y --no-install-recommends awscli || { $$sudo apt-get update && $$sudo apt-get install -y --no-install-recommends awscli; } ;; esac

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --omit=optional
	touch $@

# The S3 server, at the version that tools/versitygw/go.mod pins.
.tools/versitygw: tools/versitygw/go.mod tools/versitygw/go.sum
	cd tools/versitygw && $(GO) build -o ../../$@ "$$($(GO) list tool)"

# What the bench compares with, at the version that tools/otelcol/go.mod pins.
.tools/otelcol: tools/otelcol/main.go tools/otelcol/go.mod tools/otelcol/go.sum
	cd tools/otelcol && $(GO) build -o ../../$@ .

# The linters, at the versions that tools/go.mod pins.
$(tools): tools/go.mod tools/go.sum
	cd tools && $(GO) build -o ../$@ "$$($(GO) list tool | grep '/$(@F)$$')"
