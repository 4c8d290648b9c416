/*
 * Theory of operation.
 *
 * What can be shown is a table of items in the order of the screen, each with a rank.
 * First it is settled which of them have a place (by rank), then how many rows are left
 * for events, then how high the plots may grow; only then is anything painted. A row is
 * filled from the left and cut at the window's width, counted as the terminal counts, so
 * that nothing wraps.
 */
#include "paint.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cleanup.h"
#include "client.h"
#include "escape.h"
#include "out.h"
#include "plot.h"
#include "screen.h"

#define ROW_SIZE (6 * PAINT_COLUMNS_MAX)
#define STYLE_ROOM 64
#define LABEL_WIDTH 9
#define VALUE_WIDTH 25 /* before a plot */
#define PLOT_MIN 8     /* columns; a narrower one says nothing */
#define PLOT_ROWS 4
#define EVENTS_WANTED 6 /* before plots grow */
#define ONCE_EVENTS 5

struct row {
	char text[ROW_SIZE];
	size_t len, width;
};

struct frame {
	const struct history *h;
	const struct paint_options *o;
	struct row *rows;
	size_t n, used;
};

static void append(struct row *r, const char *text, size_t len)
{
	if (r->len + len >= sizeof(r->text))
		return;
	memcpy(r->text + r->len, text, len);
	r->len += len;
	r->text[r->len] = '\0';
}

static struct row *last_row(struct frame *f)
{
	return &f->rows[f->used - 1];
}

static bool begin_row(struct frame *f)
{
	if (f->used == f->n)
		return false;
	f->used++;
	return true;
}

/* One character, of which the terminal shows what we think it does: where it does not
 * know UTF-8, the bytes of others are its own control characters. */
static void put_char(struct frame *f, const char *p, size_t len, unsigned cp)
{
	struct row *r = last_row(f);
	int w = 1;

	if (cp >= 0x80 && !f->o->utf8) {
		p = "?";
		len = 1;
	} else if (cp >= 0x80) {
		w = wcwidth((wchar_t)cp);
	}
	/* Room for the end of a style is left: characters without a width are free. */
	if (w < 0 || r->width + (size_t)w > f->o->columns ||
	    r->len + len + STYLE_ROOM > sizeof(r->text))
		return;
	r->width += (size_t)w;
	append(r, p, len);
}

/* Text that is safe but for its width. */
static void put_raw(struct frame *f, const char *text)
{
	size_t len = strlen(text), n;
	unsigned cp;

	for (; len > 0; text += n, len -= n) {
		n = utf8_char(text, len, &cp);
		if (n > 0) {
			put_char(f, text, n, cp);
		} else {
			put_char(f, "?", 1, '?');
			n = 1;
		}
	}
}

static void put(struct frame *f, enum out_style style, const char *text)
{
	bool styled = f->o->colour && style != OUT_PLAIN && text[0] != '\0';
	const char *code;

	if (styled) {
		code = out_style_code(style);
		append(last_row(f), code, strlen(code));
	}
	put_raw(f, text);
	if (styled) {
		code = out_style_code(OUT_PLAIN);
		append(last_row(f), code, strlen(code));
	}
}

/* Anybody's text. */
static void put_safe(struct frame *f, enum out_style style, const char *text)
{
	char safe[ESCAPE_SIZE(256)];

	out_safe(text, safe, sizeof(safe));
	put(f, style, safe);
}

