#!/bin/sh
# deps.sh PURPOSE...: installs what is missing of the system's packages for
#   build    compiling; clang and bpftool for the guest's BPF programs
#   run      booting guests
#   demo     an ordinary DHCP client for the demo, the system tests and the bench
#   check    checks of style, programs that single tests start
# Says first what it will install. Does nothing where all is there. Debian and its kin
# by apt-get, FreeBSD by pkg; elsewhere meson and the programs say what they miss.
set -eu

debian_packages() {
	case $1 in
	build) echo gcc clang bpftool libc6-dev make meson ninja-build pkg-config libevent-dev \
		libjansson-dev libinih-dev libarchive-dev libcmocka-dev libiperf-dev \
		libnl-3-dev libnl-genl-3-dev libnl-route-3-dev libwpa-client-dev \
		libcurl4-openssl-dev libmnl-dev libseccomp-dev libssl-dev libbpf-dev libelf-dev zlib1g-dev libzstd-dev ;;
	run) echo qemu-system-x86 ;;
	demo) echo udhcpc isc-dhcp-client ;;
	check) echo bc bison flex perl clang-format mandoc dosfstools mtools git ovmf iproute2 wpasupplicant \
		hostapd dnsmasq-base gnupg gpgv signify-openbsd minisign ;;
	esac
}

# clang, libarchive, OpenSSL, dhclient and mandoc are in the base system.
freebsd_packages() {
	case $1 in
	build) echo meson ninja pkgconf curl libevent jansson inih cmocka iperf3 zstd ;;
	run) echo bhyve-firmware ;;
	demo) ;;
	check) echo gnupg ;;
	esac
}

debian_missing() {
	have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
	for p; do
		case "
$have
" in
		*"
installed $p
"*) ;;
		*) echo "$p" ;;
		esac
	done
}

freebsd_missing() {
	for p; do
		# -N: without it, pkg asks whether to install itself.
		pkg -N info -e "$p" >/dev/null 2>&1 || echo "$p"
	done
}

# The lists may be missing (a fresh system) or too old (a package has gone).
debian_install() {
	ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt update || return 1
	apt install --no-install-recommends "$@" ||
		{ apt update && apt install --no-install-recommends "$@"; }
}

apt() {
	$root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >"$log" 2>&1
}

# The lists are brought up to date by it.
freebsd_install() {
	$root env ASSUME_ALWAYS_YES=yes pkg install -y "$@" </dev/null >"$log" 2>&1
}

if [ "$(uname -s)" = FreeBSD ]; then
	system=freebsd by="pkg install"
elif command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
	system=debian by="apt-get install"
else
	exit 0
fi

want=
for purpose; do
	case $purpose in
	build | run | demo | check) want="$want $(${system}_packages "$purpose")" ;;
	*) echo "deps.sh: $purpose: no such purpose" >&2; exit 2 ;;
	esac
done
missing=$(echo $(${system}_missing $want))
[ -n "$missing" ] || exit 0

echo "These packages are missing and will be installed: $missing"
root=
if [ "$(id -u)" != 0 ]; then
	root=$(command -v sudo || command -v doas) || {
		echo "deps.sh: not root, and no sudo (as root: $by $missing)" >&2
		exit 1
	}
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
${system}_install $missing || {
	tail -n 20 "$log" >&2
	echo "deps.sh: the packages could not be installed" >&2
	exit 1
}
echo "Installed."
