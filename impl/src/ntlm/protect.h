/* SPDX-License-Identifier: Apache-2.0
 *
 * Message protection of NTLM (MS-NLMP 3.4): signatures, RC4, sequence numbers. Knows nothing of
 * handshakes.
 */
#ifndef LIBSSPI_NTLM_PROTECT_H
#define LIBSSPI_NTLM_PROTECT_H

#include <sspi.h>
#include <stdbool.h>

#include "digest.h"
#include "memory.h"

/* One direction. Its keys are derived when the first message needs them: a context that only
 * authenticates, as under HTTP, never pays for them. */
struct ntlm_stream {
    bool ready;
    struct sspi_hmac_md5_key sign_key; /* extended session security only */
    struct sspi_rc4 rc4;
    uint8_t seal_key[16]; /* datagrams only: each is sealed with a key made of this */
    size_t seal_size;
    uint32_t sequence;
};

struct ntlm_protection {
    uint32_t flags;                    /* as negotiated */
    uint8_t key[16];                   /* ExportedSessionKey */
    struct ntlm_stream client, server; /* without extended session security `client` serves both,
                                          unless messages are datagrams */
    struct ntlm_stream *send, *receive;
    uint32_t number; /* MessageSeqNo of the next message; 0: the streams count. Datagrams only. */
};

/* Wipe the structure when done with it. */
void ntlm_protection_start(struct ntlm_protection *protection, const uint8_t key[16],
                           uint32_t flags, bool is_client);

/* The functions of struct sspi_package, on a finished context. */
SECURITY_STATUS ntlm_sign(struct ntlm_protection *protection, SecBufferDesc *message);
SECURITY_STATUS ntlm_verify(struct ntlm_protection *protection, SecBufferDesc *message);
SECURITY_STATUS ntlm_encrypt(struct ntlm_protection *protection, ULONG qop, SecBufferDesc *message);
SECURITY_STATUS ntlm_decrypt(struct ntlm_protection *protection, SecBufferDesc *message);

/* The MIC over SPNEGO's mechList: the RC4 state is afterwards what it was before, the sequence
 * number goes on (MS-SPNG 3.3.5.1; recordings: mp.seq.mic-shift). */
SECURITY_STATUS ntlm_make_mic(struct ntlm_protection *protection, struct sspi_view data,
                              struct sspi_blob *mic);
SECURITY_STATUS ntlm_check_mic(struct ntlm_protection *protection, struct sspi_view data,
                               struct sspi_view mic);

#endif
