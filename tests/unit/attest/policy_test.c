/* Policies: the file's every key, its mistakes, and what each demand refuses. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attest/ratls/policy.h"
#include "attest/ratls/policy_file.h"
#include "lib/base/bytes.h"

#define H64 "a1a2a3a4a5a6a7a8a9aaabacadaeafb0a1a2a3a4a5a6a7a8a9aaabacadaeafb0"

static int parse(const char *text, struct policy_file *f, struct problem *why)
{
    return policy_file_parse("dir/policy.toml", text, strlen(text), f, why);
}

static void every_key_is_read(void **state)
{
    struct policy_file f;
    struct problem why = { "" };
    assert_int_equal(parse("mrenclave = ['" H64 "']\nmrsigner = ['" H64 "', '" H64 "']\nproduct_id = 7\nmin_svn = 3\n"
                           "any_enclave = true\nmrtd = ['" H64 "a1a2a3a4a5a6a7a8a9aaabacadaeafb0']\nany_td = true\nallow_debug = true\n"
                           "tcb_status = ['UpToDate', 'SWHardeningNeeded']\naccepted_advisories = ['INTEL-SA-00615']\n"
                           "refused_advisories = ['INTEL-SA-00828']\nmax_collateral_age_days = 30\n"
                           "trust_roots = ['intel', 'root.pem', '/abs.pem']\ncollateral = 'c'\n", &f, &why), 0);
    assert_int_equal(f.policy.mrenclave_count, 1);
    assert_int_equal(f.policy.mrsigner_count, 2);
    assert_true(f.policy.check_prod_id && f.policy.prod_id == 7 && f.policy.min_svn == 3);
    assert_true(f.any_enclave && f.policy.allow_tdx && f.policy.allow_debug && f.policy.mrtd_count == 1);
    assert_int_equal(f.policy.accepted_statuses, 1u << TCB_UP_TO_DATE | 1u << TCB_SW_HARDENING_NEEDED);
    assert_string_equal(f.policy.accepted_advisories.name[0], "INTEL-SA-00615");
    assert_string_equal(f.policy.refused_advisories.name[0], "INTEL-SA-00828");
    assert_int_equal(f.policy.max_collateral_age, 30 * 86400);
    assert_int_equal(f.roots.count, 3);
    assert_string_equal(f.roots.path[0], "intel");
    assert_string_equal(f.roots.path[1], "dir/root.pem");
    assert_string_equal(f.roots.path[2], "/abs.pem");
    assert_string_equal(f.collateral, "dir/c");
}

static void mistakes_are_named_by_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "mrenclav = ['x']", "dir/policy.toml:1: unknown key: mrenclav: did you mean 'mrenclave'?" },
        { "\nmrenclave = []", "dir/policy.toml:2: mrenclave: an empty list" },
        { "mrenclave = ['zz']", "not 64 hexadecimal digits" },
        { "mrenclave = [1]", "not 64 hexadecimal digits" },
        { "mrenclave = '" H64 "'", "a value of type array, not string" },
        { "product_id = 65536", "from 0 to 65535" },
        { "min_svn = -1", "from 0 to 65535" },
        { "allow_debug = 'no'", "a value of type boolean, not string" },
        { "tcb_status = ['Revoked']", "not a TCB status that can be accepted: Revoked" },
        { "tcb_status = ['uptodate']", "not a TCB status" },
        { "refused_advisories = ['a b']", "not the name of an advisory" },
        { "max_collateral_age_days = 0", "from 1 to 3650" },
        { "trust_roots = ['']", "not the name of a file" },
        { "trust_roots = []", "an empty list" },
        { "collateral = \"a\\u0000b\"", "not the name of a file" },
        { "[enclave]\nmrenclave = ['" H64 "']", "unknown key: enclave" },
        { "mrenclave = [", "dir/policy.toml:1" },
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct policy_file f;
        struct problem why = { "" };
        assert_int_equal(parse(cases[i].text, &f, &why), -EINVAL);
        if (!strstr(why.text, cases[i].says))
            fail_msg("%s: says %s", cases[i].text, why.text);
    }
}

static struct verdict good(void)
{
    struct verdict v = { .verified = true, .failed = VERIFY_DONE, .status = TCB_UP_TO_DATE, .now = 2000000,
                         .collateral_issued = 1000000 };
    v.body.attributes = SGX_FLAG_INIT | SGX_FLAG_MODE64BIT;
    return v;
}

static void advisories_are_accepted_by_list_and_refused_by_list(void **state)
{
    struct policy p = { 0 };
    struct verdict v = good();
    assert_int_equal(advisories_add(&v.advisories, "INTEL-SA-1"), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
    assert_int_equal(policy_accept_advisory(&p, "INTEL-SA-2"), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_ADVISORY);
    assert_int_equal(policy_accept_advisory(&p, "INTEL-SA-1"), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
    assert_int_equal(policy_refuse_advisory(&p, "INTEL-SA-1"), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_ADVISORY);
}

static void collateral_may_be_only_so_old(void **state)
{
    struct policy p = { .max_collateral_age = 1000000 };
    struct verdict v = good();
    assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
    v.now++;
    assert_int_equal(policy_check(&p, &v), POLICY_COLLATERAL_AGE);
}

static void trust_domains_are_refused_unless_allowed_or_listed(void **state)
{
    struct policy p = { 0 };
    struct verdict v = good();
    v.body.tee = QUOTE_TEE_TDX;
    assert_int_equal(policy_check(&p, &v), POLICY_NOT_SGX);
    p.allow_tdx = true;
    assert_int_equal(policy_check(&p, &v), POLICY_ACCEPTED);
    assert_int_equal(policy_add_mrtd(&p, H64 "a1a2a3a4a5a6a7a8a9aaabacadaeafb0"), 0);
    assert_int_equal(policy_check(&p, &v), POLICY_MRTD);
    v.body.debug = true;
    assert_int_equal(policy_check(&p, &v), POLICY_DEBUG);
}

static void nothing_but_a_verified_quote_is_accepted(void **state)
{
    struct policy p = { .allow_tdx = true, .allow_debug = true, .accepted_statuses = ~0u };
    struct verdict v = good();
    v.status = TCB_REVOKED;
    assert_int_equal(policy_check(&p, &v), POLICY_TCB_STATUS);
    v = (struct verdict){ 0 };
    assert_int_equal(policy_check(&p, &v), POLICY_QUOTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(mistakes_are_named_by_line),
        cmocka_unit_test(advisories_are_accepted_by_list_and_refused_by_list),
        cmocka_unit_test(collateral_may_be_only_so_old),
        cmocka_unit_test(trust_domains_are_refused_unless_allowed_or_listed),
        cmocka_unit_test(nothing_but_a_verified_quote_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
