/* SPDX-License-Identifier: Apache-2.0
 *
 * AV_PAIR lists (MS-NLMP 2.2.2.1): the target information of CHALLENGE and of the NTLMv2 response.
 */
#ifndef LIBSSPI_NTLM_AV_H
#define LIBSSPI_NTLM_AV_H

#include <stdbool.h>

#include "memory.h"

enum ntlm_av_id {
    NTLM_AV_EOL = 0,
    NTLM_AV_NB_COMPUTER = 1,
    NTLM_AV_NB_DOMAIN = 2,
    NTLM_AV_DNS_COMPUTER = 3,
    NTLM_AV_DNS_DOMAIN = 4,
    NTLM_AV_DNS_TREE = 5,
    NTLM_AV_FLAGS = 6,
    NTLM_AV_TIMESTAMP = 7,
    NTLM_AV_SINGLE_HOST = 8,
    NTLM_AV_TARGET_NAME = 9,
    NTLM_AV_BINDINGS = 10,
    NTLM_AV_COUNT
};

#define NTLM_AV_FLAG_MIC 0x2u       /* the message carries a MIC */
#define NTLM_AV_FLAG_UNTRUSTED 0x4u /* the target name comes from an untrusted source */

#define NTLM_AV_HEADER 4

struct ntlm_av {
    struct sspi_view value[NTLM_AV_COUNT]; /* into the list; the first pair of its kind */
    bool present[NTLM_AV_COUNT];
    struct sspi_view body; /* all pairs without the EOL */
    uint32_t flags;        /* of all NTLM_AV_FLAGS, 0 without */
    uint64_t timestamp;    /* FILETIME, 0 without */
};

/* Reads a list up to its EOL; what follows is left alone (Windows pads it). A list of 0 bytes is an
 * empty list. false: a pair reaches outside, no EOL, or a fixed-size value of another size. */
bool ntlm_av_read(struct sspi_view list, struct ntlm_av *av);

/* Appends a pair; returns the place after it. The caller has NTLM_AV_HEADER + size bytes there. */
uint8_t *ntlm_av_put(uint8_t *at, enum ntlm_av_id id, const void *value, size_t size);

#endif
