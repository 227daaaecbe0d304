/*
 * The server's log. The audit log is append-only from here: each line is one write to a descriptor
 * with O_APPEND, so lines of several threads do not mix; a release is written down before it
 * happens. No secret is ever written.
 */
#include "cli/secret_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/str.h"

int secret_log_open(struct secret_log *log)
{
    if (!log->audit_path)
        return 0;
    int fd = open(log->audit_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    if (log->audit_fd < 0) {
        log->audit_fd = fd;
        return 0;
    }
    /* writers in other threads go on using the number */
    int ret = dup3(fd, log->audit_fd, O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    return ret;
}

void secret_log_close(struct secret_log *log)
{
    if (log->audit_fd >= 0)
        close(log->audit_fd);
    log->audit_fd = -1;
}

/* Facts of a certificate whose quote at least parsed. */
static bool has_facts(const struct sp_event *e)
{
    return e->outcome && e->outcome->where != AT_INIT && e->outcome->where != AT_EXTRACT_QUOTE &&
           e->outcome->verdict.failed != VERIFY_QUOTE_FORMAT;
}

static const char *reason_of(const struct sp_event *e, const char **words)
{
    if (e->kind == SP_SERVED) {
        *words = "released";
        return "released";
    }
    if (e->kind == SP_REFUSED && !e->detail)
        return ratls_outcome_reason(e->outcome, words);
    *words = e->detail ? e->detail : "connection lost";
    return e->kind == SP_REFUSED ? "not-released" : "broken";
}

static void add_facts(json_t *line, const struct verdict *v)
{
    char hex[65];
    hex_encode(v->body.mrenclave, 32, hex);
    json_object_set_new(line, "mrenclave", json_string(hex));
    hex_encode(v->body.mrsigner, 32, hex);
    json_object_set_new(line, "mrsigner", json_string(hex));
    json_object_set_new(line, "isv_prod_id", json_integer(v->body.isv_prod_id));
    json_object_set_new(line, "isv_svn", json_integer(v->body.isv_svn));
    json_object_set_new(line, "debug", json_boolean(v->body.debug));
    json_object_set_new(line, "quote_verified", json_boolean(v->verified));
    json_object_set_new(line, "tcb_status", json_string(tcb_status_name(v->status)));
    json_object_set_new(line, "step", json_string(verify_step_name(v->failed)));
}

/* One line with its newline, malloc'ed; NULL: no memory. */
static char *json_line(const struct sp_event *e, const char *verdict)
{
    const char *words, *reason = reason_of(e, &words);
    json_t *line = json_pack("{s:I, s:s, s:s, s:s, s:s}", "time", (json_int_t)time(NULL), "peer",
                             e->peer, "verdict", verdict, "reason", reason, "detail", words);
    if (line && e->name)
        json_object_set_new(line, "secret", json_string(e->name));
    if (line && has_facts(e))
        add_facts(line, &e->outcome->verdict);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL, *whole = NULL;
    if (text && (whole = realloc(text, strlen(text) + 2)))
        strcat(whole, "\n");
    else
        free(text);
    json_decref(line);
    return whole;
}

static void log_text(const struct sp_event *e)
{
    const char *words, *reason = reason_of(e, &words);
    char facts[256] = "", enclave[65], signer[65];
    if (has_facts(e)) {
        const struct verdict *v = &e->outcome->verdict;
        hex_encode(v->body.mrenclave, 32, enclave);
        hex_encode(v->body.mrsigner, 32, signer);
        snprintf(facts, sizeof(facts), " (MRENCLAVE %s, MRSIGNER %s, product %u, SVN %u%s, TCB %s)",
                 enclave, signer, v->body.isv_prod_id, v->body.isv_svn,
                 v->body.debug ? ", debug" : "", tcb_status_name(v->status));
    }
    if (e->kind == SP_SERVED)
        printf("%s: released%s%s%s\n", e->peer, e->name ? " " : "", e->name ? e->name : "", facts);
    else if (e->kind == SP_REFUSED)
        printf("%s: refused: %s: %s%s\n", e->peer, reason, words, facts);
    else
        printf("%s: no secret given: %s\n", e->peer, words);
}

static int append(struct secret_log *log, const char *line)
{
    size_t size = line ? strlen(line) : 0;
    if (!line)
        return -ENOMEM;
    ssize_t n = write(log->audit_fd, line, size);
    return n == (ssize_t)size ? 0 : (n < 0 ? -errno : -ENOSPC);
}

void secret_log_event(struct secret_log *log, const struct sp_event *e)
{
    static const char *const verdicts[] = {
        [SP_SERVED] = "released", [SP_REFUSED] = "refused", [SP_BROKEN] = "broken"
    };
    char *line = log->json || log->audit_fd >= 0 ? json_line(e, verdicts[e->kind]) : NULL;
    flockfile(stdout);
    if (!log->json)
        log_text(e);
    else if (line)
        fputs(line, stdout);
    fflush(stdout);
    funlockfile(stdout);
    if (log->audit_fd >= 0)
        (void)append(log, line); /* nothing is given away by this event */
    free(line);
}

int secret_log_grant(struct secret_log *log, const struct sp_event *e)
{
    if (log->audit_fd < 0)
        return 0;
    char *line = json_line(e, "granted");
    int ret = append(log, line);
    free(line);
    return ret;
}
