# The verbs of this repository. `make help` lists them.
BUILD ?= build
MESON_FLAGS ?=
PREFIX ?= /usr/local

# What `make apps`, `make pytests` and `make bench` run: words of program, test or row names, comma-separated; `make fuzz`: names of
# targets. Empty: all.
ONLY ?=

.PHONY: help setup build demo test check vectors bench bench-quote apps apps-fast pytests stress fuzz fuzz-syscalls install uninstall format clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

setup: ## install the Debian packages that building, testing and the demo need
	@tools/setup.sh

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX) $(MESON_FLAGS)

build: setup $(BUILD)/build.ninja ## compile everything into $(BUILD)/
	@ninja -C $(BUILD)

demo: build ## a confidential run, end to end, in soft mode: encrypt, sign, attest, provision, run, decrypt
	@BUILD=$(abspath $(BUILD)) examples/digits/demo.sh

test: build ## unit tests, checks, and the end-to-end tests in direct and soft
	@tests/run.sh $(BUILD)

check: build ## only what needs no enclave: layering, globals, formatting, unit tests
	@meson test -C $(BUILD) --no-suite e2e --no-suite attack --print-errorlogs

vectors: build ## every published quote, certificate and collateral with its stated result, as a table; mutants
	@tests/vectors.sh $(BUILD)

bench-quote: build ## quote verification against `openssl speed`, in one run
	@$(BUILD)/tests/bench/bench_quote_verify ../shared/vectors/dcap/real/001-sgx-v3-dcap-qvl-sample

bench: $(BUILD)/build.ninja ## native / direct / soft, in one run (RECORD=1: rewrites docs/performance.md; ONLY=redis,stat: some)
	@tools/setup.sh --apps
	@ninja -C $(BUILD)
	@/usr/bin/python3 tests/bench/run.py --build $(BUILD) --out $(BUILD)/bench.json --only '$(ONLY)' $(if $(RECORD),--record)

apps: $(BUILD)/build.ninja ## real programs in direct and soft; rewrites docs/compatibility.md (ONLY=redis,perl: some)
	@tools/setup.sh --apps
	@ninja -C $(BUILD)
	@/usr/bin/python3 tests/apps/run.py --build $(BUILD) --only '$(ONLY)' --record

apps-fast: build ## the programs that CI runs
	@/usr/bin/python3 tests/apps/run.py --build $(BUILD) --fast

pytests: $(BUILD)/build.ninja ## CPython's own tests in direct and soft, compared with native
	@tools/setup.sh --apps
	@ninja -C $(BUILD)
	@/usr/bin/python3 tests/apps/pytests.py --build $(BUILD) --only '$(ONLY)' --record

stress: $(BUILD)/build.ninja ## stress-ng's stressors in direct and soft; rewrites docs/stress.md (ONLY=epoll,mmap@host; SECONDS_EACH=5)
	@tools/setup.sh --apps
	@ninja -C $(BUILD)
	@/usr/bin/python3 tests/stress/run.py --build $(BUILD) --only '$(ONLY)' --seconds $${SECONDS_EACH:-5} --record

fuzz: setup ## every fuzz target (or ONLY=quote,policy) for FUZZ_SECONDS (default 60) each
	@tests/fuzz/run.sh $(BUILD)-fuzz $${FUZZ_SECONDS:-60} $(ONLY)

fuzz-syscalls: build ## random system calls in direct for FUZZ_SECONDS (default 60; MODE=soft; FUZZ_SEED=N repeats)
	@tests/fuzz/syscalls/run.py --build $(BUILD) --seconds $${FUZZ_SECONDS:-60} --mode $${MODE:-direct} $(if $(FUZZ_SEED),--seed $(FUZZ_SEED))

install: $(BUILD)/build.ninja ## install below $(PREFIX) (DESTDIR honoured)
	@ninja -C $(BUILD) install

uninstall: ## remove what install put there
	@ninja -C $(BUILD) uninstall

format: ## clang-format over the C sources
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean: ## remove build results and the demo's files
	@rm -rf $(BUILD) $(BUILD)-fuzz out
