/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include <string.h>

#include "out_parameters.h"

#define MAX_STRING ((size_t)65536) /* characters read of a string, in case nothing ends it */
#define MAX_BYTES ((uint32_t)1024 * 1024)

enum member_kind {
    AS_NUMBER = 1, /* 32 bits */
    AS_MASK,
    AS_TIME,
    AS_STRING,  /* a pointer, UTF-16 or UTF-8 */
    AS_BYTES,   /* a pointer; the 32-bit length is the member before it */
    AS_PACKAGE, /* a pointer to SecPkgInfo */
    AS_OPAQUE,  /* a pointer or handle: only whether it was written */
};

struct member {
    const char *name;
    enum member_kind kind;
};

/* Members lie one behind the other, each aligned at its own size, as C compilers do it. */
struct attribute_layout {
    const char *name;
    uint32_t number;
    struct member members[6]; /* ends with a NULL name */
};

static const struct attribute_layout context_layouts[] = {
    {"SIZES",
     0,
     {{"cbMaxToken", AS_NUMBER},
      {"cbMaxSignature", AS_NUMBER},
      {"cbBlockSize", AS_NUMBER},
      {"cbSecurityTrailer", AS_NUMBER}}},
    {"NAMES", 1, {{"sUserName", AS_STRING}}},
    {"LIFESPAN", 2, {{"tsStart", AS_TIME}, {"tsExpiry", AS_TIME}}},
    {"DCE_INFO", 3, {{"AuthzSvc", AS_NUMBER}, {"pPac", AS_OPAQUE}}},
    {"STREAM_SIZES",
     4,
     {{"cbHeader", AS_NUMBER},
      {"cbTrailer", AS_NUMBER},
      {"cbMaximumMessage", AS_NUMBER},
      {"cBuffers", AS_NUMBER},
      {"cbBlockSize", AS_NUMBER}}},
    {"KEY_INFO",
     5,
     {{"sSignatureAlgorithmName", AS_STRING},
      {"sEncryptAlgorithmName", AS_STRING},
      {"KeySize", AS_NUMBER},
      {"SignatureAlgorithm", AS_NUMBER},
      {"EncryptAlgorithm", AS_NUMBER}}},
    {"AUTHORITY", 6, {{"sAuthorityName", AS_STRING}}},
    {"PROTO_INFO",
     7,
     {{"sProtocolName", AS_STRING}, {"majorVersion", AS_NUMBER}, {"minorVersion", AS_NUMBER}}},
    {"PASSWORD_EXPIRY", 8, {{"tsPasswordExpires", AS_TIME}}},
    {"SESSION_KEY", 9, {{"SessionKeyLength", AS_NUMBER}, {"SessionKey", AS_BYTES}}},
    {"PACKAGE_INFO", 10, {{"PackageInfo", AS_PACKAGE}}},
    {"USER_FLAGS", 11, {{"UserFlags", AS_MASK}}},
    {"NEGOTIATION_INFO", 12, {{"PackageInfo", AS_PACKAGE}, {"NegotiationState", AS_NUMBER}}},
    {"NATIVE_NAMES", 13, {{"sClientName", AS_STRING}, {"sServerName", AS_STRING}}},
    {"FLAGS", 14, {{"Flags", AS_MASK}}},
    {"CREDENTIAL_NAME", 16, {{"CredentialType", AS_NUMBER}, {"sCredentialName", AS_STRING}}},
    {"TARGET_INFORMATION",
     17,
     {{"MarshalledTargetInfoLength", AS_NUMBER}, {"MarshalledTargetInfo", AS_BYTES}}},
    {"ACCESS_TOKEN", 18, {{"AccessToken", AS_OPAQUE}}},
    {"TARGET", 19, {{"TargetLength", AS_NUMBER}, {"Target", AS_BYTES}}},
    {"AUTHENTICATION_ID",
     20,
     {{"AuthenticationIdLength", AS_NUMBER}, {"AuthenticationId", AS_BYTES}}},
    {"LOGOFF_TIME", 21, {{"tsLogoffTime", AS_TIME}}},
    {"UNIQUE_BINDINGS", 25, {{"BindingsLength", AS_NUMBER}, {"Bindings", AS_BYTES}}},
    {"ENDPOINT_BINDINGS", 26, {{"BindingsLength", AS_NUMBER}, {"Bindings", AS_BYTES}}},
    {"CLIENT_SPECIFIED_TARGET", 27, {{"sTargetName", AS_STRING}}},
    {"LAST_CLIENT_TOKEN_STATUS", 30, {{"LastClientTokenStatus", AS_NUMBER}}},
    {"NEGO_STATUS", 32, {{"LastStatus", AS_MASK}}},
};

static const struct attribute_layout credential_layouts[] = {
    {"NAMES", 1, {{"sUserName", AS_STRING}}},
};

