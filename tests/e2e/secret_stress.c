/*
 * A crowd before one `cloister secret-server`: CLIENTS at once, then TOTAL connections one after
 * another from a few threads. Among them two enclaves with a secret each, one that may have none,
 * one in debug mode, clients that send garbage, and clients that send nothing and stay. Everyone
 * must get exactly what is his, nobody may starve, and the server's memory must not grow. Prints
 * one line of JSON. exit status: 0 all right; 1 not, with the reason.
 *
 * usage: secret_stress CLOISTER CLIENTS TOTAL
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attest/file.h"
#include "attest/ratls/ratls_create.h"
#include "attest/secret/server_cert.h"
#include "attest/secret/sp_wire.h"
#include "lib/base/str.h"
#include "tests/unit/attest/attestation_dir.h"
#include "tests/unit/attest/fixture.h"

#define SECRET_SIZE  3000
#define LORIS        900 /* that stay during everything */
#define WORKERS      8
#define SAMPLES      10
#define WARM         3     /* the sample from which memory must not grow */
#define LONG_RUN     20000 /* fewer connections say nothing about memory */
#define SECONDS_MOST 60    /* for one honest client, on a busy machine */

enum kind { FIRST, SECOND, STRANGER, DEBUGGED, GARBAGE, KINDS };

struct world {
    struct fixture fixture;
    SSL_CTX *tls[GARBAGE];
    pid_t server;
    struct sockaddr_in address;
    atomic_uint served, refused, garbage, wrong, left;
    _Atomic double slowest;
    pthread_barrier_t start;
};

static struct world g_world;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
    fprintf(stderr, "secret_stress: %s: %s\n", what, strerror(errno));
    if (g_world.server > 0)
        kill(g_world.server, SIGKILL);
    exit(1);
}

/* The secret of a kind, with which nobody else's begins. */
static void secret_of(enum kind kind, uint8_t out[SECRET_SIZE])
{
    for (unsigned i = 0; i < SECRET_SIZE; i++)
        out[i] = (uint8_t)(kind * 101 + i * 7 + i / 256);
}

static struct fake_enclave enclave_of(enum kind kind)
{
    struct fake_enclave e = fake_good;
    e.mrenclave[31] = (uint8_t)(kind == DEBUGGED ? FIRST : kind);
    if (kind == DEBUGGED)
        e.flags |= 2;
    return e;
}

/* Certificates are made once a kind: a client costs a handshake, not a quote. */
static void make_identity(enum kind kind)
{
    struct fake_enclave e = enclave_of(kind);
    struct attestation_dir dir;
    EVP_PKEY *key;
    X509 *crt;
    attestation_dir_start(&dir, &g_world.fixture, &e);
    if (ratls_create(dir.path, RATLS_NOT_BEFORE, RATLS_NOT_AFTER, &key, &crt))
        die("certificate");
    attestation_dir_stop(&dir);
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls || SSL_CTX_use_certificate(tls, crt) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
        die("TLS context");
    g_world.tls[kind] = tls;
    X509_free(crt);
    EVP_PKEY_free(key);
}

static void write_in(const char *name, const void *data, size_t size)
{
    char path[SOFT_PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", g_world.fixture.folder, name);
    if (file_write(path, data, size, 0600))
        die(path);
}

static void make_secret(enum kind kind, const char *name)
{
    struct fake_enclave e = enclave_of(kind);
    uint8_t secret[SECRET_SIZE];
    char hex[65], text[128], file[64];
    secret_of(kind, secret);
    write_in(name, secret, sizeof(secret));
    hex_encode(e.mrenclave, 32, hex);
    int n = snprintf(text, sizeof(text), "mrenclave = [\"%s\"]\n", hex);
    snprintf(file, sizeof(file), "%s.toml", name);
    write_in(file, text, (size_t)n);
}

static void start_server(const char *cloister)
{
    char path[8][SOFT_PATH_MAX + 64], line[128] = "";
    int ready[2];
    const char *folder = g_world.fixture.folder;
    static const char secrets[] = "[secret.first]\nfile = \"first\"\npolicy = \"first.toml\"\n"
                                  "[secret.second]\nfile = \"second\"\npolicy = \"second.toml\"\n";
    make_secret(FIRST, "first");
    make_secret(SECOND, "second");
    write_in("secrets.toml", secrets, sizeof(secrets) - 1);
    snprintf(path[0], sizeof(path[0]), "%s/certs", folder);
    snprintf(path[1], sizeof(path[1]), "%s/certs/server.crt", folder);
    snprintf(path[2], sizeof(path[2]), "%s/certs/server.key", folder);
    snprintf(path[3], sizeof(path[3]), "%s/secrets.toml", folder);
    snprintf(path[4], sizeof(path[4]), "--soft=%s", folder);
    snprintf(path[5], sizeof(path[5]), "%s/audit.jsonl", folder);
    if (server_cert_make(path[0]) || pipe(ready))
        die("server certificate");
    g_world.server = fork();
    if (g_world.server == 0) {
        close(ready[0]);
        dup2(ready[1], 9);
        if (!freopen("/dev/null", "w", stdout))
            _exit(127);
        execl(cloister, cloister, "secret-server", "--cert", path[1], "--key", path[2], "--secrets",
              path[3], path[4], "--listen", "127.0.0.1:0", "--ready-fd", "9", "--audit-log",
              path[5], NULL);
        _exit(127);
    }
    close(ready[1]);
    if (read(ready[0], line, sizeof(line) - 1) <= 0)
        die("the server did not start");
    close(ready[0]);
    g_world.address = (struct sockaddr_in){ .sin_family = AF_INET,
                                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                            .sin_port = htons(
                                                (uint16_t)atoi(strrchr(line, ':') + 1)) };
}

static int dial(void)
{
    struct timeval most = { SECONDS_MOST, 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&g_world.address, sizeof(g_world.address)))
        die("connect");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    return fd;
}

