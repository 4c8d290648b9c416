/* `log` and `console`: requests that are answered with pieces of text. */
#ifndef BHYFI_STREAM_H
#define BHYFI_STREAM_H

#include "cli.h"

/*
 * Sends cmd with the running command's --follow, prints the member of each answer:
 * "line" as a line, "data" as it is. Ends with {"ok":true}, or, following, when
 * the daemon ends.
 */
int stream_run(const struct cli *cli, const char *cmd, const char *member, struct err *e);

#endif
