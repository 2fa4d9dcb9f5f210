/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and responses of NTLMv2 (MS-NLMP 3.3.2, 3.4.5). Everything written to `out` is a secret
 * unless it says otherwise. false: the digest failed, or (texts) memory is out or invalid UTF-8.
 */
#ifndef LIBSSPI_NTLM_KEYS_H
#define LIBSSPI_NTLM_KEYS_H

#include <stdbool.h>

#include "memory.h"

/* MD4 of the password in UTF-16LE (NTOWFv1). NULL is the empty password. */
bool ntlm_nt_hash(const char *password, uint8_t out[16]);

/* NTOWFv2 from the NT hash: HMAC-MD5 over UPPER(user) and the domain as it is. */
bool ntlm_ntowf_v2(const uint8_t nt_hash[16], const char *user, const char *domain,
                   uint8_t out[16]);

/* NTProofStr over the server's challenge and the client's blob (`temp`); not a secret. */
bool ntlm_v2_proof(const uint8_t ntowf[16], const uint8_t challenge[8], struct sspi_view blob,
                   uint8_t out[16]);

/* LMv2 response: proof and client challenge; not a secret. */
bool ntlm_v2_lm_response(const uint8_t ntowf[16], const uint8_t challenge[8],
                         const uint8_t client_challenge[8], uint8_t out[24]);

bool ntlm_v2_session_base_key(const uint8_t ntowf[16], const uint8_t proof[16], uint8_t out[16]);

/* Whether an NTLMv2 response proves NTOWFv2, in constant time; then its session base key.
 * false: it does not, or is too short to be one. */
bool ntlm_v2_verify(const uint8_t ntowf[16], const uint8_t challenge[8], struct sspi_view response,
                    uint8_t session_base_key[16]);

/* The MIC over the three messages; the MIC field of `authenticate` counts as zero, and there is
 * one. */
bool ntlm_mic(const uint8_t key[16], struct sspi_view negotiate, struct sspi_view challenge,
              struct sspi_view authenticate, uint8_t out[16]);

/* SIGNKEY (MS-NLMP 3.4.5.2), extended session security only. */
bool ntlm_sign_key(const uint8_t key[16], bool from_client, uint8_t out[16]);

/* SEALKEY (MS-NLMP 3.4.5.3) as the flags demand. [out] size: 8 or 16 bytes of `out`. */
bool ntlm_seal_key(const uint8_t key[16], uint32_t flags, bool from_client, uint8_t out[16],
                   size_t *size);

#endif
