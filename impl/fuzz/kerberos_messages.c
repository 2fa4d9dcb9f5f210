/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: per-message tokens of Kerberos, from a peer that holds the key. Tokens are made here
 * as RFC 4121 4.2 has them, with whatever header and rotation the input wants, encrypted and signed
 * truly; those of RC4 come from the library and are altered. What is opened is what was sealed.
 *
 * An input: a byte that chooses encryption type and style, then messages: kind, shape, header
 * changes (16 bytes XORed), where the token is split, extra filler, the length of the plaintext.
 */
#include <sspi.h>

#include "exchange.h"
#include "fuzz.h"
#include "kerberos_repair.h"

enum {
    ENCTYPES = 3,
    STYLES = 2, /* two legs; DCE style */
    HEADER = 16,
    MOST = 128, /* of plaintext and filler */
    ROOM = HEADER + 16 + 2 * MOST + HEADER + 64
};

enum kind {
    SEALED,
    SIGNED,
    MIC,
    ALTERED, /* the library's own token */
    KINDS
};

/* Of RFC 4121 2. */
enum {
    USE_ACCEPTOR_SEAL = 22,
    USE_ACCEPTOR_SIGN = 23,
    USE_INITIATOR_SEAL = 24,
    USE_INITIATOR_SIGN = 25
};

struct peers {
    struct side client, server;
    krb5_keyblock key;
    uint64_t sequence; /* of the client's next message */
};

static krb5_context krb5;
static const krb5_enctype enctypes[ENCTYPES] = {
    ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_ARCFOUR_HMAC, ENCTYPE_AES128_CTS_HMAC_SHA256_128};
static CredHandle credentials[ENCTYPES][2];

static void acquire(int which)
{
    static struct fuzz_realm realms[ENCTYPES];
    char package[] = "Kerberos";
    fuzz_realm_open(&realms[which], enctypes[which]);
    krb5 = realms[which].world.krb5;
    for (int i = 0; i < 2; i++)
        MUST(AcquireCredentialsHandleA(NULL, package,
                                       i ? SECPKG_CRED_INBOUND : SECPKG_CRED_OUTBOUND, NULL, NULL,
                                       NULL, NULL, &credentials[which][i], NULL) == SEC_E_OK);
}

