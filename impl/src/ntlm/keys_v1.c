/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and responses of LM and NTLMv1.
 */
#include "ntlm/keys_v1.h"

#include <string.h>

#include "digest.h"
#include "ntlm/wire.h"

#define LM_PASSWORD 14
#define KEY_PART 7 /* bytes of a DES key without parity */

bool ntlm_lm_hash(const char *password, uint8_t out[16])
{
    static const uint8_t magic[8] = {'K', 'G', 'S', '!', '@', '#', '$', '%'};
    uint8_t key[LM_PASSWORD] = {0};
    size_t size = password ? strlen(password) : 0;
    bool good = size <= LM_PASSWORD;

    for (size_t i = 0; good && i < size; i++) {
        char c = password[i];
        good = (unsigned char)c < 0x80;
        key[i] = (uint8_t)(c >= 'a' && c <= 'z' ? c - 0x20 : c);
    }
    good = good && sspi_des7(key, magic, out) && sspi_des7(key + KEY_PART, magic, out + 8);
    sspi_wipe(key, sizeof key);
    return good;
}

bool ntlm_v1_response(const uint8_t hash[16], const uint8_t challenge[8],
                      uint8_t out[NTLM_V1_RESPONSE_SIZE])
{
    uint8_t key[3 * KEY_PART] = {0};
    memcpy(key, hash, 16);
    bool good = sspi_des7(key, challenge, out) && sspi_des7(key + KEY_PART, challenge, out + 8) &&
                sspi_des7(key + 2 * KEY_PART, challenge, out + 16);
    sspi_wipe(key, sizeof key);
    return good;
}

bool ntlm_v1_session_challenge(const uint8_t server[8], const uint8_t client[8], uint8_t out[8])
{
    struct sspi_view parts[2] = {{server, 8}, {client, 8}};
    uint8_t digest[16];
    if (!sspi_md5(parts, 2, digest))
        return false;
    memcpy(out, digest, 8);
    return true;
}

bool ntlm_v1_verify(const uint8_t hash[16], const uint8_t challenge[8], struct sspi_view response)
{
    uint8_t expected[NTLM_V1_RESPONSE_SIZE];
    bool good = response.size == sizeof expected && ntlm_v1_response(hash, challenge, expected) &&
                sspi_equal(expected, response.data, sizeof expected);
    sspi_wipe(expected, sizeof expected);
    return good;
}

bool ntlm_v1_session_base_key(const uint8_t nt_hash[16], uint8_t out[16])
{
    return sspi_md4((struct sspi_view){nt_hash, 16}, out);
}

bool ntlm_v1_exchange_key(uint32_t flags, const uint8_t base_key[16], const uint8_t lm_hash[16],
                          const uint8_t server_challenge[8], struct sspi_view lm, uint8_t out[16])
{
    if (flags & NTLM_ESS) {
        struct sspi_view parts[2] = {{server_challenge, 8}, {lm.data, 8}};
        return sspi_hmac_md5((struct sspi_view){base_key, 16}, parts, 2, out);
    }
    if (flags & NTLM_LM_KEY) {
        uint8_t rest[KEY_PART];
        memset(rest, 0xbd, sizeof rest);
        rest[0] = lm_hash[KEY_PART];
        bool good = sspi_des7(lm_hash, lm.data, out) && sspi_des7(rest, lm.data, out + 8);
        sspi_wipe(rest, sizeof rest);
        return good;
    }
    memmove(out, base_key, 16);
    return true;
}
