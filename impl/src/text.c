/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 and UTF-16LE. Both converters are strict: no lone surrogates, no overlong forms, no
 * embedded zero (a name that ends early for one reader and not for another is an attack).
 */
#include "text.h"

#include <string.h>

#include "text_upper.h"

#define INVALID UINT32_MAX

/* One character from `units` 16-bit units at *at, little-endian bytes; moves *at. */
static uint32_t next_utf16(const uint8_t *bytes, size_t units, size_t *at)
{
    uint32_t high = bytes[2 * *at] | (uint32_t)bytes[2 * *at + 1] << 8;
    (*at)++;
    if (high < 0xd800 || high > 0xdfff)
        return high ? high : INVALID;
    if (high > 0xdbff || *at == units)
        return INVALID;
    uint32_t low = bytes[2 * *at] | (uint32_t)bytes[2 * *at + 1] << 8;
    if (low < 0xdc00 || low > 0xdfff)
        return INVALID;
    (*at)++;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* One character from zero-terminated UTF-8; moves *text, which must not be at the end. */
static uint32_t next_utf8(const char **text)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *at = (const uint8_t *)*text;
    uint8_t lead = *at++;
    unsigned more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (more == 4 || lead > 0xf4)
        return INVALID;
    uint32_t c = more == 0 ? lead : lead & (0x3fu >> more);
    for (unsigned i = 0; i < more; i++, at++) {
        if ((*at & 0xc0) != 0x80) /* stops at the terminating zero too */
            return INVALID;
        c = c << 6 | (*at & 0x3f);
    }
    if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return INVALID;
    *text = (const char *)at;
    return c;
}

/* Bytes written; out NULL only counts. */
static size_t put_utf8(uint32_t c, char *out)
{
    size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (!out)
        return size;
    for (size_t i = size; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[size] | c);
    return size;
}

/* Units written, as little-endian bytes. */
static size_t put_utf16(uint32_t c, uint8_t *out)
{
    if (c < 0x10000) {
        out[0] = (uint8_t)c;
        out[1] = (uint8_t)(c >> 8);
        return 1;
    }
    put_utf16(0xd800 + ((c - 0x10000) >> 10), out);
    put_utf16(0xdc00 + ((c - 0x10000) & 0x3ff), out + 2);
    return 2;
}

static char *utf8_from_bytes(const uint8_t *bytes, size_t units)
{
    size_t ascii = 0; /* most names are nothing else, and every call converts the target's */
    while (ascii < units && bytes[2 * ascii] && bytes[2 * ascii] < 0x80 && !bytes[2 * ascii + 1])
        ascii++;
    size_t size = ascii;
    for (size_t at = ascii; at < units;) {
        uint32_t c = next_utf16(bytes, units, &at);
        if (c == INVALID)
            return NULL;
        size += put_utf8(c, NULL);
    }
    char *text = sspi_alloc(size + 1);
    if (!text)
        return NULL;
    for (size_t at = 0; at < ascii; at++)
        text[at] = (char)bytes[2 * at];
    char *out = text + ascii;
    for (size_t at = ascii; at < units;)
        out += put_utf8(next_utf16(bytes, units, &at), out);
    return text;
}

char *sspi_utf8_from_utf16(const SEC_WCHAR *text, size_t units)
{
    return text || !units ? utf8_from_bytes((const uint8_t *)text, units) : NULL;
}

char *sspi_utf8_from_bytes(struct sspi_view utf16le)
{
    if (utf16le.size % 2 || (!utf16le.data && utf16le.size))
        return NULL;
    return utf8_from_bytes(utf16le.data, utf16le.size / 2);
}

bool sspi_utf16_valid(const SEC_WCHAR *text, size_t units)
{
    for (size_t at = 0; at < units;) {
        if (next_utf16((const uint8_t *)text, units, &at) == INVALID)
            return false;
    }
    return true;
}

/* 16-bit units of the text; SIZE_MAX when it is not valid UTF-8. */
static size_t count_units(const char *text)
{
    size_t units = 0;
    while (*text) {
        uint32_t c = next_utf8(&text);
        if (c == INVALID)
            return SIZE_MAX;
        units += c < 0x10000 ? 1 : 2;
    }
    return units;
}

bool sspi_utf8_valid(const char *text)
{
    return count_units(text) != SIZE_MAX;
}

static void put_units(const char *text, uint8_t *out)
{
    while (*text)
        out += 2 * put_utf16(next_utf8(&text), out);
}

SEC_WCHAR *sspi_utf16_from_utf8(const char *text)
{
    size_t units = text ? count_units(text) : SIZE_MAX;
    SEC_WCHAR *wide = units == SIZE_MAX ? NULL : sspi_alloc((units + 1) * sizeof *wide);
    if (wide)
        put_units(text, (uint8_t *)wide);
    return wide;
}

size_t sspi_utf16_length(const SEC_WCHAR *text)
{
    size_t units = 0;
    while (text && text[units])
        units++;
    return units;
}

bool sspi_utf16_blob(const char *text, struct sspi_blob *blob)
{
    size_t units = text ? count_units(text) : SIZE_MAX;
    *blob = (struct sspi_blob){NULL, 0};
    if (units == SIZE_MAX || !sspi_blob_alloc(blob, 2 * units))
        return false;
    if (units)
        put_units(text, blob->data);
    return true;
}

static uint32_t upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 0x20 : c;
    size_t low = 0, high = sspi_upper_range_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct sspi_upper_range *range = &sspi_upper_ranges[middle];
        if (c < range->first)
            high = middle;
        else if (c > range->last)
            low = middle + 1;
        else
            return (c - range->first) % range->step == 0 ? (uint32_t)((int32_t)c + range->delta)
                                                         : c;
    }
    return c;
}

char *sspi_upper(const char *text)
{
    size_t size = 0;
    const char *at = text;
    while (text && *at) {
        uint32_t c = next_utf8(&at);
        if (c == INVALID)
            return NULL;
        size += put_utf8(upper(c), NULL);
    }
    char *result = text ? sspi_alloc(size + 1) : NULL;
    if (!result)
        return NULL;
    char *out = result;
    for (at = text; *at;)
        out += put_utf8(upper(next_utf8(&at)), out);
    return result;
}

static char upper_ascii(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
}

bool sspi_equal_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && upper_ascii(*a) == upper_ascii(*b)) {
        a++;
        b++;
    }
    return upper_ascii(*a) == upper_ascii(*b);
}
