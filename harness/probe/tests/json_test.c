/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "utf.h"
#include "writer.h"

static struct arena arena;

/* Parse a copy of exactly that size, so that a sanitiser sees every byte read too far. */
static struct json *parse(const char *text, size_t length, char **copy, struct json_error *error)
{
    *copy = malloc(length ? length : 1);
    memcpy(*copy, text, length);
    return json_parse(&arena, *copy, length, error);
}

static const char *const accepted[] = {
    "{}",
    "[]",
    " [ ] ",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "7",
    "-9223372036854775808",
    "18446744073709551615",
    "\"\"",
    "\"a\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\uD83D\\uDD11\"",
    "\"\xc3\xa9\"",
    "\"\xf0\x9f\x94\x91\"",
    "\"\\u0000\"",
    "{\"a\":1,\"b\":[1,2,{\"c\":null}]}",
    "\t{ \"a\" : [ 1 , 2 ] }\r\n",
    "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    "{\"a\":1,\"A\":2,\"\":3}",
};

static const char *const refused[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{1:2}",
    "nul",
    "tru",
    "falsee",
    "01",
    "-",
    "-a",
    "1.0",
    "1e3",
    "1E3",
    "+1",
    ".5",
    "18446744073709551616",
    "-9223372036854775809",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\n\"",
    "\"\x01\"",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xc3\"",
    "\"\xe2\x82\"",
    "1 2",
    "{} {}",
    "[1 2]",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"\\u0061\":2}",
    "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
    "NaN",
    "'a'",
    "/* */ 1",
    "\xef\xbb\xbf{}",
};

static void test_accepted(void)
{
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct json_error error = {0};
        char *copy;
        if (!parse(accepted[i], strlen(accepted[i]), &copy, &error)) {
            fprintf(stderr, "\nrefused: %s: %s at %zu\n", accepted[i], error.what, error.offset);
            CU_FAIL("refused");
        }
        arena_reset(&arena);
        free(copy);
    }
}

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct json_error error = {0};
        char *copy;
        if (parse(refused[i], strlen(refused[i]), &copy, &error)) {
            fprintf(stderr, "\naccepted: %s\n", refused[i]);
            CU_FAIL("accepted");
        } else {
            CU_ASSERT_PTR_NOT_NULL(error.what);
            CU_ASSERT(error.offset <= strlen(refused[i]));
        }
        arena_reset(&arena);
        free(copy);
    }
}

static void test_every_cut_is_refused(void)
{
    static const char text[] = "{\"a\":[1,true,null,\"\\ud83d\\udd11\xc3\xa9\"],\"b\":{\"c\":-12}}";
    for (size_t length = 0; length < sizeof text - 1; length++) {
        struct json_error error;
        char *copy;
        CU_ASSERT_PTR_NULL(parse(text, length, &copy, &error));
        arena_reset(&arena);
        free(copy);
    }
}

static void test_values(void)
{
    static const char text[] =
        "{\"n\":-5,\"u\":18446744073709551615,\"s\":\"\\u00e9\\n\",\"t\":true}";
    struct json_error error;
    char *copy;
    struct json *object = parse(text, sizeof text - 1, &copy, &error);

    CU_ASSERT_PTR_NOT_NULL_FATAL(object);
    CU_ASSERT_EQUAL(object->count, 4);
    CU_ASSERT(json_member(object, "n")->negative);
    CU_ASSERT_EQUAL(json_member(object, "n")->number, (uint64_t)-5);
    CU_ASSERT_EQUAL(json_member(object, "u")->number, UINT64_MAX);
    CU_ASSERT_EQUAL(json_member(object, "s")->length, 3);
    CU_ASSERT_STRING_EQUAL(json_member(object, "s")->text, "\xc3\xa9\n");
    CU_ASSERT(json_member(object, "t")->boolean);
    CU_ASSERT_PTR_NULL(json_member(object, "S"));
    arena_reset(&arena);
    free(copy);
}

/* Wiping a value's text must leave nothing of it in the line. */
static void test_decoding_leaves_no_rest(void)
{
    static const char text[] = "\"\\u0073\\u0065cret\"";
    struct json_error error;
    char *copy;
    struct json *value = parse(text, sizeof text - 1, &copy, &error);

    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_STRING_EQUAL(value->text, "secret");
    for (const char *c = value->text + value->length; c < copy + sizeof text - 1; c++)
        CU_ASSERT_EQUAL(*c, 0);
    arena_reset(&arena);
    free(copy);
}

