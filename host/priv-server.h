/*
 * What the files of the privileged part share: the wire format between the two
 * processes, and the parent's state.
 */
#ifndef BHYFI_PRIV_SERVER_H
#define BHYFI_PRIV_SERVER_H

#include "daemon.h"
#include "log.h"
#include "priv.h"

/* One SOCK_SEQPACKET record each way per call. The parent takes nothing but
 * exactly this. */
struct priv_request {
	uint32_t op;
	int32_t arg;
	uint8_t mac[6];
	uint8_t zero[2];
};
_Static_assert(sizeof(struct priv_request) == 16, "no padding that could leak");

struct priv_response {
	int32_t ret, code;
	int64_t value;
	int32_t pid;
	int32_t has_fd;
	char msg[ERR_MSG_MAX];
	char hint[ERR_HINT_MAX];
};

/* Parent to main at any time, on a socket of their own. */
struct priv_packet {
	int32_t is_log;
	int32_t level;
	struct priv_vm_event ev;
	char text[480];
};

/* Main's end. */
struct priv {
	int req, ev;
};

#define VM_LINE_MAX 400
#define VM_LINES_MAX 200 /* of one run of a VMM */

struct priv_server {
	struct config c;
	const struct os_ops *os;
	const struct vmm_ops *vmm;
	uid_t uid, vm_uid;
	gid_t gid, vm_gid;
	bool can_switch; /* false: everything runs as the one user there is */

	int req, ev; /* -1: main is gone */
	int signals; /* pipe from the handler */
	pid_t main_pid;

	bool prepared;
	bool parked;             /* suspended, prepared or not */
	int tap_fd;              /* -1: none, or the adopted VMM alone holds it */
	int tap_watch;           /* -1: not watched */
	bool tap_awaited;        /* the VMM has not opened it yet */
	bool plugged;            /* its carrier is on */
	pid_t renew_pid;         /* 0: none runs */
	int renew_out;           /* its log lines; -1: none runs */
	bool renew_again;        /* plugged in once more since it was started */
	struct config former;    /* before it was read again */
	struct card_claim claim; /* also of a card that could not be put back */

	struct image_report image;
	bool image_tried; /* it had to prove itself, and counts as a try */

	pid_t vm_pid; /* 0: none runs */
	bool vm_child;
	int vm_watch;
	int vm_stderr;
	unsigned vm_lines;
	size_t vm_line_len;
	char vm_line[VM_LINE_MAX];

	/* For main, which has not read what came before. A VM's end and a lost tap
	 * are all that there is, and the next needs a request of main's. */
	struct priv_vm_event pending[4];
	size_t npending;
};

/* priv-state.c: RUN/INSTANCE/vm.json */

#define VM_STATE_FILE "vm.json"
#define VM_STATE_MAX 4096

struct vm_record {
	pid_t pid;      /* 0: no VMM yet, or none that started */
	uint64_t start; /* os_ops.proc_start */
	char vmm[16];
	char interface[IFNAME_MAX];
	struct card_id card;
	struct card_claim claim;
	char image[80];
	uint64_t config; /* config_hash */
	bool suspended;  /* no VM runs, and the next bhyfid is not to start one */
};

int vm_record_write(const struct vm_record *r, struct err *e);
/* The server's claim and tap with the VMM's process. */
int vm_record_put(
    const struct priv_server *s, pid_t pid, const char *image, struct err *e);
/* 1: read, 0: there is none, -1: it is damaged. */
int vm_record_read(struct vm_record *r, struct err *e);
int vm_record_parse(struct vm_record *r, const char *text, size_t len, struct err *e);
/* As vm_record_write writes it; the caller's to free. */
char *vm_record_text(const struct vm_record *r);

/* priv-image.c: which image is started, and that it is what was signed */

/*
 * Fills img and spec, opens the image's files that the VMM gets by descriptor, and checks
 * all that it boots from. A candidate that is no good is refused here, and another taken.
 * image_close and the descriptors are the caller's, also after an error.
 */
int vm_image_take(
    struct priv_server *s, struct vm_spec *spec, struct image *img, struct err *e);
/* The word of main. 1: something has changed. */
int vm_image_word(struct priv_server *s, enum image_word word, struct err *e);
/* An unnamed file with the report; -1. */
int vm_image_report(struct priv_server *s, struct err *e);
/* The VM was stopped, and not by a fault. */
void vm_image_stopped(struct priv_server *s);

/* priv-vm.c: the VMM as a process */

int vm_launch(struct priv_server *s, struct err *e);
/* The VM's watch became readable: reaps it and fills ev. */
void vm_ended(struct priv_server *s, struct priv_vm_event *ev);
void vm_stderr_read(struct priv_server *s);

/* priv-actions.c */

int priv_serve_one(struct priv_server *s, const struct priv_request *r,
    struct priv_reply *reply, struct err *e);
int priv_release(struct priv_server *s, struct err *e);

/* priv-renew.c: what the host does when its interface is plugged in, in a child */

void priv_renew(struct priv_server *s);
/* renew_out became readable. */
void priv_renew_read(struct priv_server *s);

/* priv-server.c: the parent's loop; never returns. */
_Noreturn void priv_serve(struct priv_server *s);
/* To main, without waiting; false: it did not fit, and may be sent again. */
bool priv_send(const struct priv_server *s, const struct priv_packet *p);
log_sink priv_log; /* arg: the server */

/* Closes all descriptors from 3 on but those in keep (n of them; -1 is skipped). */
void close_others(const int *keep, size_t n);
#define KEEP_FDS_MAX 32

#endif
