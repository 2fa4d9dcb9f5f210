/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf.h"

static const char digits[] = "0123456789abcdef";

/* Make room for `more` bytes and return where they go. */
static char *reserve(struct writer *w, size_t more)
{
    if (w->room - w->used < more) {
        size_t room = w->room ? w->room : 64 * 1024;
        while (room - w->used < more)
            room *= 2;
        char *data = realloc(w->data, room);
        if (!data) {
            fputs("sspi-probe: out of memory; ask for less in one line\n", stderr);
            exit(2);
        }
        w->data = data;
        w->room = room;
    }
    return w->data + w->used;
}

static void put(struct writer *w, const char *text, size_t length)
{
    memcpy(reserve(w, length), text, length);
    w->used += length;
}

static void put_byte(struct writer *w, char byte)
{
    *reserve(w, 1) = byte;
    w->used++;
}

/* A value or key needs a comma unless it is the first of its list or belongs to a key. */
static void separate(struct writer *w)
{
    char last = w->used ? w->data[w->used - 1] : '[';
    if (last != '{' && last != '[' && last != ':')
        put_byte(w, ',');
}

void writer_release(struct writer *w)
{
    free(w->data);
    memset(w, 0, sizeof *w);
}

void write_open(struct writer *w, char bracket)
{
    separate(w);
    put_byte(w, bracket);
}

void write_close(struct writer *w, char bracket)
{
    put_byte(w, bracket);
}

void write_key(struct writer *w, const char *key)
{
    separate(w);
    put_byte(w, '"');
    put(w, key, strlen(key));
    put(w, "\":", 2);
}

void write_raw(struct writer *w, const char *json, size_t length)
{
    separate(w);
    put(w, json, length);
}

void write_null(struct writer *w)
{
    write_raw(w, "null", 4);
}

void write_bool(struct writer *w, bool value)
{
    if (value)
        write_raw(w, "true", 4);
    else
        write_raw(w, "false", 5);
}

void write_unsigned(struct writer *w, uint64_t value)
{
    char text[20];
    size_t at = sizeof text;
    do {
        text[--at] = digits[value % 10];
        value /= 10;
    } while (value);
    write_raw(w, text + at, sizeof text - at);
}

static void write_mask_digits(struct writer *w, uint64_t value, unsigned count)
{
    char text[20] = "\"0x";
    for (unsigned i = 0; i < count; i++)
        text[3 + i] = digits[value >> (4 * (count - 1 - i)) & 15];
    text[3 + count] = '"';
    write_raw(w, text, count + 4);
}

void write_mask(struct writer *w, uint32_t value)
{
    write_mask_digits(w, value, 8);
}

void write_mask64(struct writer *w, uint64_t value)
{
    write_mask_digits(w, value, 16);
}

static void put_escape(struct writer *w, uint32_t unit)
{
    char *out = reserve(w, 6);
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = digits[unit >> (12 - 4 * i) & 15];
    w->used += 6;
}

static void put_character(struct writer *w, uint32_t code_point)
{
    if (code_point == '"' || code_point == '\\') {
        put_byte(w, '\\');
        put_byte(w, (char)code_point);
    } else if (code_point < 0x20 || code_point == 0x7F ||
               (code_point >= 0xD800 && code_point <= 0xDFFF)) {
        put_escape(w, code_point);
    } else {
        w->used += utf8_encode(code_point, reserve(w, 4));
    }
}

/* How many bytes from `text` on stand for themselves. */
static size_t plain_run(const char *text, size_t length)
{
    size_t run = 0;
    while (run < length && text[run] >= 0x20 && text[run] < 0x7F && text[run] != '"' &&
           text[run] != '\\')
        run++;
    return run;
}

void write_string(struct writer *w, const char *text, size_t length)
{
    separate(w);
    put_byte(w, '"');
    for (size_t at = 0; at < length;) {
        size_t step = plain_run(text + at, length - at);
        uint32_t code_point;
        if (step > 0) {
            put(w, text + at, step);
        } else {
            step = utf8_decode(text + at, length - at, &code_point);
            put_character(w, step ? code_point : 0xFFFD);
            step = step ? step : 1;
        }
        at += step;
    }
    put_byte(w, '"');
}

void write_text(struct writer *w, const char *text)
{
    write_string(w, text, strlen(text));
}

void write_utf16(struct writer *w, const uint16_t *text, size_t units)
{
    separate(w);
    put_byte(w, '"');
    for (size_t at = 0; at < units; at++) {
        uint32_t code_point = text[at];
        if (code_point >= 0xD800 && code_point <= 0xDBFF && at + 1 < units &&
            text[at + 1] >= 0xDC00 && text[at + 1] <= 0xDFFF) {
            at++;
            code_point = 0x10000 + ((code_point - 0xD800) << 10) + (text[at] - 0xDC00u);
        }
        put_character(w, code_point);
    }
    put_byte(w, '"');
}

void write_hex(struct writer *w, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    separate(w);
    char *out = reserve(w, size * 2 + 2);
    *out++ = '"';
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
    *out = '"';
    w->used += size * 2 + 2;
}

void write_newline(struct writer *w)
{
    put_byte(w, '\n');
}
