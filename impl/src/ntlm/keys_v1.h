/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and responses of LM and NTLMv1 (MS-NLMP 3.3.1, 3.4.5.1): what LmCompatibilityLevel below 3
 * still speaks. Everything written to `out` is a secret but the responses. false: a digest failed.
 */
#ifndef LIBSSPI_NTLM_KEYS_V1_H
#define LIBSSPI_NTLM_KEYS_V1_H

#include <stdbool.h>

#include "memory.h"

#define NTLM_V1_RESPONSE_SIZE 24

/* LMOWFv1. false as well for a password that has none: more than 14 characters, or not ASCII
 * (the others depend on the code page of the machine that set the password). */
bool ntlm_lm_hash(const char *password, uint8_t out[16]);

/* DESL(hash, challenge): the NT response from the NT hash, the LM response from the LM hash. */
bool ntlm_v1_response(const uint8_t hash[16], const uint8_t challenge[8],
                      uint8_t out[NTLM_V1_RESPONSE_SIZE]);

/* What takes the place of the server's challenge under extended session security; no secret. */
bool ntlm_v1_session_challenge(const uint8_t server[8], const uint8_t client[8], uint8_t out[8]);

/* Whether a response of 24 bytes proves the hash, in constant time. */
bool ntlm_v1_verify(const uint8_t hash[16], const uint8_t challenge[8], struct sspi_view response);

/* SessionBaseKey: MD4 of the NT hash. */
bool ntlm_v1_session_base_key(const uint8_t nt_hash[16], uint8_t out[16]);

/* KXKEY. lm_hash: only looked at for NTLM_LM_KEY without extended session security. The LM
 * response has 24 bytes. `out` may be `base_key`. */
bool ntlm_v1_exchange_key(uint32_t flags, const uint8_t base_key[16], const uint8_t lm_hash[16],
                          const uint8_t server_challenge[8], struct sspi_view lm, uint8_t out[16]);

#endif
