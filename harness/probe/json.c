/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <string.h>

#include "utf.h"

struct parser {
    struct arena *arena;
    char *start;
    char *at;
    char *end;
    const char *what; /* the first error, at `at` */
};

static bool parse_value(struct parser *p, struct json *value, unsigned depth);

static bool fail(struct parser *p, const char *what)
{
    if (!p->what)
        p->what = what;
    return false;
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '\n'))
        p->at++;
}

static bool parse_word(struct parser *p, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(p->end - p->at) < length || memcmp(p->at, word, length) != 0)
        return fail(p, "unexpected character");
    p->at += length;
    return true;
}

static bool parse_number(struct parser *p, struct json *value)
{
    uint64_t number = 0;

    value->type = JSON_NUMBER;
    value->text = p->at;
    if (*p->at == '-') {
        value->negative = true;
        p->at++;
    }
    if (p->at == p->end || *p->at < '0' || *p->at > '9')
        return fail(p, "a digit is missing");
    if (*p->at == '0' && p->at + 1 < p->end && p->at[1] >= '0' && p->at[1] <= '9')
        return fail(p, "a number with a leading zero");
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++) {
        unsigned digit = (unsigned)(*p->at - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return fail(p, "a number beyond 64 bits");
        number = number * 10 + digit;
    }
    if (p->at < p->end && (*p->at == '.' || *p->at == 'e' || *p->at == 'E'))
        return fail(p, "only whole numbers are understood");
    if (value->negative) {
        if (number > (uint64_t)INT64_MAX + 1)
            return fail(p, "a number beyond 64 bits");
        number = 0 - number;
        value->negative = number != 0;
    }
    value->number = number;
    value->length = (size_t)(p->at - value->text);
    return true;
}

/* The four digits behind \u. */
static bool parse_unit(struct parser *p, uint32_t *unit)
{
    *unit = 0;
    if (p->end - p->at < 4)
        return fail(p, "a cut-off escape");
    for (int i = 0; i < 4; i++, p->at++) {
        char c = *p->at;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A' + 10);
        else
            return fail(p, "not a hex digit in an escape");
        *unit = *unit << 4 | digit;
    }
    return true;
}

