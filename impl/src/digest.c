/* SPDX-License-Identifier: Apache-2.0
 *
 * MD4, MD5, HMAC-MD5, DES, RC4 and CRC-32, as NTLM wants them (MS-NLMP 6).
 *
 * The low-level functions of libcrypto, although deprecated: they need no provider and no
 * library context, so the caller's OpenSSL set-up neither breaks us nor is touched, they
 * cannot fail for want of memory, and HMAC-MD5 over 100 bytes takes 0.4 us against 0.6 to
 * 0.8 us through EVP_MAC. None of these algorithms is chosen by us: the protocol fixes them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include <openssl/des.h>
#include <openssl/md4.h>
#include <string.h>

#define HMAC_BLOCK 64

bool sspi_md4(struct sspi_view data, uint8_t out[16])
{
    MD4_CTX md4;
    bool good = MD4_Init(&md4) && MD4_Update(&md4, data.data, data.size) && MD4_Final(out, &md4);
    sspi_wipe(&md4, sizeof md4);
    return good;
}

static bool md5_parts(MD5_CTX *md5, const struct sspi_view *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size && !MD5_Update(md5, parts[i].data, parts[i].size))
            return false;
    }
    return true;
}

bool sspi_md5(const struct sspi_view *parts, size_t count, uint8_t out[16])
{
    MD5_CTX md5;
    bool good = MD5_Init(&md5) && md5_parts(&md5, parts, count) && MD5_Final(out, &md5);
    sspi_wipe(&md5, sizeof md5);
    return good;
}

/* RFC 2104. */
bool sspi_hmac_md5_start(struct sspi_view key, struct sspi_hmac_md5_key *out)
{
    uint8_t pad[HMAC_BLOCK];

    if (key.size > sizeof pad)
        return false;
    memset(pad, 0, sizeof pad);
    if (key.size)
        memcpy(pad, key.data, key.size);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36;
    bool good = MD5_Init(&out->inner) && MD5_Update(&out->inner, pad, sizeof pad);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    good = good && MD5_Init(&out->outer) && MD5_Update(&out->outer, pad, sizeof pad);
    sspi_wipe(pad, sizeof pad);
    return good;
}

bool sspi_hmac_md5_run(const struct sspi_hmac_md5_key *key, const struct sspi_view *parts,
                       size_t count, uint8_t out[16])
{
    uint8_t inner[16];
    MD5_CTX md5 = key->inner;
    bool good = md5_parts(&md5, parts, count) && MD5_Final(inner, &md5);
    md5 = key->outer;
    good = good && MD5_Update(&md5, inner, sizeof inner) && MD5_Final(out, &md5);
    sspi_wipe(inner, sizeof inner);
    sspi_wipe(&md5, sizeof md5);
    return good;
}

bool sspi_hmac_md5(struct sspi_view key, const struct sspi_view *parts, size_t count,
                   uint8_t out[16])
{
    uint8_t hashed[16];
    struct sspi_hmac_md5_key start;
    bool good = true;

    if (key.size > HMAC_BLOCK) {
        good = sspi_md5(&key, 1, hashed);
        key = (struct sspi_view){hashed, sizeof hashed};
    }
    good = good && sspi_hmac_md5_start(key, &start) && sspi_hmac_md5_run(&start, parts, count, out);
    sspi_wipe(hashed, sizeof hashed);
    sspi_wipe(&start, sizeof start);
    return good;
}

bool sspi_des7(const uint8_t key[7], const uint8_t in[8], uint8_t out[8])
{
    /* Seven bits a byte, the eighth would be the parity that DES ignores. */
    DES_cblock wide = {
        key[0],
        (uint8_t)(key[0] << 7 | key[1] >> 1),
        (uint8_t)(key[1] << 6 | key[2] >> 2),
        (uint8_t)(key[2] << 5 | key[3] >> 3),
        (uint8_t)(key[3] << 4 | key[4] >> 4),
        (uint8_t)(key[4] << 3 | key[5] >> 5),
        (uint8_t)(key[5] << 2 | key[6] >> 6),
        (uint8_t)(key[6] << 1),
    };
    DES_key_schedule schedule;
    DES_cblock block;

    DES_set_key_unchecked(&wide, &schedule);
    memcpy(block, in, sizeof block);
    DES_ecb_encrypt(&block, &block, &schedule, DES_ENCRYPT);
    memcpy(out, block, sizeof block);
    sspi_wipe(&schedule, sizeof schedule);
    sspi_wipe(wide, sizeof wide);
    return true;
}

/* Half a byte at a time: only NTLM without extended session security asks for a CRC, over short
 * messages, which is not worth a dependency. Polynomial 0xEDB88320, as in zlib. */
uint32_t sspi_crc32(const struct sspi_view *parts, size_t count)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < parts[i].size; n++) {
            crc ^= parts[i].data[n];
            crc = crc >> 4 ^ table[crc & 15];
            crc = crc >> 4 ^ table[crc & 15];
        }
    }
    return ~crc;
}

void sspi_rc4_init(struct sspi_rc4 *rc4, const uint8_t *key, size_t size)
{
    RC4_set_key(&rc4->key, (int)size, key);
}

void sspi_rc4_update(struct sspi_rc4 *rc4, const uint8_t *in, uint8_t *out, size_t size)
{
    if (size)
        RC4(&rc4->key, size, in, out);
}
