/*
 * A model of what the kernel gives to BPF programs: macnat.bpf.c compiled for this
 * machine runs on it, under sanitizers and fuzzers. Included by guest/macnat/kernel.h;
 * native.c has the functions.
 */
#ifndef BHYFI_TEST_MACNAT_MODEL_H
#define BHYFI_TEST_MACNAT_MODEL_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>

/* A frame, of which only the first bytes need be in place at first. */
struct model_skb {
	uintptr_t data, data_end;
	uint32_t len, vlan_present;
	bool partial; /* the checksum is still to be filled in by an offload */
};
#define __sk_buff model_skb

#define SETTING static
#define SEC(name)
#define __noinline __attribute__((noinline))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#define bpf_htons(x) htons((uint16_t)(x))
#define bpf_ntohs(x) ntohs(x)
#define bpf_htonl(x) htonl(x)
#define bpf_ntohl(x) ntohl(x)

/* A map's declaration holds the sizes in its members' types. */
#define MODEL_MAP(m)                                                                     \
	(m), sizeof(*(m)->key), sizeof(*(m)->value),                                     \
	    sizeof(*(m)->max_entries) / sizeof(int)
#define bpf_map_lookup_elem(m, key) model_lookup(MODEL_MAP(m), key)
#define bpf_map_update_elem(m, key, value, flags)                                        \
	model_update(MODEL_MAP(m), key, value, flags)

void *model_lookup(
    const void *map, size_t key_size, size_t value_size, size_t max, const void *key);
long model_update(const void *map, size_t key_size, size_t value_size, size_t max,
    const void *key, const void *value, uint64_t flags);

uint64_t bpf_ktime_get_coarse_ns(void);
long bpf_skb_pull_data(struct model_skb *skb, uint32_t len);
long bpf_skb_load_bytes(
    const struct model_skb *skb, uint32_t off, void *to, uint32_t len);
long bpf_skb_store_bytes(
    struct model_skb *skb, uint32_t off, const void *from, uint32_t len, uint64_t flags);
int64_t bpf_csum_diff(const uint32_t *from, uint32_t from_size, const uint32_t *to,
    uint32_t to_size, uint32_t seed);
long bpf_l4_csum_replace(
    struct model_skb *skb, uint32_t off, uint64_t from, uint64_t to, uint64_t flags);
long bpf_redirect(uint32_t ifindex, uint64_t flags);

#endif
