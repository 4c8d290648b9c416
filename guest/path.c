#include "path.h"

#include <dirent.h>
#include <linux/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "knob.h"
#include "log.h"

static int none_install(struct path *p, struct err *e)
{
	(void)p;
	(void)e;
	return 0;
}

static void none_remove(struct path *p)
{
	(void)p;
}

static const char *const no_modules[] = {NULL};
/* Associated, but nothing is passed on: for tests and for looking around. */
static const struct path_ops path_none = {"none", no_modules, none_install, none_remove};

static const struct path_ops *const table[] = {
    &path_clone, &path_wds, &path_ap, &path_macnat, &path_nat, &path_none};

const struct path_ops *path_find(const char *mode)
{
	/* What it begins with; see choose.h. */
	if (strcmp(mode, "auto") == 0)
		return &path_wds;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strcmp(table[i]->name, mode) == 0)
			return table[i];
	return NULL;
}

int path_init(struct path *p, struct wlan *wlan, struct err *e)
{
	memset(p, 0, sizeof(*p));
	p->wlan = wlan;
	p->sk = rtnl_open(e);
	return p->sk != NULL ? 0 : -1;
}

static bool is_virtio_net(const char *ifname)
{
	char path[300], link[512];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", ifname);
	n = readlink(path, link, sizeof(link) - 1);
	if (n <= 0)
		return false;
	link[n] = '\0';
	base = strrchr(link, '/');
	return base != NULL && strcmp(base + 1, "virtio_net") == 0;
}

bool path_find_host_if(struct path *p)
{
	DIR *dir = opendir("/sys/class/net");
	struct dirent *de;

	p->host_index = 0;
	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.' || strlen(de->d_name) >= IFNAMSIZ ||
		    !is_virtio_net(de->d_name))
			continue;
		snprintf(
		    p->host_if, sizeof(p->host_if), "%.*s", IFNAMSIZ - 1, de->d_name);
		p->host_index = if_nametoindex(p->host_if);
		break;
	}
	if (dir != NULL)
		closedir(dir);
	return p->host_index != 0;
}

void path_quiet(const char *ifname)
{
	/* There are kernels without IPv6. */
	knob_set(true, 1, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
}

int path_install(struct path *p, struct err *e)
{
	if (p->installed)
		return 0;
	if (p->ops->install(p, e) < 0) {
		p->ops->remove(p);
		return err_prefix(e, "data path %s", p->ops->name);
	}
	p->installed = true;
	return 0;
}

void path_remove(struct path *p)
{
	if (!p->installed)
		return;
	p->ops->remove(p);
	p->installed = false;
}

void path_state(struct path *p)
{
	if (p->installed && p->ops->state != NULL)
		p->ops->state(p);
}

void path_configure(struct path *p)
{
	if (p->installed && p->ops->configure != NULL)
		p->ops->configure(p);
}

void path_close(struct path *p)
{
	nl_socket_free(p->sk);
	p->sk = NULL;
}

int path_hear_all(struct path *p, struct err *e)
{
	if (rtnl_link_flags(
		p->sk, p->host_index, IFF_UP | IFF_PROMISC, IFF_UP | IFF_PROMISC, e) < 0)
		return err_prefix(e, "%s", p->host_if);
	if (rtnl_link_flags(
		p->sk, p->air_index, IFF_UP | IFF_ALLMULTI, IFF_UP | IFF_ALLMULTI, e) < 0)
		return err_prefix(e, "%s", p->air_if);
	return 0;
}

void path_unfilter(struct path *p)
{
	struct err e = ERR_INIT;

	/* The filters go with their qdisc. */
	if (rtnl_clsact_del(p->sk, p->host_index, &e) < 0 ||
	    rtnl_clsact_del(p->sk, p->air_index, &e) < 0)
		log_warn("data path %s: %s", p->ops->name, e.msg);
	rtnl_link_flags(p->sk, p->host_index, 0, IFF_PROMISC, NULL);
	rtnl_link_flags(p->sk, p->air_index, 0, IFF_ALLMULTI, NULL);
}
