/*
 * Hash many files. Worker threads take jobs by an atomic counter and write only to their own job;
 * the calling thread shows progress and waits. A file that changes while it is read is an error:
 * its digest would be of something that never was. Start at hash_files().
 */
#include "manifest/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/crypto/sha256.h"
#include "lib/verity/verity.h"
#include "manifest/digest_cache.h"
#include "manifest/open_in.h"

#define THREADS    2
#define CHUNK_SIZE ((size_t)1 << 20)

struct hasher {
    struct hash_job *jobs;
    size_t count;
    const struct hash_options *options;
    struct digest_cache *cache; /* read only while threads run */
    atomic_size_t next;
    atomic_uint_fast64_t done; /* bytes */
    pthread_mutex_t mu;        /* guards running; signalled by `ended` */
    pthread_cond_t ended;
    unsigned running; /* mu */
};

/* Both digests in one pass. */
static int digest(struct hasher *h, struct hash_job *job, int fd, uint8_t *chunk)
{
    struct verity_builder builder;
    struct sha256 ctx;
    ssize_t n;
    int ret = verity_build_init(&builder, job->size, job->tree);
    sha256_init(&ctx);
    while (!ret && (n = read(fd, chunk, CHUNK_SIZE)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        sha256_update(&ctx, chunk, (size_t)n);
        ret = verity_build_update(&builder, chunk, (size_t)n);
        atomic_fetch_add(&h->done, (uint64_t)n);
    }
    sha256_final(&ctx, job->sha256);
    if (!ret)
        ret = verity_build_final(&builder, job->root);
    return ret == -EFBIG || ret == -ENODATA ? -ESTALE : ret;
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int hash_open_file(struct hasher *h, struct hash_job *job, int fd, uint8_t *chunk)
{
    struct stat before, after;
    if (fstat(fd, &before))
        return -errno;
    if (S_ISDIR(before.st_mode))
        return -EISDIR;
    if (!S_ISREG(before.st_mode))
        return -EINVAL;
    job->cacheable = digest_cache_key(job->path, &before, job->cache_key);
    if (digest_cache_find(h->cache, job)) {
        atomic_fetch_add(&h->done, job->size);
        return 0;
    }
    job->fresh = true;
    job->size = (uint64_t)before.st_size;
    job->tree_size = verity_tree_size(job->size);
    job->tree = job->tree_size ? malloc(job->tree_size) : NULL;
    if (job->tree_size && !job->tree)
        return -ENOMEM;
    int ret = digest(h, job, fd, chunk);
    if (!ret && (fstat(fd, &after) || !unchanged(&before, &after)))
        ret = -ESTALE;
    return ret;
}

static int hash_file(struct hasher *h, struct hash_job *job, uint8_t *chunk)
{
    if (!chunk)
        return -ENOMEM;
    int fd = open_in(h->options->root, job->path, O_RDONLY | O_NONBLOCK);
    if (fd < 0)
        return fd;
    int ret = hash_open_file(h, job, fd, chunk);
    close(fd);
    return ret;
}

static void *work(void *arg)
{
    struct hasher *h = arg;
    uint8_t *chunk = malloc(CHUNK_SIZE);
    size_t i;
    while ((i = atomic_fetch_add(&h->next, 1)) < h->count)
        h->jobs[i].error = hash_file(h, &h->jobs[i], chunk);
    free(chunk);
    pthread_mutex_lock(&h->mu);
    h->running--;
    pthread_cond_signal(&h->ended);
    pthread_mutex_unlock(&h->mu);
    return NULL;
}

static void wait_for_threads(struct hasher *h)
{
    struct timespec until;
    pthread_mutex_lock(&h->mu);
    while (h->running) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&h->ended, &h->mu, &until);
        if (h->options->progress)
            h->options->progress(h->options->arg, atomic_load(&h->done), h->options->total);
    }
    pthread_mutex_unlock(&h->mu);
}

/* Without a second thread the first does all; without any, the caller does. */
static void run_threads(struct hasher *h)
{
    pthread_t threads[THREADS];
    unsigned started = 0;
    h->running = THREADS;
    while (started < THREADS && pthread_create(&threads[started], NULL, work, h) == 0)
        started++;
    for (unsigned i = started; i < THREADS; i++)
        work(h);
    wait_for_threads(h);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
}

static int first_error(const struct hasher *h, struct problem *why)
{
    for (size_t i = 0; i < h->count; i++) {
        const struct hash_job *job = &h->jobs[i];
        if (!job->error || (job->error == -ENOENT && job->may_miss))
            continue;
        return problem_set(
            why, job->error, "%s: %s", job->path,
            job->error == -ESTALE ? "changed while it was read: try again"
            : job->error == -EISDIR
                ? "is a directory: end its URI with \"/\" to trust all files below it"
            : job->error == -EINVAL ? "not a regular file"
                                    : strerror(-job->error));
    }
    return 0;
}

int hash_files(struct hash_job *jobs, size_t count, const struct hash_options *options,
               struct problem *why)
{
    struct hasher h = { .jobs = jobs, .count = count, .options = options };
    pthread_mutex_init(&h.mu, NULL);
    pthread_cond_init(&h.ended, NULL);
    h.cache = options->no_cache ? NULL : digest_cache_load();
    run_threads(&h);
    int ret = first_error(&h, why);
    if (!ret && !options->no_cache)
        digest_cache_save(h.cache, jobs, count);
    digest_cache_free(h.cache);
    pthread_cond_destroy(&h.ended);
    pthread_mutex_destroy(&h.mu);
    return ret;
}
