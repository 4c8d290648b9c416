/*
 * Programs that a test runs, and what else runs. As PID 1 of a namespace we are
 * the parent of every orphan: whoever waits here also reaps those.
 */
#ifndef BHYFI_TEST_CHILD_H
#define BHYFI_TEST_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct child {
	pid_t pid;
	bool ended;
	int status;      /* exit status, or 128 + signal; once ended */
	char *out, *err; /* what it wrote so far, terminated; ours until child_free */
	size_t out_len, err_len;
	int fd[2];
	struct child *next;
};

/* Starts argv[0] (looked up in PATH) with /dev/null as input. */
int child_start(struct child *c, const char *const argv[], struct err *e);
/* Until it has ended: 0, ERR_TIMEOUT otherwise. */
int child_wait(struct child *c, int timeout_ms, struct err *e);
/* Until what it wrote to standard output contains text. ERR_FAILED when it ends
 * before that. */
int child_wait_text(struct child *c, const char *text, int timeout_ms, struct err *e);
/* Until it has written more than *seen bytes; *seen is how many it has then. */
int child_wait_more(struct child *c, size_t *seen, int timeout_ms, struct err *e);
/* Kills it if it runs and frees what it wrote. */
void child_free(struct child *c);

/* child_start and child_wait; a child that takes longer is killed. */
int child_run(struct child *c, const char *const argv[], int timeout_ms, struct err *e);

/* Runs argv[0] with our own standard output and error. */
int child_show(const char *const argv[], int timeout_ms, int *status, struct err *e);

struct process {
	pid_t pid, parent;
	char state;                   /* as proc(5) has it: R, S, T, Z ... */
	unsigned long long cpu_ticks; /* user and system time */
	char name[16];
	char args[2048]; /* the argument vector, with spaces between; cut */
};

/* All processes of the namespace but us; a fresh array, *n long. */
int process_list(struct process **list, size_t *n, struct err *e);
/* The first whose name is `name` and whose arguments contain `arg` (NULL: any), with
 * the parent's pid given (0: any). */
bool process_find(const char *name, const char *arg, pid_t parent, struct process *p);
bool process_get(pid_t pid, struct process *p);

/* Until no process but us is left; at the time-out the error names who is. */
int process_wait_none(int timeout_ms, struct err *e);
/* Until this one is gone. */
int process_wait_gone(pid_t pid, int timeout_ms, struct err *e);
/* Kills all but us, and forgets all that child_start started. */
void process_kill_all(void);

#endif