/* What follows a backslash, to `out`. */
static bool parse_escape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t unit, low;

    if (p->at == p->end)
        return fail(p, "a string without an end");
    const char *simple = *p->at ? strchr(from, *p->at) : NULL;
    if (simple) {
        *(*out)++ = to[simple - from];
        p->at++;
        return true;
    }
    if (*p->at != 'u')
        return fail(p, "an unknown escape");
    p->at++;
    if (!parse_unit(p, &unit))
        return false;
    if (unit >= 0xD800 && unit <= 0xDFFF) {
        if (unit >= 0xDC00 || p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
            return fail(p, "an unpaired surrogate");
        p->at += 2;
        if (!parse_unit(p, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(p, "an unpaired surrogate");
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    *out += utf8_encode(unit, *out); /* never longer than the escape was */
    return true;
}

/* Decoding in place works since no escape is shorter than what it stands for. */
static bool parse_string(struct parser *p, char **text, size_t *length)
{
    if (p->at == p->end || *p->at != '"')
        return fail(p, "a string is missing");
    char *out = ++p->at;
    *text = out;
    for (;;) {
        if (p->at == p->end)
            return fail(p, "a string without an end");
        unsigned char c = (unsigned char)*p->at;
        if (c == '"') {
            break;
        } else if (c == '\\') {
            p->at++;
            if (!parse_escape(p, &out))
                return false;
        } else if (c < 0x20) {
            return fail(p, "a control character in a string");
        } else if (c < 0x80) {
            *out++ = *p->at++;
        } else {
            uint32_t code_point;
            size_t step = utf8_decode(p->at, (size_t)(p->end - p->at), &code_point);
            if (step == 0)
                return fail(p, "malformed UTF-8");
            memmove(out, p->at, step);
            out += step;
            p->at += step;
        }
    }
    *length = (size_t)(out - *text);
    memset(out, 0, (size_t)(p->at - out) + 1); /* the closing quote too: a terminator */
    p->at++;
    return true;
}

static struct json *append(struct parser *p, struct json *list, struct json **last)
{
    struct json *item = arena_alloc(p->arena, sizeof *item);
    memset(item, 0, sizeof *item);
    if (*last)
        (*last)->next = item;
    else
        list->first = item;
    *last = item;
    list->count++;
    return item;
}

/* Behind an item: true when another one follows; false at the end or on an error. */
static bool another(struct parser *p, char close)
{
    skip_space(p);
    if (p->at < p->end && *p->at == ',') {
        p->at++;
        skip_space(p);
        return true;
    }
    if (p->at == p->end || *p->at != close)
        return fail(p, "a comma or the end of a list is missing");
    p->at++;
    return false;
}

static bool parse_array(struct parser *p, struct json *array, unsigned depth)
{
    struct json *last = NULL;

    array->type = JSON_ARRAY;
    p->at++;
    skip_space(p);
    if (p->at < p->end && *p->at == ']') {
        p->at++;
        return true;
    }
    do {
        if (!parse_value(p, append(p, array, &last), depth))
            return false;
    } while (another(p, ']'));
    return !p->what;
}

static bool parse_member(struct parser *p, struct json *object, struct json **last, unsigned depth)
{
    char *key;
    size_t key_length;

    if (!parse_string(p, &key, &key_length))
        return false;
    for (const struct json *other = object->first; other; other = other->next)
        if (other->key_length == key_length && memcmp(other->key, key, key_length) == 0)
            return fail(p, "a key twice in one object");
    if (object->count == JSON_MAX_MEMBERS)
        return fail(p, "too many members in one object");
    struct json *member = append(p, object, last);
    member->key = key;
    member->key_length = key_length;
    skip_space(p);
    if (p->at == p->end || *p->at != ':')
        return fail(p, "a colon is missing");
    p->at++;
    skip_space(p);
    return parse_value(p, member, depth);
}

static bool parse_object(struct parser *p, struct json *object, unsigned depth)
{
    struct json *last = NULL;

    object->type = JSON_OBJECT;
    p->at++;
    skip_space(p);
    if (p->at < p->end && *p->at == '}') {
        p->at++;
        return true;
    }
    do {
        if (!parse_member(p, object, &last, depth))
            return false;
    } while (another(p, '}'));
    return !p->what;
}

static bool parse_value(struct parser *p, struct json *value, unsigned depth)
{
    if (p->at == p->end)
        return fail(p, "a value is missing");
    switch (*p->at) {
    case '{':
        return depth == JSON_MAX_DEPTH ? fail(p, "nested too deeply")
                                       : parse_object(p, value, depth + 1);
    case '[':
        return depth == JSON_MAX_DEPTH ? fail(p, "nested too deeply")
                                       : parse_array(p, value, depth + 1);
    case '"':
        value->type = JSON_STRING;
        return parse_string(p, &value->text, &value->length);
    case 't':
        value->type = JSON_BOOL;
        value->boolean = true;
        return parse_word(p, "true");
    case 'f':
        value->type = JSON_BOOL;
        return parse_word(p, "false");
    case 'n':
        value->type = JSON_NULL;
        return parse_word(p, "null");
    default:
        if (*p->at == '-' || (*p->at >= '0' && *p->at <= '9'))
            return parse_number(p, value);
        return fail(p, "unexpected character");
    }
}

struct json *json_parse(struct arena *arena, char *text, size_t length, struct json_error *error)
{
    struct parser p = {.arena = arena, .start = text, .at = text, .end = text + length};
    struct json *root = arena_alloc(arena, sizeof *root);

    memset(root, 0, sizeof *root);
    skip_space(&p);
    if (parse_value(&p, root, 0)) {
        skip_space(&p);
        if (p.at == p.end)
            return root;
        fail(&p, "something behind the end");
    }
    error->what = p.what;
    error->offset = (size_t)(p.at - p.start);
    return NULL;
}

struct json *json_member(const struct json *object, const char *key)
{
    size_t length = strlen(key);
    for (struct json *member = object->first; member; member = member->next)
        if (member->key_length == length && memcmp(member->key, key, length) == 0)
            return member;
    return NULL;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool json_decode_hex(const char *text, size_t length, unsigned char *out)
{
    if (length % 2 != 0)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    return true;
}
