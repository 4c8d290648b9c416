/*
 * The VM's life as a state machine. It does nothing by itself: events go in
 * (machine_event), actions come out through struct machine_ops. Time, timers,
 * processes and sockets are the owner's, so tests drive it with doubles.
 */
#ifndef BHYFI_MACHINE_H
#define BHYFI_MACHINE_H

#include "daemon.h"

enum machine_event {
	EV_START,           /* up, resume */
	EV_STOP,            /* down, SIGTERM */
	EV_SUSPEND,         /* the host is about to sleep */
	EV_ADOPT,           /* a VM of a former bhyfid runs, priv has taken it over */
	EV_ADOPT_SUSPENDED, /* a former bhyfid was suspended, priv has what it held */
	EV_VM_EXIT,         /* reason: how */
	EV_LINK_UP,         /* the agent said hello */
	EV_RADIO,           /* mac: of the radio */
	EV_WLAN_UP,         /* associated */
	EV_WLAN_DOWN,
	EV_PATH_UP, /* the guest's data path carries frames */
	EV_PATH_DOWN,
	EV_BEAT,
	EV_RELEASED,  /* supplicant stopped, driver unbound: the VM may go */
	EV_FATAL,     /* reason: what the guest can not do */
	EV_BROKEN,    /* reason: the guest breaks the protocol */
	EV_TAP_GONE,  /* somebody deleted the host's interface */
	EV_DEADLINE,  /* TIMER_DEADLINE ran out */
	EV_BEAT_LOST, /* TIMER_BEAT ran out */
	EV_RETRY,     /* TIMER_RETRY ran out */
};
#define EVENT_COUNT (EV_RETRY + 1)

const char *event_name(enum machine_event ev);

/* What comes with an event; members that it does not name are not looked at. */
struct machine_input {
	const char *reason; /* for people; printable or not, it is escaped when shown */
	const char *hint;   /* what to do about it, a constant; NULL: nothing special */
	const uint8_t *mac; /* six bytes */
	bool powered_off;   /* EV_VM_EXIT: by its guest */
};

enum machine_timer {
	TIMER_DEADLINE,
	TIMER_BEAT,
	TIMER_RETRY,
};
#define TIMER_COUNT (TIMER_RETRY + 1)

/* The event that a timer turns into. */
enum machine_event timer_event(enum machine_timer t);

struct machine_ops {
	/* Card, tap, sockets: all or nothing. */
	int (*prepare)(void *arg, struct err *e);
	/* After prepare, or after a VMM that ended: starts the VMM and connects to its
	 * sockets. On failure no VMM runs. */
	int (*vm_start)(void *arg, struct err *e);
	/* Connects to the sockets of an adopted VMM. */
	int (*vm_attach)(void *arg, struct err *e);
	/* SIGKILL. */
	int (*vm_kill)(void *arg, struct err *e);
	/* Presses the power button. */
	int (*powerdown)(void *arg, struct err *e);
	/* The VMM is gone: gives back all that prepare took. */
	int (*release)(void *arg, struct err *e);
	/* The VMM is gone, or none ran: what prepare took is made ready for the host's
	 * sleep and stays ours. prepare is called again before the next start. */
	int (*suspend)(void *arg, struct err *e);
	int (*send_config)(void *arg, struct err *e);
	int (*send_stop)(void *arg, const char *reason, struct err *e);
	int (*tap_mac)(void *arg, const uint8_t mac[6], struct err *e);
	int (*tap_carrier)(void *arg, bool on, struct err *e);
	/*
	 * Of images; each may be NULL. supplicant_runs: as far as the guest has said.
	 * proved: what was started runs as it should, once for each start. fall_back: a
	 * VM that had not proved itself has failed by that; true: what vm_start starts
	 * next is another image, and why says so.
	 */
	bool (*supplicant_runs)(void *arg);
	void (*proved)(void *arg);
	bool (*fall_back)(void *arg, enum image_word word, struct err *why);
	/* Starts the timer anew; ms < 0 stops it. */
	void (*timer)(void *arg, enum machine_timer t, int64_t ms);
	int64_t (*now)(void *arg); /* milliseconds, monotonic */
	/* The state is another one; also called when a stop finds nothing to stop. */
	void (*changed)(void *arg, enum vm_state state);
};

struct machine_limits {
	int64_t boot_ms;    /* VMM start to agent; configuration to radio */
	int64_t stop_ms;    /* clean release; half of it again after the power button */
	int64_t suspend_ms; /* all of that where the host is about to sleep */
	int64_t beat_ms;
	unsigned restarts; /* in a row, then failed */
};

enum stop_phase {
	STOP_ASK,    /* the agent was asked */
	STOP_BUTTON, /* the power button was pressed */
	STOP_KILL,
};

enum stop_then {
	THEN_STOPPED,
	THEN_RESTART, /* with back-off, counted */
	THEN_RENEW,   /* all released, then at once */
	THEN_FAILED,
	THEN_SUSPENDED,
	THEN_RESUME, /* suspended, then started at once */
};

/* How the last VM ended. */
enum clean_stop {
	CLEAN_UNKNOWN, /* none has ended, or one runs */
	CLEAN_NO,
	CLEAN_YES, /* its guest had released the card: it said so, or its PID 1 heard the
		      power button, and does that before it powers off */
};

struct machine {
	const struct machine_ops *ops;
	void *arg;
	struct machine_limits limits;

	enum vm_state state;
	enum stop_phase phase; /* while stopping */
	enum stop_then then;   /* while stopping: what follows */
	int64_t deadline_at;   /* when TIMER_DEADLINE runs out */
	int64_t kill_at;       /* while stopping for a sleep: not later; 0: no sleep */
	bool held;             /* what prepare took is ours */
	bool parked; /* and op suspend was done: prepare before the next start */
	bool link_up;
	bool wlan_up, path_up;
	bool released;  /* the guest said so */
	bool proved;    /* this start's image: see machine.c */
	unsigned beats; /* while associating, in a row */
	enum image_word
	    suspect;      /* what the image may be to blame for; IMAGE_TELL: nothing */
	bool ever_online; /* since EV_START; an adopted VM counts as that */
	int64_t online_since;
	enum clean_stop clean;
	unsigned failures; /* in a row */
	unsigned restarts; /* in all, for `status` */
	struct err why;    /* the last failure; code ERR_NONE: none */
};

void machine_init(struct machine *m, const struct machine_limits *limits,
    const struct machine_ops *ops, void *arg);

/*
 * Feeds one event; in may be NULL where it needs none. -1: not a legal event in this
 * state, nothing happened. Must not be called from within an op.
 */
int machine_event(
    struct machine *m, enum machine_event ev, const struct machine_input *in);

/* Wait before the nth restart in a row (from 1): 1, 2, 4 ... 60 s. */
int64_t machine_backoff_ms(unsigned n);

#endif
