/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing and sealing: the GSS_WrapEx examples of MS-NLMP 4.2, both directions, and what must not
 * verify.
 */
#include "ntlm_world.h"

#define SEALED (NTLM_ESS | NTLM_128 | NTLM_56 | NTLM_KEY_EXCH | NTLM_SIGN | NTLM_SEAL)
#define DUMMY (NTLM_ESS | NTLM_128 | NTLM_ALWAYS_SIGN)
#define PLAINTEXT "50006c00610069006e007400650078007400"

static const char *const key_text = "55555555555555555555555555555555";

struct pair {
    struct ntlm_protection client, server;
};

static void start(struct pair *pair, uint32_t flags)
{
    ntlm_protection_start(&pair->client, hex(key_text).data, flags, true);
    ntlm_protection_start(&pair->server, hex(key_text).data, flags, false);
}

struct letter {
    uint8_t token[16], data[64];
    SecBuffer buffers[2];
    SecBufferDesc desc;
};

static SecBufferDesc *letter(struct letter *letter, const char *text)
{
    struct sspi_view bytes = hex(text);
    memset(letter, 0, sizeof *letter);
    memcpy(letter->data, bytes.data, bytes.size);
    letter->buffers[0] = (SecBuffer){sizeof letter->token, SECBUFFER_TOKEN, letter->token};
    letter->buffers[1] = (SecBuffer){(ULONG)bytes.size, SECBUFFER_DATA, letter->data};
    letter->desc = (SecBufferDesc){SECBUFFER_VERSION, 2, letter->buffers};
    return &letter->desc;
}

static void examples(void)
{
    static const struct {
        const char *key;
        uint32_t flags;
        const char *sealed, *signature;
    } rows[] = {
        /* 4.2.4.4 */
        {"55555555555555555555555555555555", SEALED, "54e50165bf1936dc996020c1811b0f06fb5f",
         "010000007fb38ec5c55d497600000000"},
        /* 4.2.3.4: no key exchange, 56 bit */
        {"eb93429a8bd952f8b89c55b87f475edc", NTLM_ESS | NTLM_56 | NTLM_SIGN | NTLM_SEAL,
         "a02372f6530273f3aa1eb90190ce5200c99d", "01000000ff2aeb52f681793a00000000"},
        /* 4.2.2.4: no extended session security */
        {"55555555555555555555555555555555", NTLM_128 | NTLM_KEY_EXCH | NTLM_SIGN | NTLM_SEAL,
         "56fe04d861f9319af0d7238a2e3b4d457fb8", "010000000000000009dcd1df2e459d36"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ntlm_protection protection;
        struct letter sent;
        ntlm_protection_start(&protection, hex(rows[i].key).data, rows[i].flags, true);
        ASSERT_STATUS(ntlm_encrypt(&protection, 0, letter(&sent, PLAINTEXT)), SEC_E_OK);
        ASSERT_BYTES(sent.data, rows[i].sealed);
        ASSERT_BYTES(sent.token, rows[i].signature);
    }
}

static void both_ways(void)
{
    static const uint32_t flags[] = {SEALED, SEALED & ~NTLM_KEY_EXCH, SEALED & ~NTLM_ESS,
                                     SEALED & ~NTLM_SEAL};
    for (size_t f = 0; f < sizeof flags / sizeof flags[0]; f++) {
        struct pair pair;
        struct letter sent;
        start(&pair, flags[f]);
        for (unsigned i = 0; i < 4; i++) {
            struct ntlm_protection *from = i % 2 ? &pair.server : &pair.client;
            struct ntlm_protection *to = i % 2 ? &pair.client : &pair.server;
            ASSERT_STATUS(ntlm_encrypt(from, 0, letter(&sent, PLAINTEXT)), SEC_E_OK);
            CU_ASSERT_NOT_EQUAL(memcmp(sent.data, hex(PLAINTEXT).data, 18), 0);
            ASSERT_STATUS(ntlm_decrypt(to, &sent.desc), SEC_E_OK);
            ASSERT_BYTES(sent.data, PLAINTEXT);
            ASSERT_STATUS(ntlm_sign(from, letter(&sent, PLAINTEXT)), SEC_E_OK);
            ASSERT_STATUS(ntlm_verify(to, &sent.desc), SEC_E_OK);
            ASSERT_BYTES(sent.data, PLAINTEXT);
        }
    }
}

/* Every bit of signature and ciphertext; each failure leaves ciphertext and stream as they were,
 * so that the genuine message is still good afterwards. */
static void tampered(void)
{
    static const uint32_t flags[] = {SEALED, SEALED & ~NTLM_ESS};
    for (size_t f = 0; f < 2; f++) {
        struct pair pair;
        struct letter sent;
        start(&pair, flags[f]);
        ntlm_encrypt(&pair.client, 0, letter(&sent, PLAINTEXT));
        struct letter kept = sent;
        for (size_t i = 0; i < 8 * (16 + 18); i++) {
            if (f == 1 && i >= 32 && i < 64)
                continue; /* RandomPad: see random_pad_is_not_looked_at */
            uint8_t *byte = i < 128 ? &sent.token[i / 8] : &sent.data[(i - 128) / 8];
            *byte ^= (uint8_t)(1 << i % 8);
            uint8_t broken = *byte;
            ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent.desc), SEC_E_MESSAGE_ALTERED);
            CU_ASSERT_EQUAL(*byte, broken);
            *byte ^= (uint8_t)(1 << i % 8);
            CU_ASSERT_EQUAL(memcmp(kept.data, sent.data, sizeof kept.data), 0);
        }
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent.desc), SEC_E_OK);
        ASSERT_BYTES(sent.data, PLAINTEXT);
    }
}

