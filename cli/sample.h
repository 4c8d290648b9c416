/*
 * What `monitor` shows: figures over time, out of the statuses that the daemon sends,
 * and its latest log lines. Half of it the guest chose: every member may be missing, of
 * another type, or absurd.
 */
#ifndef BHYFI_SAMPLE_H
#define BHYFI_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>

enum metric {
	METRIC_SIGNAL, /* dBm */
	METRIC_NOISE,  /* dBm */
	METRIC_DOWN,   /* Mbit/s through the host's interface */
	METRIC_UP,
	METRIC_LATENCY, /* ms */
	METRIC_RETRIES, /* % of the frames that were sent to the access point again */
	METRIC_MEMORY,  /* % of the guest's that is in use */
	METRIC_CPU,     /* % */
};
#define METRIC_COUNT (METRIC_CPU + 1)

#define HISTORY_MAX 1024 /* samples: more than a terminal has columns */
#define EVENTS_MAX 32
#define EVENT_SIZE 256

/* What the command measures itself. */
struct latency_result {
	double ms;        /* NAN: not known, or no answer */
	const char *by;   /* "icmp", "tcp"; NULL: nothing has been asked */
	const char *host; /* the gateway's address; NULL: there is none */
};

struct event_line {
	time_t at; /* 0: not known */
	bool bad;  /* a warning or an error */
	char text[EVENT_SIZE];
};

struct history {
	double value[HISTORY_MAX][METRIC_COUNT]; /* a ring; NAN: not known */
	size_t n;                                /* that ever went in */
	struct event_line events[EVENTS_MAX];    /* a ring */
	size_t n_events;                         /* that ever went in */
	json_t *status;                          /* the latest; NULL before the first */
	time_t at;                               /* of the latest, by the wall clock */
	/* To tell what has changed since the sample before; -1: not known. */
	int64_t ms, rx_bytes, tx_bytes, tx_packets, tx_retries;
	char latency_by[8], gateway[64];
	bool latency_asked; /* an answer was to be expected by now */
};

void history_init(struct history *h);
void history_free(struct history *h);

/* One more status, taken over by reference. ms: the daemon's clock when it was made. */
void history_add(struct history *h, json_t *status, int64_t ms, time_t now,
    const struct latency_result *latency);

/* A line of the daemon's log; debug lines are left out (false). */
bool history_event(struct history *h, const char *line);

/* The value that is `back` samples old (0: the latest), NAN where there is none. */
double history_value(const struct history *h, enum metric m, size_t back);
/* The event that is `back` events old; NULL where there is none. */
const struct event_line *history_line(const struct history *h, size_t back);

/* The latest sample as an object, its status among it; new is how many of the events
 * belong to it. A new reference. */
json_t *history_json(const struct history *h, size_t new_events);

#endif
