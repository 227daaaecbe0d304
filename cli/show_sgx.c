/*
 * SGX structures from files: SIGSTRUCT, quote, enclave image. The bytes are untrusted; nothing here
 * says that a quote is good, only what it claims. See cli/show.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attest/dcap/quote.h"
#include "cli/show.h"
#include "cli/term.h"
#include "cli/term_json.h"
#include "lib/base/bytes.h"
#include "lib/crypto/sha256.h"
#include "lib/elf/elf.h"
#include "lib/sgx/image.h"
#include "lib/sgx/sigstruct.h"

/* BCD to "YYYY-MM-DD"; -EINVAL when a digit is not decimal. */
static int date_text(uint32_t date, char out[11])
{
    for (int shift = 0; shift < 32; shift += 4)
        if ((date >> shift & 15) > 9)
            return -EINVAL;
    snprintf(out, 11, "%04x-%02x-%02x", date >> 16, date >> 8 & 0xff, date & 0xff);
    return 0;
}

static void add_sig_details(json_t *o, const struct sgx_sigstruct *s, const char *date)
{
    show_hex64(o, "attribute_flags", s->attributes.flags);
    show_hex64(o, "attribute_xfrms", s->attributes.xfrm);
    show_hex64(o, "misc_select", s->miscselect);
    show_hex64(o, "attribute_flags_mask", s->attribute_mask.flags);
    show_hex64(o, "attribute_xfrm_mask", s->attribute_mask.xfrm);
    show_hex64(o, "misc_mask", s->miscmask);
    json_object_set_new(o, "date", json_string(date));
}

json_t *show_sigstruct(const uint8_t *data, size_t size, bool verbose, struct problem *why)
{
    static const uint8_t header[16] = { 6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1 };
    static const uint8_t header2[16] = { 1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1 };
    struct sgx_sigstruct s;
    uint8_t mrsigner[SGX_HASH_SIZE];
    char date[11];
    if (size != sizeof(s)) {
        problem_set(why, -EINVAL, "a SIGSTRUCT has %zu bytes, not %zu", sizeof(s), size);
        return NULL;
    }
    memcpy(&s, data, sizeof(s));
    if (memcmp(s.header, header, 16) != 0 || memcmp(s.header2, header2, 16) != 0) {
        problem_set(why, -EINVAL, "not a SIGSTRUCT: its header is another");
        return NULL;
    }
    if (verbose && date_text(s.date, date)) {
        problem_set(why, -EINVAL, "its date 0x%08x is not decimal", s.date);
        return NULL;
    }
    json_t *o = json_object();
    sigstruct_mrsigner(&s, mrsigner);
    term_json_hex(o, "mr_signer", mrsigner, sizeof(mrsigner));
    term_json_hex(o, "mr_enclave", s.enclavehash, sizeof(s.enclavehash));
    json_object_set_new(o, "isv_prod_id", json_integer(s.isv_prod_id));
    json_object_set_new(o, "isv_svn", json_integer(s.isv_svn));
    if (verbose)
        add_sig_details(o, &s, date);
    json_object_set_new(o, "debug_enclave", json_boolean(s.attributes.flags & SGX_FLAG_DEBUG));
    return o;
}

static json_t *show_report_body(const struct sgx_report_body *b)
{
    json_t *o = json_object();
    term_json_hex(o, "mr_enclave", b->mrenclave, sizeof(b->mrenclave));
    term_json_hex(o, "mr_signer", b->mrsigner, sizeof(b->mrsigner));
    json_object_set_new(o, "isv_prod_id", json_integer(b->isv_prod_id));
    json_object_set_new(o, "isv_svn", json_integer(b->isv_svn));
    json_object_set_new(o, "debug_enclave", json_boolean(b->attributes.flags & SGX_FLAG_DEBUG));
    show_hex64(o, "attribute_flags", b->attributes.flags);
    show_hex64(o, "attribute_xfrms", b->attributes.xfrm);
    show_hex64(o, "misc_select", b->miscselect);
    term_json_hex(o, "cpu_svn", b->cpusvn, sizeof(b->cpusvn));
    term_json_hex(o, "report_data", b->reportdata, sizeof(b->reportdata));
    return o;
}

