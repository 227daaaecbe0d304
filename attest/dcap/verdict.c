/* Words and numbers for what the verifier says. Pure tables. */
#include "attest/dcap/verdict.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name, *words;
    uint32_t code;
} g_steps[] = {
#define STEP(name, code, words) [VERIFY_##name] = { #name, words, code },
    VERIFY_STEPS(STEP)
#undef STEP
};

static const struct {
    const char *name;
    uint32_t code;
} g_statuses[TCB_STATUS_COUNT] = {
    [TCB_UNKNOWN] = { "Unknown", 0xA006 },
    [TCB_UP_TO_DATE] = { "UpToDate", 0x0000 },
    [TCB_SW_HARDENING_NEEDED] = { "SWHardeningNeeded", 0xA007 },
    [TCB_CONFIG_NEEDED] = { "ConfigurationNeeded", 0xA001 },
    [TCB_CONFIG_AND_SW_HARDENING_NEEDED] = { "ConfigurationAndSWHardeningNeeded", 0xA008 },
    [TCB_OUT_OF_DATE] = { "OutOfDate", 0xA002 },
    [TCB_OUT_OF_DATE_CONFIG_NEEDED] = { "OutOfDateConfigurationNeeded", 0xA003 },
    [TCB_RELAUNCH_ADVISED] = { "TDRelaunchAdvised", 0xA009 },
    [TCB_RELAUNCH_ADVISED_CONFIG_NEEDED] = { "TDRelaunchAdvisedConfigurationNeeded", 0xA00A },
    [TCB_REVOKED] = { "Revoked", 0xA005 },
};

const char *verify_step_name(enum verify_step step)
{
    return step <= VERIFY_DONE ? g_steps[step].name : "?";
}

const char *verify_step_words(enum verify_step step)
{
    return step <= VERIFY_DONE ? g_steps[step].words : "?";
}

uint32_t verify_step_code(enum verify_step step)
{
    return step <= VERIFY_DONE ? g_steps[step].code : 0xE001;
}

const char *tcb_status_name(enum tcb_status status)
{
    return status < TCB_STATUS_COUNT ? g_statuses[status].name : "?";
}

int tcb_status_parse(const char *name, enum tcb_status *out)
{
    for (unsigned i = TCB_UP_TO_DATE; i < TCB_STATUS_COUNT; i++)
        if (strcmp(name, g_statuses[i].name) == 0) {
            *out = i;
            return 0;
        }
    return -EINVAL;
}

uint32_t tcb_status_code(enum tcb_status status)
{
    return status < TCB_STATUS_COUNT ? g_statuses[status].code : 0xA006;
}

int advisories_add(struct advisories *a, const char *name)
{
    unsigned at = 0;
    while (at < a->count && strcmp(a->name[at], name) < 0)
        at++;
    if (at < a->count && strcmp(a->name[at], name) == 0)
        return 0;
    if (a->count == ADVISORY_MAX || strlen(name) >= ADVISORY_NAME_MAX)
        return -E2BIG;
    memmove(a->name[at + 1], a->name[at], (a->count - at) * sizeof(a->name[0]));
    strcpy(a->name[at], name);
    a->count++;
    return 0;
}
