/*
 * Files and directories to and from the encrypted-file format. The input of a decryption is not trusted:
 * lib/encfile checks it; the output gets its name only when all of it was good. Start at pfcrypt_run.
 */
#include "cli/pfcrypt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/outfile.h"
#include "cli/pffile.h"
#include "lib/encfile/encfile.h"
#include "lib/plan/plan.h"

/*
 * Pieces end where nodes do (3072 + n * 4096), so that whole nodes go between buffer and file without
 * a copy.
 */
#define PIECE       (UINT64_C(1) << 20)
#define FIRST_PIECE (PIECE - 1024)

/* One file on its way. */
struct job {
    const struct pfcrypt *p;
    const char *input, *output, *bound;
    int in;
    struct outfile out;
    struct encfile *enc;
    uint64_t done, total; /* bytes in the clear; total 0: unknown */
    int copy; /* descriptor of a recovered copy that enc reads from, or -1 */
    uint8_t *piece;
    struct problem *why;
};

static size_t next_piece(const struct job *j)
{
    return j->done ? PIECE : FIRST_PIECE;
}

static void advance(struct job *j, size_t n)
{
    j->done += n;
    if (j->p->progress)
        j->p->progress(j->p->ctx, j->input, j->done, j->total);
}

static int out_failed(struct job *j, int err)
{
    const char *remedy = err == -ENOSPC || err == -EDQUOT ? ": free some space; nothing was changed" : "";
    return problem_set(j->why, err, "%s: cannot write: %s%s", j->output, strerror(-err), remedy);
}

static int in_failed(struct job *j, int err)
{
    return problem_set(j->why, err, "%s: cannot read: %s", j->input, strerror(-err));
}

