/*
 * How fast is quote_verify() against the P-256 verifications that it cannot do without? usage:
 * quote_verify CASE `openssl speed ecdsap256` runs before and after, in the same run. Prints a
 * table and one machine-readable line. The bound (issue 4) is three verifications plus 20 %, with
 * certificate chains cached across quotes.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attest/dcap/collateral.h"
#include "attest/dcap/quote.h"
#include "attest/dcap/verify.h"
#include "attest/file.h"
#include "lib/base/bytes.h"

#define ROUNDS   5
#define SECONDS  0.4
#define VARIANTS (2 * VERIFY_CHAINS)
#define BOUND    3.6

struct sample {
    uint8_t *quote[VARIANTS]; /* the same quote with 0, 1, 2... NULs after its chain: as good as
                                 another platform's */
    size_t size[VARIANTS];
    struct collateral collateral;
    struct trust_roots roots;
    int64_t at;
};

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* as openssl speed: other programs do not count */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Microseconds for one verification, as openssl measures it; 0 when it cannot be had. */
static double openssl_speed(void)
{
    char line[512];
    double us = 0;
    FILE *f = popen("openssl speed -mr -seconds 1 ecdsap256 2>/dev/null", "re");
    while (f && fgets(line, sizeof(line), f)) {
        double sign, verify; /* +F4:index:bits:signatures per second:verifications per second */
        if (sscanf(line, "+F4:%*d:%*d:%lf:%lf", &sign, &verify) == 2 && verify > 0)
            us = 1e6 / verify;
    }
    if (f)
        pclose(f);
    return us;
}

/* Version 3 only: grow certification data by `extra` NULs and correct the two (unsigned) lengths.
 */
static bool make_variant(const uint8_t *quote, size_t size, unsigned extra, struct sample *s)
{
    struct quote q;
    uint8_t *copy = calloc(1, size + VARIANTS);
    if (!copy || quote_parse(quote, size, &q, NULL) || q.version != 3)
        return false;
    size_t end = (size_t)(q.cert_data - quote) + q.cert_size;
    memcpy(copy, quote, end);
    store_le32(copy + 432, load_le32(quote + 432) + extra);
    store_le32(copy + (q.cert_data - quote) - 4, q.cert_size + extra);
    s->quote[extra] = copy;
    s->size[extra] = end + extra;
    return true;
}

static bool load_sample(const char *dir, struct sample *s)
{
    char path[4096];
    uint8_t *quote = NULL;
    size_t size = 0;
    trust_roots_intel(&s->roots);
    snprintf(path, sizeof(path), "%s/expected.json", dir);
    json_t *e = json_load_file(path, 0, NULL);
    s->at = json_integer_value(json_object_get(e, "verify_at"));
    json_decref(e);
    snprintf(path, sizeof(path), "%s/quote.bin", dir);
    bool ok = e && file_read(path, 1 << 20, &quote, &size) == 0 &&
              collateral_load(dir, &s->collateral, NULL) == 0;
    for (unsigned i = 0; i < VARIANTS && ok; i++)
        ok = make_variant(quote, size, i, s);
    free(quote);
    return ok;
}

enum kind { KNOWN_PLATFORM, NEW_PLATFORM, NOTHING_CACHED, KINDS };

/* Microseconds for one quote. */
static double measure(const struct sample *s, enum kind kind)
{
    struct verify_cache *cache = kind == NOTHING_CACHED ? NULL : verify_cache_new();
    struct verify_options o = { .roots = &s->roots, .cache = cache };
    struct verdict v;
    unsigned long count = 0;
    (void)quote_verify(s->quote[0], s->size[0], &s->collateral, &o, s->at, &v);
    double start = seconds(), spent;
    do {
        unsigned i = kind == NEW_PLATFORM ? 1 + count % (VARIANTS - 1) : 0;
        if (quote_verify(s->quote[i], s->size[i], &s->collateral, &o, s->at, &v)) {
            fprintf(stderr, "quote_verify: refused: %s\n", verify_step_words(v.failed));
            exit(1);
        }
        count++;
        spent = seconds() - start;
    } while (spent < SECONDS);
    verify_cache_free(cache);
    return spent / (double)count * 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "platform seen before", "another platform, same CA and collateral", "nothing cached" };
    static struct sample s;
    double us[KINDS][ROUNDS], p256[ROUNDS];
    if (argc != 2 || !load_sample(argv[1], &s)) {
        fprintf(stderr, "usage: quote_verify CASE (a version 3 quote of shared/vectors/dcap)\n");
        return argc == 2 ? 77 : 2;
    }
    for (int i = 0; i < ROUNDS; i++) { /* interleaved, so that a busy machine is busy for all */
        p256[i] = openssl_speed();
        for (int k = 0; k < KINDS; k++)
            us[k][i] = measure(&s, k);
    }
    qsort(p256, ROUNDS, sizeof(double), by_size);
    if (p256[ROUNDS / 2] <= 0) {
        fprintf(stderr, "quote_verify: openssl speed gave no figure\n");
        return 1;
    }
    printf("P-256 verification (openssl speed): %.1f us\n", p256[ROUNDS / 2]);
    for (int k = 0; k < KINDS; k++) {
        qsort(us[k], ROUNDS, sizeof(double), by_size);
        printf("quote_verify, %-41s %7.1f us = %5.2f verifications\n", names[k], us[k][ROUNDS / 2],
               us[k][ROUNDS / 2] / p256[ROUNDS / 2]);
    }
    printf("{\"bench\":\"quote_verify\",\"p256_us\":%.2f,\"known_us\":%.2f,\"new_us\":%.2f,\"cold_"
           "us\":%.2f,\"ratio\":%.3f,\"bound\":%.1f}\n",
           p256[ROUNDS / 2], us[0][ROUNDS / 2], us[1][ROUNDS / 2], us[2][ROUNDS / 2],
           us[0][ROUNDS / 2] / p256[ROUNDS / 2], BOUND);
    return us[0][ROUNDS / 2] <= BOUND * p256[ROUNDS / 2] ? 0 : 1;
}
