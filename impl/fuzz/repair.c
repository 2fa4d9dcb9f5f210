/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a mutated AUTHENTICATE true again.
 */
#include "repair.h"

#include "digest.h"
#include "ntlm/keys.h"
#include "ntlm/messages.h"
#include "text.h"
#include "world.h"

#define CHALLENGE_BYTES 24 /* place of the server's challenge in CHALLENGE, MS-NLMP 2.2.1.2 */
#define PROOF_SIZE 16

struct sspi_view fuzz_find_ntlm(struct sspi_view token, uint32_t type)
{
    for (; token.size >= 12; token.data++, token.size--)
        if (memcmp(token.data, "NTLMSSP", 8) == 0 && ntlm_message_type(token) == type)
            return token;
    return (struct sspi_view){NULL, 0};
}

static char *utf8(struct sspi_view wide)
{
    uint16_t units[256];
    if (wide.size % 2 || wide.size > sizeof units)
        return NULL;
    if (wide.size)
        memcpy(units, wide.data, wide.size);
    return sspi_utf8_from_utf16(units, wide.size / 2);
}

/* NTOWFv2 of the account under the name that the message gives it. */
static bool ntowf_of(const struct ntlm_authenticate *message, uint8_t out[16])
{
    uint8_t hash[16];
    char *user = utf8(message->user), *domain = utf8(message->domain);
    bool good = user && domain && ntlm_nt_hash(FUZZ_PASSWORD, hash) &&
                ntlm_ntowf_v2(hash, user, domain, out);
    sspi_free(user);
    sspi_free(domain);
    return good;
}

void fuzz_repair(uint8_t *token, size_t size, struct sspi_view negotiate,
                 struct sspi_view challenge)
{
    struct ntlm_authenticate read;
    uint8_t ntowf[16], key[16], proof[PROOF_SIZE], mic[NTLM_MIC_SIZE];
    struct sspi_view inside =
        fuzz_find_ntlm((struct sspi_view){token, size}, NTLM_MESSAGE_AUTHENTICATE);
    uint8_t *message = inside.size ? token + (inside.data - token) : NULL;

    memset(&read, 0, sizeof read);
    if (!message || challenge.size < CHALLENGE_BYTES + 8 ||
        ntlm_read_authenticate(inside, &read) != SEC_E_OK || read.nt.size <= PROOF_SIZE ||
        !ntowf_of(&read, ntowf))
        return;
    struct sspi_view proven = {read.nt.data + PROOF_SIZE, read.nt.size - PROOF_SIZE};
    if (!ntlm_v2_proof(ntowf, challenge.data + CHALLENGE_BYTES, proven, proof) ||
        !ntlm_v2_session_base_key(ntowf, proof, key))
        return;
    memcpy(token + (read.nt.data - token), proof, sizeof proof);
    if (!read.mic)
        return;
    if (read.flags & NTLM_KEY_EXCH && read.session_key.size == sizeof key) {
        struct sspi_rc4 rc4;
        sspi_rc4_init(&rc4, key, sizeof key);
        sspi_rc4_update(&rc4, read.session_key.data, key, sizeof key);
    }
    /* A message inside SPNEGO ends where its last field does; the MIC covers no more. */
    const struct sspi_view fields[] = {read.domain, read.user, read.workstation,
                                       read.lm,     read.nt,   read.session_key};
    size_t end = NTLM_MIC_OFFSET + NTLM_MIC_SIZE;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].size && (size_t)(fields[i].data - inside.data) + fields[i].size > end)
            end = (size_t)(fields[i].data - inside.data) + fields[i].size;
    if (ntlm_mic(key, negotiate, challenge, (struct sspi_view){message, end}, mic))
        memcpy(message + NTLM_MIC_OFFSET, mic, sizeof mic);
}
