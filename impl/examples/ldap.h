/* SPDX-License-Identifier: Apache-2.0
 *
 * What an LDAP client does without knowing of security (RFC 4511): a connection, requests, answers.
 * Whatever goes wrong ends the program with a sentence.
 */
#ifndef EXAMPLES_LDAP_H
#define EXAMPLES_LDAP_H

#include "ber.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BIND = 0x60,
    BOUND = 0x61,
    SEARCH = 0x63,
    ENTRY = 0x64,
    DONE = 0x65,
    REFERRAL = 0x73
};
enum {
    SUCCESS = 0,
    BIND_IN_PROGRESS = 14
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* ---- the connection -------------------------------------------------------------------------- */

static int connect_to(const char *host)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int s = -1;
    if (getaddrinfo(host, "389", &hints, &found))
        die("%s: no such host", host);
    for (struct addrinfo *a = found; a && s < 0; a = a->ai_next) {
        s = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
        if (s >= 0 && connect(s, a->ai_addr, a->ai_addrlen)) {
            close(s);
            s = -1;
        }
    }
    freeaddrinfo(found);
    if (s < 0)
        die("%s does not answer", host);
    return s;
}

static void transfer(int s, bool sending, void *memory, size_t size)
{
    for (unsigned char *bytes = memory; size;) {
        ssize_t n = sending ? write(s, bytes, size) : read(s, bytes, size);
        if (n <= 0)
            die("the connection is gone");
        bytes += n;
        size -= (size_t)n;
    }
}

static size_t big_endian(const unsigned char *bytes, size_t count)
{
    size_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* Reads what a length announces: framed, with 4 octets of length in front (RFC 4422 3.7), else one
 * bare LDAP message. Returns where it ends; it begins at 0, framed at 4. */
static size_t read_message(int s, bool framed, unsigned char *in, size_t room)
{
    size_t header = framed ? 4 : 2, size;
    transfer(s, false, in, header);
    if (framed) {
        size = big_endian(in, 4);
    } else if (in[1] < 0x80) {
        size = in[1];
    } else {
        size_t octets = in[1] & 0x7f;
        if (octets == 0 || octets > 4)
            die("that is no LDAP");
        transfer(s, false, in + header, octets);
        size = big_endian(in + header, octets);
        header += octets;
    }
    if (size > room - header)
        die("a message of %zu octets is too long", size);
    transfer(s, false, in + header, size);
    return header + size;
}

/* ---- requests -------------------------------------------------------------------------------- */

/* Puts an LDAPMessage around an operation's contents. */
static void finish_request(struct ber_out *out, unsigned char operation, unsigned char number)
{
    unsigned char id[] = {0x02, 1, number};
    ber_close(out, 0, operation);
    if (out->full || out->size > sizeof out->bytes - sizeof id)
        die("the request is too long");
    memmove(out->bytes + sizeof id, out->bytes, out->size);
    memcpy(out->bytes, id, sizeof id);
    out->size += sizeof id;
    ber_close(out, 0, 0x30);
    if (out->full)
        die("the request is too long");
}

static void write_bind(struct ber_out *out, const void *token, size_t size)
{
    ber_number(out, 0x02, 3);
    ber_text(out, 0x04, "");
    size_t start = out->size;
    ber_text(out, 0x04, "GSS-SPNEGO");
    ber_put(out, 0x04, token, size);
    ber_close(out, start, 0xa3);
}

static void write_search(struct ber_out *out, const char *base, const char *filter,
                         char **attributes)
{
    const char *equals = strchr(filter, '=');
    if (!equals)
        die("a filter is ATTRIBUTE=VALUE");
    ber_text(out, 0x04, base);
    ber_number(out, 0x0a, 2); /* the whole subtree */
    ber_number(out, 0x0a, 0); /* aliases as they are */
    ber_number(out, 0x02, 0); /* no limits: the server has its own */
    ber_number(out, 0x02, 0);
    ber_number(out, 0x01, 0);
    size_t start = out->size;
    ber_put(out, 0x04, filter, (size_t)(equals - filter));
    ber_text(out, 0x04, equals + 1);
    ber_close(out, start, 0xa3);
    start = out->size;
    for (; *attributes; attributes++)
        ber_text(out, 0x04, *attributes);
    ber_close(out, start, 0x30);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The operation of the next message in `frame`, which must answer that request. */
static unsigned char operation(struct ber_in *frame, unsigned char request, struct ber_in *contents)
{
    struct ber_in message, number;
    unsigned char tag;
    if (!ber_expect(frame, 0x30, &message) || !ber_expect(&message, 0x02, &number) ||
        number.size != 1 || number.bytes[0] != request || !ber_next(&message, &tag, contents))
        die("that is no LDAP");
    return tag;
}

/* resultCode, matchedDN, diagnosticMessage (RFC 4511 4.1.9). */
static int result(struct ber_in *contents)
{
    struct ber_in code, name, words;
    if (!ber_expect(contents, 0x0a, &code) || code.size != 1 ||
        !ber_expect(contents, 0x04, &name) || !ber_expect(contents, 0x04, &words))
        die("that is no LDAP");
    if (code.bytes[0] != SUCCESS && code.bytes[0] != BIND_IN_PROGRESS)
        die("the server says %d: %.*s", code.bytes[0], (int)words.size, (const char *)words.bytes);
    return code.bytes[0];
}

static void print_value(const struct ber_in *name, const struct ber_in *value)
{
    bool text = true;
    for (size_t i = 0; i < value->size; i++)
        text = text && value->bytes[i] >= ' ' && value->bytes[i] != 0x7f;
    printf("%.*s: ", (int)name->size, (const char *)name->bytes);
    if (text)
        printf("%.*s\n", (int)value->size, (const char *)value->bytes);
    else
        printf("(%zu octets)\n", value->size);
}

static void print_entry(struct ber_in contents)
{
    struct ber_in name, list, attribute, type, values, value;
    if (!ber_expect(&contents, 0x04, &name) || !ber_expect(&contents, 0x30, &list))
        die("that is no LDAP");
    printf("dn: %.*s\n", (int)name.size, (const char *)name.bytes);
    while (ber_expect(&list, 0x30, &attribute)) {
        if (!ber_expect(&attribute, 0x04, &type) || !ber_expect(&attribute, 0x31, &values))
            die("that is no LDAP");
        while (ber_expect(&values, 0x04, &value))
            print_value(&type, &value);
    }
    printf("\n");
}

#endif
