/* SPDX-License-Identifier: Apache-2.0
 *
 * The test seam of clock and randomness, and the clock conversions.
 */
#include "run.h"

#include <stdlib.h>
#include <time.h>

#include "env.h"

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
           {"conversions", conversions})
