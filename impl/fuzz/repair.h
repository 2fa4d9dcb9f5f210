/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a mutated AUTHENTICATE true again, so that fuzzing gets past the proof and the MIC.
 */
#ifndef LIBSSPI_FUZZ_REPAIR_H
#define LIBSSPI_FUZZ_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "memory.h"

/* Finds an NTLM message of that type in a token, bare or inside SPNEGO; empty when there is none.
 */
struct sspi_view fuzz_find_ntlm(struct sspi_view token, uint32_t type);

/* Writes NTProofStr and MIC anew into the AUTHENTICATE inside `token`, for the account of
 * world.h and the two messages before it. What cannot be repaired is left as it is. */
void fuzz_repair(uint8_t *token, size_t size, struct sspi_view negotiate,
                 struct sspi_view challenge);

#endif