static void random_pad_is_not_looked_at(void)
{
    struct pair pair;
    struct letter sent;
    start(&pair, SEALED & ~NTLM_ESS);
    ntlm_encrypt(&pair.client, 0, letter(&sent, PLAINTEXT));
    sent.token[4] = 0x45;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent.desc), SEC_E_OK);
}

static void out_of_order(void)
{
    struct pair pair;
    struct letter first, second;
    start(&pair, SEALED);
    ntlm_encrypt(&pair.client, 0, letter(&first, PLAINTEXT));
    ntlm_encrypt(&pair.client, 0, letter(&second, PLAINTEXT));
    struct letter replay = first;
    replay.buffers[0].pvBuffer = replay.token;
    replay.buffers[1].pvBuffer = replay.data;
    replay.desc.pBuffers = replay.buffers;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &second.desc), SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &first.desc), SEC_E_OK);
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &replay.desc), SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &second.desc), SEC_E_OK);
}

static void reflected(void)
{
    struct pair pair;
    struct letter sent;
    start(&pair, SEALED);
    ntlm_sign(&pair.client, letter(&sent, PLAINTEXT));
    ASSERT_STATUS(ntlm_verify(&pair.client, &sent.desc), SEC_E_MESSAGE_ALTERED);
}

static void dummy_signatures(void)
{
    struct pair pair;
    struct letter sent;
    start(&pair, DUMMY);
    for (unsigned i = 0; i < 2; i++) {
        ASSERT_STATUS(ntlm_sign(&pair.client, letter(&sent, PLAINTEXT)), SEC_E_OK);
        ASSERT_BYTES(sent.token, "01000000000000000000000000000000");
        ASSERT_STATUS(ntlm_verify(&pair.server, &sent.desc), SEC_E_OK);
    }
    sent.token[4] = 1; /* mp.verify.dummy */
    ASSERT_STATUS(ntlm_verify(&pair.server, &sent.desc), SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, letter(&sent, PLAINTEXT)),
                  SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(ntlm_decrypt(&pair.client, &sent.desc), SEC_E_UNSUPPORTED_FUNCTION);
}

