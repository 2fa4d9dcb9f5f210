/* SPDX-License-Identifier: Apache-2.0
 *
 * The primitives against the values their specifications print: MD4 RFC 1320 A.5, MD5 RFC 1321
 * A.5, HMAC-MD5 RFC 2202 2, RC4 RFC 6229 2, DES and CRC-32 as MS-NLMP 4.2.2 uses them.
 */
#include "run.h"

#include "digest.h"
#include "text.h"

static struct sspi_view view(const char *text)
{
    return (struct sspi_view){(const uint8_t *)text, strlen(text)};
}

static void check(const uint8_t *actual, const char *hex)
{
    char text[65] = "";
    for (size_t i = 0; i < strlen(hex) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", actual[i]);
    CU_ASSERT_STRING_EQUAL(text, hex);
}

static void md4(void)
{
    uint8_t out[16];
    struct sspi_blob password;
    CU_ASSERT(sspi_md4(view("abc"), out));
    check(out, "a448017aaf21d8525fc10ae87aa6729d");
    CU_ASSERT(sspi_md4((struct sspi_view){NULL, 0}, out));
    check(out, "31d6cfe0d16ae931b73c59d7e0c089c0");
    /* NTOWFv1 of "Password", MS-NLMP 4.2.2.1.2 */
    CU_ASSERT(sspi_utf16_blob("Password", &password));
    CU_ASSERT(sspi_md4(sspi_blob_view(&password), out));
    check(out, "a4f49c406510bdcab6824ee7c30fd852");
    sspi_blob_free(&password);
}

static void md5(void)
{
    uint8_t out[16];
    struct sspi_view parts[] = {view("message "), {NULL, 0}, view("digest")};
    CU_ASSERT(sspi_md5(parts, 3, out));
    check(out, "f96b697d7cb7938d525a2f31aaf161d0");
    CU_ASSERT(sspi_md5(NULL, 0, out));
    check(out, "d41d8cd98f00b204e9800998ecf8427e");
}

static void hmac_md5(void)
{
    uint8_t out[16], key[80];
    struct sspi_view parts[] = {view("what do ya want "), view("for nothing?")};
    CU_ASSERT(sspi_hmac_md5(view("Jefe"), parts, 2, out));
    check(out, "750c783e6ab0b503eaa86e310a5db738");
    memset(key, 0xaa, sizeof key); /* longer than a block */
    struct sspi_view text = view("Test Using Larger Than Block-Size Key - Hash Key First");
    CU_ASSERT(sspi_hmac_md5((struct sspi_view){key, sizeof key}, &text, 1, out));
    check(out, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
    /* The result may overwrite an input. */
    memcpy(out, "Hi There", 8);
    memset(key, 0x0b, 16);
    text = (struct sspi_view){out, 8};
    CU_ASSERT(sspi_hmac_md5((struct sspi_view){key, 16}, &text, 1, out));
    check(out, "9294727a3638bb1c13f48ef8158bfc9d");
}

/* LMOWFv1 of "PASSWORD" is two DES blocks of "KGS!@#$%": MS-NLMP 4.2.2.1.1. */
static void des(void)
{
    uint8_t out[8];
    CU_ASSERT(sspi_des7((const uint8_t *)"PASSWOR", (const uint8_t *)"KGS!@#$%", out));
    check(out, "e52cac67419a9a22");
    CU_ASSERT(sspi_des7((const uint8_t *)"D\0\0\0\0\0\0", (const uint8_t *)"KGS!@#$%", out));
    check(out, "4a3b108f3fa6cb6d");
}

static void rc4(void)
{
    uint8_t out[16] = {0};
    struct sspi_rc4 state, copy;
    sspi_rc4_init(&state, (const uint8_t *)"\x01\x02\x03\x04\x05", 5);
    copy = state;
    sspi_rc4_update(&state, out, out, 16);
    check(out, "b2396305f03dc027ccc3524a0a1118a8");
    /* In pieces, from a copied state: the same stream. */
    memset(out, 0, sizeof out);
    sspi_rc4_update(&copy, out, out, 5);
    sspi_rc4_update(&copy, out, out, 0);
    sspi_rc4_update(&copy, out + 5, out + 5, 11);
    check(out, "b2396305f03dc027ccc3524a0a1118a8");
    sspi_rc4_init(&state,
                  (const uint8_t *)"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d"
                                   "\x0e\x0f\x10",
                  16);
    memset(out, 0, sizeof out);
    sspi_rc4_update(&state, out, out, 16);
    check(out, "9ac7cc9a609d1ef7b2932899cde41b97");
}

static void crc32(void)
{
    struct sspi_view parts[] = {view("1234"), view("56789")};
    CU_ASSERT_EQUAL(sspi_crc32(parts, 2), 0xcbf43926);
    CU_ASSERT_EQUAL(sspi_crc32(NULL, 0), 0);
}

SSPI_TESTS({"md4", md4}, {"md5", md5}, {"hmac_md5", hmac_md5}, {"des", des}, {"rc4", rc4},
           {"crc32", crc32})
