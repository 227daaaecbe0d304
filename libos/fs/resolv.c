/*
 * /etc/resolv.conf inside the enclave, and the host's name. Both are the host's word: an attacker who chooses name
 * servers chooses where names lead, which TLS must catch; what is prevented here is that the host writes anything
 * else into a file that programs believe to be well formed.
 */
#include "libos/fs/resolv.h"

#include "enclave/log.h"
#include "enclave/machine.h"
#include "lib/base/bytes.h"
#include "lib/base/str.h"
#include "lib/linux/errno.h"
#include "lib/linux/stat.h"
#include "libos/fs/pseudo.h"

#define LABEL_MAX  63u
#define DOMAIN_MAX 254u

static bool is_domain_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool resolv_is_domain(const char *name, size_t size)
{
    size_t length = str_length(name, size), label = 0;
    if (length == 0 || length == size || length > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool first = label == 0, last = i + 1 == length || name[i + 1] == '.';
        if (!is_domain_character(name[i]) || (name[i] == '-' && (first || last)))
            return false;
        label = name[i] == '.' ? 0 : label + 1;
        if ((name[i] == '.' && (first || i + 1 == length)) || label > LABEL_MAX)
            return false;
    }
    return true;
}

static void write_nameserver(const struct start_nameserver *s, struct text *t)
{
    const uint8_t *a = s->address;
    text_print(t, "nameserver ");
    if (!s->is_ipv6) {
        text_print(t, "%u.%u.%u.%u\n", a[0], a[1], a[2], a[3]);
        return;
    }
    for (unsigned i = 0; i < 8; i++)
        text_print(t, "%x%s", (unsigned)a[2 * i] << 8 | a[2 * i + 1], i < 7 ? ":" : "\n");
}

static void write_searches(const struct start_dns *dns, struct text *t)
{
    bool any = false;
    for (uint32_t i = 0; i < dns->search_count; i++) {
        if (!resolv_is_domain(dns->searches[i], START_DOMAIN_SIZE)) {
            log_warning("search domain %u of the host's resolv.conf is not a domain name: left out", i + 1);
            continue;
        }
        text_print(t, "%s%s", any ? " " : "search ", dns->searches[i]);
        any = true;
    }
    if (any)
        text_print(t, "\n");
}

void resolv_write(const struct start_dns *dns, struct text *t)
{
    static const char *const options[] = { "edns0", "inet6", "rotate", "use-vc" };
    for (uint32_t i = 0; i < dns->nameserver_count; i++)
        write_nameserver(&dns->nameservers[i], t);
    write_searches(dns, t);
    for (unsigned i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (dns->options >> i & 1)
            text_print(t, "options %s\n", options[i]);
}

int resolv_check(void)
{
    bool asked = g_machine.plan.h->flags & PLAN_DOMAIN_CONF;
    if (!asked) {
        g_machine.hostname = "localhost"; /* host may give one all the same */
        return 0;
    }
    if (!resolv_is_domain(g_machine.hostname, sizeof(((struct start *)0)->hostname))) {
        log_warning("the host's name is not a domain name: the program sees \"localhost\"");
        g_machine.hostname = "localhost";
    }
    if (g_machine.dns->nameserver_count <= START_NAMESERVERS && g_machine.dns->search_count <= START_SEARCHES)
        return 0;
    log_error("the launcher passed more name servers or search domains than there can be");
    return -EINVAL;
}

static int load(const struct pseudo_id *id, struct text *t)
{
    resolv_write(g_machine.dns, t);
    return 0;
}

static const struct pseudo_node g_file = { .name = "resolv.conf", .mode = S_IFREG | 0444, .load = load };

int resolv_mount(struct mount *m)
{
    return pseudo_mount(m, &g_file, "resolv.conf", LINUX_SYSFS_MAGIC);
}
