/* SPDX-License-Identifier: Apache-2.0
 *
 * Clock and randomness of libsspi-test.so: a test pins either; what is not pinned is real.
 */
#include "env_system.h"
#include "export.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t pinned_clock;
static uint8_t pinned_random[4096];
static size_t pinned_from, pinned_to;
static bool has_hash;
static uint8_t pinned_hash[16];

uint64_t sspi_now(void)
{
    pthread_mutex_lock(&lock);
    uint64_t now = pinned_clock;
    pthread_mutex_unlock(&lock);
    return now ? now : sspi_system_now();
}

bool sspi_random(void *bytes, size_t size)
{
    pthread_mutex_lock(&lock);
    size_t pinned = pinned_to - pinned_from;
    if (pinned > size)
        pinned = size;
    memcpy(bytes, pinned_random + pinned_from, pinned);
    pinned_from += pinned;
    pthread_mutex_unlock(&lock);
    return sspi_system_random((uint8_t *)bytes + pinned, size - pinned);
}

SSPI_EXPORT void libsspi_test_clock(uint64_t filetime)
{
    pthread_mutex_lock(&lock);
    pinned_clock = filetime;
    pthread_mutex_unlock(&lock);
}

SSPI_EXPORT bool libsspi_test_random(const void *bytes, size_t size)
{
    if (size > sizeof pinned_random)
        return false;
    pthread_mutex_lock(&lock);
    if (size)
        memcpy(pinned_random, bytes, size);
    pinned_from = 0;
    pinned_to = size;
    pthread_mutex_unlock(&lock);
    return true;
}

/* For krb5-pins.so (tests/krb5_pins.c). */
SSPI_EXPORT bool libsspi_test_draw(void *bytes, size_t size)
{
    return sspi_random(bytes, size);
}

SSPI_EXPORT uint64_t libsspi_test_now(void)
{
    return sspi_now();
}

/* libsspi-test.so is linked with --wrap=ntlm_nt_hash: there all calls of it come here, and the
 * library itself needs no hook for it. Elsewhere nothing calls this. */
extern bool __real_ntlm_nt_hash(const char *password, uint8_t out[16]) __attribute__((weak));
bool __wrap_ntlm_nt_hash(const char *password, uint8_t out[16]);

bool __wrap_ntlm_nt_hash(const char *password, uint8_t out[16])
{
    pthread_mutex_lock(&lock);
    bool pinned = has_hash;
    if (pinned)
        memcpy(out, pinned_hash, sizeof pinned_hash);
    pthread_mutex_unlock(&lock);
    return pinned || (__real_ntlm_nt_hash && __real_ntlm_nt_hash(password, out));
}

SSPI_EXPORT void libsspi_test_nt_hash(const uint8_t *hash)
{
    pthread_mutex_lock(&lock);
    has_hash = hash != NULL;
    if (hash)
        memcpy(pinned_hash, hash, sizeof pinned_hash);
    pthread_mutex_unlock(&lock);
}
