/* SPDX-License-Identifier: Apache-2.0
 *
 * Base64 for the examples.
 */
#ifndef EXAMPLES_BASE64_H
#define EXAMPLES_BASE64_H

#include <stddef.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* [out] to: `room` bytes. Returns how many were written, -1 for no base64 or too much of it. */
static long from_base64(const char *from, char *to, long room)
{
    unsigned bits = 0, have = 0;
    long size = 0;
    for (; *from && *from != '='; from++) {
        const char *digit = strchr(digits, *from);
        if (!digit || size == room)
            return -1;
        bits = bits << 6 | (unsigned)(digit - digits);
        have += 6;
        if (have >= 8)
            to[size++] = (char)(bits >> (have -= 8));
    }
    return size;
}

/* [out] to: room for size / 3 * 4 + 5 characters. */
static void to_base64(const unsigned char *from, size_t size, char *to)
{
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = (unsigned)from[i] << 16;
        bits |= i + 1 < size ? (unsigned)from[i + 1] << 8 : 0;
        bits |= i + 2 < size ? from[i + 2] : 0;
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *to++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    *to = '\0';
}

#endif
