/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 and UTF-16. SSPI's W functions take 16-bit units, never wchar_t, which is 32 bits wide
 * outside Windows.
 */
#ifndef PROBE_UTF_H
#define PROBE_UTF_H

#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the well-formed UTF-8 sequence at `text`, which has `left` bytes; 0 when it
 * is malformed (overlong, a surrogate, beyond U+10FFFF, cut off). Stores the code point. */
size_t utf8_decode(const char *text, size_t left, uint32_t *code_point);

/* Write `code_point` (not checked) to `out`, which has room for 4; returns the bytes used. */
size_t utf8_encode(uint32_t code_point, char *out);

/* Convert well-formed UTF-8; `out` has room for `length` units. Returns the units used; no
 * terminating zero. */
size_t utf8_to_utf16(const char *text, size_t length, uint16_t *out);

#endif
