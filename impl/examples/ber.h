/* SPDX-License-Identifier: Apache-2.0
 *
 * As much BER as LDAP needs (RFC 4511 5.1), for the examples.
 */
#ifndef EXAMPLES_BER_H
#define EXAMPLES_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* ---- writing: contents first, then the header in front of them ------------------------------- */

struct ber_out {
    unsigned char bytes[65536 + 4];
    size_t size;
    bool full; /* something did not fit; what was written is of no use */
};

static void ber_add(struct ber_out *out, const void *bytes, size_t size)
{
    if (size > sizeof out->bytes - out->size) {
        out->full = true;
        return;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

/* Everything since `start` becomes the contents of an element. */
static void ber_close(struct ber_out *out, size_t start, unsigned char tag)
{
    size_t size = out->size - start;
    unsigned char header[4] = {tag, 0x82, (unsigned char)(size >> 8), (unsigned char)size};
    if (sizeof header > sizeof out->bytes - out->size || size > 0xffff) {
        out->full = true;
        return;
    }
    memmove(out->bytes + start + sizeof header, out->bytes + start, size);
    memcpy(out->bytes + start, header, sizeof header);
    out->size += sizeof header;
}

static void ber_put(struct ber_out *out, unsigned char tag, const void *bytes, size_t size)
{
    size_t start = out->size;
    ber_add(out, bytes, size);
    ber_close(out, start, tag);
}

static void ber_number(struct ber_out *out, unsigned char tag, unsigned char number)
{
    ber_put(out, tag, &number, 1);
}

static void ber_text(struct ber_out *out, unsigned char tag, const char *text)
{
    ber_put(out, tag, text, strlen(text));
}

/* ---- reading: what comes from the network is measured before it is touched ------------------- */

struct ber_in {
    const unsigned char *bytes;
    size_t size;
};

/* Takes the next element off `in`. False: there is no whole one. */
static bool ber_next(struct ber_in *in, unsigned char *tag, struct ber_in *contents)
{
    if (in->size < 2)
        return false;
    size_t header = 2, size = in->bytes[1];
    if (size >= 0x80) {
        size_t octets = size & 0x7f;
        if (octets == 0 || octets > 4 || in->size < 2 + octets)
            return false;
        for (size = 0; header < 2 + octets; header++)
            size = size << 8 | in->bytes[header];
    }
    if (size > in->size - header)
        return false;
    *tag = in->bytes[0];
    *contents = (struct ber_in){in->bytes + header, size};
    in->bytes += header + size;
    in->size -= header + size;
    return true;
}

/* The next element, which must have this tag. */
static bool ber_expect(struct ber_in *in, unsigned char tag, struct ber_in *contents)
{
    unsigned char found;
    return ber_next(in, &found, contents) && found == tag;
}

#endif
