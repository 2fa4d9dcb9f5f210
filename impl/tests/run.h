/* SPDX-License-Identifier: Apache-2.0
 *
 * The main of a CUnit test program. A test file lists its tests and nothing else:
 *
 *     static void adds(void) { CU_ASSERT_EQUAL(1 + 1, 2); }
 *     SSPI_TESTS({"adds", adds})
 *
 * Exit code: 0 all passed, 1 an assertion failed or a test asserted nothing, 2 CUnit broke.
 * With arguments only the tests of those names run.
 */
#ifndef LIBSSPI_TESTS_RUN_H
#define LIBSSPI_TESTS_RUN_H

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdio.h>
#include <string.h>

struct sspi_test {
    const char *name;
    void (*run)(void);
};

/* CUnit counts assertions of the whole run; these find the share of the test that just ended. */
static unsigned int tests_asserts_before, tests_empty;

static void test_ended(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures)
{
    (void)suite;
    unsigned int asserts = CU_get_number_of_asserts();
    if (asserts == tests_asserts_before) {
        tests_empty++;
        fprintf(stderr, "  %s: asserted nothing\n", test->pName);
    }
    tests_asserts_before = asserts;
    for (CU_pFailureRecord f = failures; f; f = f->pNext)
        if (f->pTest == test)
            fprintf(stderr, "  %s: %s:%u: %s\n", test->pName, f->strFileName, f->uiLineNumber,
                    f->strCondition);
}

static int run_tests(const char *name, const struct sspi_test *tests, size_t count, int argc,
                     char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite(name, NULL, NULL);
    for (size_t i = 0; suite && i < count; i++) {
        int wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            wanted |= strcmp(argv[a], tests[i].name) == 0;
        if (wanted && !CU_add_test(suite, tests[i].name, tests[i].run))
            return 2;
    }
    CU_set_test_complete_handler(test_ended);
    CU_set_error_action(CUEA_IGNORE);
    if (!suite || CU_run_all_tests() != CUE_SUCCESS)
        return 2;
    unsigned int asserts = CU_get_number_of_asserts(), failed = CU_get_number_of_failures();
    printf("%s: %u tests, %u assertions, %u failed\n", name, CU_get_number_of_tests_run(), asserts,
           failed);
    CU_cleanup_registry();
    return failed || tests_empty || !asserts ? 1 : 0;
}

#define SSPI_TESTS(...)                                                                            \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct sspi_test tests[] = {__VA_ARGS__};                                     \
        const char *slash = strrchr(argv[0], '/');                                                 \
        return run_tests(slash ? slash + 1 : argv[0], tests, sizeof tests / sizeof tests[0], argc, \
                         argv);                                                                    \
    }

/* Exactly that SECURITY_STATUS; the message has both numbers. */
#define ASSERT_STATUS(actual, expected)                                                            \
    assert_status((unsigned)(actual), (unsigned)(expected), #actual, __FILE__, __LINE__)

static inline void assert_status(unsigned actual, unsigned expected, const char *what,
                                 const char *file, unsigned line)
{
    char text[200];
    snprintf(text, sizeof text, "0x%08x, not 0x%08x: %.150s", actual, expected, what);
    CU_assertImplementation(actual == expected, line, text, file, "", CU_FALSE);
}

#endif