static void test_members_are_limited(void)
{
    char text[4096] = "{", *copy;
    struct json_error error;

    for (int i = 0; i <= JSON_MAX_MEMBERS; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"k%d\":0", i ? "," : "", i);
    strcat(text, "}");
    CU_ASSERT_PTR_NULL(parse(text, strlen(text), &copy, &error));
    arena_reset(&arena);
    free(copy);
}

static void test_hex(void)
{
    unsigned char out[4];

    CU_ASSERT(json_decode_hex("00ffAb", 6, out));
    CU_ASSERT_EQUAL(memcmp(out, "\x00\xff\xab", 3), 0);
    CU_ASSERT(json_decode_hex("", 0, out));
    CU_ASSERT_FALSE(json_decode_hex("0", 1, out));
    CU_ASSERT_FALSE(json_decode_hex("0g", 2, out));
    CU_ASSERT_FALSE(json_decode_hex("/0", 2, out));
}

static void test_writer(void)
{
    static const uint16_t lone[] = {'a', 0xD800, 'b', 0xD83D, 0xDD11, 0xDC00};
    static const char expected[] =
        "{\"a\":[1,\"0x000000ff\",[],{}],\"b\":\"\\\"\\\\\\u0001\xef\xbf\xbd\","
        "\"c\":\"a\\ud800b\xf0\x9f\x94\x91\\udc00\",\"d\":\"00ff\","
        "\"e\":null,\"f\":\"0x0123456789abcdef\",\"g\":18446744073709551615}";
    struct writer w = {0};

    write_open(&w, '{');
    write_key(&w, "a");
    write_open(&w, '[');
    write_unsigned(&w, 1);
    write_mask(&w, 255);
    write_open(&w, '[');
    write_close(&w, ']');
    write_open(&w, '{');
    write_close(&w, '}');
    write_close(&w, ']');
    write_key(&w, "b");
    write_string(&w, "\"\\\x01\xff", 4);
    write_key(&w, "c");
    write_utf16(&w, lone, sizeof lone / sizeof lone[0]);
    write_key(&w, "d");
    write_hex(&w, "\x00\xff", 2);
    write_key(&w, "e");
    write_null(&w);
    write_key(&w, "f");
    write_mask64(&w, 0x0123456789abcdef);
    write_key(&w, "g");
    write_unsigned(&w, UINT64_MAX);
    write_close(&w, '}');
    CU_ASSERT_EQUAL(w.used, sizeof expected - 1);
    CU_ASSERT_EQUAL(memcmp(w.data, expected, w.used), 0);
    writer_release(&w);
}

static void test_utf(void)
{
    uint16_t units[8];

    CU_ASSERT_EQUAL(utf8_to_utf16("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91", 10, units), 5);
    CU_ASSERT_EQUAL(units[1], 0xE9);
    CU_ASSERT_EQUAL(units[2], 0x20AC);
    CU_ASSERT_EQUAL(units[3], 0xD83D);
    CU_ASSERT_EQUAL(units[4], 0xDD11);
}

/* Blocks are kept, oversized ones are not, and what was handed out never overlaps. */
static void test_arena(void)
{
    struct arena own = {0};

    for (int round = 0; round < 3; round++) {
        unsigned char *pieces[64];
        for (int i = 0; i < 64; i++) {
            size_t size = (size_t)i * 20000;
            pieces[i] = arena_alloc(&own, size);
            CU_ASSERT_EQUAL((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], i, size);
        }
        for (int i = 1; i < 64; i++)
            CU_ASSERT(pieces[i][0] == i && pieces[i][(size_t)i * 20000 - 1] == i);
        arena_reset(&own);
    }
    arena_release(&own);
}

int main(void)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite("json", NULL, NULL);
    CU_add_test(suite, "accepted", test_accepted);
    CU_add_test(suite, "refused", test_refused);
    CU_add_test(suite, "every cut is refused", test_every_cut_is_refused);
    CU_add_test(suite, "values", test_values);
    CU_add_test(suite, "decoding leaves no rest", test_decoding_leaves_no_rest);
    CU_add_test(suite, "members are limited", test_members_are_limited);
    CU_add_test(suite, "hex", test_hex);
    CU_add_test(suite, "writer", test_writer);
    CU_add_test(suite, "utf", test_utf);
    CU_add_test(suite, "arena", test_arena);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    arena_release(&arena);
    return failures ? 1 : 0;
}
