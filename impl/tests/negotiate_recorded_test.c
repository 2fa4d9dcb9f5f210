/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO tokens that Windows and others made: read, compared with what is known to be in them, and
 * written again. The recordings are not part of this tree: without LIBSSPI_NEGOTIATE_VECTORS, a
 * file of lines
 *
 *     origin  token  form  negState  supportedMech  mechTypes  size
 *
 * the program says that it was skipped. token: hex; form: init, init2, resp, or ber for an init
 * with longer lengths than DER has; mechanisms by name, with commas between; size: of the token
 * inside; "-" where there is none of it, "?" where nothing is known of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "negotiate/der.h"
#include "run.h"

static struct sspi_blob token; /* of exactly its size, so that a sanitiser sees more */
static char origin[128], hex[300000], form[8], state[32], supported[32], mechs[128], size[16];

static bool unhex(void)
{
    if (!sspi_blob_alloc(&token, strlen(hex) / 2))
        return false;
    for (size_t i = 0; i < token.size; i++) {
        unsigned value = 0;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1)
            return false;
        token.data[i] = (uint8_t)value;
    }
    return true;
}

static const char *name_of(struct sspi_view oid)
{
    static const struct {
        const char *name, *contents;
        size_t size;
    } known[] = {
        {"MS-KRB5", "\x2a\x86\x48\x82\xf7\x12\x01\x02\x02", 9},
        {"KRB5", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", 9},
        {"KRB5-U2U", "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03", 10},
        {"IAKERB", "\x2b\x06\x01\x05\x02\x05", 6},
        {"NEGOEX", "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e", 10},
        {"NTLMSSP", "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a", 10},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (oid.size == known[i].size && memcmp(oid.data, known[i].contents, oid.size) == 0)
            return known[i].name;
    }
    static char contents[64];
    for (size_t i = 0; i < oid.size && 2 * i + 2 < sizeof contents; i++)
        snprintf(contents + 2 * i, 3, "%02x", oid.data[i]);
    return contents;
}

/* Prints the row that differs, since CUnit would only say where. */
static void same(const char *what, const char *expected, const char *found)
{
    if (strcmp(expected, "?") == 0)
        return;
    if (strcmp(expected, found) != 0)
        fprintf(stderr, "  %s: %s is %s, not %s\n", origin, what, found, expected);
    CU_ASSERT_STRING_EQUAL(found, expected);
}

static void same_inside(struct sspi_view inside)
{
    char text[24] = "-";
    if (inside.data)
        snprintf(text, sizeof text, "%zu", inside.size);
    same("the token inside", size, text);
}

/* What is written back must be what came, octet by octet. */
static void same_again(bool written, struct sspi_blob *again)
{
    bool equal =
        written && again->size <= token.size && memcmp(again->data, token.data, again->size) == 0;
    if (!equal)
        fprintf(stderr, "  %s: is written otherwise than it came\n", origin);
    CU_ASSERT(equal);
    sspi_blob_free(again);
}

static void reads_init(void)
{
    struct sspi_view oid, body = sspi_blob_view(&token), list;
    struct sspi_blob again = {NULL, 0};
    struct neg_init init;
    char names[128] = "";

    bool framed = neg_unframe(body, &oid, &body);
    CU_ASSERT_FATAL(neg_init_decode(body, NEG_TRAILING_REFUSED, &init));
    list = neg_mechs(init.mech_types);
    while (neg_next_mech(&list, &oid)) {
        strcat(names, *names ? "," : "");
        strcat(names, name_of(oid));
    }
    same("mechTypes", mechs, names);
    same_inside(init.mech_token);
    CU_ASSERT_EQUAL(init.hint, strcmp(form, "init2") == 0);
    /* Before Vista the hint named the server; its text is not kept, and this one is written. */
    static const char now[] = "not_defined_in_RFC4178@please_ignore";
    bool other_hint = init.hint && !memmem(token.data, token.size, now, sizeof now - 1);
    if (framed && !init.mic.data && !other_hint && strcmp(form, "ber") != 0)
        same_again(neg_init_encode(&init, &again), &again);
}

static void reads_resp(void)
{
    static const char *const states[] = {"accept-completed", "accept-incomplete", "reject",
                                         "request-mic", "-"};
    struct sspi_blob again = {NULL, 0};
    struct neg_resp resp;
    CU_ASSERT_FATAL(neg_resp_decode(sspi_blob_view(&token), NEG_TRAILING_REFUSED, &resp));
    same("negState", state, states[resp.state]);
    same("supportedMech", supported, resp.supported_mech.data ? name_of(resp.supported_mech) : "-");
    same_inside(resp.token);
    same_again(neg_resp_encode(&resp, &again), &again);
}

/* Cut short anywhere it is none any more, and nobody reads on. */
static void refuses_parts(void)
{
    struct neg_init init;
    struct neg_resp resp;
    struct sspi_view oid, body;
    size_t step = token.size < 600 ? 1 : token.size / 200;
    for (size_t cut = 0; cut < token.size; cut += step) {
        struct sspi_blob part;
        CU_ASSERT_FATAL(sspi_blob_copy(&part, token.data, cut));
        body = sspi_blob_view(&part);
        CU_ASSERT_FALSE(neg_unframe(body, &oid, &body));
        CU_ASSERT_FALSE(neg_init_decode(body, NEG_TRAILING_IGNORED, &init));
        CU_ASSERT_FALSE(neg_resp_decode(body, NEG_TRAILING_IGNORED, &resp));
        sspi_blob_free(&part);
    }
}

static void recorded_tokens(void)
{
    const char *name = getenv("LIBSSPI_NEGOTIATE_VECTORS");
    FILE *file = name ? fopen(name, "r") : NULL;
    int rows = 0;
    if (!file) {
        puts("negotiate_recorded_test: skipped, LIBSSPI_NEGOTIATE_VECTORS names no file");
        CU_PASS("skipped");
        return;
    }
    while (fscanf(file, "%127s %299999s %7s %31s %31s %127s %15s", origin, hex, form, state,
                  supported, mechs, size) == 7) {
        CU_ASSERT_FATAL(unhex());
        if (strcmp(form, "resp") == 0)
            reads_resp();
        else
            reads_init();
        refuses_parts();
        sspi_blob_free(&token);
        rows++;
    }
    fclose(file);
    printf("negotiate_recorded_test: %d tokens\n", rows);
    CU_ASSERT(rows > 0);
}

SSPI_TESTS({"recorded_tokens", recorded_tokens})