/* The client's next number, out of a MIC that it makes; it makes no other token here. */
static void learn(struct peers *peers)
{
    SecPkgContext_SessionKey key;
    uint8_t token[64], data[1] = {0};
    SecBuffer buffers[2] = {{sizeof token, SECBUFFER_TOKEN, token},
                            {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    MUST(QueryContextAttributesA(&peers->server.context, SECPKG_ATTR_SESSION_KEY, &key) ==
         SEC_E_OK);
    peers->key.length = key.SessionKeyLength;
    peers->key.contents = fuzz_copy((struct sspi_view){key.SessionKey, key.SessionKeyLength});
    FreeContextBuffer(key.SessionKey);
    MUST(MakeSignature(&peers->client.context, 0, &desc, 0) == SEC_E_OK);
    MUST(VerifySignature(&peers->server.context, &desc, 0, NULL) == SEC_E_OK);
    peers->sequence = 0;
    for (int i = 8; i < HEADER; i++)
        peers->sequence = peers->sequence << 8 | token[i];
    peers->sequence++;
}

static void meet(struct peers *peers, int which, bool dce)
{
    ULONG req = ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY | (dce ? ISC_REQ_USE_DCE_STYLE : 0);
    memset(peers, 0, sizeof *peers);
    peers->client.credential = credentials[which][0];
    peers->server.credential = credentials[which][1];
    establish(&peers->client, &peers->server, WORLD_SERVICE, req, 0);
    MUST(peers->server.status == SEC_E_OK && peers->client.status == SEC_E_OK);
    peers->key.enctype = enctypes[which];
    learn(peers);
}

static void part(struct peers *peers)
{
    DeleteSecurityContext(&peers->client.context);
    DeleteSecurityContext(&peers->server.context);
    free(peers->key.contents);
}

/* ---- tokens --------------------------------------------------------------------------------- */

struct token {
    enum kind kind;
    uint8_t bytes[ROOM];
    size_t size;
    uint8_t plain[MOST];
    size_t plain_size;
    bool changed; /* the header is not what a peer of this library writes */
};

static void write_header(const struct peers *peers, struct token *token, uint16_t extra,
                         struct sspi_view *changes)
{
    uint8_t *bytes = token->bytes;
    bytes[0] = token->kind == MIC ? 4 : 5;
    bytes[1] = 4;
    bytes[2] = (uint8_t)(4 | (token->kind == SEALED ? 2 : 0)); /* acceptor's subkey */
    memset(bytes + 3, 0xff, 5);
    if (token->kind != MIC) {
        bytes[4] = (uint8_t)(extra >> 8);
        bytes[5] = (uint8_t)extra;
        bytes[6] = bytes[7] = 0;
    }
    for (int i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)(peers->sequence >> (56 - 8 * i));
    struct sspi_view xor = fuzz_take(changes, HEADER);
    for (size_t i = 0; i < xor.size; i++) {
        token->changed |= xor.data[i] != 0;
        bytes[i] ^= xor.data[i];
    }
}

static void rotate_right(uint8_t *bytes, size_t size, size_t count)
{
    uint8_t copy[ROOM];
    MUST(size <= sizeof copy);
    memcpy(copy, bytes, size);
    for (size_t i = 0; i < size; i++)
        bytes[(i + count) % size] = copy[i];
}

static void seal(const struct peers *peers, struct token *token, size_t filler)
{
    uint8_t inside[2 * MOST + HEADER] = {0}, *at = inside;
    size_t size;
    memcpy(at, token->plain, token->plain_size);
    at += token->plain_size + filler;
    memcpy(at, token->bytes, HEADER);
    at[6] = at[7] = 0;
    krb5_data plain = {KV5M_DATA, (unsigned)(at + HEADER - inside), (char *)inside};
    WORLD_MUST(krb5_c_encrypt_length(krb5, peers->key.enctype, plain.length, &size));
    MUST(HEADER + size <= ROOM);
    krb5_enc_data sealed = {
        .ciphertext = {KV5M_DATA, (unsigned)size, (char *)token->bytes + HEADER}};
    WORLD_MUST(krb5_c_encrypt(krb5, &peers->key, USE_INITIATOR_SEAL, NULL, &plain, &sealed));
    token->size = HEADER + size;
}

static void sign(const struct peers *peers, struct token *token)
{
    uint8_t covered[MOST + HEADER], *at = token->bytes + HEADER;
    krb5_checksum checksum;
    memcpy(covered, token->plain, token->plain_size);
    memcpy(covered + token->plain_size, token->bytes, HEADER);
    if (token->kind == SIGNED)
        memset(covered + token->plain_size + 4, 0, 4);
    krb5_data data = {KV5M_DATA, (unsigned)(token->plain_size + HEADER), (char *)covered};
    WORLD_MUST(krb5_c_make_checksum(krb5, 0, &peers->key,
                                    token->kind == MIC ? USE_INITIATOR_SIGN : USE_INITIATOR_SEAL,
                                    &data, &checksum));
    if (token->kind == SIGNED) {
        memcpy(at, token->plain, token->plain_size);
        at += token->plain_size;
    }
    memcpy(at, checksum.contents, checksum.length);
    token->size = (size_t)(at - token->bytes) + checksum.length;
    krb5_free_checksum_contents(krb5, &checksum);
}

/* RFC 4121 4.2.5; in DCE style Windows counts EC in (MS-KILE 3.4.5.4.1). */
static void make(const struct peers *peers, struct token *token, struct sspi_view *input, bool dce)
{
    size_t filler = fuzz_number(input, 1) % MOST;
    bool sealed = token->kind == SEALED;
    size_t cksum = enctypes[2] == peers->key.enctype ? 16 : 12;
    write_header(peers, token, (uint16_t)(sealed ? filler : cksum), input);
    if (sealed)
        seal(peers, token, filler);
    else
        sign(peers, token);
    if (token->kind == MIC)
        return;
    size_t rotation = (size_t)(token->bytes[6] << 8 | token->bytes[7]) +
                      (sealed && dce ? (size_t)(token->bytes[4] << 8 | token->bytes[5]) : 0);
    rotate_right(token->bytes + HEADER, token->size - HEADER, rotation % (token->size - HEADER));
}

/* The library's own; edits are triples of place and XOR. padded: as a stream
 * must be with RC4, except in DCE style. */
static void make_altered(struct peers *peers, struct token *token, struct sspi_view *input,
                         bool padded)
{
    uint8_t room[128], padding[8];
    ULONG qop = fuzz_number(input, 1) & 1 ? SECQOP_WRAP_NO_ENCRYPT : 0;
    SecBuffer buffers[3] = {{sizeof room, SECBUFFER_TOKEN, room},
                            {(ULONG)token->plain_size, SECBUFFER_DATA, token->bytes},
                            {sizeof padding, SECBUFFER_PADDING, padding}};
    SecBufferDesc desc = {SECBUFFER_VERSION, padded ? 3 : 2, buffers};
    memcpy(token->bytes, token->plain, token->plain_size);
    MUST(EncryptMessage(&peers->client.context, qop, &desc, 0) == SEC_E_OK);
    memmove(token->bytes + buffers[0].cbBuffer, token->bytes, token->plain_size);
    memcpy(token->bytes, room, buffers[0].cbBuffer);
    token->size = buffers[0].cbBuffer + token->plain_size;
    if (padded) {
        memcpy(token->bytes + token->size, padding, buffers[2].cbBuffer);
        token->size += buffers[2].cbBuffer;
    }
    for (size_t n = fuzz_number(input, 1) % 4; n > 0; n--) {
        size_t place = fuzz_number(input, 2) % token->size;
        token->bytes[place] ^= (uint8_t)fuzz_number(input, 1);
        token->changed = true;
    }
}

/* ---- opening -------------------------------------------------------------------------------- */

static void check(SECURITY_STATUS status)
{
    MUST(status == SEC_E_OK || status == SEC_E_INVALID_TOKEN || status == SEC_E_MESSAGE_ALTERED ||
         status == SEC_E_OUT_OF_SEQUENCE || status == SEC_E_BUFFER_TOO_SMALL);
}

static SECURITY_STATUS open_stream(struct peers *peers, const struct token *token)
{
    uint8_t *whole = fuzz_copy((struct sspi_view){token->bytes, token->size});
    SecBuffer buffers[2] = {{(ULONG)token->size, SECBUFFER_STREAM, whole},
                            {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = DecryptMessage(&peers->server.context, &desc, 0, NULL);
    if (status == SEC_E_OK && !token->changed) {
        MUST(buffers[1].cbBuffer == token->plain_size);
        MUST(!token->plain_size ||
             memcmp(buffers[1].pvBuffer, token->plain, token->plain_size) == 0);
    }
    free(whole);
    return status;
}

/* Cut in two or three anywhere; the second may be two DATA buffers or DATA and PADDING. */
static SECURITY_STATUS open_split(struct peers *peers, const struct token *token,
                                  struct sspi_view *input)
{
    size_t first = fuzz_number(input, 2) % (token->size + 1), rest = token->size - first;
    size_t second = fuzz_number(input, 1) % (rest + 1);
    uint8_t *pieces[3] = {
        fuzz_copy((struct sspi_view){token->bytes, first}),
        fuzz_copy((struct sspi_view){token->bytes + first, rest - second}),
        fuzz_copy((struct sspi_view){token->bytes + token->size - second, second})};
    ULONG last = fuzz_number(input, 1) & 1 ? SECBUFFER_PADDING : SECBUFFER_DATA;
    SecBuffer buffers[3] = {{(ULONG)first, SECBUFFER_TOKEN, pieces[0]},
                            {(ULONG)(rest - second), SECBUFFER_DATA, pieces[1]},
                            {(ULONG)second, last, pieces[2]}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    SECURITY_STATUS status = DecryptMessage(&peers->server.context, &desc, 0, NULL);
    for (int i = 0; i < 3; i++) {
        MUST(buffers[i].pvBuffer == pieces[i]);
        free(pieces[i]);
    }
    return status;
}

static SECURITY_STATUS verify(struct peers *peers, const struct token *token)
{
    uint8_t *mic = fuzz_copy((struct sspi_view){token->bytes, token->size});
    uint8_t *text = fuzz_copy((struct sspi_view){token->plain, token->plain_size});
    SecBuffer buffers[2] = {{(ULONG)token->size, SECBUFFER_TOKEN, mic},
                            {(ULONG)token->plain_size, SECBUFFER_DATA, text}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = VerifySignature(&peers->server.context, &desc, 0, NULL);
    free(mic);
    free(text);
    return status;
}

/* One message. A true token is opened as a stream; what is refused does not count. */
static void message(struct peers *peers, struct sspi_view *input, bool dce)
{
    static struct token token;
    memset(&token, 0, sizeof token);
    bool rc4 = peers->key.enctype == ENCTYPE_ARCFOUR_HMAC;
    token.kind = rc4 ? ALTERED : (enum kind)(fuzz_number(input, 1) % KINDS);
    uint8_t shape = (uint8_t)fuzz_number(input, 1);
    struct sspi_view plain = fuzz_take(input, fuzz_number(input, 1) % MOST);
    memcpy(token.plain, plain.data, token.plain_size = plain.size);
    if (token.kind == ALTERED)
        make_altered(peers, &token, input, (shape & 1) && !dce);
    else
        make(peers, &token, input, dce);
    bool stream = token.kind != MIC && (shape & 1);
    SECURITY_STATUS status = token.kind == MIC ? verify(peers, &token)
                             : stream          ? open_stream(peers, &token)
                                               : open_split(peers, &token, input);
    check(status);
    MUST(token.changed || token.kind == ALTERED || !(stream || token.kind == MIC) ||
         status == SEC_E_OK);
    peers->sequence += status == SEC_E_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct peers peers;
    struct sspi_view input = {data, size};
    for (int i = 0; i < ENCTYPES && !credentials[i][0].dwUpper; i++)
        acquire(i);
    uint32_t choice = fuzz_number(&input, 1);
    bool dce = choice / ENCTYPES % STYLES;
    meet(&peers, (int)(choice % ENCTYPES), dce);
    for (int n = 0; n < 4 && input.size; n++)
        message(&peers, &input, dce);
    part(&peers);
    return 0;
}