static void putf(struct frame *f, enum out_style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void putf(struct frame *f, enum out_style style, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_safe(f, style, text);
}

static void pad_to(struct frame *f, size_t column)
{
	while (last_row(f)->width < column && last_row(f)->width < f->o->columns)
		put(f, OUT_PLAIN, " ");
}

/* What can not be measured here. */
static const char *unknown(const struct frame *f)
{
	return f->o->utf8 ? "\342\200\223" : "-";
}

static const char *dot(const struct frame *f)
{
	return f->o->utf8 ? " \302\267 " : ", ";
}

static const json_t *part(const struct frame *f, const char *name)
{
	return json_object_get(f->h->status, name);
}

static double latest(const struct frame *f, enum metric m)
{
	return history_value(f->h, m, 0);
}

/* The values of the items. */

static void put_number(struct frame *f, double v, const char *unit)
{
	if (isnan(v))
		put(f, OUT_PLAIN, unknown(f));
	else
		putf(f, OUT_PLAIN, "%.*f %s", v < 10 ? 2 : v < 100 ? 1 : 0, v, unit);
}

static void put_rate(struct frame *f, const json_t *wlan, const char *key)
{
	double n;

	if (client_number(wlan, key, &n) && n > 0)
		putf(f, OUT_PLAIN, "%.4g", n);
	else
		put(f, OUT_PLAIN, unknown(f));
}

static void clock_text(time_t at, char out[16])
{
	struct tm tm;

	out[0] = '\0';
	if (at != 0 && localtime_r(&at, &tm) != NULL)
		strftime(out, 16, "%H:%M:%S", &tm);
}

static void value_header(struct frame *f)
{
	const char *state = client_str(f->h->status, "state", "?");
	char since[48], now[16];
	double s;

	putf(f, OUT_BOLD, "%s", client_str(f->h->status, "instance", "?"));
	put(f, OUT_PLAIN, "  ");
	putf(f, screen_state_style(state), "%s", state);
	if (client_number(f->h->status, "uptime_s", &s)) {
		screen_duration(s, since, sizeof(since));
		putf(f, OUT_PLAIN, ", up %s", since);
	}
	clock_text(f->h->at, now);
	if (f->o->rows == 0 || last_row(f)->width + strlen(now) + 2 > f->o->columns)
		return;
	pad_to(f, f->o->columns - strlen(now));
	put(f, OUT_DIM, now);
}

static void value_network(struct frame *f)
{
	static const char *const members[] = {"ssid", "key_mgmt", "bssid"};
	static const char *const instead[] = {"state", "reason"};
	const json_t *w = part(f, "wlan");
	bool in = client_str(w, "bssid", NULL) != NULL;
	const char *const *list = in ? members : instead;
	size_t n = in ? ARRAY_LEN(members) : ARRAY_LEN(instead), said = 0;

	for (size_t i = 0; i < n; i++) {
		const char *text = client_str(w, list[i], "");

		if (text[0] == '\0')
			continue;
		if (said++ > 0)
			put(f, OUT_PLAIN, dot(f));
		put_safe(f, OUT_PLAIN, text);
	}
	if (said == 0)
		put(f, OUT_PLAIN, unknown(f));
}

static void value_signal(struct frame *f)
{
	double dbm = latest(f, METRIC_SIGNAL), noise = latest(f, METRIC_NOISE);
	enum out_style style = dbm >= -67 ? OUT_GOOD : dbm >= -80 ? OUT_WARN : OUT_BAD;

	if (isnan(dbm))
		put(f, OUT_PLAIN, unknown(f));
	else
		putf(f, style, "%.0f dBm", dbm);
	put(f, OUT_PLAIN, ", noise ");
	if (isnan(noise))
		put(f, OUT_PLAIN, unknown(f));
	else
		putf(f, OUT_PLAIN, "%.0f", noise);
}

static void value_rate(struct frame *f)
{
	const json_t *w = part(f, "wlan");
	double n;

	put_rate(f, w, "rx_mbps");
	put(f, OUT_PLAIN, " down, ");
	put_rate(f, w, "tx_mbps");
	put(f, OUT_PLAIN, " up Mbit/s");
	if (client_number(w, "freq_mhz", &n) && n > 0)
		putf(f, OUT_PLAIN, "%s%.0f MHz", dot(f), n);
	if (client_number(w, "width_mhz", &n) && n > 0)
		putf(f, OUT_PLAIN, ", %.0f MHz wide", n);
}

static void value_down(struct frame *f)
{
	put_number(f, latest(f, METRIC_DOWN), "Mbit/s");
}

static void value_up(struct frame *f)
{
	put_number(f, latest(f, METRIC_UP), "Mbit/s");
}

static void value_latency(struct frame *f)
{
	double ms = latest(f, METRIC_LATENCY);

	if (isnan(ms) && f->h->latency_asked && f->h->n > 1)
		put(f, OUT_WARN, "no answer");
	else
		put_number(f, ms, "ms");
	if (f->h->latency_by[0] != '\0')
		putf(f, OUT_PLAIN, " (%s)", f->h->latency_by);
}

static void value_retries(struct frame *f)
{
	double failed;

	put_number(f, latest(f, METRIC_RETRIES), "%");
	if (client_number(part(f, "wlan"), "tx_failed", &failed) && failed >= 0)
		putf(f, OUT_PLAIN, ", failed %.0f", failed);
}

static void value_memory(struct frame *f)
{
	double used = latest(f, METRIC_MEMORY), total;

	if (isnan(used) || !client_number(part(f, "guest"), "mem_total_kib", &total))
		put(f, OUT_PLAIN, unknown(f));
	else
		putf(f, OUT_PLAIN, "%.0f of %.0f MiB", used * total / 100 / 1024,
		    total / 1024);
}

static void value_cpu(struct frame *f)
{
	double pct = latest(f, METRIC_CPU);

	if (isnan(pct))
		put(f, OUT_PLAIN, unknown(f));
	else
		putf(f, OUT_PLAIN, "%.0f %%", pct);
}

static void value_error(struct frame *f)
{
	putf(f, OUT_BAD, "%s", client_str(f->h->status, "last_error", ""));
}

/* Scales. */

struct scale {
	double min, max;
};

static double highest(const struct frame *f, enum metric m, size_t columns)
{
	double max = 0, v;

	for (size_t i = 0; i < columns; i++) {
		v = history_value(f->h, m, i);
		if (v > max)
			max = v;
	}
	return max;
}

static struct scale scale_of(const struct frame *f, enum metric m, size_t columns)
{
	switch (m) {
	case METRIC_SIGNAL:
	case METRIC_NOISE:
		return (struct scale){-95, -30};
	case METRIC_DOWN:
	case METRIC_UP:
	case METRIC_LATENCY:
		return (struct scale){0, plot_ceiling(highest(f, m, columns), 1)};
	case METRIC_RETRIES:
		return (struct scale){0, plot_ceiling(highest(f, m, columns), 10)};
	case METRIC_MEMORY:
	case METRIC_CPU:
		return (struct scale){0, 100};
	}
	return (struct scale){0, 1};
}

static bool scale_moves(enum metric m)
{
	return m == METRIC_DOWN || m == METRIC_UP || m == METRIC_LATENCY ||
	       m == METRIC_RETRIES;
}

/* The items, in the order of the screen. */

#define NO_PLOT (-1)

struct item {
	const char *label;
	unsigned rank; /* the lower, the earlier it gets a row */
	int metric;    /* that is plotted, or NO_PLOT */
	unsigned plot_rows;
	void (*value)(struct frame *f);
};

static const struct item items[] = {
    {NULL, 0, NO_PLOT, 1, value_header},
    {"error", 6, NO_PLOT, 1, value_error},
    {"network", 1, NO_PLOT, 1, value_network},
    {"rate", 7, NO_PLOT, 1, value_rate},
    {"signal", 2, METRIC_SIGNAL, 2, value_signal},
    {"down", 3, METRIC_DOWN, PLOT_ROWS, value_down},
    {"up", 4, METRIC_UP, PLOT_ROWS, value_up},
    {"latency", 5, METRIC_LATENCY, PLOT_ROWS, value_latency},
    {"retries", 8, METRIC_RETRIES, 2, value_retries},
    {"memory", 9, METRIC_MEMORY, 1, value_memory},
    {"cpu", 10, METRIC_CPU, 2, value_cpu},
};
#define RANKS 11
static_assert(ARRAY_LEN(items) == RANKS, "a rank for each item");

struct layout {
	unsigned rows[RANKS]; /* of each item; 0: no place */
	size_t events;
	bool footer;
};

static bool wanted(const struct frame *f, size_t i)
{
	return items[i].value != value_error ||
	       client_str(f->h->status, "last_error", "")[0] != '\0';
}

static void grow_plots(struct layout *l, size_t *left)
{
	bool grown = true;

	while (grown && *left > 0) {
		grown = false;
		for (size_t i = 0; *left > 0 && i < RANKS; i++) {
			if (l->rows[i] == 0 || l->rows[i] >= items[i].plot_rows)
				continue;
			l->rows[i]++;
			(*left)--;
			grown = true;
		}
	}
}

static size_t events_kept(const struct frame *f)
{
	return f->h->n_events < EVENTS_MAX ? f->h->n_events : EVENTS_MAX;
}

static void lay_out(const struct frame *f, struct layout *l)
{
	size_t left = f->n, events = events_kept(f), few;

	memset(l, 0, sizeof(*l));
	for (unsigned rank = 0; rank < RANKS; rank++)
		for (size_t i = 0; i < RANKS && left > 0; i++)
			if (items[i].rank == rank && wanted(f, i)) {
				l->rows[i] = 1;
				left--;
			}
	if (f->o->rows == 0) {
		l->events = events < ONCE_EVENTS ? events : ONCE_EVENTS;
		return;
	}
	if (left > 1) {
		l->footer = true;
		left--;
	}
	few = events < EVENTS_WANTED ? events : EVENTS_WANTED;
	l->events = few < left ? few : left;
	left -= l->events;
	if (f->o->columns >= LABEL_WIDTH + VALUE_WIDTH + PLOT_MIN)
		grow_plots(l, &left);
	l->events += events - l->events < left ? events - l->events : left;
}

/* Row k of a plot, to the right edge, where the latest value is. */
static void put_plot(struct frame *f, const struct item *it, unsigned k, unsigned rows)
{
	size_t from = LABEL_WIDTH + VALUE_WIDTH, columns;
	enum metric m = (enum metric)it->metric;
	struct scale s;

	if (f->o->columns < from + PLOT_MIN)
		return;
	columns = f->o->columns - from;
	s = scale_of(f, m, columns);
	if (k == 0 && scale_moves(m) && highest(f, m, columns) > 0) {
		char top[24];

		snprintf(
		    top, sizeof(top), "%s%g ", f->o->utf8 ? "\342\211\244" : "<=", s.max);
		/* Flush with the plot, where the value leaves room. */
		if (last_row(f)->width + out_width(top) < from)
			pad_to(f, from - out_width(top));
		if (last_row(f)->width + out_width(top) <= from)
			put(f, OUT_DIM, top);
	}
	pad_to(f, from);
	for (size_t back = columns; back-- > 0;)
		put(f, OUT_PLAIN,
		    plot_cell(
			plot_level(history_value(f->h, m, back), s.min, s.max, rows), k,
			rows, f->o->utf8));
}

static void paint_item(struct frame *f, const struct item *it, unsigned rows)
{
	for (unsigned k = 0; k < rows && begin_row(f); k++) {
		if (k == 0 && it->label != NULL) {
			put(f, OUT_DIM, it->label);
			pad_to(f, LABEL_WIDTH);
		}
		if (k == 0)
			it->value(f);
		if (it->metric != NO_PLOT && f->o->rows > 0)
			put_plot(f, it, k, rows);
	}
}

static void paint_events(struct frame *f, size_t n)
{
	for (size_t back = n; back-- > 0;) {
		const struct event_line *e = history_line(f->h, back);
		char at[16];

		if (e == NULL || !begin_row(f))
			continue;
		clock_text(e->at, at);
		put(f, OUT_DIM, at);
		put(f, OUT_PLAIN, at[0] != '\0' ? " " : "");
		put_safe(f, e->bad ? OUT_WARN : OUT_PLAIN, e->text);
	}
}

static char *join(const struct frame *f)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < f->used; i++) {
		size_t len = f->rows[i].len;

		while (len > 0 && f->rows[i].text[len - 1] == ' ')
			len--;
		fprintf(out, "%s%.*s", i > 0 ? "\n" : "", (int)len, f->rows[i].text);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

char *paint(const struct history *h, const struct paint_options *options)
{
	struct paint_options o = *options;
	struct frame f = {.h = h, .o = &o};
	struct layout l;
	char *text;

	if (o.columns > PAINT_COLUMNS_MAX)
		o.columns = PAINT_COLUMNS_MAX;
	f.n = o.rows == 0               ? RANKS + ONCE_EVENTS
	      : o.rows > PAINT_ROWS_MAX ? PAINT_ROWS_MAX
					: o.rows;
	f.rows = calloc(f.n, sizeof(*f.rows));
	if (f.rows == NULL)
		return NULL;
	lay_out(&f, &l);
	for (size_t i = 0; i < RANKS; i++)
		paint_item(&f, &items[i], l.rows[i]);
	paint_events(&f, l.events);
	if (l.footer) {
		f.used = f.n;
		put(&f, OUT_DIM, "q quits");
	}
	text = join(&f);
	free(f.rows);
	return text;
}
