/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <string.h>

#include "platform.h"
#include "utf.h"

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(struct identity_plain) == sizeof(SEC_WINNT_AUTH_IDENTITY_W) &&
                   offsetof(struct identity_plain, Flags) ==
                       offsetof(SEC_WINNT_AUTH_IDENTITY_W, Flags),
               "the layout of the plain identity");
_Static_assert(sizeof(struct identity_extended) == sizeof(SEC_WINNT_AUTH_IDENTITY_EXW) &&
                   offsetof(struct identity_extended, PackageList) ==
                       offsetof(SEC_WINNT_AUTH_IDENTITY_EXW, PackageList),
               "the layout of the extended identity");
#endif

struct kind {
    const char *name;
    bool extended;
    bool wide;
    bool packed;
};

static const struct kind kinds[] = {{"W", false, true, false},
                                    {"A", false, false, false},
                                    {"EXW", true, true, false},
                                    {"EXA", true, false, false},
                                    {"EX2", false, true, true}};

static struct kind read_kind(struct request *r, struct json *object)
{
    struct json *kind = request_string(r, object, "kind", false);

    if (!kind)
        return json_member(object, "PackageList") ? kinds[2] : kinds[0];
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kind->text, kinds[i].name) == 0)
            return kinds[i];
    request_error(r, "kind of an identity is none of W, A, EXW, EXA, EX2");
    return kinds[0];
}

/* A missing string is NULL, an empty one a pointer with length 0. */
static void read_string(struct request *r, struct identity *identity, const char *key, bool wide,
                        void **text, uint32_t *length)
{
    struct json *value = request_string(r, identity->object, key, false);

    if (!value)
        return;
    if (!wide) {
        *text = value->text;
        *length = (uint32_t)value->length;
        return;
    }
    size_t size = (value->length + 1) * sizeof(uint16_t);
    uint16_t *units = arena_alloc(r->arena, size);
    identity->secrets[identity->secret_count].start = units;
    identity->secrets[identity->secret_count++].size = size;
    size_t count = utf8_to_utf16(value->text, value->length, units);
    units[count] = 0;
    *text = units;
    *length = (uint32_t)count;
}

/* A string's length may be told wrong: shorter than the string, or any where there is none. */
static void read_text(struct request *r, struct identity *identity, const char *key,
                      const char *length_key, bool wide, void **text, uint32_t *length)
{
    read_string(r, identity, key, wide, text, length);
    uint32_t told = request_u32(r, identity->object, length_key, *length);
    if (*text && told > *length)
        request_error(r, "%s is longer than the string", length_key);
    *length = told;
}

void identity_read(struct request *r, struct identity *identity)
{
    struct identity_plain *plain = &identity->value.plain;

    memset(identity, 0, sizeof *identity);
    identity->object = request_take(r->object, "identity");
    if (!identity->object)
        return;
    if (identity->object->type != JSON_OBJECT) {
        request_error(r, "identity is not an object");
        identity->object = NULL;
        return;
    }
    struct kind kind = read_kind(r, identity->object);
    if (kind.packed) {
        identity_read_ex2(r, identity);
        request_all_taken(r, identity->object, "identity");
        return;
    }
    read_text(r, identity, "User", "UserLength", kind.wide, &plain->User, &plain->UserLength);
    read_text(r, identity, "Domain", "DomainLength", kind.wide, &plain->Domain,
              &plain->DomainLength);
    read_text(r, identity, "Password", "PasswordLength", kind.wide, &plain->Password,
              &plain->PasswordLength);
    plain->Flags =
        request_u32(r, identity->object, "Flags",
                    kind.wide ? SEC_WINNT_AUTH_IDENTITY_UNICODE : SEC_WINNT_AUTH_IDENTITY_ANSI);
    if (kind.extended) {
        identity->value.Version =
            request_u32(r, identity->object, "Version", SEC_WINNT_AUTH_IDENTITY_VERSION);
        identity->value.Length = request_u32(r, identity->object, "Length", sizeof identity->value);
        read_text(r, identity, "PackageList", "PackageListLength", kind.wide,
                  &identity->value.PackageList, &identity->value.PackageListLength);
        identity->pointer = &identity->value;
    } else {
        identity->pointer = plain;
    }
    request_all_taken(r, identity->object, "identity");
}

void identity_wipe(struct identity *identity)
{
    for (unsigned i = 0; i < identity->secret_count; i++)
        platform_wipe(identity->secrets[i].start, identity->secrets[i].size);
    if (!identity->object)
        return;
    for (struct json *member = identity->object->first; member; member = member->next)
        if (member->type == JSON_STRING)
            platform_wipe(member->text, member->length);
    platform_wipe(&identity->value, sizeof identity->value);
}
