/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and responses of NTLMv2.
 */
#include "ntlm/keys.h"

#include <string.h>

#include "digest.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"
#include "text.h"

#define KEY(bytes) ((struct sspi_view){bytes, 16})
#define PROOF_SIZE 16
#define BLOB_MIN 32 /* through Reserved3 plus an EOL, MS-NLMP 2.2.2.7 */

bool ntlm_nt_hash(const char *password, uint8_t out[16])
{
    struct sspi_blob wide;
    if (!sspi_utf16_blob(password ? password : "", &wide))
        return false;
    bool good = sspi_md4(sspi_blob_view(&wide), out);
    sspi_blob_free(&wide);
    return good;
}

/* The usual name is ASCII and short: no allocation then. SIZE_MAX: it is not. */
static size_t upper_ascii(const char *text, bool upper, uint8_t *out, size_t room)
{
    size_t size = 0;
    for (; *text; text++, size += 2) {
        char c = *text;
        if ((unsigned char)c >= 0x80 || room - size < 2)
            return SIZE_MAX;
        out[size] = (uint8_t)(upper && c >= 'a' && c <= 'z' ? c - 0x20 : c);
        out[size + 1] = 0;
    }
    return size;
}

static bool ntowf_v2_any(const uint8_t nt_hash[16], const char *user, const char *domain,
                         uint8_t out[16])
{
    struct sspi_blob parts[2] = {{NULL, 0}, {NULL, 0}};
    char *upper = sspi_upper(user);
    bool good = upper && sspi_utf16_blob(upper, &parts[0]) && sspi_utf16_blob(domain, &parts[1]);
    if (good) {
        struct sspi_view views[2] = {sspi_blob_view(&parts[0]), sspi_blob_view(&parts[1])};
        good = sspi_hmac_md5(KEY(nt_hash), views, 2, out);
    }
    sspi_free(upper);
    sspi_blob_free(&parts[0]);
    sspi_blob_free(&parts[1]);
    return good;
}

bool ntlm_ntowf_v2(const uint8_t nt_hash[16], const char *user, const char *domain, uint8_t out[16])
{
    uint8_t wide[256];
    size_t name = upper_ascii(user, true, wide, sizeof wide);
    size_t rest =
        name == SIZE_MAX ? SIZE_MAX : upper_ascii(domain, false, wide + name, sizeof wide - name);
    if (rest == SIZE_MAX)
        return ntowf_v2_any(nt_hash, user, domain, out);
    struct sspi_view names = {wide, name + rest};
    return sspi_hmac_md5(KEY(nt_hash), &names, 1, out);
}

bool ntlm_v2_proof(const uint8_t ntowf[16], const uint8_t challenge[8], struct sspi_view blob,
                   uint8_t out[16])
{
    struct sspi_view parts[2] = {{challenge, 8}, blob};
    return sspi_hmac_md5(KEY(ntowf), parts, 2, out);
}

bool ntlm_v2_lm_response(const uint8_t ntowf[16], const uint8_t challenge[8],
                         const uint8_t client_challenge[8], uint8_t out[24])
{
    struct sspi_view client = {client_challenge, 8};
    memcpy(out + PROOF_SIZE, client_challenge, 8);
    return ntlm_v2_proof(ntowf, challenge, client, out);
}

bool ntlm_v2_session_base_key(const uint8_t ntowf[16], const uint8_t proof[16], uint8_t out[16])
{
    struct sspi_view part = {proof, PROOF_SIZE};
    return sspi_hmac_md5(KEY(ntowf), &part, 1, out);
}

bool ntlm_v2_verify(const uint8_t ntowf[16], const uint8_t challenge[8], struct sspi_view response,
                    uint8_t session_base_key[16])
{
    uint8_t proof[PROOF_SIZE];
    if (response.size < PROOF_SIZE + BLOB_MIN)
        return false;
    struct sspi_view blob = {response.data + PROOF_SIZE, response.size - PROOF_SIZE};
    return ntlm_v2_proof(ntowf, challenge, blob, proof) &&
           sspi_equal(proof, response.data, PROOF_SIZE) &&
           ntlm_v2_session_base_key(ntowf, proof, session_base_key);
}

bool ntlm_mic(const uint8_t key[16], struct sspi_view negotiate, struct sspi_view challenge,
              struct sspi_view authenticate, uint8_t out[16])
{
    static const uint8_t zero[NTLM_MIC_SIZE];
    const size_t end = NTLM_MIC_OFFSET + NTLM_MIC_SIZE;
    struct sspi_view parts[] = {
        negotiate,
        challenge,
        {authenticate.data, NTLM_MIC_OFFSET},
        {zero, sizeof zero},
        {authenticate.data + end, authenticate.size - end},
    };
    return sspi_hmac_md5(KEY(key), parts, sizeof parts / sizeof parts[0], out);
}

static bool magic_key(struct sspi_view key, const char *magic, uint8_t out[16])
{
    /* The terminating zero belongs to the constant, MS-NLMP 3.4.5.2. */
    struct sspi_view parts[2] = {key, {(const uint8_t *)magic, strlen(magic) + 1}};
    return sspi_md5(parts, 2, out);
}

bool ntlm_sign_key(const uint8_t key[16], bool from_client, uint8_t out[16])
{
    return magic_key(KEY(key),
                     from_client ? "session key to client-to-server signing key magic constant"
                                 : "session key to server-to-client signing key magic constant",
                     out);
}

bool ntlm_seal_key(const uint8_t key[16], uint32_t flags, bool from_client, uint8_t out[16],
                   size_t *size)
{
    *size = 16;
    if (flags & NTLM_ESS) {
        size_t strength = flags & NTLM_128 ? 16 : flags & NTLM_56 ? 7 : 5;
        return magic_key((struct sspi_view){key, strength},
                         from_client ? "session key to client-to-server sealing key magic constant"
                                     : "session key to server-to-client sealing key magic constant",
                         out);
    }
    memcpy(out, key, 16);
    /* Datagrams too, since the revision that every VERSION names (NTLMSSP_REVISION_W2K3). */
    if (flags & (NTLM_LM_KEY | NTLM_DATAGRAM)) {
        *size = 8;
        if (flags & NTLM_56)
            out[7] = 0xa0;
        else
            memcpy(out + 5, "\xe5\x38\xb0", 3);
    }
    return true;
}
