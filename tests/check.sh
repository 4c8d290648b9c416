#!/bin/sh
# check.sh [--long] [NAME...]: everything that is tested, or only what is named.
#
# A name is that of a step (gcc, clang, asan, format, image, demo), of a test
# program as `meson test --list` has it, or PROGRAM/TEST for one test of a system
# test. Closes with the one line "N passed, N failed".
#
# On FreeBSD, with its own clang: all but the system tests, which drive Linux'
# namespaces; there the demo, on bhyve, is the one, with IMAGE in the environment (a
# file that image.sh packed on Linux).
set -u
cd "$(dirname "$0")/.."
TOP=$PWD
LOGS=$TOP/build/check
export LC_ALL=C.UTF-8

suite=system
if [ "${1-}" = --long ]; then
	suite=long
	shift
fi
names=$*
case $(uname -s) in
# clang's sanitizers are not linked into shared libraries.
FreeBSD) first=clang sanitize=-Db_lundef=false ;;
*) first=gcc sanitize= ;;
esac

tests/deps.sh build run demo check || exit 1
rm -rf "$LOGS"
mkdir -p "$LOGS"

passed=0
failed=0
failures=

wanted() {
	[ -n "$names" ] || return 0
	for n in $names; do
		[ "$n" != "$1" ] || return 0
	done
	return 1
}

# step NAME TEXT COMMAND...: one test of our own, output to a file.
step() {
	name=$1 text=$2
	shift 2
	start=$(date +%s)
	if "$@" >"$LOGS/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $text ($(($(date +%s) - start)) s)"
		return 0
	fi
	failed=$((failed + 1))
	failures="$failures
failed: $text"
	echo "not ok  $text"
	tail -n 40 "$LOGS/$name.log" | sed 's/^/        /'
	return 1
}

skipped() { # TEXT: not held against anybody, but said
	echo "skip    $1"
}

optional() { # NAME TEXT COMMAND...: only where it is wanted
	wanted "$1" && step "$@"
}

tree() { # build|configure FOLDER COMPILER OPTION...
	how=$1 folder=build/$2 compiler=$3
	shift 3
	CC=$compiler tests/tree.sh "$how" "$folder" "$TOP/build/prefix" "$@"
}

formatted() {
	find air bench cli common completion doctor guest host image import setup tests -name '*.[ch]' -print0 |
		xargs -0 clang-format --dry-run -Werror
}

# The second time it must come out the same: its name is the hash of its content.
image() {
	once=$(build/prefix/bin/bhyfi image build --air --current) &&
		second=$(build/prefix/bin/bhyfi image build --air --current) &&
		build/prefix/bin/bhyfi image verify || return 1
	printf '%s\n' "$once" "$second"
	[ "$(echo "$once" | head -n 1)" = "$(echo "$second" | head -n 1)" ]
}

install() {
	meson install -C "build/$first" --no-rebuild --only-changed --quiet
}

# tests FOLDER LABEL MESON-ARGUMENT...: programs of a build folder. A line for each
# program; with -v for each test in it.
tests() {
	folder=build/$1 label=$2
	shift 2
	PYTHONUNBUFFERED=1 meson test -C "$folder" --print-errorlogs --no-stdsplit \
		--logbase "$label" "$@" 2>&1 |
		sed -u -e '/^ninja: /d' -e '/^\[[0-9]*\/[0-9]*\] /d' -e '/ RUNNING  *$/d' \
		    -e '/^>>> /d' -e '/^[^ -~]*$/d' -e '/^[A-Z][A-Za-z ]*: *[0-9]* *$/d' \
		    -e '/^Full log written/d'
	log=$folder/meson-logs/$label.json
	if ! count=$("build/$first/tests/tally" "$log" 2>"$LOGS/$label.failed"); then
		count="0 1"
		echo "failed: $label: no tests were run" >>"$LOGS/$label.failed"
	fi
	passed=$((passed + ${count% *}))
	failed=$((failed + ${count#* }))
	[ ! -s "$LOGS/$label.failed" ] || failures="$failures
$(cat "$LOGS/$label.failed")"
}

programs() { # FOLDER SUITE: the names wanted of a suite
	meson test -C "build/$1" --list --suite "$2" 2>/dev/null |
		sed -n 's/.* \/ //; s/^[^ ]*:\(.*\)/\1/; /^[a-z0-9-]\{1,\}$/p' |
		while read -r p; do
			if [ -z "$names" ]; then
				echo "$p"
			else
				for n in $names; do
					[ "${n%%/*}" != "$p" ] || echo "$p"
				done
			fi
		done | sort -u
}

# From nothing to online, a lease, answers, and gone again.
demo() {
	tests/image.sh use "$IMAGE" && "build/$first/tests/demo/demo" build/demo.json prebuilt
}

under_bhyve() {
	if [ -z "${IMAGE-}" ]; then
		skipped "a guest under bhyve: no IMAGE (on Linux: make image)"
	elif [ "$(id -u)" != 0 ] || ! kldload -n vmm nmdm; then
		skipped "a guest under bhyve: bhyve needs root and vmm.ko"
	else
		tests/image.sh need "$IMAGE" || exit
		step install "it installs into a tree of its own" install &&
			step demo "a guest under bhyve comes online and goes" demo
	fi
}

finish() {
	[ -z "$failures" ] || echo "$failures"
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" != 0 ]
	exit
}

# Without this build there is nothing to test.
if wanted "$first"; then
	step "$first" "$first builds without a warning" tree build "$first" "$first" --werror || finish
else
	tree build "$first" "$first" --werror >"$LOGS/$first.log" 2>&1 ||
		step "$first" "$first builds without a warning" tree build "$first" "$first" --werror ||
		finish
fi
if [ "$suite" = system ]; then
	[ "$first" = clang ] ||
		optional clang "clang builds without a warning" tree build clang clang --werror
	if command -v clang-format >/dev/null; then
		optional format "the code is formatted" formatted
	elif wanted format; then
		skipped "the code is formatted: there is no clang-format"
	fi

	unit=$(programs "$first" unit)
	[ -z "$unit" ] || tests "$first" unit --no-rebuild $unit
	sanitized="$unit $(programs "$first" fuzz)"
	if [ "$sanitized" != " " ]; then
		step asan "the tests are configured with ASan and UBSan" tree configure asan "$first" \
			-Db_sanitize=address,undefined $sanitize -Dstrip=false -Doptimization=1 &&
			tests asan sanitized $sanitized
	fi
fi

if [ "$first" = clang ]; then
	wanted demo && under_bhyve
	finish
fi
system=$(programs gcc "$suite")
[ "$suite" = long ] || system="$system $(programs gcc integration)"
for n in $names; do
	case $n in
	*/*) export BHYFI_TEST="${n#*/}" ;;
	esac
done
# They wait for a good part of their time.
procs=$(getconf _NPROCESSORS_ONLN)
[ "$procs" -ge 3 ] || procs=3
if [ "$system" != " " ] && [ -n "$system" ]; then
	step install "it installs into a tree of its own" install &&
		step image "a test image builds twice the same and verifies" image &&
		tests gcc "$suite" -v --no-rebuild --num-processes "$procs" $system
elif wanted image; then
	step install "it installs into a tree of its own" install &&
		step image "a test image builds twice the same and verifies" image
fi
finish
