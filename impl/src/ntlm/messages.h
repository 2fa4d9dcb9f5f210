/* SPDX-License-Identifier: Apache-2.0
 *
 * The three NTLM messages (MS-NLMP 2.2.1). Reading fills in views of the token and checks every
 * offset and length against its size first; building makes the layout that Windows makes.
 */
#ifndef LIBSSPI_NTLM_MESSAGES_H
#define LIBSSPI_NTLM_MESSAGES_H

#include <sspi.h>
#include <stdbool.h>

#include "memory.h"
#include "ntlm/wire.h"

#define NTLM_MIC_OFFSET 72
#define NTLM_MIC_SIZE 16

enum ntlm_message {
    NTLM_MESSAGE_NEGOTIATE = 1,
    NTLM_MESSAGE_CHALLENGE = 2,
    NTLM_MESSAGE_AUTHENTICATE = 3
};

struct ntlm_challenge {
    uint32_t flags;
    const uint8_t *challenge; /* 8 bytes of the token */
    struct sspi_view target_name, target_info;
};

struct ntlm_authenticate {
    uint32_t flags;
    struct sspi_view domain, user, workstation; /* UTF-16LE */
    struct sspi_view lm, nt, session_key;
    bool mic; /* reading: there is room for a MIC before the payload */
};

/* 1 to 3 when the token starts like an NTLM message of that type, else 0. */
uint32_t ntlm_message_type(struct sspi_view token);

/* SEC_E_OK, or SEC_E_INVALID_TOKEN: another type, too short, longer than NTLM_MAX_TOKEN, a field
 * that points outside the token. */
SECURITY_STATUS ntlm_read_negotiate(struct sspi_view token, uint32_t *flags);
SECURITY_STATUS ntlm_read_challenge(struct sspi_view token, struct ntlm_challenge *challenge);
SECURITY_STATUS ntlm_read_authenticate(struct sspi_view token, struct ntlm_authenticate *message);

/* [out] token: the caller's to free. SEC_E_OK; SEC_E_INSUFFICIENT_MEMORY; SEC_E_INVALID_PARAMETER:
 * a field does not fit in 16 bits. */
SECURITY_STATUS ntlm_build_negotiate(uint32_t flags, struct sspi_blob *token);
SECURITY_STATUS ntlm_build_challenge(const struct ntlm_challenge *challenge,
                                     struct sspi_blob *token);
/* VERSION of a message that one of these functions built; they leave it zero. */
void ntlm_set_version(struct sspi_blob *token, const uint8_t version[NTLM_VERSION_SIZE]);
/* The MIC (NTLM_MIC_OFFSET) stays zero. */
SECURITY_STATUS ntlm_build_authenticate(const struct ntlm_authenticate *message,
                                        struct sspi_blob *token);

#endif
