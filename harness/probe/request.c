/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf.h"

void request_error(struct request *r, const char *format, ...)
{
    va_list arguments;

    if (r->error)
        return;
    char *text = arena_alloc(r->arena, 256);
    va_start(arguments, format);
    vsnprintf(text, 256, format, arguments);
    va_end(arguments);
    r->error = text;
}

void request_all_taken(struct request *r, const struct json *object, const char *where)
{
    for (const struct json *member = object->first; member; member = member->next)
        if (!member->taken)
            request_error(r, "%s has a key that is not understood here: %.64s", where, member->key);
}

bool request_ready(struct request *r)
{
    request_all_taken(r, r->object, r->call);
    return !r->error;
}

struct json *request_take(struct json *object, const char *key)
{
    struct json *member = json_member(object, key);
    if (!member)
        return NULL;
    member->taken = true;
    return member->type == JSON_NULL ? NULL : member;
}

/* "0x" and 1 to 16 hex digits */
static bool read_mask(const struct json *value, uint64_t *number)
{
    if (value->length < 3 || value->length > 18 || memcmp(value->text, "0x", 2) != 0)
        return false;
    *number = 0;
    for (size_t i = 2; i < value->length; i++) {
        char padded[2] = {'0', value->text[i]};
        unsigned char digit;
        if (!json_decode_hex(padded, 2, &digit))
            return false;
        *number = *number << 4 | digit;
    }
    return true;
}

uint64_t request_number(struct request *r, const struct json *value, const char *key)
{
    uint64_t number = 0;

    if (value->type == JSON_NUMBER && !value->negative)
        return value->number;
    if (value->type == JSON_STRING && read_mask(value, &number))
        return number;
    request_error(r, "%s is neither a number nor a \"0x...\" string", key);
    return 0;
}

uint64_t request_u64(struct request *r, struct json *object, const char *key, uint64_t missing)
{
    struct json *value = request_take(object, key);
    return value ? request_number(r, value, key) : missing;
}

uint32_t request_u32(struct request *r, struct json *object, const char *key, uint32_t missing)
{
    uint64_t number = request_u64(r, object, key, missing);
    if (number > UINT32_MAX)
        request_error(r, "%s does not fit in 32 bits", key);
    return (uint32_t)number;
}

uint32_t request_needed_u32(struct request *r, struct json *object, const char *key)
{
    const struct json *value = json_member(object, key);
    if (!value || value->type == JSON_NULL)
        request_error(r, "%s is missing", key);
    return request_u32(r, object, key, 0);
}

struct json *request_string(struct request *r, struct json *object, const char *key, bool needed)
{
    struct json *value = request_take(object, key);

    if (value && value->type == JSON_STRING)
        return value;
    if (value)
        request_error(r, "%s is not a string", key);
    else if (needed)
        request_error(r, "%s is missing", key);
    return NULL;
}

void *request_sspi_string(struct request *r, const char *key, bool needed)
{
    struct json *value = request_string(r, r->object, key, needed);

    if (!value)
        return NULL;
    if (r->functions->ansi)
        return value->text;
    uint16_t *units = arena_alloc(r->arena, (value->length + 1) * sizeof *units);
    units[utf8_to_utf16(value->text, value->length, units)] = 0;
    return units;
}

unsigned char *request_hex(struct request *r, struct json *object, const char *key, size_t *size)
{
    struct json *value = request_string(r, object, key, false);

    *size = 0;
    if (!value)
        return NULL;
    unsigned char *bytes = arena_alloc(r->arena, value->length / 2 + 1);
    if (json_decode_hex(value->text, value->length, bytes))
        *size = value->length / 2;
    else
        request_error(r, "%s is not an even number of hex digits", key);
    return bytes;
}

bool request_bool(struct request *r, struct json *object, const char *key)
{
    struct json *value = request_take(object, key);
    if (value && value->type != JSON_BOOL)
        request_error(r, "%s is neither true nor false", key);
    return value && value->boolean;
}

bool request_says_null(struct request *r, const char *key)
{
    struct json *value = request_string(r, r->object, key, false);
    if (!value)
        return false;
    if (strcmp(value->text, "null") != 0)
        request_error(r, "%s can only be \"null\" here", key);
    return true;
}

/* ---- handles ------------------------------------------------------------------------------ */

/* Live, or under raw whatever the name last was, or zero. */
static void look_up(struct request *r, struct handles *handles, const struct json *name,
                    struct handle_argument *argument)
{
    struct handle_entry *entry = handles_find(handles, name->text, name->length);

    if (entry && (entry->live || r->raw))
        argument->value = entry->value;
    else if (!r->raw)
        request_error(r, "no handle named %.64s%s", name->text, entry ? ": it was freed" : "");
    argument->entry = entry;
    argument->pointer = &argument->value;
}

/* "null", "zero" or a name, which may be of the other kind: a credential passed as a context. */
static bool overridden(struct request *r, const char *key, struct handles *first,
                       struct handles *second, struct handle_argument *argument)
{
    struct json *value = request_string(r, r->object, key, false);

    if (!value)
        return false;
    if (strcmp(value->text, "null") == 0)
        return true;
    if (strcmp(value->text, "zero") == 0) {
        argument->pointer = &argument->value;
        return true;
    }
    look_up(r, handles_find(first, value->text, value->length) ? first : second, value, argument);
    argument->entry = NULL;
    return true;
}

static void request_handle(struct request *r, struct handle_argument *argument, const char *key,
                           const char *override, struct handles *own, struct handles *other)
{
    memset(argument, 0, sizeof *argument);
    bool instead = overridden(r, override, own, other, argument);
    struct json *name = request_string(r, r->object, key, !instead);
    if (name && !instead)
        look_up(r, own, name, argument);
}

void request_credential(struct request *r, struct handle_argument *argument)
{
    request_handle(r, argument, "cred", "phCredential", &r->probe->credentials,
                   &r->probe->contexts);
}

void request_context(struct request *r, struct handle_argument *argument)
{
    request_handle(r, argument, "ctx", "phContext", &r->probe->contexts, &r->probe->credentials);
}

void request_leg_context(struct request *r, struct handle_argument *argument, struct json **name)
{
    struct handles *contexts = &r->probe->contexts;

    memset(argument, 0, sizeof *argument);
    *name = request_string(r, r->object, "ctx", true);
    if (overridden(r, "phContext", contexts, &r->probe->credentials, argument) || !*name)
        return;
    const struct handle_entry *entry = handles_find(contexts, (*name)->text, (*name)->length);
    if (r->raw || (entry && entry->live))
        look_up(r, contexts, *name, argument);
}