static const char *cert_type_words(unsigned type)
{
    static const char *const words[] = { "?", "PPID in clear", "PPID under RSA-2048", "PPID under RSA-3072",
                                         "PCK certificate", "PCK certificate chain", "QE report", "platform manifest" };
    return type < ARRAY_COUNT(words) ? words[type] : "unknown";
}

json_t *show_quote(const uint8_t *data, size_t size, struct problem *why)
{
    struct quote q;
    struct sgx_report_body body;
    const char *reason = "malformed";
    if (quote_parse(data, size, &q, &reason)) {
        problem_set(why, -EINVAL, "not a quote: %s", reason);
        return NULL;
    }
    json_t *o = json_object();
    json_object_set_new(o, "version", json_integer(q.version));
    json_object_set_new(o, "tee", json_string(q.tee == QUOTE_TEE_SGX ? "SGX" : "TDX"));
    json_object_set_new(o, "qe_svn", json_integer(q.qe_svn));
    json_object_set_new(o, "pce_svn", json_integer(q.pce_svn));
    term_json_hex(o, "user_data", q.user_data, 20);
    if (q.body_kind == QUOTE_BODY_SGX && q.body_size == sizeof(body)) {
        memcpy(&body, q.body, sizeof(body));
        json_object_set_new(o, "enclave", show_report_body(&body));
    } else {
        term_json_hex(o, "mr_td", q.body + TD_MRTD, 48);
        term_json_hex(o, "td_attributes", q.body + TD_ATTRIBUTES, 8);
        term_json_hex(o, "report_data", q.body + TD_REPORT_DATA, 64);
    }
    memcpy(&body, q.qe_report, sizeof(body));
    json_object_set_new(o, "quoting_enclave", show_report_body(&body));
    json_object_set_new(o, "certification_data_type", json_sprintf("%u: %s", q.cert_type, cert_type_words(q.cert_type)));
    json_object_set_new(o, "certification_data_size", json_integer(q.cert_size));
    json_object_set_new(o, "verified", json_string("no: inspect only shows what the quote claims"));
    return o;
}

static json_t *show_segments(const struct elf_image *elf)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < elf->count; i++) {
        const struct elf_segment *s = &elf->segments[i];
        if (s->type != ELF_PT_LOAD)
            continue;
        json_array_append_new(
            list,
            json_sprintf("0x%llx-0x%llx %c%c%c", (unsigned long long)s->vaddr,
                         (unsigned long long)(s->vaddr + s->memsz), s->flags & ELF_PF_R ? 'R' : '-',
                         s->flags & ELF_PF_W ? 'W' : '-', s->flags & ELF_PF_X ? 'X' : '-'));
    }
    return list;
}

json_t *show_image(const uint8_t *data, size_t size, struct problem *why)
{
    struct elf_image elf;
    struct image_note note;
    uint8_t digest[32];
    if (elf_open(data, size, size, &elf)) {
        problem_set(why, -ENOEXEC, "not an x86-64 executable, or malformed");
        return NULL;
    }
    json_t *o = json_object();
    int found = image_find_note(&elf, &note);
    sha256_digest(data, size, digest);
    json_object_set_new(
        o, "kind", json_string(elf.type == ELF_ET_DYN ? "position-independent" : "fixed address"));
    show_hex64(o, "direct_entry", elf.entry);
    if (found == 0) {
        show_hex64(o, "enclave_entry", note.enclave_entry);
        json_object_set_new(o, "enclu_sites", json_integer((json_int_t)note.enclu_count));
    }
    json_object_set_new(o, "enclave_image",
                        found == 0
                            ? json_true()
                            : json_string(found == -ENOENT ? "no: it has no Cloister note"
                                                           : "no: its Cloister note is malformed"));
    json_object_set_new(o, "segments", show_segments(&elf));
    term_json_hex(o, "sha256", digest, sizeof(digest));
    return o;
}
