#ifndef CLI_SHOW_H
#define CLI_SHOW_H

/*
 * What is in a file, as a JSON value: one function per format. `cloister inspect` prints it as text
 * or JSON. Each takes untrusted bytes; NULL means "not this format", and then *why says why if the
 * file claims to be of it.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attest/dcap/verdict.h"
#include "text/problem.h"

json_t *show_sigstruct(const uint8_t *data, size_t size, bool verbose, struct problem *why);
json_t *show_manifest(const char *name, const uint8_t *data, size_t size, struct problem *why);
json_t *show_plan(const uint8_t *data, size_t size, struct problem *why);
json_t *show_encrypted(const uint8_t *data, size_t size, struct problem *why);
json_t *show_quote(const uint8_t *data, size_t size, struct problem *why);
json_t *show_image(const uint8_t *data, size_t size, struct problem *why);

/* What the verifier found, and what a platform's certificate says: with words for every code. */
json_t *show_verdict(const struct verdict *v);
json_t *show_platform(const struct pck_facts *p);

/* Print an object as indented text, "key: value". */
void show_print(const json_t *value, int depth);

/* Set object[key] to "0x" and hex digits. */
void show_hex64(json_t *object, const char *key, uint64_t value);

#endif
