/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 and UTF-16: what converts, what is refused, what is upper case.
 */
#include "run.h"

#include "text.h"

/* One character of each UTF-8 length, there and back. */
static void round_trip(void)
{
    static const char text[] = "aé€\xF0\x9F\x98\x80z";
    static const SEC_WCHAR wide[] = u"aé€\U0001F600z";
    SEC_WCHAR *to = sspi_utf16_from_utf8(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    CU_ASSERT(memcmp(to, wide, sizeof wide) == 0);
    CU_ASSERT_EQUAL(sspi_utf16_length(to), 6);
    char *back = sspi_utf8_from_utf16(to, 6);
    CU_ASSERT_STRING_EQUAL(back, text);
    sspi_free(back);
    sspi_free(to);
    struct sspi_blob blob;
    CU_ASSERT(sspi_utf16_blob(text, &blob));
    CU_ASSERT_EQUAL(blob.size, 12);
    back = sspi_utf8_from_bytes(sspi_blob_view(&blob));
    CU_ASSERT_STRING_EQUAL(back, text);
    sspi_free(back);
    sspi_blob_free(&blob);
}

static void empty(void)
{
    struct sspi_blob blob;
    char *text = sspi_utf8_from_bytes((struct sspi_view){NULL, 0});
    CU_ASSERT_STRING_EQUAL(text, "");
    sspi_free(text);
    CU_ASSERT(sspi_utf16_blob("", &blob));
    CU_ASSERT_EQUAL(blob.size, 0);
    CU_ASSERT_EQUAL(sspi_utf16_length(NULL), 0);
    CU_ASSERT_PTR_NULL(sspi_utf16_from_utf8(NULL));
    CU_ASSERT_PTR_NULL(sspi_utf8_from_utf16(NULL, 3));
}

static void bad_utf8(void)
{
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",
                                      "\xe0\x80\x80", "\xed\xa0\x80",     "\xf0\x80\x80\x80",
                                      "\xf5\x80\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                                      "a\xff",        "\xe2\x28\xa1",     "\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sspi_blob blob;
        CU_ASSERT_FALSE(sspi_utf8_valid(bad[i]));
        CU_ASSERT_PTR_NULL(sspi_utf16_from_utf8(bad[i]));
        CU_ASSERT_FALSE(sspi_utf16_blob(bad[i], &blob));
        CU_ASSERT_PTR_NULL(sspi_upper(bad[i]));
    }
}

static void bad_utf16(void)
{
    static const SEC_WCHAR high[] = {0xd800}, low[] = {0xdc00}, twice[] = {0xd800, 0xd800},
                           zero[] = {'a', 0, 'b'};
    CU_ASSERT_PTR_NULL(sspi_utf8_from_utf16(high, 1));
    CU_ASSERT_PTR_NULL(sspi_utf8_from_utf16(low, 1));
    CU_ASSERT_PTR_NULL(sspi_utf8_from_utf16(twice, 2));
    CU_ASSERT_PTR_NULL(sspi_utf8_from_utf16(zero, 3)); /* no name ends early */
    CU_ASSERT_FALSE(sspi_utf16_valid(zero, 3));
    CU_ASSERT(sspi_utf16_valid(zero, 1));
    CU_ASSERT_PTR_NULL(sspi_utf8_from_bytes((struct sspi_view){(const uint8_t *)"a\0b", 3}));
}

static void upper(void)
{
    static const struct {
        const char *from, *to;
    } pairs[] = {
        {"User", "USER"}, {"äöüß", "ÄÖÜß"}, {"ÿ", "Ÿ"},     {"жя", "ЖЯ"}, {"αω", "ΑΩ"},
        {"ǆ", "Ǆ"},       {"ａ", "Ａ"},     {"µıſ", "µıſ"}, /* as Windows' table has it */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *text = sspi_upper(pairs[i].from);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT_STRING_EQUAL(text, pairs[i].to);
        sspi_free(text);
    }
    CU_ASSERT_PTR_NULL(sspi_upper(NULL));
}

static void without_case(void)
{
    CU_ASSERT(sspi_equal_nocase("NeGoTiAtE", "negotiate"));
    CU_ASSERT_FALSE(sspi_equal_nocase("NTLM", "NTLMv2"));
    CU_ASSERT_FALSE(sspi_equal_nocase("[", "{"));
    CU_ASSERT_FALSE(sspi_equal_nocase("a", NULL));
    CU_ASSERT(sspi_equal_nocase(NULL, NULL));
}

SSPI_TESTS({"round_trip", round_trip}, {"empty", empty}, {"bad_utf8", bad_utf8},
           {"bad_utf16", bad_utf16}, {"upper", upper}, {"without_case", without_case})
