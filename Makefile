# The front door, for GNU make and BSD make. What happens stands in tests/deps.sh,
# tests/check.sh, tests/tree.sh, tests/demo.sh, tests/image.sh and the meson files.
#
#   make                        configure and build
#   make check [T='NAME...']    everything that is tested, or only these
#   make check-long             the tests that take longer
#   make demo                   the main job on a machine without a Wi-Fi card
#   make image                  on Linux: a test image in a file, build/bhyfi-image.tgz
#   make bench [PASSES=N]       ratios; each throughput N times, 3 unless said
#   make install PREFIX=DIR     outside /usr and /usr/local: a self-contained tree
#   make deps fmt clean
#
# On FreeBSD: make demo IMAGE=FILE and make check IMAGE=FILE, with the file that
# make image wrote on Linux.

PREFIX = /usr/local
T =
IMAGE =
PASSES =

all:
	@tests/deps.sh build
	@tests/tree.sh build build $(PREFIX)

check:
	@IMAGE='$(IMAGE)' tests/check.sh $(T)

check-long:
	@IMAGE='$(IMAGE)' tests/check.sh --long $(T)

demo:
	@IMAGE='$(IMAGE)' tests/demo.sh

image:
	@tests/deps.sh build
	@tests/tree.sh private
	@tests/image.sh pack build/bhyfi-image.tgz

bench:
	@tests/deps.sh build run demo
	@tests/tree.sh private
	@build/private/bench/bench build/bench.json $(PASSES)

install: all
	@tests/tree.sh install build

deps:
	@tests/deps.sh build run demo check

fmt:
	@git ls-files -co --exclude-standard '*.[ch]' | xargs clang-format -i

clean:
	rm -rf build

.PHONY: all check check-long demo image bench install deps fmt clean
