/*
 * The host's resolver settings, out of /etc/resolv.conf. Start-up only; may use libc. Keywords begin at column 0;
 * the limits are those of glibc's resolver, and a later `search` replaces an earlier one.
 */
#include "host/dns.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/say.h"

#define BLANKS " \t\r\n"

/* inet_aton's parts, decimal only: the last part fills what the others leave. */
static bool parse_ipv4(const char *s, uint8_t out[4])
{
    uint64_t parts[4], address = 0;
    unsigned count = 0;
    for (;; s++) {
        if (count == 4 || *s < '0' || *s > '9' || (s[0] == '0' && s[1] >= '0' && s[1] <= '9'))
            return false;
        char *end;
        parts[count++] = strtoull(s, &end, 10);
        s = end;
        if (*s != '.')
            break;
    }
    uint64_t last = parts[count - 1];
    if (*s || last >> (8 * (5 - count)))
        return false;
    for (unsigned i = 0; i + 1 < count; i++) {
        if (parts[i] > 255)
            return false;
        address |= parts[i] << (24 - 8 * i);
    }
    uint32_t big_endian = htonl((uint32_t)(address | last));
    memcpy(out, &big_endian, sizeof(big_endian));
    return true;
}

static void add_nameserver(char *words, struct start_dns *out)
{
    char *rest = NULL, *word = strtok_r(words, BLANKS, &rest);
    struct start_nameserver s = { .is_ipv6 = word && strchr(word, ':') };
    if (!word)
        return;
    if (out->nameserver_count == START_NAMESERVERS)
        host_say("/etc/resolv.conf: name server %s is one too many: left out", word);
    else if (s.is_ipv6 ? inet_pton(AF_INET6, word, s.address) == 1 : parse_ipv4(word, s.address))
        out->nameservers[out->nameserver_count++] = s;
    else
        host_say("/etc/resolv.conf: name server %s is not an address: left out", word);
}

static void set_searches(char *words, struct start_dns *out)
{
    char *rest = NULL;
    out->search_count = 0;
    for (char *w = strtok_r(words, BLANKS, &rest); w; w = strtok_r(NULL, BLANKS, &rest)) {
        if (out->search_count == START_SEARCHES || strlen(w) >= START_DOMAIN_SIZE - 1)
            host_say("/etc/resolv.conf: search domain %s is one too many or too long: left out", w);
        else
            strcpy(out->searches[out->search_count++], w);
    }
}

static void add_options(char *words, struct start_dns *out)
{
    static const char *const names[] = { "edns0", "inet6", "rotate", "use-vc" };
    char *rest = NULL;
    for (char *w = strtok_r(words, BLANKS, &rest); w; w = strtok_r(NULL, BLANKS, &rest))
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strcmp(w, names[i]) == 0)
                out->options |= 1u << i;
}

void dns_read_line(char *line, struct start_dns *out)
{
    static const struct {
        const char *name;
        void (*take)(char *words, struct start_dns *out);
    } keywords[] = { { "nameserver", add_nameserver }, { "search", set_searches }, { "options", add_options } };
    line[strcspn(line, "#;")] = 0;
    for (unsigned i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        size_t length = strlen(keywords[i].name);
        if (strncmp(line, keywords[i].name, length) == 0 && (line[length] == ' ' || line[length] == '\t'))
            keywords[i].take(line + length, out);
    }
}

void dns_read(const char *path, struct start_dns *out)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (getline(&line, &room, f) > 0)
        dns_read_line(line, out);
    free(line);
    fclose(f);
}