static int read_exactly(SSL *ssl, uint8_t *out, int size)
{
    int done = 0, n = 1;
    while (done < size && (n = SSL_read(ssl, out + done, size - done)) > 0)
        done += n;
    return done;
}

/* Returns how many bytes of a secret came; what came is in out. */
static int ask(SSL *ssl, uint8_t out[SECRET_SIZE])
{
    uint8_t header[SP_HEADER_SIZE];
    uint32_t size;
    if (SSL_connect(ssl) != 1 || SSL_write(ssl, SP_REQUEST, SP_REQUEST_SIZE) <= 0 ||
        read_exactly(ssl, header, sizeof(header)) != (int)sizeof(header) ||
        sp_header_parse(header, &size))
        return 0;
    return read_exactly(ssl, out, size > SECRET_SIZE ? SECRET_SIZE : (int)size);
}

static void send_garbage(unsigned seed)
{
    uint8_t noise[600];
    int fd = dial();
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)rand_r(&seed);
    if (seed & 1)
        memcpy(noise, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
               11); /* almost a ClientHello */
    (void)!send(fd, noise, sizeof(noise), MSG_NOSIGNAL);
    (void)!recv(fd, noise, sizeof(noise), MSG_DONTWAIT);
    close(fd);
    g_world.garbage++;
}

static void be(enum kind kind, unsigned seed)
{
    uint8_t got[SECRET_SIZE], mine[SECRET_SIZE];
    double start = seconds();
    if (kind == GARBAGE) {
        send_garbage(seed);
        return;
    }
    int fd = dial();
    SSL *ssl = SSL_new(g_world.tls[kind]);
    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        die("SSL");
    int size = ask(ssl, got);
    secret_of(kind, mine);
    bool may = kind == FIRST || kind == SECOND;
    if (may ? size != SECRET_SIZE || memcmp(got, mine, SECRET_SIZE) != 0 : size != 0)
        g_world.wrong++;
    else if (may)
        g_world.served++;
    else
        g_world.refused++;
    SSL_free(ssl);
    close(fd);
    double took = seconds() - start, slowest = g_world.slowest;
    while (may && took > slowest && !atomic_compare_exchange_weak(&g_world.slowest, &slowest, took))
        ;
}

static void *one_of_many(void *arg)
{
    unsigned i = (unsigned)(uintptr_t)arg;
    pthread_barrier_wait(&g_world.start);
    be(i % 10 < 8 ? (enum kind)(i % 4) : GARBAGE, i);
    OPENSSL_thread_stop();
    return NULL;
}

static void all_at_once(unsigned count)
{
    pthread_t *threads = calloc(count, sizeof(*threads));
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 << 10);
    pthread_barrier_init(&g_world.start, NULL, count);
    for (unsigned i = 0; i < count; i++)
        if (!threads || pthread_create(&threads[i], &attr, one_of_many, (void *)(uintptr_t)i))
            die("thread");
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

static void *one_of_few(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg + 77;
    for (;;) {
        unsigned left = g_world.left;
        while (left > 0 && !atomic_compare_exchange_weak(&g_world.left, &left, left - 1))
            ;
        if (left == 0)
            return NULL;
        be((enum kind)(rand_r(&seed) % KINDS), seed);
    }
}

