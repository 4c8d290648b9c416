#!/bin/sh
# deps.sh PURPOSE...: installs what is missing of the system's packages for
#   build    compiling
#   run      booting guests
#   demo     an ordinary DHCP client for the demo, the system tests and the bench
#   check    compiling a second time, checks of style
# Says first what it will install. Does nothing where all is there.
set -eu

packages() {
	case $1 in
	build) echo gcc libc6-dev make meson ninja-build pkg-config libevent-dev \
		libjansson-dev libinih-dev libarchive-dev libcmocka-dev libiperf-dev \
		libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libwpa-client-dev \
		libmnl-dev libseccomp-dev libssl-dev ;;
	run) echo qemu-system-x86 ;;
	demo) echo udhcpc isc-dhcp-client ;;
	check) echo clang clang-format mandoc dosfstools mtools git ovmf ;;
	*) echo "deps.sh: $1: no such purpose" >&2; exit 2 ;;
	esac
}

want=
for purpose; do
	want="$want $(packages "$purpose")"
done

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
	# Not Debian: meson says what it misses, the programs say what they miss.
	exit 0
fi

have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $want 2>/dev/null || true)
missing=
for p in $want; do
	case "
$have
" in
	*"
installed $p
"*) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

echo "These packages are missing and will be installed:$missing"
root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "deps.sh: not root and no sudo (as root: apt-get install$missing)" >&2
		exit 1
	fi
	root=sudo
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >"$log" 2>&1
}
install() {
	apt install --no-install-recommends $missing
}

# The lists may be missing (a fresh system) or too old (a package has gone).
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt update || { cat "$log" >&2; exit 1; }
if ! install; then
	apt update && install || {
		tail -n 20 "$log" >&2
		echo "deps.sh: the packages could not be installed" >&2
		exit 1
	}
fi
echo "Installed."
