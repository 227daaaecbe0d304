/*
 * Control messages as a host might write them: what was asked for passes unchanged; anything else
 * is an error and never a result.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "enclave/heap.h"
#include "lib/boundary/message.h"
#include "lib/linux/errno.h"
#include "libos/net/inet.h"

void *mem_alloc(size_t size)
{
    return malloc(size);
}

void *mem_zalloc(size_t size)
{
    return calloc(1, size);
}

void mem_free(void *p)
{
    free(p);
}

struct net_control *net_control_new(uint32_t file_room)
{
    return calloc(1, sizeof(struct net_control) + file_room * sizeof(struct file *));
}

void net_control_free(struct net_control *c)
{
    if (c)
        free(c->bytes);
    free(c);
}

static void add(struct host_message *m, uint64_t length, int level, int type, const void *data,
                size_t size)
{
    struct linux_cmsghdr h = { .length = length, .level = level, .type = type };
    memcpy(m->control + m->control_size, &h, sizeof(h));
    memcpy(m->control + m->control_size + sizeof(h), data, size);
    m->control_size += (uint32_t)(sizeof(h) + (size + 7) / 8 * 8);
}

static int take_one(uint32_t asked, bool errors, uint64_t length, int level, int type,
                    const void *data, size_t size)
{
    struct host_message m = { 0 };
    struct net_control *out;
    add(&m, length, level, type, data, size);
    int r = inet_control_take(&m, asked, errors, &out);
    if (r == 0)
        assert_memory_equal(out->bytes, m.control, m.control_size);
    else
        assert_null(out);
    net_control_free(r == 0 ? out : NULL);
    return r;
}

static void what_was_asked_for_passes(void **state)
{
    const uint32_t ttl = inet_control_bit(IPPROTO_IP, IP_RECVTTL),
                   hops = inet_control_bit(IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
    const int32_t n = 64;
    struct host_message m = { 0 };
    struct net_control *out;
    assert_int_not_equal(ttl, 0);
    assert_int_not_equal(hops, ttl);
    assert_int_equal(inet_control_take(&m, ttl, false, &out), 0);
    assert_null(out);
    assert_int_equal(take_one(ttl, false, 20, IPPROTO_IP, IP_TTL, &n, 4), 0);
    add(&m, 20, IPPROTO_IP, IP_TTL, &n, 4);
    add(&m, 20, IPPROTO_IPV6, IPV6_HOPLIMIT, &n, 4);
    assert_int_equal(inet_control_take(&m, ttl, false, &out),
                     -EIO); /* half of it was never asked for */
    assert_int_equal(inet_control_take(&m, ttl | hops, false, &out), 0);
    assert_int_equal(out->size, 48);
    net_control_free(out);
    m.control_size = 44; /* without the padding of the last */
    assert_int_equal(inet_control_take(&m, ttl | hops, false, &out), 0);
    net_control_free(out);
}

static void lengths_that_lie_are_refused(void **state)
{
    const uint32_t ttl = inet_control_bit(IPPROTO_IP, IP_RECVTTL);
    const int32_t n = 64;
    const uint64_t lengths[] = { 0,         1,  15, 16,      17,         19,
                                 21,        24, 25, 1 << 20, UINT32_MAX, UINT64_MAX - 7,
                                 UINT64_MAX };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        assert_int_equal(take_one(ttl, false, lengths[i], IPPROTO_IP, IP_TTL, &n, 4), -EIO);
    struct host_message m = { 0 };
    struct net_control *out;
    add(&m, 20, IPPROTO_IP, IP_TTL, &n, 4);
    const uint32_t sizes[] = { 1, 15, 19, 25, 39, HOST_CONTROL_MAX + 1, UINT32_MAX };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        m.control_size = sizes[i];
        assert_int_equal(inet_control_take(&m, ttl, false, &out), -EIO);
    }
}

static void values_that_cannot_be_are_refused(void **state)
{
    const uint32_t all = UINT32_MAX;
    const int32_t bad[] = { -1, 256, INT32_MIN };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take_one(all, false, 20, IPPROTO_IP, IP_TTL, &bad[i], 4), -EIO);
        assert_int_equal(take_one(all, false, 20, IPPROTO_IPV6, IPV6_HOPLIMIT, &bad[i], 4), -EIO);
        assert_int_equal(take_one(all, false, 20, IPPROTO_IPV6, IPV6_TCLASS, &bad[i], 4), -EIO);
    }
    const int64_t late[2] = { 1, 1000000 }, early[2] = { -1, 0 }, good[2] = { 1, 999999 };
    assert_int_equal(take_one(all, false, 32, SOL_SOCKET, SO_TIMESTAMP, late, 16), -EIO);
    assert_int_equal(take_one(all, false, 32, SOL_SOCKET, SO_TIMESTAMP, early, 16), -EIO);
    assert_int_equal(take_one(all, false, 32, SOL_SOCKET, SO_TIMESTAMP, good, 16), 0);
    assert_int_equal(take_one(all, false, 32, SOL_SOCKET, SO_TIMESTAMPNS, late, 16), 0);
    const int32_t info[5] = { 0, 0, 0, 0, -1 };
    assert_int_equal(take_one(all, false, 36, IPPROTO_IPV6, IPV6_PKTINFO, info, 20), -EIO);
}

static void only_the_error_queue_tells_of_errors_and_only_possible_ones(void **state)
{
    const uint32_t bit = inet_control_bit(IPPROTO_IP, IP_RECVERR);
    uint8_t e[32] = { 111 };
    assert_false(inet_control_wanted(bit));
    assert_true(inet_control_wanted(bit | inet_control_bit(IPPROTO_IP, IP_RECVTTL)));
    assert_int_equal(take_one(bit, false, 48, IPPROTO_IP, IP_RECVERR, e, 32), -EIO);
    assert_int_equal(take_one(bit, true, 48, IPPROTO_IP, IP_RECVERR, e, 32), 0);
    e[1] = 1;
    assert_int_equal(take_one(bit, true, 48, IPPROTO_IP, IP_RECVERR, e, 32), -EIO);
    e[1] = 0;
    e[16] = AF_UNIX;
    assert_int_equal(take_one(bit, true, 48, IPPROTO_IP, IP_RECVERR, e, 32), -EIO);
}

static void descriptors_and_credentials_never_come_from_the_host(void **state)
{
    const uint32_t cred[3] = { 1, 0, 0 };
    assert_int_equal(take_one(UINT32_MAX, false, 20, SOL_SOCKET, SCM_RIGHTS, cred, 4), -EIO);
    assert_int_equal(take_one(UINT32_MAX, true, 28, SOL_SOCKET, SCM_CREDENTIALS, cred, 12), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_asked_for_passes),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(values_that_cannot_be_are_refused),
        cmocka_unit_test(only_the_error_queue_tells_of_errors_and_only_possible_ones),
        cmocka_unit_test(descriptors_and_credentials_never_come_from_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
