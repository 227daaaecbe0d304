/*
 * Flip every byte of good quotes and of everything they are verified with: each mutant must be refused, and none may
 * crash (ASan, UBSan). usage: mutation [-s STEP] [-j PROCESSES] CASE... with folders of shared/vectors/dcap.
 *
 * A mutant that is accepted is forgiven only when it is the same document in other clothes: padding after the quote, or
 * PEM text that decodes to the same certificates. Exit status 0 all refused, 1 not, 77 no vectors.
 */
#include <jansson.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attest/dcap/collateral.h"
#include "attest/dcap/pem.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/verify.h"
#include "attest/file.h"

#define PROCESSES_MAX 16
#define QUOTE_PART    COLLATERAL_ITEMS

struct sample {
    const char *dir;
    uint8_t *quote;
    size_t quote_size;
    struct collateral collateral;
    struct trust_roots roots;
    int64_t at;
};

struct counts {
    unsigned long refused, same, accepted;
};

static const uint8_t g_flips[] = { 0x01, 0x80, 0xff, 0x10 };

static bool load_sample(const char *dir, struct sample *s)
{
    char path[4096];
    *s = (struct sample){ .dir = dir };
    trust_roots_intel(&s->roots);
    snprintf(path, sizeof(path), "%s/expected.json", dir);
    json_t *e = json_load_file(path, 0, NULL);
    s->at = json_integer_value(json_object_get(e, "verify_at"));
    json_decref(e);
    snprintf(path, sizeof(path), "%s/quote.bin", dir);
    return e && file_read(path, 1 << 20, &s->quote, &s->quote_size) == 0 &&
           collateral_load(dir, &s->collateral, NULL) == 0;
}

static bool accepted(const struct sample *s, struct verify_cache *cache)
{
    struct verify_options o = { .roots = &s->roots, .cache = cache };
    struct verdict v;
    return quote_verify(s->quote, s->quote_size, &s->collateral, &o, s->at, &v) == 0 && v.verified;
}

/* Certificates of PEM text, re-encoded: what it means. Returns its size, 0 when it does not decode. */
static size_t meaning(const uint8_t *pem, size_t size, uint8_t *out, size_t room)
{
    size_t pos = 0, used = 0;
    X509 *x;
    while (pem_next_certificate((const char *)pem, size, &pos, &x) == 0 && x) {
        uint8_t *p = out + used;
        int n = i2d_X509(x, NULL);
        if (n > 0 && (size_t)n <= room - used)
            used += (size_t)i2d_X509(x, &p);
        X509_free(x);
    }
    return used;
}

static bool same_pem(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    static uint8_t ma[1 << 16], mb[1 << 16];
    size_t na = meaning(a, a_size, ma, sizeof(ma)), nb = meaning(b, b_size, mb, sizeof(mb));
    return na > 0 && na == nb && memcmp(ma, mb, na) == 0;
}

static bool same_meaning(int part, const uint8_t *was, const uint8_t *is, size_t size, size_t at)
{
    struct quote a, b;
    if (part == COLLATERAL_TCB_CHAIN || part == COLLATERAL_QE_CHAIN)
        return same_pem(was, size, is, size);
    if (part != QUOTE_PART || quote_parse(was, size, &a, NULL) || quote_parse(is, size, &b, NULL))
        return false;
    size_t start = (size_t)(a.cert_data - was);
    return at >= a.size || (at >= start && at < start + a.cert_size &&
                            same_pem(a.cert_data, a.cert_size, b.cert_data, b.cert_size));
}

/*
 * One mutant, with a cache that knows the good documents. Changed collateral is not in it, so that is verified afresh; for
 * the quote, whose collateral is found there, a fresh verification is tried too.
 */
