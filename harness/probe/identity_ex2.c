/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "identity.h"
#include "platform.h"
#include "utf.h"

enum {
    HEADER = 48, /* sizeof SEC_WINNT_AUTH_IDENTITY_EX2 */
    PACKED = 28, /* sizeof SEC_WINNT_AUTH_PACKED_CREDENTIALS */
    VERSION = 0x201
};

/* The members by name, so that a request can give them other values than the right ones. Those of
 * the packed credentials, whose place varies, count from there. */
struct member {
    const char *name;
    bool packed;
    unsigned at, size;
};

static const struct member members[] = {{"Version", false, 0, 4},
                                        {"cbHeaderLength", false, 4, 2},
                                        {"cbStructureLength", false, 8, 4},
                                        {"UserOffset", false, 12, 4},
                                        {"UserLength", false, 16, 2},
                                        {"DomainOffset", false, 20, 4},
                                        {"DomainLength", false, 24, 2},
                                        {"PackedCredentialsOffset", false, 28, 4},
                                        {"PackedCredentialsLength", false, 32, 2},
                                        {"PackageListOffset", false, 40, 4},
                                        {"PackageListLength", false, 44, 2},
                                        {"PackedHeaderLength", true, 0, 2},
                                        {"PackedStructureLength", true, 2, 2},
                                        {"ByteArrayOffset", true, 20, 4},
                                        {"ByteArrayLength", true, 24, 2}};

static const unsigned char password_type[16] = {0x2f, 0xc3, 0xbf, 0x28, 0xf6, 0x10, 0x38, 0x47,
                                                0x98, 0xd1, 0x1a, 0xc0, 0x61, 0xdf, 0x71, 0x6a};
static const unsigned char keytab_type[16] = {0xe8, 0xaa, 0x87, 0xd5, 0x8f, 0xf7, 0x55, 0x44,
                                              0xa1, 0x12, 0xc9, 0x34, 0xbe, 0xee, 0x7c, 0xe1};

struct block {
    unsigned char *bytes;
    size_t size;
};

static void put(unsigned char *at, size_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* Appends a string and notes where, at the member of the header; nothing when it is missing. */
static void add_string(struct request *r, struct json *object, const char *key, struct block *block,
                       unsigned member)
{
    struct json *value = request_string(r, object, key, false);
    if (!value)
        return;
    uint16_t *units = arena_alloc(r->arena, (value->length + 1) * sizeof *units);
    size_t size = 2 * utf8_to_utf16(value->text, value->length, units);
    memcpy(block->bytes + block->size, units, size);
    platform_wipe(units, size);
    put(block->bytes + member, block->size, 4);
    put(block->bytes + member + 4, size, 2);
    block->size += size;
}

/* The keytab, or the password as UTF-16, behind their own header. Returns its place; 0: none. */
static size_t add_packed(struct request *r, struct identity *identity, struct block *block)
{
    struct json *object = identity->object;
    size_t keytab_size = 0, type_size = 0, at = block->size;
    unsigned char *keytab = request_hex(r, object, "Keytab", &keytab_size);
    unsigned char *type = request_hex(r, object, "CredType", &type_size);
    if (type && type_size != sizeof password_type)
        request_error(r, "CredType is not 16 bytes in hex");
    if (r->error || (!keytab && !json_member(object, "Password")))
        return 0;
    unsigned char *packed = block->bytes + at;
    put(packed, PACKED, 2);
    memcpy(packed + 4, type ? type : keytab ? keytab_type : password_type, sizeof password_type);
    block->size += PACKED;
    if (keytab) {
        identity->secrets[identity->secret_count].start = keytab;
        identity->secrets[identity->secret_count++].size = keytab_size;
        memcpy(packed + PACKED, keytab, keytab_size);
        put(packed + 20, PACKED, 4);
        put(packed + 24, keytab_size, 2);
        block->size += keytab_size;
    } else {
        /* Written like the strings of the header, but counted from here. */
        struct block inside = {packed, PACKED};
        add_string(r, object, "Password", &inside, 20);
        block->size = at + inside.size;
    }
    put(packed + 2, block->size - at, 2);
    put(block->bytes + 28, at, 4);
    put(block->bytes + 32, block->size - at, 2);
    return at;
}

static void set_members(struct request *r, struct json *object, const struct block *block,
                        size_t packed)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct member *member = &members[i];
        if (!json_member(object, member->name))
            continue;
        uint32_t value = request_u32(r, object, member->name, 0);
        if (member->packed && !packed)
            request_error(r, "%s: there are no packed credentials", member->name);
        else
            put(block->bytes + (member->packed ? packed : 0) + member->at, value, member->size);
    }
}

void identity_read_ex2(struct request *r, struct identity *identity)
{
    struct json *object = identity->object;
    size_t room = HEADER + PACKED;

    for (struct json *member = object->first; member; member = member->next)
        if (member->type == JSON_STRING)
            room += 2 * member->length;
    struct block block = {arena_alloc(r->arena, room), HEADER};
    identity->secrets[identity->secret_count].start = block.bytes;
    identity->secrets[identity->secret_count++].size = room;
    memset(block.bytes, 0, room);
    put(block.bytes, VERSION, 4);
    put(block.bytes + 4, HEADER, 2);
    put(block.bytes + 36, request_u32(r, object, "Flags", SEC_WINNT_AUTH_IDENTITY_UNICODE), 4);
    add_string(r, object, "User", &block, 12);
    add_string(r, object, "Domain", &block, 20);
    add_string(r, object, "PackageList", &block, 40);
    size_t packed = add_packed(r, identity, &block);
    put(block.bytes + 8, block.size, 4);
    set_members(r, object, &block, packed);
    identity->pointer = block.bytes;
}