uint32_t attribute_read(struct request *r, bool of_credential,
                        const struct attribute_layout **layout)
{
    const struct attribute_layout *known = of_credential ? credential_layouts : context_layouts;
    size_t count = of_credential ? sizeof credential_layouts / sizeof credential_layouts[0]
                                 : sizeof context_layouts / sizeof context_layouts[0];
    const struct json *value = json_member(r->object, "ulAttribute");
    bool is_name = value && value->type == JSON_STRING && strncmp(value->text, "0x", 2) != 0;
    uint32_t number = 0;

    *layout = NULL;
    if (is_name)
        request_take(r->object, "ulAttribute");
    else
        number = request_needed_u32(r, r->object, "ulAttribute");
    for (size_t i = 0; i < count; i++) {
        if (is_name ? strcmp(value->text, known[i].name) == 0 : number == known[i].number) {
            *layout = &known[i];
            return known[i].number;
        }
    }
    if (is_name)
        request_error(r, "ulAttribute: no attribute named %.64s; a number works for any",
                      value->text);
    return number;
}

static void answer_string(struct request *r, const void *text)
{
    size_t length = 0;

    if (r->functions->ansi) {
        const char *bytes = text;
        while (length < MAX_STRING && bytes[length])
            length++;
        write_string(r->out, bytes, length);
        return;
    }
    const unsigned char *bytes = text; /* nobody promised alignment */
    uint16_t unit = 1, *units;
    while (length < MAX_STRING) {
        memcpy(&unit, bytes + length * sizeof unit, sizeof unit);
        if (unit == 0)
            break;
        length++;
    }
    units = arena_alloc(r->arena, (length + 1) * sizeof unit);
    memcpy(units, bytes, length * sizeof unit);
    write_utf16(r->out, units, length);
}

static void answer_string_or_null(struct request *r, const char *key, const void *text)
{
    write_key(r->out, key);
    if (text)
        answer_string(r, text);
    else
        write_null(r->out);
}

void package_answer(struct request *r, const void *info)
{
    SecPkgInfoW package; /* A has the same layout */

    memcpy(&package, info, sizeof package);
    write_open(r->out, '{');
    answer_string_or_null(r, "Name", package.Name);
    answer_string_or_null(r, "Comment", package.Comment);
    write_key(r->out, "fCapabilities");
    write_mask(r->out, (uint32_t)package.fCapabilities);
    write_key(r->out, "wVersion");
    write_unsigned(r->out, package.wVersion);
    write_key(r->out, "wRPCID");
    write_unsigned(r->out, package.wRPCID);
    write_key(r->out, "cbMaxToken");
    write_unsigned(r->out, package.cbMaxToken);
    write_close(r->out, '}');
}

static size_t member_size(enum member_kind kind)
{
    if (kind == AS_NUMBER || kind == AS_MASK)
        return 4;
    return kind == AS_TIME ? 8 : sizeof(void *);
}

static bool untouched(const unsigned char *start, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (start[i] != PATTERN_BYTE)
            return false;
    return true;
}

static void answer_written(struct request *r, bool written)
{
    write_open(r->out, '{');
    write_key(r->out, "written");
    write_bool(r->out, written);
    write_close(r->out, '}');
}

/* A pointer member that is neither NULL nor untouched. */
static void answer_pointed(struct request *r, enum member_kind kind, void *pointer, uint32_t length)
{
    if (kind == AS_STRING)
        answer_string(r, pointer);
    else if (kind == AS_PACKAGE)
        package_answer(r, pointer);
    else if (length <= MAX_BYTES)
        write_hex(r->out, pointer, length);
    else
        answer_written(r, true);
    release_buffer(r, pointer);
}

/* `before`: the 32-bit member in front, a length when this one is AS_BYTES. */
static void answer_member(struct request *r, const struct member *member,
                          const unsigned char *start, uint32_t *before)
{
    uint32_t number = 0;
    uint64_t time;
    void *pointer;

    write_key(r->out, member->name);
    if (untouched(start, member_size(member->kind))) {
        answer_written(r, false);
        *before = UINT32_MAX;
        return;
    }
    switch (member->kind) {
    case AS_NUMBER:
    case AS_MASK:
        memcpy(&number, start, sizeof number);
        if (member->kind == AS_MASK)
            write_mask(r->out, number);
        else
            write_unsigned(r->out, number);
        *before = number;
        break;
    case AS_TIME:
        memcpy(&time, start, sizeof time);
        write_mask64(r->out, time);
        break;
    case AS_OPAQUE:
        answer_written(r, true);
        break;
    default:
        memcpy(&pointer, start, sizeof pointer);
        if (pointer)
            answer_pointed(r, member->kind, pointer, *before);
        else
            write_null(r->out);
    }
}

void attribute_answer(struct request *r, const struct attribute_layout *layout,
                      const unsigned char *structure)
{
    uint32_t before = 0;
    size_t at = 0;

    write_key(r->out, "value");
    if (untouched(structure, ATTRIBUTE_ROOM)) {
        answer_written(r, false);
    } else if (r->status < 0) {
        answer_written(r, true); /* after a failure no pointer in it can be trusted */
    } else if (!layout) {
        write_open(r->out, '{');
        write_key(r->out, "hex");
        write_hex(r->out, structure, 64);
        write_close(r->out, '}');
    } else {
        write_open(r->out, '{');
        for (const struct member *member = layout->members; member->name; member++) {
            size_t size = member_size(member->kind);
            at = (at + size - 1) & ~(size - 1);
            answer_member(r, member, structure + at, &before);
            at += size;
        }
        write_close(r->out, '}');
    }
}