static void one_after_another(unsigned count)
{
    pthread_t threads[WORKERS];
    g_world.left = count;
    for (uintptr_t i = 0; i < WORKERS; i++)
        if (pthread_create(&threads[i], NULL, one_of_few, (void *)i))
            die("thread");
    for (unsigned i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
}

/* Clients that stay: half of them say nothing, half begin a handshake. */
static void *slow_ones(void *arg)
{
    static int fd[LORIS];
    volatile atomic_bool *stop = arg;
    memset(fd, -1, sizeof(fd));
    while (!*stop) {
        char byte;
        for (unsigned i = 0; i < LORIS && !*stop; i++) {
            if (fd[i] >= 0 && recv(fd[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
                continue; /* still held */
            if (fd[i] >= 0)
                close(fd[i]);
            fd[i] = dial();
            if (i % 2)
                (void)!send(fd[i], "\x16\x03\x01\x02", 4, MSG_NOSIGNAL);
        }
        usleep(200000);
    }
    for (unsigned i = 0; i < LORIS; i++)
        if (fd[i] >= 0)
            close(fd[i]);
    return NULL;
}

static unsigned long resident_kib(void)
{
    char path[64], line[256];
    unsigned long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", g_world.server);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmRSS: %lu", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

/* Every release stands in the audit log as a grant of the right secret, and no other. */
static bool audit_is_right(void)
{
    char path[SOFT_PATH_MAX + 64], line[2048];
    unsigned granted = 0, refused = 0;
    snprintf(path, sizeof(path), "%s/audit.jsonl", g_world.fixture.folder);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (line[0] != '{' || strcmp(line + strlen(line) - 2, "}\n") != 0)
            return false;
        granted += strstr(line, "\"verdict\":\"granted\"") != NULL;
        refused += strstr(line, "\"verdict\":\"refused\"") != NULL;
    }
    if (f)
        fclose(f);
    return granted == g_world.served && refused == g_world.refused;
}

int main(int argc, char **argv)
{
    struct rlimit files = { 4096, 4096 };
    unsigned long rss[SAMPLES + 1] = { 0 };
    atomic_bool stop = false;
    pthread_t slow;
    int status = 1;
    if (argc != 4)
        return 2;
    unsigned clients = (unsigned)atoi(argv[2]), total = (unsigned)atoi(argv[3]);
    signal(SIGPIPE, SIG_IGN);
    (void)setrlimit(RLIMIT_NOFILE, &files);
    fixture_make(&g_world.fixture);
    for (enum kind k = 0; k < GARBAGE; k++)
        make_identity(k);
    start_server(argv[1]);
    if (pthread_create(&slow, NULL, slow_ones, (void *)&stop))
        die("thread");
    double start = seconds();
    all_at_once(clients);
    double at_once = seconds() - start;
    start = seconds();
    rss[0] = resident_kib();
    for (unsigned i = 0; i < SAMPLES; i++) {
        one_after_another(total / SAMPLES);
        rss[i + 1] = resident_kib();
    }
    double after = seconds() - start;
    stop = true;
    pthread_join(slow, NULL);
    kill(g_world.server, SIGTERM);
    waitpid(g_world.server, &status, 0);
    /* the slow ones come and go every ten seconds, so it takes a few rounds until allocators are
     * warm; then 5 % are noise */
    bool flat = total < LONG_RUN || rss[SAMPLES] <= rss[WARM] + rss[WARM] / 20,
         audit = audit_is_right();
    bool ok = g_world.wrong == 0 && status == 0 && flat && audit;
    printf("{\"clients\":%u,\"at_once_s\":%.2f,\"connections\":%u,\"per_second\":%.0f,\"served\":%"
           "u,\"refused\":%u,\"garbage\":%u,"
           "\"wrong\":%u,\"slowest_s\":%.2f,\"flat\":%s,"
           "\"audit_right\":%s,\"server_status\":%d,\"rss_kib\":[",
           clients, at_once, total, total / after, g_world.served, g_world.refused, g_world.garbage,
           g_world.wrong, g_world.slowest, flat ? "true" : "false", audit ? "true" : "false",
           status);
    for (unsigned i = 0; i <= SAMPLES; i++)
        printf("%lu%s", rss[i], i < SAMPLES ? "," : "]}\n");
    for (enum kind k = 0; k < GARBAGE; k++)
        SSL_CTX_free(g_world.tls[k]);
    fixture_remove(&g_world.fixture);
    return ok ? 0 : 1;
}
