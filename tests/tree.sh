#!/bin/sh
# tree.sh configure FOLDER PREFIX [MESON OPTION...]   where needed
# tree.sh build FOLDER PREFIX [MESON OPTION...]   configures where needed, builds
# tree.sh install FOLDER                          installs (DESTDIR is heeded)
# tree.sh private                                 build/private, installed to
#                                                 build/prefix, with a test image
set -eu
cd "$(dirname "$0")/.."

configure() { # FOLDER PREFIX OPTION...
	folder=$1 prefix=$2
	shift 2
	mkdir -p build
	if [ ! -f "$folder/build.ninja" ]; then
		meson setup "$folder" --prefix="$prefix" "$@" >"$folder.log" 2>&1 || {
			cat "$folder.log" >&2
			return 1
		}
		rm -f "$folder.log"
		echo "$prefix" >"$folder/.prefix"
	elif [ "$(cat "$folder/.prefix" 2>/dev/null)" != "$prefix" ]; then
		meson configure "$folder" -Dprefix="$prefix"
		echo "$prefix" >"$folder/.prefix"
	fi
}

command=$1
shift
case $command in
configure)
	configure "$@"
	;;
build)
	configure "$@"
	ninja -C "$1"
	;;
install)
	meson install -C "$1" --no-rebuild --only-changed --quiet
	;;
private)
	echo "Building ..."
	configure build/private "$PWD/build/prefix"
	ninja -C build/private >build/private.log 2>&1 || {
		tail -n 40 build/private.log >&2
		exit 1
	}
	meson install -C build/private --no-rebuild --only-changed --quiet
	;;
*)
	echo "tree.sh: $command: no such command" >&2
	exit 2
	;;
esac