static void wrong_buffers(void)
{
    struct pair pair;
    struct letter sent;
    start(&pair, SEALED);
    SecBufferDesc *desc = letter(&sent, PLAINTEXT);
    SECURITY_STATUS(*const calls[])
    (struct ntlm_protection *, SecBufferDesc *) = {ntlm_sign, ntlm_verify, ntlm_decrypt};
    for (unsigned missing = 0; missing < 2; missing++) {
        ULONG kept = sent.buffers[missing].BufferType;
        sent.buffers[missing].BufferType = SECBUFFER_EMPTY;
        for (unsigned c = 0; c < 3; c++)
            ASSERT_STATUS(calls[c](&pair.client, desc), SEC_E_INVALID_TOKEN);
        ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, desc), SEC_E_INVALID_TOKEN);
        sent.buffers[missing].BufferType = kept;
    }
    sent.buffers[0].cbBuffer = 15;
    ASSERT_STATUS(ntlm_sign(&pair.client, desc), SEC_E_BUFFER_TOO_SMALL);
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, desc), SEC_E_BUFFER_TOO_SMALL);
    ASSERT_STATUS(ntlm_verify(&pair.client, desc), SEC_E_INVALID_TOKEN);
    ASSERT_BYTES(sent.data, PLAINTEXT);
    /* more room than needed is cut down, and a failed call took nothing from the stream */
    sent.buffers[0].cbBuffer = 16;
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, desc), SEC_E_OK);
    CU_ASSERT_EQUAL(sent.buffers[0].cbBuffer, 16);
    ASSERT_BYTES(sent.data, "54e50165bf1936dc996020c1811b0f06fb5f");
    ASSERT_STATUS(ntlm_sign(&pair.client, NULL), SEC_E_INVALID_TOKEN);
}

struct dce {
    uint8_t header[8], body[8], trailer[8], token[16];
    SecBuffer buffers[4];
    SecBufferDesc desc;
};

static void fill_dce(struct dce *dce, ULONG readonly)
{
    memset(dce->header, 'h', 8);
    memset(dce->body, 'b', 8);
    memset(dce->trailer, 't', 8);
    dce->buffers[0] = (SecBuffer){8, SECBUFFER_DATA | readonly, dce->header};
    dce->buffers[1] = (SecBuffer){8, SECBUFFER_DATA, dce->body};
    dce->buffers[2] = (SecBuffer){8, SECBUFFER_DATA | readonly, dce->trailer};
    dce->buffers[3] = (SecBuffer){16, SECBUFFER_TOKEN, dce->token};
    dce->desc = (SecBufferDesc){SECBUFFER_VERSION, 4, dce->buffers};
}

/* mp.layout.dce: only the middle is encrypted; mp.sign.ntlm-all-buffers: all is covered. */
static void read_only_parts(void)
{
    static const ULONG kinds[] = {SECBUFFER_READONLY, SECBUFFER_READONLY_WITH_CHECKSUM};
    for (unsigned k = 0; k < 2; k++) {
        struct pair pair;
        struct dce dce;
        start(&pair, SEALED);
        fill_dce(&dce, kinds[k]);
        ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, &dce.desc), SEC_E_OK);
        CU_ASSERT_EQUAL(memcmp(dce.header, "hhhhhhhh", 8), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(dce.body, "bbbbbbbb", 8), 0);
        CU_ASSERT_EQUAL(memcmp(dce.trailer, "tttttttt", 8), 0);
        dce.header[0] ^= 1;
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &dce.desc), SEC_E_MESSAGE_ALTERED);
        dce.header[0] ^= 1;
        dce.trailer[7] ^= 1;
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &dce.desc), SEC_E_MESSAGE_ALTERED);
        dce.trailer[7] ^= 1;
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &dce.desc), SEC_E_OK);
        CU_ASSERT_EQUAL(memcmp(dce.body, "bbbbbbbb", 8), 0);
    }
}

/* mp.sign.ntlm-all-buffers: without extended session security plain READONLY is not covered. */
static void read_only_without_ess(void)
{
    struct pair pair;
    struct dce dce;
    start(&pair, SEALED & ~NTLM_ESS);
    fill_dce(&dce, SECBUFFER_READONLY);
    ntlm_encrypt(&pair.client, 0, &dce.desc);
    dce.header[0] ^= 1;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &dce.desc), SEC_E_OK);
    fill_dce(&dce, SECBUFFER_READONLY_WITH_CHECKSUM);
    ntlm_encrypt(&pair.client, 0, &dce.desc);
    dce.header[0] ^= 1;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &dce.desc), SEC_E_MESSAGE_ALTERED);
}