static void try_mutant(struct sample *s, int part, size_t at, uint8_t flip, struct verify_cache *cache, struct counts *c)
{
    uint8_t *data = part == QUOTE_PART ? s->quote : s->collateral.item[part].data;
    size_t size = part == QUOTE_PART ? s->quote_size : s->collateral.item[part].size;
    data[at] ^= flip;
    bool fresh = part == QUOTE_PART && accepted(s, NULL), known = accepted(s, cache);
    if (!fresh && !known) {
        c->refused++;
    } else {
        uint8_t *was = malloc(size);
        memcpy(was, data, size);
        was[at] ^= flip;
        bool same = same_meaning(part, was, data, size, at);
        *(same ? &c->same : &c->accepted) += 1;
        if (!same)
            printf("ACCEPTED: %s part %d byte %zu flip 0x%02x%s\n", s->dir, part, at, flip, fresh ? "" : " (cache only)");
        free(was);
    }
    data[at] ^= flip;
}

static void run_part(struct sample *s, int part, size_t first, size_t step, struct counts *c)
{
    size_t size = part == QUOTE_PART ? s->quote_size : s->collateral.item[part].size;
    struct verify_cache *cache = verify_cache_new();
    (void)accepted(s, cache);
    for (size_t at = first; at < size; at += step)
        try_mutant(s, part, at, g_flips[at % sizeof(g_flips)], cache, c);
    verify_cache_free(cache);
}

static int work(struct sample *s, unsigned process, unsigned processes, size_t step, struct counts *c)
{
    for (int part = 0; part <= QUOTE_PART; part++)
        run_part(s, part, process * step, processes * step, c);
    fflush(stdout);
    return 0;
}

/* Each process takes every n-th byte. Returns false when one crashed. */
static bool run_sample(struct sample *s, unsigned processes, size_t step, struct counts *total)
{
    struct counts *c = mmap(NULL, processes * sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid[PROCESSES_MAX];
    struct counts sum = { 0 };
    bool sound = c != MAP_FAILED;
    fflush(stdout);
    for (unsigned i = 0; i < processes && sound; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            _exit(work(s, i, processes, step, &c[i]));
    }
    for (unsigned i = 0; i < processes && sound; i++) {
        int status = -1;
        if (pid[i] < 0 || waitpid(pid[i], &status, 0) < 0 || status != 0)
            printf("CRASHED: %s: process %u: status 0x%x\n", s->dir, i, status), sound = false;
        sum.refused += c[i].refused;
        sum.same += c[i].same;
        sum.accepted += c[i].accepted;
    }
    const char *name = strrchr(s->dir, '/');
    printf("%-14s %s  %lu mutants: %lu refused, %lu the same document, %lu wrongly accepted\n",
           sound && sum.accepted == 0 ? "pass" : "FAIL", name ? name : s->dir, sum.refused + sum.same + sum.accepted,
           sum.refused, sum.same, sum.accepted);
    total->refused += sum.refused;
    total->same += sum.same;
    total->accepted += sum.accepted;
    return sound;
}

int main(int argc, char **argv)
{
    unsigned processes = 2;
    size_t step = 1;
    bool sound = true;
    struct counts total = { 0 };
    for (int c; (c = getopt(argc, argv, "s:j:")) != -1;) {
        if (c == 's')
            step = strtoul(optarg, NULL, 10);
        else if (c == 'j')
            processes = (unsigned)strtoul(optarg, NULL, 10);
    }
    if (step == 0 || processes == 0 || processes > PROCESSES_MAX || optind >= argc) {
        fprintf(stderr, "usage: mutation [-s STEP] [-j PROCESSES] CASE...\n");
        return 2;
    }
    for (int i = optind; i < argc; i++) {
        struct sample s;
        if (!load_sample(argv[i], &s)) {
            printf("SKIP: no vectors at %s\n", argv[i]);
            return 77;
        }
        if (!accepted(&s, NULL)) {
            printf("FAIL: %s: the good quote is refused\n", argv[i]);
            return 1;
        }
        sound &= run_sample(&s, processes, step, &total);
        free(s.quote);
        collateral_fini(&s.collateral);
    }
    printf("%lu mutants (those of quotes fresh and with a warm cache): %lu refused, %lu the same document, %lu wrongly accepted\n",
           total.refused + total.same + total.accepted, total.refused, total.same, total.accepted);
    return sound && total.accepted == 0 ? 0 : 1;
}
