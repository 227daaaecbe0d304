/* See attestation_dir.h. `quote` is a FIFO; a new one takes its place for each reader, so that no reader
 * sees the quote of the next. */
#include "tests/unit/attest/attestation_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/file.h"
#include "lib/base/assert.h"

static void *quote_thread(void *arg)
{
    struct attestation_dir *d = arg;
    char fifo[128], data_path[128];
    snprintf(fifo, sizeof(fifo), "%s/quote", d->path);
    snprintf(data_path, sizeof(data_path), "%s/user_report_data", d->path);
    for (;;) {
        uint8_t quote[SOFT_QUOTE_MAX], *data = NULL;
        size_t size = 0;
        int fd = open(fifo, O_WRONLY); /* waits for a reader */
        unlink(fifo);
        assert(mkfifo(fifo, 0600) == 0);
        if (d->stop) {
            close(fd);
            return NULL;
        }
        assert(file_read(data_path, 64, &data, &size) == 0 && size == 64);
        size = fixture_quote(d->fixture, d->enclave, data, quote);
        assert(write(fd, quote, size) == (ssize_t)size);
        close(fd);
        free(data);
    }
}

void attestation_dir_start(struct attestation_dir *d, const struct fixture *f, const struct fake_enclave *e)
{
    char path[128];
    *d = (struct attestation_dir){ .path = "/tmp/cloister-attestation-XXXXXX", .fixture = f, .enclave = e };
    assert(mkdtemp(d->path));
    snprintf(path, sizeof(path), "%s/user_report_data", d->path);
    assert(file_write(path, "", 0, 0600) == 0);
    snprintf(path, sizeof(path), "%s/quote", d->path);
    assert(mkfifo(path, 0600) == 0);
    assert(pthread_create(&d->thread, NULL, quote_thread, d) == 0);
}

void attestation_dir_stop(struct attestation_dir *d)
{
    char path[128], command[160];
    d->stop = true;
    snprintf(path, sizeof(path), "%s/quote", d->path);
    int fd = open(path, O_RDONLY);
    close(fd);
    pthread_join(d->thread, NULL);
    snprintf(command, sizeof(command), "rm -rf %s", d->path);
    assert(system(command) == 0);
}