static void stream_layout(void)
{
    struct pair pair;
    struct letter sent;
    uint8_t wire[16 + 18];
    start(&pair, SEALED);
    ntlm_encrypt(&pair.client, 0, letter(&sent, PLAINTEXT));
    memcpy(wire, sent.token, 16);
    memcpy(wire + 16, sent.data, 18);
    SecBuffer buffers[2] = {{sizeof wire, SECBUFFER_STREAM, wire}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    buffers[0].cbBuffer = 15;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &desc), SEC_E_INVALID_TOKEN);
    buffers[0].cbBuffer = sizeof wire;
    wire[20] ^= 1;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &desc), SEC_E_MESSAGE_ALTERED);
    CU_ASSERT_PTR_NULL(buffers[1].pvBuffer);
    wire[20] ^= 1;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[1].pvBuffer, wire + 16);
    CU_ASSERT_EQUAL(buffers[1].cbBuffer, 18);
    ASSERT_BYTES(wire + 16, PLAINTEXT);
    desc.cBuffers = 1;
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &desc), SEC_E_INVALID_TOKEN);
}

static void padding_comes_back_empty(void)
{
    struct pair pair;
    struct letter sent;
    uint8_t padding[8];
    start(&pair, SEALED);
    letter(&sent, PLAINTEXT);
    SecBuffer buffers[3] = {sent.buffers[0], sent.buffers[1], {8, SECBUFFER_PADDING, padding}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[2].cbBuffer, 0);
    buffers[2].cbBuffer = 8;
    ASSERT_STATUS(ntlm_encrypt(&pair.client, SECQOP_WRAP_NO_ENCRYPT, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[2].cbBuffer, 0);
}

static void without_encryption(void)
{
    struct pair pair;
    struct letter sent;
    start(&pair, SEALED);
    ASSERT_STATUS(ntlm_encrypt(&pair.client, SECQOP_WRAP_NO_ENCRYPT, letter(&sent, PLAINTEXT)),
                  SEC_E_OK);
    ASSERT_BYTES(sent.data, PLAINTEXT);
    ASSERT_STATUS(ntlm_verify(&pair.server, &sent.desc), SEC_E_OK);
    /* trig.enc.invalid-qop */
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 51566, letter(&sent, PLAINTEXT)), SEC_E_OK);
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent.desc), SEC_E_OK);
}

/* The MIC takes number 0, the first message 1, and RC4 starts over (mp.seq.mic-shift). */
static void mechlist_mic(void)
{
    struct pair pair;
    struct letter sent;
    struct sspi_blob mic;
    struct sspi_view list = hex("300c060a2b06010401823702020a");
    start(&pair, SEALED);
    ASSERT_STATUS(ntlm_make_mic(&pair.client, list, &mic), SEC_E_OK);
    CU_ASSERT_EQUAL(mic.size, 16);
    CU_ASSERT_EQUAL(ntlm_get32(mic.data + 12), 0);
    mic.data[5] ^= 1;
    ASSERT_STATUS(ntlm_check_mic(&pair.server, list, sspi_blob_view(&mic)), SEC_E_MESSAGE_ALTERED);
    mic.data[5] ^= 1;
    ASSERT_STATUS(ntlm_check_mic(&pair.server, hex("30"), sspi_blob_view(&mic)),
                  SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(ntlm_check_mic(&pair.server, list, (struct sspi_view){mic.data, 15}),
                  SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(ntlm_check_mic(&pair.server, list, sspi_blob_view(&mic)), SEC_E_OK);
    sspi_blob_free(&mic);
    ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, letter(&sent, PLAINTEXT)), SEC_E_OK);
    ASSERT_BYTES(sent.data, "54e50165bf1936dc996020c1811b0f06fb5f"); /* 4.2.4.4 again */
    CU_ASSERT_EQUAL(ntlm_get32(sent.token + 12), 1);
    ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent.desc), SEC_E_OK);
}

SSPI_TESTS({"examples", examples}, {"both ways", both_ways}, {"tampered", tampered},
           {"RandomPad", random_pad_is_not_looked_at}, {"out of order", out_of_order},
           {"reflected", reflected}, {"dummy signatures", dummy_signatures},
           {"wrong buffers", wrong_buffers}, {"read-only parts", read_only_parts},
           {"read-only without ESS", read_only_without_ess}, {"stream", stream_layout},
           {"padding", padding_comes_back_empty}, {"without encryption", without_encryption},
           {"mechListMIC", mechlist_mic})
