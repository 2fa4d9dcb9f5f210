/* SPDX-License-Identifier: Apache-2.0 */
#include "buffers.h"

#include <string.h>

#include "out_parameters.h"
#include "sanitizer.h"

static const unsigned char canary[CANARY_SIZE] = {
    0xC0, 0x1D, 0xC2, 0x3F, 0xC4, 0x51, 0xC6, 0x73, 0xC8, 0x95, 0xCA, 0xB7, 0xCC, 0xD9, 0xCE, 0xFB,
    0xD0, 0x2D, 0xD2, 0x4F, 0xD4, 0x61, 0xD6, 0x83, 0xD8, 0xA5, 0xDA, 0xC7, 0xDC, 0xE9, 0xDE, 0x0B};

static const struct {
    const char *name;
    uint32_t number;
} types[] = {
    {"EMPTY", SECBUFFER_EMPTY},
    {"DATA", SECBUFFER_DATA},
    {"TOKEN", SECBUFFER_TOKEN},
    {"PKG_PARAMS", SECBUFFER_PKG_PARAMS},
    {"MISSING", SECBUFFER_MISSING},
    {"EXTRA", SECBUFFER_EXTRA},
    {"STREAM_TRAILER", SECBUFFER_STREAM_TRAILER},
    {"STREAM_HEADER", SECBUFFER_STREAM_HEADER},
    {"NEGOTIATION_INFO", SECBUFFER_NEGOTIATION_INFO},
    {"PADDING", SECBUFFER_PADDING},
    {"STREAM", SECBUFFER_STREAM},
    {"MECHLIST", SECBUFFER_MECHLIST},
    {"MECHLIST_SIGNATURE", SECBUFFER_MECHLIST_SIGNATURE},
    {"TARGET", SECBUFFER_TARGET},
    {"CHANNEL_BINDINGS", SECBUFFER_CHANNEL_BINDINGS},
    {"CHANGE_PASS_RESPONSE", SECBUFFER_CHANGE_PASS_RESPONSE},
    {"TARGET_HOST", SECBUFFER_TARGET_HOST},
    {"ALERT", SECBUFFER_ALERT},
};

static uint32_t read_type(struct request *r, struct json *object)
{
    struct json *type = request_take(object, "type");
    uint32_t attributes = 0;

    struct json *readonly = request_string(r, object, "readonly", false);
    if (readonly && strcmp(readonly->text, "plain") == 0)
        attributes = SECBUFFER_READONLY;
    else if (readonly && strcmp(readonly->text, "checksum") == 0)
        attributes = SECBUFFER_READONLY_WITH_CHECKSUM;
    else if (readonly)
        request_error(r, "readonly is neither \"plain\" nor \"checksum\"");
    if (!type) {
        request_error(r, "a buffer has no type");
        return 0;
    }
    if (type->type == JSON_STRING)
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (strcmp(type->text, types[i].name) == 0)
                return types[i].number | attributes;
    uint64_t number = request_number(r, type, "the type of a buffer");
    if (number > UINT32_MAX)
        request_error(r, "the type of a buffer does not fit in 32 bits");
    return (uint32_t)number | attributes;
}

static void read_buffer(struct request *r, struct json *object, SecBuffer *entry,
                        struct buffer_room *room)
{
    if (object->type != JSON_OBJECT) {
        request_error(r, "a buffer is not an object");
        return;
    }
    entry->BufferType = read_type(r, object);
    struct json *hex = request_string(r, object, "hex", false);
    uint32_t given = hex ? (uint32_t)(hex->length / 2) : 0;
    uint32_t size = request_u32(r, object, "size", given);
    bool null = request_bool(r, object, "null");
    request_all_taken(r, object, "a buffer");
    entry->cbBuffer = size;
    if (null && hex)
        request_error(r, "a buffer with null has no hex");
    else if (size < given)
        request_error(r, "size is smaller than the bytes in hex");
    else if (!null && size > MAX_BUFFER_SIZE)
        request_error(r, "a buffer of more than 64 MiB");
    if (r->error || null)
        return;
    room->size = size;
    room->start = arena_alloc(r->arena, (size_t)size + CANARY_SIZE);
    memset(room->start + given, PATTERN_BYTE, size - given);
    memcpy(room->start + size, canary, CANARY_SIZE);
    if (hex && !json_decode_hex(hex->text, hex->length, room->start))
        request_error(r, "the hex of a buffer is not an even number of hex digits");
    POISON(room->start + size, CANARY_SIZE);
    entry->pvBuffer = room->start;
}

/* What is wrong with the descriptor itself: {"ulVersion": 1}, {"pBuffers": "null", "cBuffers": 2}.
 */
static void misdescribe(struct request *r, const char *key, SecBufferDesc *descriptor)
{
    struct json *wrong = request_take(r->object, key);

    if (!wrong)
        return;
    if (wrong->type != JSON_OBJECT) {
        request_error(r, "%s is not an object", key);
        return;
    }
    descriptor->ulVersion = request_u32(r, wrong, "ulVersion", SECBUFFER_VERSION);
    uint32_t count = request_u32(r, wrong, "cBuffers", (uint32_t)descriptor->cBuffers);
    const struct json *buffers = request_string(r, wrong, "pBuffers", false);
    if (buffers && strcmp(buffers->text, "null") == 0)
        descriptor->pBuffers = NULL;
    else if (buffers)
        request_error(r, "pBuffers of %s may only be \"null\"", key);
    else if (count > descriptor->cBuffers)
        request_error(r, "cBuffers of %s counts buffers that are not there", key);
    descriptor->cBuffers = count;
    request_all_taken(r, wrong, key);
}

