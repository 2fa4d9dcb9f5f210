/* SPDX-License-Identifier: Apache-2.0
 *
 * The test seam of clock and randomness, and the clock conversions.
 */
#include "run.h"

#include <stdlib.h>
#include <time.h>

#include "env.h"
#include "ntlm/keys.h"

#define SECOND 10000000ull

static void clock_pinned(void)
{
    libsspi_test_clock(42);
    CU_ASSERT_EQUAL(sspi_now(), 42);
    libsspi_test_clock(0);
    int64_t apart = sspi_filetime_to_unix(sspi_now()) - time(NULL);
    CU_ASSERT(apart >= -2 && apart <= 2);
}

static void random_pinned(void)
{
    uint8_t out[8] = {0}, zeros[16] = {0}, more[16] = {0};
    CU_ASSERT(libsspi_test_random("abcdefghij", 10));
    CU_ASSERT(sspi_random(out, 4));
    CU_ASSERT(memcmp(out, "abcd", 4) == 0);
    CU_ASSERT(sspi_random(out, 8)); /* six pinned bytes, then real ones */
    CU_ASSERT(memcmp(out, "efghij", 6) == 0);
    CU_ASSERT(sspi_random(more, 16));
    CU_ASSERT(memcmp(more, zeros, 16) != 0);
    static uint8_t many[4097];
    CU_ASSERT_FALSE(libsspi_test_random(many, sizeof many));
    CU_ASSERT(libsspi_test_random(many, 0));
}

/* Only the hash of a recorded account is known, not its password. */
static void hash_pinned(void)
{
    static const uint8_t hash[16] = "0123456789abcde";
    uint8_t real[16] = {0}, out[16] = {0};
    CU_ASSERT(ntlm_nt_hash("Password", real)); /* MS-NLMP 4.2.2.1.1 */
    CU_ASSERT_EQUAL(
        memcmp(real, "\xa4\xf4\x9c\x40\x65\x10\xbd\xca\xb6\x82\x4e\xe7\xc3\x0f\xd8\x52", 16), 0);
    libsspi_test_nt_hash(hash);
    CU_ASSERT(ntlm_nt_hash("Password", out));
    CU_ASSERT_EQUAL(memcmp(out, hash, 16), 0);
    libsspi_test_nt_hash(NULL);
    CU_ASSERT(ntlm_nt_hash("Password", out));
    CU_ASSERT_EQUAL(memcmp(out, real, 16), 0);
}

static void conversions(void)
{
    CU_ASSERT_EQUAL(sspi_unix_to_filetime(0), 116444736000000000ull); /* MS-DTYP 2.3.3 */
    CU_ASSERT_EQUAL(sspi_filetime_to_unix(116444736000000000ull), 0);
    CU_ASSERT_EQUAL(sspi_filetime_to_unix(sspi_unix_to_filetime(-5)), -5);
    CU_ASSERT_EQUAL(sspi_unix_to_filetime(INT64_MAX), INT64_MAX);
    CU_ASSERT_EQUAL(sspi_unix_to_filetime(INT64_MIN), 0);
    setenv("TZ", "XYZ-2", 1); /* two hours east */
    tzset();
    uint64_t utc = sspi_unix_to_filetime(1000000000);
    CU_ASSERT_EQUAL(sspi_filetime_to_local(utc), utc + 7200 * SECOND);
    CU_ASSERT_EQUAL(sspi_filetime_to_local(INT64_MAX), INT64_MAX); /* never */
    CU_ASSERT_EQUAL(sspi_filetime_to_local(UINT64_MAX), UINT64_MAX);
    unsetenv("TZ");
    tzset();
}

SSPI_TESTS({"clock_pinned", clock_pinned}, {"random_pinned", random_pinned},
           {"hash_pinned", hash_pinned}, {"conversions", conversions})
