/* SPDX-License-Identifier: Apache-2.0
 *
 * SEC_WINNT_AUTH_IDENTITY in its five shapes, from a request's `identity`.
 */
#ifndef PROBE_IDENTITY_H
#define PROBE_IDENTITY_H

#include "request.h"

/* One layout for W and A: what the strings point to differs. */
struct identity_plain {
    void *User;
    uint32_t UserLength;
    void *Domain;
    uint32_t DomainLength;
    void *Password;
    uint32_t PasswordLength;
    uint32_t Flags;
};

struct identity_extended {
    uint32_t Version;
    uint32_t Length;
    struct identity_plain plain;
    void *PackageList;
    uint32_t PackageListLength;
};

struct identity {
    struct identity_extended value;
    void *pointer; /* what AcquireCredentialsHandle gets; NULL: the request has none */
    struct json *object;
    struct {
        void *start;
        size_t size;
    } secrets[4]; /* our converted copies */
    unsigned secret_count;
};

void identity_read(struct request *r, struct identity *identity);
/* The shape that is one piece of memory; identity->object is set. */
void identity_read_ex2(struct request *r, struct identity *identity);

/* Overwrite every copy, also the strings in the request line. */
void identity_wipe(struct identity *identity);

#endif
