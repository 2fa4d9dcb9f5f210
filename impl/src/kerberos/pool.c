/* SPDX-License-Identifier: Apache-2.0
 *
 * A stack of idle krb5_contexts under a mutex.
 */
#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../env.h"
#include "../memory.h"

/* libkrb5 looks at krb5.conf again when a context is built, so old ones are not lent for ever. */
#define RETIRE_SECONDS 60
#define IDLE_LIMIT 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sspi_krb_lib *idle;
static unsigned idle_count;
static char *config; /* KRB5_CONFIG as the idle ones read it */

static void discard(struct sspi_krb_lib *lib)
{
    krb5_free_context(lib->krb5);
    sspi_free(lib);
}

static struct sspi_krb_lib *take_all(void)
{
    struct sspi_krb_lib *all = idle;
    idle = NULL;
    idle_count = 0;
    return all;
}

static void discard_all(struct sspi_krb_lib *lib)
{
    while (lib) {
        struct sspi_krb_lib *next = lib->next;
        discard(lib);
        lib = next;
    }
}

/* When KRB5_CONFIG is another than before, the idle ones are [out] stale. lock is held. */
static krb5_error_code follow_config(struct sspi_krb_lib **stale)
{
    const char *now = getenv("KRB5_CONFIG");
    if ((!now && !config) || (now && config && strcmp(now, config) == 0))
        return 0;
    char *copy = sspi_strdup(now);
    if (now && !copy)
        return ENOMEM;
    sspi_free(config);
    config = copy;
    *stale = take_all();
    return 0;
}

static krb5_error_code build(struct sspi_krb_lib **lib, int64_t now)
{
    *lib = sspi_alloc(sizeof **lib);
    if (!*lib)
        return ENOMEM;
    krb5_error_code error = krb5_init_context(&(*lib)->krb5);
    if (error) {
        sspi_free(*lib);
        *lib = NULL;
        return error;
    }
    (*lib)->born = now;
    return 0;
}

krb5_error_code sspi_krb_borrow(struct sspi_krb_lib **lib)
{
    int64_t real = (int64_t)time(NULL);
    uint64_t filetime = sspi_now();
    int64_t now = sspi_filetime_to_unix(filetime);
    struct sspi_krb_lib *stale = NULL;

    *lib = NULL;
    pthread_mutex_lock(&lock);
    krb5_error_code error = follow_config(&stale);
    if (!error && idle) {
        *lib = idle;
        idle = (*lib)->next;
        idle_count--;
    }
    pthread_mutex_unlock(&lock);
    discard_all(stale);

    if (*lib && real - (*lib)->born > RETIRE_SECONDS) {
        discard(*lib);
        *lib = NULL;
    }
    if (!error && !*lib)
        error = build(lib, real);
    /* Not moved when it need not be: a set clock hides the offset that a ticket cache remembers
     * of its KDC. */
    if (!error && (now > real + 1 || now < real - 1)) {
        (*lib)->shifted = true;
        error = krb5_set_real_time((*lib)->krb5, (krb5_timestamp)(uint32_t)now,
                                   (int32_t)(filetime / 10 % 1000000));
        if (error) {
            discard(*lib);
            *lib = NULL;
        }
    }
    return error;
}

krb5_error_code sspi_krb_shift(struct sspi_krb_lib *lib, int32_t seconds, int32_t microseconds)
{
    krb5_timestamp now;
    int32_t fraction;
    lib->shifted = true;
    krb5_error_code error = krb5_us_timeofday(lib->krb5, &now, &fraction);
    if (error)
        return error;
    int64_t total =
        (int64_t)(uint32_t)now * 1000000 + fraction + (int64_t)seconds * 1000000 + microseconds;
    return krb5_set_real_time(lib->krb5, (krb5_timestamp)(uint32_t)(total / 1000000),
                              (int32_t)(total % 1000000));
}

void sspi_krb_return(struct sspi_krb_lib *lib)
{
    if (!lib)
        return;
    /* A ticket cache that was opened may have moved the clock to that of its KDC. */
    krb5_timestamp seconds = 0;
    int32_t fraction = 0;
    if (krb5_get_time_offsets(lib->krb5, &seconds, &fraction) || seconds || fraction)
        lib->shifted = true;
    krb5_clear_error_message(lib->krb5);
    if (!lib->shifted) {
        pthread_mutex_lock(&lock);
        if (idle_count < IDLE_LIMIT) {
            lib->next = idle;
            idle = lib;
            idle_count++;
            lib = NULL;
        }
        pthread_mutex_unlock(&lock);
    }
    if (lib)
        discard(lib);
}

/* dlclose leaves nothing behind. */
__attribute__((destructor)) static void drain(void)
{
    pthread_mutex_lock(&lock);
    struct sspi_krb_lib *all = take_all();
    sspi_free(config);
    config = NULL;
    pthread_mutex_unlock(&lock);
    discard_all(all);
}
