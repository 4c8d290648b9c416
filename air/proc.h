/*
 * Child processes: started with an argument vector, watched, their lines of
 * output logged. They die with us (PR_SET_PDEATHSIG).
 */
#ifndef BHYFI_AIR_PROC_H
#define BHYFI_AIR_PROC_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

#define PROC_LINE_MAX 512
#define PROC_LAST_MAX 320

struct proc {
	/* Set by the owner before proc_start. */
	const char *name;
	int netns;         /* descriptor of a network namespace; -1: ours */
	int niceness;      /* 0-19 */
	size_t max_output; /* not 0: standard output is kept, whole, up to here */
	/* A line of output; with max_output of standard error. */
	void (*on_line)(struct proc *p, const char *line);
	/* It has ended (status of waitpid) and all its output was read. May start
	 * or free p. */
	void (*on_exit)(struct proc *p, int status);
	void *arg;

	/* Read-only for the owner. */
	pid_t pid;    /* 0: not running */
	char *output; /* with max_output: what it wrote, terminated; ours */
	size_t output_len;
	char last[PROC_LAST_MAX]; /* the last lines that it wrote, with " / " between */

	/* Private. */
	struct event *lines_ev, *output_ev;
	char line[PROC_LINE_MAX];
	size_t line_len;
	struct proc *next;
};

/* Call once; SIGCHLD is taken over. */
int procs_init(struct event_base *base, struct err *e);

/* Starts argv[0] (a path). p must live until on_exit is called. */
int proc_start(struct proc *p, const char *const argv[], struct err *e);

/* Kills all that runs and waits for them; no callbacks. */
void procs_end(void);

/* "exit status 1", "signal 9 (Killed)" */
const char *proc_status_text(int status, char *buf, size_t size);

#endif
