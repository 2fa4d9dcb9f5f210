/* SPDX-License-Identifier: Apache-2.0 */
#include "utf.h"

size_t utf8_decode(const char *text, size_t left, uint32_t *code_point)
{
    const unsigned char *byte = (const unsigned char *)text;
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length;
    uint32_t value;

    if (left == 0)
        return 0;
    if (byte[0] < 0x80) {
        *code_point = byte[0];
        return 1;
    }
    if (byte[0] >= 0xC2 && byte[0] <= 0xDF) {
        length = 2;
        value = byte[0] & 0x1F;
    } else if ((byte[0] & 0xF0) == 0xE0) {
        length = 3;
        value = byte[0] & 0x0F;
    } else if (byte[0] >= 0xF0 && byte[0] <= 0xF4) {
        length = 4;
        value = byte[0] & 0x07;
    } else {
        return 0;
    }
    if (left < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (byte[i] & 0x3F);
    }
    if (value < smallest[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *code_point = value;
    return length;
}

size_t utf8_encode(uint32_t code_point, char *out)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

size_t utf8_to_utf16(const char *text, size_t length, uint16_t *out)
{
    size_t units = 0;

    for (size_t at = 0; at < length;) {
        uint32_t code_point = 0;
        size_t step = utf8_decode(text + at, length - at, &code_point);
        if (step == 0)
            break; /* the caller promised well-formed text */
        at += step;
        if (code_point >= 0x10000) {
            out[units++] = (uint16_t)(0xD800 + ((code_point - 0x10000) >> 10));
            out[units++] = (uint16_t)(0xDC00 + ((code_point - 0x10000) & 0x3FF));
        } else {
            out[units++] = (uint16_t)code_point;
        }
    }
    return units;
}
