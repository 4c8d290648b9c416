/*
 * What a module need not carry. Without KVM loading cfg80211 and mac80211 takes the guest
 * 0.7 s as they are and 0.17 s behind this:
 *
 *  - the signature: Debian's kernel checks it (RSA) and loads a module without one, too,
 *  - BTF, which the kernel checks and registers for programs that want types,
 *  - the ORC tables, sorted at each load, of which only a stack trace is made,
 *  - trace events: some 300 folders of tracefs,
 *  - ftrace's list of functions. Each function begins with a call of __fentry__, and the
 *    kernel turns these calls into no-operations one by one when it loads the module.
 *    This is done here instead, with the same bytes as the kernel's own.
 */
#include "kmod.h"

#include <stdint.h>
#include <string.h>

#include "cleanup.h"
#include "elfslim.h"

static const char *const unused[] = {".BTF", ".rela.orc_unwind_ip", ".orc_unwind_ip",
    ".orc_unwind", ".rela_ftrace_events", "_ftrace_events",
    /* The last ones only where no call of __fentry__ is left. */
    ".rela__mcount_loc", "__mcount_loc"};
#define UNUSED_HOOKS 2

static int drop_signature(const char *data, size_t *len, struct err *e)
{
	static const char magic[] = "~Module signature appended~\n";
	const size_t info = 12, mark = sizeof(magic) - 1;
	const uint8_t *p;
	size_t sig;

	/* Behind the ELF file: signature, struct module_signature (12 bytes, its last
	 * four the signature's length, big-endian), magic. */
	if (*len <= mark + info || memcmp(data + *len - mark, magic, mark) != 0)
		return 0;
	p = (const uint8_t *)data + *len - mark - 4;
	sig = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (sig > *len - mark - info)
		return err_set(e, ERR_FAILED, "module signature: wrong length");
	*len -= mark + info + sig;
	return 0;
}

int kmod_slim(char *data, size_t *len, struct err *e)
{
	size_t n = ARRAY_LEN(unused);
	int left;

	if (drop_signature(data, len, e) < 0)
		return -1;
	left = elf_silence_calls(data, *len, "__fentry__", e);
	if (left < 0)
		return -1;
	/* Where a call has another form, the kernel is left to its own list. */
	return elf_drop_sections(data, len, unused, left > 0 ? n - UNUSED_HOOKS : n, e);
}
