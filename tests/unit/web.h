/*
 * A web server on the loopback interface, in a thread of the test: one connection at a
 * time, files below a folder, and faults by the first part of the path:
 *
 *     /ok/FILE        as it should be: ranges, If-Range, Last-Modified
 *     /whole/FILE     takes no notice of ranges
 *     /broken/FILE    the first `breaks` answers end in the middle
 *     /undated/FILE   the same, without Last-Modified
 *     /moved/FILE     every range starts at 0, whatever was asked for
 *     /longer/FILE    claims one byte more than it sends
 *     /shorter/FILE   claims one byte less
 *     /endless/FILE   zeros without an end
 *     /stall/FILE     half of it, then nothing
 *     /to/PATH        redirects to PATH; /hop/N/FILE: N times, then /ok/FILE
 *     /loop/          redirects to itself
 *     /local/FILE     redirects to file:///FILE
 *     /gone/FILE      410
 */
#ifndef BHYFI_TEST_WEB_H
#define BHYFI_TEST_WEB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct web {
	const char *root;
	int listener, port;
	pthread_t thread;
	atomic_int requests, breaks;
	atomic_bool stop;
	char last_range[64], last_if_range[64]; /* read between requests only */
};

void web_start(struct web *w, const char *root);
void web_stop(struct web *w);
/* "http://127.0.0.1:PORT/WHAT"; good until the fourth call after it. */
const char *web_url(const struct web *w, const char *what);

#endif
