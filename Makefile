# What each target needs it gets through `make deps`; nothing else is assumed
# but Go, git, make and the package registries.

GO      ?= go
GOFLAGS := -trimpath
export CGO_ENABLED = 0

.PHONY: build demo test test-kube lint bench churn fuzz snapshot deps clean help

build: ## the calctl binary, static, into bin/
	$(GO) build $(GOFLAGS) -o bin/calctl ./cmd/calctl

demo: build ## two BGP routers on this machine: session, routes, ping (root)
	docs/tutorials/two-routers/demo.sh

test: deps ## every test, real BIRD and kernel included (root)
	CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...

test-kube: deps bin/deps/kube-apiserver ## the tests in files with the build tag kube, on a real Kubernetes API server (root; built once, in ten minutes)
	files=$$(grep -rl --include='*_test.go' '^//go:build kube$$' .) && \
	tests=$$(sed -n 's/^func \(Test[A-Za-z0-9_]*\)(t .*/\1/p' $$files | paste -sd '|' -) && \
	CGO_ENABLED=1 $(GO) test -race -timeout 20m -tags kube -run "^($$tests)$$" $$(dirname $$files | sort -u)

lint: bin/golangci-lint ## style and the import rules
	bin/golangci-lint run ./...
	$(GO) vet -tags kube ./...

bench: deps build ## every scenario, side by side with BIRD and FRR (root, half an hour)
	$(GO) test ./bench -run "^$$" -bench . -benchtime 1x -timeout 120m

churn: deps ## an hour of flaps and 50,000 route changes a minute from 1,000 peers (root; CHURN=5m for less)
	CGO_ENABLED=0 $(GO) test ./bench -run '^TestChurn$$' -churn $(or $(CHURN),1h) -timeout 3h -v

fuzz: ## a short run of every fuzz target
	$(GO) list ./... | while read -r pkg; do \
	  $(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' | while read -r f; do \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime 10s -fuzzminimizetime 1s $$pkg || exit 1; done || exit 1; done

snapshot: bin/goreleaser ## release archives and packages, unpublished, into dist/
	bin/goreleaser release --snapshot --clean

bin/golangci-lint: .ci/lint/go.mod
	$(GO) build -C .ci/lint $(GOFLAGS) -o ../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

bin/goreleaser: .ci/release/go.mod
	$(GO) build -C .ci/release $(GOFLAGS) -o ../../$@ github.com/goreleaser/goreleaser/v2

deps: bin/deps/gobgp4 bin/deps/etcd ## the programs the tests run: other BGP daemons, etcd, ip, ping, tshark, gcc (Debian, root)
	.ci/deps

bin/deps/gobgp4: .ci/gobgp/go.mod
	mkdir -p $@
	$(GO) build -C .ci/gobgp $(GOFLAGS) -o ../../$@/ github.com/osrg/gobgp/v4/cmd/gobgp github.com/osrg/gobgp/v4/cmd/gobgpd
	touch $@

bin/deps/etcd: .ci/etcd/go.mod
	mkdir -p $@
	$(GO) build -C .ci/etcd $(GOFLAGS) -o ../../$@/etcd go.etcd.io/etcd/server/v3
	touch $@

# The flag is what /version answers with. A checkout makes go.mod look new: what
# counts is which version was built.
bin/deps/kube-apiserver: .ci/kube/go.mod
	mkdir -p $(@D)
	version=$$($(GO) list -C .ci/kube -m -f '{{.Version}}' k8s.io/kubernetes) && \
	{ $(GO) version -m $@ 2>/dev/null | grep -q "k8s.io/kubernetes[[:space:]]$$version" || \
	$(GO) build -C .ci/kube $(GOFLAGS) -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$$version" \
	  -o ../../$@ k8s.io/kubernetes/cmd/kube-apiserver; }
	touch $@

clean: ## what was built
	rm -rf bin dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
