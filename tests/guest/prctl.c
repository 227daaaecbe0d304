/* prctl: attributes that are kept, and the errors of wrong arguments. What differs from one kernel
 * to the next is left out. */
#define _GNU_SOURCE
#include <linux/capability.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/prctl.h>

#include "check.h"

#define NO_CAPABILITY 1000

static void *slack_is_inherited(void *arg)
{
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1234);
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 99), 0);
    return NULL;
}

static void timer_slack(void)
{
    pthread_t t;
    long before = prctl(PR_GET_TIMERSLACK);
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 1234), 0);
    NEED(pthread_create(&t, NULL, slack_is_inherited, NULL) == 0);
    pthread_join(t, NULL);
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), 1234); /* each thread's own */
    CHECK_EQ(prctl(PR_SET_TIMERSLACK, 0), 0); /* back to the default */
    CHECK_EQ(prctl(PR_GET_TIMERSLACK), before);
}

static void bounding_set(void)
{
    CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_SYS_MODULE), 1);
    CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE), 0);
    CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_SYS_MODULE), 0);
    CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_CHOWN), 1);
    CHECK_ERRNO(prctl(PR_CAPBSET_READ, NO_CAPABILITY), EINVAL);
    CHECK_ERRNO(prctl(PR_CAPBSET_DROP, NO_CAPABILITY), EINVAL);
    CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0), 0);
    CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, NO_CAPABILITY, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
    CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
}

static void memory_failures(void)
{
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
    CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_EARLY);
    CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0), 0);
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_LATE);
    CHECK_EQ(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0), 0);
    CHECK_EQ(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0), PR_MCE_KILL_DEFAULT);
    CHECK_ERRNO(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_MCE_KILL, 2, 0, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 1, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0), EINVAL);
}

static void others(void)
{
    int tsc = 0;
    CHECK_EQ(prctl(PR_GET_TSC, &tsc), 0);
    CHECK_EQ(tsc, PR_TSC_ENABLE);
    CHECK_EQ(prctl(PR_SET_TSC, PR_TSC_ENABLE), 0);
    CHECK_ERRNO(prctl(PR_SET_TSC, 7), EINVAL);
    CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
    CHECK_EQ(prctl(PR_SET_SECUREBITS, 0), 0);
    CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    CHECK_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 0, 1, 0, 0), EINVAL);
    CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
    CHECK_ERRNO(prctl(PR_GET_THP_DISABLE, 0, 0, 1, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, 0, 1, 0, 0), EINVAL);
    CHECK_ERRNO(prctl(PR_GET_SPECULATION_CTRL, 99, 0, 0, 0), ENODEV);
    CHECK_ERRNO(prctl(9999), EINVAL);
}

int main(void)
{
    timer_slack();
    bounding_set();
    memory_failures();
    others();
    return check_result();
}