void buffers_read(struct request *r, const char *key, const char *wrong, struct buffer_list *list)
{
    struct json *array = request_take(r->object, key);

    memset(list, 0, sizeof *list);
    if (!array) {
        if (request_take(r->object, wrong))
            request_error(r, "%s describes no list", wrong);
        return;
    }
    if (array->type != JSON_ARRAY || array->count > MAX_BUFFERS) {
        request_error(r, "%s is not a list of at most %d buffers", key, MAX_BUFFERS);
        return;
    }
    list->count = (uint32_t)array->count;
    list->entries = arena_alloc(r->arena, (array->count + 1) * sizeof *list->entries);
    list->rooms = arena_alloc(r->arena, (array->count + 1) * sizeof *list->rooms);
    memset(list->entries, 0, (array->count + 1) * sizeof *list->entries);
    memset(list->rooms, 0, (array->count + 1) * sizeof *list->rooms);
    uint32_t i = 0;
    for (struct json *item = array->first; item; item = item->next, i++)
        read_buffer(r, item, &list->entries[i], &list->rooms[i]);
    list->descriptor.ulVersion = SECBUFFER_VERSION;
    list->descriptor.cBuffers = list->count;
    list->descriptor.pBuffers = list->entries;
    list->pointer = &list->descriptor;
    misdescribe(r, wrong, &list->descriptor);
}

/* How many bytes may be read at `start`, when that lies in one of the caller's buffers. */
static uint32_t room_at(const struct buffer_list *list, const unsigned char *start)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct buffer_room *room = &list->rooms[i];
        if (room->start && start >= room->start && start <= room->start + room->size)
            return room->size - (uint32_t)(start - room->start);
    }
    return 0;
}

static bool inside(const struct buffer_list *list, const unsigned char *start)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->rooms[i].start && start >= list->rooms[i].start &&
            start <= list->rooms[i].start + list->rooms[i].size)
            return true;
    return false;
}

static void answer_bytes(struct request *r, const SecBuffer *entry, uint32_t room)
{
    uint32_t size = entry->cbBuffer < room ? (uint32_t)entry->cbBuffer : room;

    write_key(r->out, "hex");
    write_hex(r->out, entry->pvBuffer, size);
    /* In a MISSING buffer the size says how much more the implementation wants. */
    if (entry->cbBuffer > room && (entry->BufferType & ~SECBUFFER_ATTRMASK) != SECBUFFER_MISSING) {
        write_key(r->out, "overrun");
        write_bool(r->out, true);
    }
}

/* Memory the implementation allocated for the caller. After a failure it is only there when
 * there are bytes: an error token. */
static void answer_foreign(struct request *r, const SecBuffer *entry)
{
    if (r->status < 0 && entry->cbBuffer == 0)
        return;
    write_key(r->out, "hex");
    write_hex(r->out, entry->pvBuffer,
              entry->cbBuffer < MAX_BUFFER_SIZE ? entry->cbBuffer : MAX_BUFFER_SIZE);
    write_key(r->out, "free");
    write_mask(r->out, (uint32_t)release_buffer(r, entry->pvBuffer));
}

static void answer_buffer(struct request *r, const struct buffer_list *list, uint32_t i,
                          enum buffers_report report)
{
    const SecBuffer *entry = &list->entries[i];
    const struct buffer_room *room = &list->rooms[i];
    const char *where = "changed";

    if (!entry->pvBuffer)
        where = "null";
    else if (entry->pvBuffer == room->start)
        where = "same";
    write_open(r->out, '{');
    write_key(r->out, "type");
    write_unsigned(r->out, entry->BufferType);
    write_key(r->out, "size");
    write_unsigned(r->out, entry->cbBuffer);
    if (room->start) {
        write_key(r->out, "canary");
        write_text(r->out, memcmp(room->start + room->size, canary, CANARY_SIZE) == 0 ? "intact"
                                                                                      : "broken");
    }
    write_key(r->out, "pvBuffer");
    write_text(r->out, where);
    if (report != BUFFERS_WITHOUT_BYTES && entry->pvBuffer) {
        if (entry->pvBuffer == room->start)
            answer_bytes(r, entry, room->size);
        else if (inside(list, entry->pvBuffer))
            answer_bytes(r, entry, room_at(list, entry->pvBuffer));
        else if (report == BUFFERS_ALLOCATED)
            answer_foreign(r, entry);
    }
    write_close(r->out, '}');
}

void buffers_answer(struct request *r, const char *key, struct buffer_list *list,
                    enum buffers_report report)
{
    if (!list->pointer)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->rooms[i].start)
            UNPOISON(list->rooms[i].start + list->rooms[i].size, CANARY_SIZE);
    write_key(r->out, key);
    write_open(r->out, '[');
    for (uint32_t i = 0; i < list->count; i++)
        answer_buffer(r, list, i, report);
    write_close(r->out, ']');
}