/* Fill a piece; less than asked only at the end. */
static int64_t read_piece(struct job *j, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(j->in, j->piece + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return in_failed(j, -errno);
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int encrypt_content(struct job *j)
{
    size_t size;
    int64_t n;
    do {
        size = next_piece(j);
        n = read_piece(j, size);
        if (n < 0)
            return (int)n;
        for (int64_t at = 0, m; at < n; at += m) {
            m = encfile_write(j->enc, j->done + (uint64_t)at, j->piece + at, (size_t)(n - at));
            if (m < 0)
                return out_failed(j, (int)m);
        }
        advance(j, (size_t)n);
    } while ((size_t)n == size);
    return 0;
}

static int encrypt_open_file(struct job *j)
{
    int err = pffile_open(j->p->key, j->out.fd, -1, j->bound, ENCFILE_CREATE, &j->enc, NULL);
    if (err)
        return out_failed(j, err);
    err = encrypt_content(j);
    int closed = encfile_close(j->enc);
    j->enc = NULL;
    if (!err && closed)
        err = out_failed(j, closed);
    return err;
}

static int write_piece(struct job *j, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = write(j->out.fd, j->piece + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return out_failed(j, n ? -errno : -EIO);
        done += (size_t)n;
    }
    return 0;
}

static int decrypt_content(struct job *j)
{
    j->total = encfile_size(j->enc);
    while (j->done < j->total) {
        int64_t n = encfile_read(j->enc, j->done, j->piece, next_piece(j));
        if (n < 0)
            return pffile_explain(j->enc, encfile_status(j->enc), (int)n, j->input, j->done, j->why);
        int err = write_piece(j, (size_t)n);
        if (err)
            return err;
        advance(j, (size_t)n);
    }
    return 0;
}

static void tell_done(struct job *j, const char *bound)
{
    struct pfcrypt_file file = { j->input, j->output, bound, j->done, j->copy >= 0 };
    if (j->p->done)
        j->p->done(j->p->ctx, &file);
}

/* Decrypting, the file is checked before an output is begun. */
static int run_open_job(struct job *j)
{
    const struct pfcrypt *p = j->p;
    char bound[ENCFILE_PATH_MAX + 1];
    int err = 0;
    if (p->decrypt)
        err = pffile_open_to_read(p->key, j->in, j->input, p->verify ? j->bound : NULL, &j->enc,
                                  &j->copy, j->why);
    if (!err)
        err = outfile_open(&j->out, j->output, 0664, p->decrypt, j->why);
    if (!err)
        err = p->decrypt ? decrypt_content(j) : encrypt_open_file(j);
    snprintf(bound, sizeof(bound), "%s", j->enc ? encfile_path(j->enc) : j->bound);
    encfile_close(j->enc);
    if (err)
        outfile_discard(&j->out);
    else
        err = outfile_commit(&j->out, j->why);
    if (!err)
        tell_done(j, bound);
    if (j->copy >= 0)
        close(j->copy);
    return err;
}

static int run_file(const struct pfcrypt *p, const char *input, const char *output, const char *bound,
                    struct problem *why)
{
    struct stat st;
    struct job j = { .p = p, .input = input, .output = output, .bound = bound, .why = why,
                     .out = { .fd = -1 }, .copy = -1 };
    if (strlen(bound) > ENCFILE_PATH_MAX)
        return problem_set(why, -ENAMETOOLONG, "%s: the path to bind to is longer than %d bytes: choose a shorter one",
                           output, ENCFILE_PATH_MAX);
    j.in = open(input, O_RDONLY | O_CLOEXEC);
    if (j.in < 0)
        return in_failed(&j, -errno);
    if (fstat(j.in, &st) == 0 && S_ISREG(st.st_mode))
        j.total = (uint64_t)st.st_size;
    j.piece = malloc(PIECE);
    int err = j.piece ? run_open_job(&j) : problem_set(why, -ENOMEM, "%s: out of memory", input);
    if (j.piece)
        explicit_bzero(j.piece, PIECE);
    free(j.piece);
    close(j.in);
    return err;
}

/* Three paths that grow together as a directory is walked. */
struct walk {
    const struct pfcrypt *p;
    struct stat top; /* the output directory: the input must not contain it */
    char input[PATH_MAX], output[PATH_MAX], bound[PATH_MAX];
    struct problem *why;
};

static int walk_append(char *path, const char *name)
{
    size_t length = strlen(path);
    const char *slash = length == 0 || path[length - 1] == '/' ? "" : "/";
    int n = snprintf(path + length, PATH_MAX - length, "%s%s", slash, name);
    return (size_t)n < PATH_MAX - length ? 0 : -ENAMETOOLONG;
}

static int walk_directory(struct walk *w);

static bool is_recovery_file(const char *name)
{
    size_t length = strlen(name), suffix = strlen(ENCFILE_RECOVERY_SUFFIX);
    return length > suffix && strcmp(name + length - suffix, ENCFILE_RECOVERY_SUFFIX) == 0;
}

static int walk_entry(struct walk *w)
{
    struct stat st;
    if (stat(w->input, &st))
        return problem_set(w->why, -errno, "%s: cannot read: %s", w->input, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        if (st.st_dev == w->top.st_dev && st.st_ino == w->top.st_ino)
            return problem_set(w->why, -EINVAL, "%s: the output directory lies inside the input: choose another",
                               w->input);
        return walk_directory(w);
    }
    const char *reason = !S_ISREG(st.st_mode) ? "not a regular file"
                         : w->p->decrypt && is_recovery_file(w->input) ? "a recovery file" : NULL;
    if (!reason)
        return run_file(w->p, w->input, w->output, w->bound, w->why);
    if (w->p->skipped)
        w->p->skipped(w->p->ctx, w->input, reason);
    return 0;
}

static int walk_name(struct walk *w, const char *name)
{
    size_t in = strlen(w->input), out = strlen(w->output), bound = strlen(w->bound);
    int err = walk_append(w->input, name) || walk_append(w->output, name) || walk_append(w->bound, name);
    err = err ? problem_set(w->why, -ENAMETOOLONG, "%s: the path is too long", w->input) : walk_entry(w);
    w->input[in] = w->output[out] = w->bound[bound] = 0;
    return err;
}

static int not_dots(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* All names are read first: with input and output the same, no file is seen twice. */
static int walk_directory(struct walk *w)
{
    struct dirent **names;
    if (mkdir(w->output, 0775) && errno != EEXIST)
        return problem_set(w->why, -errno, "%s: cannot create directory: %s", w->output, strerror(errno));
    int err = 0, count = scandir(w->input, &names, not_dots, alphasort);
    if (count < 0)
        return problem_set(w->why, -errno, "%s: cannot read directory: %s", w->input, strerror(errno));
    for (int i = 0; i < count; i++) {
        if (!err)
            err = walk_name(w, names[i]->d_name);
        free(names[i]);
    }
    free(names);
    return err;
}

static int run_directory(const struct pfcrypt *p, const char *input, const char *output, const char *bound,
                         struct problem *why)
{
    struct stat st;
    struct walk *w = calloc(1, sizeof(*w));
    if (!w)
        return problem_set(why, -ENOMEM, "%s: out of memory", input);
    w->p = p;
    w->why = why;
    snprintf(w->input, sizeof(w->input), "%s", input);
    snprintf(w->output, sizeof(w->output), "%s", output);
    /* A file in "." is bound to its name alone. */
    snprintf(w->bound, sizeof(w->bound), "%s", strcmp(bound, ".") ? bound : "");
    int err = 0;
    if (mkdir(output, 0775) && errno != EEXIST)
        err = problem_set(why, -errno, "%s: cannot create directory: %s", output, strerror(errno));
    else if (stat(output, &w->top) || stat(input, &st))
        err = problem_set(why, -errno, "%s: cannot read: %s", output, strerror(errno));
    else if (!S_ISDIR(w->top.st_mode))
        err = problem_set(why, -ENOTDIR, "%s: is not a directory, but %s is", output, input);
    if (!err)
        err = walk_directory(w);
    free(w);
    return err;
}

int pfcrypt_run(const struct pfcrypt *p, const char *input, const char *output, struct problem *why)
{
    char out[PATH_MAX], bound[PATH_MAX];
    struct stat st;
    const char *bind_to = p->bound ? p->bound : p->decrypt ? input : output;
    /* As the reference does, the output is opened by the very path that is bound. */
    if (plan_normalise(output, strlen(output), out, sizeof(out)) < 0)
        return problem_set(why, -EINVAL, "%s: not a path that can be used", output);
    if (plan_normalise(bind_to, strlen(bind_to), bound, sizeof(bound)) < 0)
        return problem_set(why, -EINVAL, "%s: not a path that can be bound to", bind_to);
    if (stat(input, &st))
        return problem_set(why, -errno, "%s: cannot read: %s", input, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return run_directory(p, input, out, bound, why);
    return run_file(p, input, out, bound, why);
}
