/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of answers, gathered in one growing piece of memory so that a line is one write.
 * Commas are put in by themselves.
 */
#ifndef PROBE_WRITER_H
#define PROBE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty and usable; `data` is owned, writer_release frees it. */
struct writer {
    char *data;
    size_t used;
    size_t room;
};

void writer_release(struct writer *w);

void write_open(struct writer *w, char bracket);
void write_close(struct writer *w, char bracket);
/* A member's key; its value comes next. `key` is plain ASCII. */
void write_key(struct writer *w, const char *key);
/* Text that is JSON already: true, false, null, the digits of a number. */
void write_raw(struct writer *w, const char *json, size_t length);
void write_null(struct writer *w);
void write_bool(struct writer *w, bool value);
void write_unsigned(struct writer *w, uint64_t value);
/* "0x%08x" and "0x%016x" */
void write_mask(struct writer *w, uint32_t value);
void write_mask64(struct writer *w, uint64_t value);
/* UTF-8; a malformed byte becomes U+FFFD. */
void write_string(struct writer *w, const char *text, size_t length);
void write_text(struct writer *w, const char *text);
/* UTF-16; an unpaired surrogate becomes its \u escape, so nothing is lost. */
void write_utf16(struct writer *w, const uint16_t *text, size_t units);
void write_hex(struct writer *w, const void *bytes, size_t size);
/* The end of an answer line. */
void write_newline(struct writer *w);

#endif
