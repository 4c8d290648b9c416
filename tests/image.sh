#!/bin/sh
# image.sh pack FILE      a test image, made on Linux, in one file for another system
# image.sh need [FILE]    whether this system can have one: it builds them, or FILE is
#                         one. Else says in a line how to get one, with status 5
# image.sh use FILE       unpacks it into build/prefix, where it is the current one
set -eu
cd "$(dirname "$0")/.."
IMAGES=build/prefix/var/db/bhyfi/images
KEYS=build/prefix/etc/bhyfi/keys

fail() { # STATUS TEXT
	echo "bhyfi: $2" >&2
	exit "$1"
}

pack() {
	build/prefix/bin/bhyfi image build --air --current
	id=$(readlink "$IMAGES/current")
	tar -czf "$1.new" -C "$IMAGES" "$id"
	mv "$1.new" "$1"
	echo "$1: $(($(wc -c <"$1") / 1048576)) MiB; on FreeBSD: make demo IMAGE=$(basename "$1")"
}

need() {
	if [ -n "$1" ]; then
		[ -r "$1" ] || fail 5 "$1: no such file (on Linux: make image)"
	elif [ "$(uname -s)" != Linux ]; then
		fail 5 "the guest's image is built on Linux: run make image there, copy build/bhyfi-image.tgz here (make demo IMAGE=bhyfi-image.tgz)"
	fi
}

# One folder with one image in it, and nothing beside. The image brings its key along,
# which is trusted: it is the user's own file.
use() {
	tar -tf "$1" >build/image.list || fail 5 "$1: not a file that make image wrote"
	id=$(sed -n '1s,/.*,,p' build/image.list)
	case $id in
	'' | .*) fail 5 "$1: not a file that make image wrote" ;;
	esac
	! grep -qv "^$id/[a-z.]*\$" build/image.list ||
		fail 5 "$1: there is more in it than an image"
	rm -rf "${IMAGES:?}/$id"
	mkdir -p "$IMAGES"
	tar -xf "$1" -C "$IMAGES"
	rm -rf "$IMAGES/current" "$IMAGES/candidate" "$IMAGES/refused" build/image.list
	ln -s "$id" "$IMAGES/current"
	mkdir -p "$KEYS"
	cp "$IMAGES/$id/manifest.json.pub" "$KEYS/image.pub"
}

case ${1-} in
pack) pack "$2" ;;
need) need "${2-}" ;;
use) use "$2" ;;
*) fail 2 "image.sh: expected pack, need or use" ;;
esac
