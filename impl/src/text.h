/* SPDX-License-Identifier: Apache-2.0
 *
 * UTF-8 and UTF-16LE. Inside libsspi strings are UTF-8; the W functions and the NTLM messages
 * want UTF-16LE.
 */
#ifndef LIBSSPI_TEXT_H
#define LIBSSPI_TEXT_H

#include <sspi.h>
#include <stdbool.h>

#include "memory.h"

/* Zero-terminated copies; NULL for invalid input or when memory is out. units: 16-bit units. */
char *sspi_utf8_from_utf16(const SEC_WCHAR *text, size_t units);
SEC_WCHAR *sspi_utf16_from_utf8(const char *text);
size_t sspi_utf16_length(const SEC_WCHAR *text);
/* Whether the converters above would accept it (an embedded zero makes it invalid), to tell bad
 * input from missing memory. */
bool sspi_utf16_valid(const SEC_WCHAR *text, size_t units);
bool sspi_utf8_valid(const char *text);
/* UTF-16LE bytes without terminator, as in protocol messages. false: invalid or memory is out. */
bool sspi_utf16_blob(const char *text, struct sspi_blob *blob);
char *sspi_utf8_from_bytes(struct sspi_view utf16le);
/* Simple upper case of every character (Unicode, towupper in a UTF-8 locale is not relied on). */
char *sspi_upper(const char *text);
/* Equal without case, ASCII. NULL equals only NULL. */
bool sspi_equal_nocase(const char *a, const char *b);

#endif
