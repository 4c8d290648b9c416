#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include "macnat/macnat.bpf.c"

#define TABLES 2
#define TABLE_MAX 8192

struct entry {
	uint64_t used;
	uint8_t key[16];
	struct macnat_host value;
};

static struct table {
	const void *map;
	size_t n;
	struct entry entry[TABLE_MAX];
} tables[TABLES];

static uint64_t ticks = 5, uses;
static bool tagged, partial;
static size_t in_place = RIG_FRAME_MAX;

static struct table *table_of(const void *map)
{
	for (int i = 0; i < TABLES; i++) {
		if (tables[i].map == NULL)
			tables[i].map = map;
		if (tables[i].map == map)
			return &tables[i];
	}
	abort();
}

static struct entry *find(struct table *t, const void *key, size_t key_size)
{
	for (size_t i = 0; i < t->n; i++)
		if (memcmp(t->entry[i].key, key, key_size) == 0) {
			t->entry[i].used = ++uses;
			return &t->entry[i];
		}
	return NULL;
}

void *model_lookup(
    const void *map, size_t key_size, size_t value_size, size_t max, const void *key)
{
	struct entry *e = find(table_of(map), key, key_size);

	(void)max;
	if (value_size != sizeof(e->value))
		abort();
	return e != NULL ? &e->value : NULL;
}

long model_update(const void *map, size_t key_size, size_t value_size, size_t max,
    const void *key, const void *value, uint64_t flags)
{
	struct table *t = table_of(map);
	struct entry *e = find(t, key, key_size);

	if (flags != BPF_ANY || max > TABLE_MAX || key_size > sizeof(e->key))
		abort();
	if (e == NULL && t->n < max)
		e = &t->entry[t->n++];
	if (e == NULL) {
		e = &t->entry[0];
		for (size_t i = 1; i < t->n; i++)
			if (t->entry[i].used < e->used)
				e = &t->entry[i];
	}
	memcpy(e->key, key, key_size);
	memcpy(&e->value, value, value_size);
	e->used = ++uses;
	return 0;
}

uint64_t bpf_ktime_get_coarse_ns(void)
{
	return ticks << MACNAT_TICK_SHIFT;
}

static uint8_t *at(const struct model_skb *skb, uint32_t off)
{
	return (uint8_t *)skb->data + off;
}

long bpf_skb_pull_data(struct model_skb *skb, uint32_t len)
{
	if (len > skb->len)
		return -ENOMEM;
	if (skb->data_end - skb->data < len)
		skb->data_end = skb->data + len;
	return 0;
}

static bool within(const struct model_skb *skb, uint32_t off, uint32_t len)
{
	return off <= skb->len && len <= skb->len - off;
}

long bpf_skb_load_bytes(const struct model_skb *skb, uint32_t off, void *to, uint32_t len)
{
	if (!within(skb, off, len)) {
		memset(to, 0, len); /* as the kernel does */
		return -EFAULT;
	}
	memcpy(to, at(skb, off), len);
	return 0;
}

long bpf_skb_store_bytes(
    struct model_skb *skb, uint32_t off, const void *from, uint32_t len, uint64_t flags)
{
	if (flags != 0 || !within(skb, off, len))
		return -EFAULT;
	memcpy(at(skb, off), from, len);
	return 0;
}

static uint32_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

int64_t bpf_csum_diff(const uint32_t *from, uint32_t from_size, const uint32_t *to,
    uint32_t to_size, uint32_t seed)
{
	uint64_t sum = seed;

	if (from_size % 4 != 0 || to_size % 4 != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < from_size / 4; i++)
		sum += ~from[i];
	for (uint32_t i = 0; i < to_size / 4; i++)
		sum += to[i];
	return (int64_t)((sum & 0xffffffff) + (sum >> 32));
}

long bpf_l4_csum_replace(
    struct model_skb *skb, uint32_t off, uint64_t from, uint64_t to, uint64_t flags)
{
	bool is_0_none = (flags & BPF_F_MARK_MANGLED_0) != 0;
	uint64_t size = flags & BPF_F_HDR_FIELD_MASK, sum;
	uint16_t check;

	if (!within(skb, off, 2) || (off & 1) != 0)
		return -EFAULT;
	if (size != 0 && size != 2)
		return -EINVAL;
	memcpy(&check, at(skb, off), 2);
	if ((is_0_none && check == 0) || skb->partial)
		return 0;
	sum = (uint16_t)~check + fold(to);
	if (size == 2)
		sum += (uint16_t)~from;
	check = (uint16_t)~fold(sum);
	if (is_0_none && check == 0)
		check = 0xffff;
	memcpy(at(skb, off), &check, 2);
	return 0;
}

long bpf_redirect(uint32_t ifindex, uint64_t flags)
{
	if (flags != 0 || (ifindex != RIG_HOST_IF && ifindex != RIG_AIR_IF))
		abort();
	return TC_ACT_REDIRECT;
}

/* The frame in memory of just its size, for the sanitizer, its header 4-aligned. */
static int native_run(enum rig_way way, uint8_t *frame, size_t *len)
{
	uint8_t *copy = malloc(*len + 2);
	struct model_skb skb;
	int verdict;

	if (copy == NULL)
		abort();
	memcpy(copy + 2, frame, *len);
	skb = (struct model_skb){.data = (uintptr_t)copy + 2,
	    .len = (uint32_t)*len,
	    .vlan_present = tagged,
	    .partial = partial};
	skb.data_end = skb.data + (*len < in_place ? *len : in_place);
	memcpy(&config.mac, rig_radio, 6);
	config.host_if = RIG_HOST_IF;
	config.air_if = RIG_AIR_IF;
	verdict = way == RIG_OUT ? macnat_out(&skb) : macnat_in(&skb);
	memcpy(frame, copy + 2, *len);
	free(copy);
	return verdict;
}

static int whole_run(enum rig_way way, uint8_t *frame, size_t *len)
{
	in_place = RIG_FRAME_MAX;
	return native_run(way, frame, len);
}

static int split_run(enum rig_way way, uint8_t *frame, size_t *len)
{
	in_place = ETH_HLEN;
	return native_run(way, frame, len);
}

static uint64_t native_count(enum macnat_count what)
{
	return counts[what];
}

static void native_age(unsigned seconds)
{
	ticks += MACNAT_TICKS(seconds);
}

static void native_reset(void)
{
	for (int i = 0; i < TABLES; i++)
		tables[i].n = 0;
	memset(counts, 0, sizeof(counts));
	tagged = partial = false;
}

void rig_native_tag(bool on)
{
	tagged = on;
}

void rig_native_partial(bool on)
{
	partial = on;
}

const struct rig rig_native = {
    "model", whole_run, native_count, native_age, native_reset};
const struct rig rig_split = {
    "model, in pieces", split_run, native_count, native_age, native_reset};
