# The front door. What happens stands in tests/deps.sh, tests/check.sh,
# tests/tree.sh and the meson files.
#
#   make                        configure and build
#   make check [T='NAME...']    everything that is tested, or only these
#   make check-long             the tests that take longer
#   make demo                   the main job on a machine without a Wi-Fi card
#   make bench                  ratios
#   make install PREFIX=DIR     outside /usr and /usr/local: a self-contained tree
#   make deps fmt clean

PREFIX = /usr/local
T =

all:
	@tests/deps.sh build
	@tests/tree.sh build build $(PREFIX)

check:
	@tests/check.sh $(T)

check-long:
	@tests/check.sh --long $(T)

demo:
	@tests/deps.sh build run demo
	@tests/tree.sh private
	@build/private/tests/demo/demo build/demo.json

bench:
	@tests/deps.sh build run demo
	@tests/tree.sh private
	@build/private/bench/bench build/bench.json

install: all
	@tests/tree.sh install build

deps:
	@tests/deps.sh build run demo check

fmt:
	@git ls-files -co --exclude-standard '*.[ch]' | xargs clang-format -i

clean:
	rm -rf build

.PHONY: all check check-long demo bench install deps fmt clean
