/* Networks of an instance under test: its file, secrets for its commands, wpa_cli. */
#ifndef BHYFI_TEST_NETS_H
#define BHYFI_TEST_NETS_H

#include "harness.h"

/* A machine that runs and knows no network. */
struct inst *nets_unknown(void **state, const char *scenario);

/* The networks file as it is; to be freed. */
char *nets_file(const struct inst *i);
/* A file with that as its only line, until the next call or nets_done. */
const char *nets_secret(const struct inst *i, const char *text);
void nets_done(const struct inst *i);

/* `bhyfi connect` has to succeed; what it says in JSON. */
json_t *nets_connect(const struct inst *i, const char *ssid, const char *secret);
/* It has to fail with status and text, and the file stays as it is. */
void nets_connect_fails(const struct inst *i, const char *ssid, const char *secret,
    int status, const char *text);

/* Waits until status says that it is in this network ("" : in none), and online. */
void nets_wait_in(const struct inst *i, const char *ssid);

/* wpa_cli with a command of up to 4 words; what it prints, to be freed. */
char *nets_wpa_cli(const struct inst *i, const char *command);
/* The same has to print this. */
void nets_wpa_cli_says(const struct inst *i, const char *command, const char *text);

#endif
