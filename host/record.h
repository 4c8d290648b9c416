/*
 * What is known of the VM that runs: what its guest said, bounded and checked, and
 * when things happened as the host's clock saw it.
 */
#ifndef BHYFI_RECORD_H
#define BHYFI_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "escape.h"
#include "msg.h"

/* On the way to online, in this order. */
enum stage {
	STAGE_PREPARED, /* before the VMM's start: negative */
	STAGE_VMM,      /* the VMM runs */
	STAGE_LINK,     /* the agent answered */
	STAGE_CONFIG,   /* it has been sent its configuration */
	STAGE_RADIO,
	STAGE_SUPPLICANT, /* wpa_supplicant runs */
	STAGE_ASSOCIATED,
	STAGE_PATH,
	STAGE_CARRIER, /* the host's interface is plugged in: online */
};
#define STAGE_COUNT (STAGE_CARRIER + 1)

const char *stage_name(enum stage s);

#define GUEST_STAGES_MAX 12

struct guest_stage {
	char name[16];
	int64_t ms; /* since the guest's kernel started */
};

struct wlan_record {
	bool associated;
	char state[16];
	char ssid[ESCAPE_SIZE(32)], ssid_hex[2 * 32 + 1];
	char bssid[MAC_TEXT_SIZE], key_mgmt[32], reason[128];
	int freq_mhz, width_mhz, signal_dbm; /* 0: not known */
	int noise_dbm;                       /* 0: not known */
	double tx_mbps, rx_mbps;             /* 0: not known */
	/* Since the association, as far as the driver counts: -1 not known. A frame
	 * that was sent three times is one packet and two retries; one that nobody
	 * acknowledged in the end has failed. */
	int64_t tx_packets, tx_retries, tx_failed;
	char country[3]; /* whose rules hold; "": the world's */
};

struct radio_record {
	bool known;
	char ifname[16], phy[16], driver[32], bus[32];
	uint8_t mac[6];
};

struct guest_record {
	int64_t mem_total_kib, mem_available_kib; /* 0: not known */
	double cpu_pct;                           /* -1: not known */
	int64_t uptime_s;
	char kernel[64];
};

struct record {
	int64_t started_ms; /* monotonic, the VMM's start; 0: no VM */
	bool reached[STAGE_COUNT];
	int64_t stage_ms[STAGE_COUNT]; /* from started_ms */
	struct guest_stage guest_stages[GUEST_STAGES_MAX];
	size_t n_guest_stages;
	bool path_up;
	char path_mode[16], path_why[200]; /* why: of mode auto; "" */
	struct wlan_record wlan;
	struct radio_record radio;
	struct guest_record guest;
	char complaint[256]; /* what the guest last said does not work; "": nothing */
};

/* A new VM: nothing is known. */
void record_clear(struct record *r);

/* The VM has ended: what was so while it ran is not so any more; when things happened
 * stays. */
void record_ended(struct record *r);

/* Notes the first time that a stage is reached; false if it was reached before. */
bool record_stage(struct record *r, enum stage s, int64_t now_ms);

/* Takes over one message of the guest. What is missing or out of bounds becomes
 * unknown, never an error; only a radio without a usable MAC address is refused (-1). */
void record_wlan(struct record *r, const json_t *o);
void record_status(struct record *r, const json_t *o);
int record_radio(struct record *r, const json_t *o);
void record_path(struct record *r, const json_t *o);
/* The stage that the guest's name stands for, or -1. Keeps the guest's own time. */
int record_guest_stage(struct record *r, const json_t *o);

/* The members of `status` of the same names; new references. */
json_t *record_wlan_json(const struct record *r);
json_t *record_guest_json(const struct record *r);
json_t *record_stages_json(const struct record *r);
json_t *record_guest_stages_json(const struct record *r);

#endif
