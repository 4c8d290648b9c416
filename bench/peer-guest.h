/* Where things are in the peer's guest: what peer-image.c puts there, peer-init.c uses.
 */
#ifndef BHYFI_PEER_GUEST_H
#define BHYFI_PEER_GUEST_H

#define PEER_ADDRESS "10.0.0.1"

#define PEER_LEASE "/peer-lease" /* a link to the init */
#define PEER_BUSYBOX "/usr/bin/busybox"
#define PEER_RESTORE "/usr/sbin/iptables-legacy-restore"
#define PEER_RULES "/etc/peer/iptables"
#define PEER_UDHCPD "/etc/peer/udhcpd.conf"
#define PEER_WPA "/etc/peer/wpa_supplicant.conf"

/* On the console. */
#define PEER_SAYS "peer: "
#define PEER_READY PEER_SAYS "ready"

#endif
