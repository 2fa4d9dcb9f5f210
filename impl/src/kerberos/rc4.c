/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 4757 7.2 and 7.3.
 */
#include "rc4.h"

#include <string.h>

#include "../digest.h"
#include "../env.h"
#include "../message.h"

#define HEADER 8
#define FIELD 8 /* SND_SEQ, SGN_CKSUM, confounder */
#define OID_SIZE 11
#define MAX_PARTS (SSPI_KRB_MAX_BUFFERS + 4)
#define KEY_SIZE 16

/* The values of T in RFC 4757 for the two kinds of checksum. */
enum {
    T_WRAP = 13,
    T_MIC = 15
};

static const uint8_t oid[OID_SIZE] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                      0xf7, 0x12, 0x01, 0x02, 0x02};

/* Bytes of a message in their order, for the checksum or for RC4. */
struct parts {
    struct sspi_view list[MAX_PARTS];
    size_t count;
};

static void add(struct parts *parts, const void *data, size_t size)
{
    parts->list[parts->count++] = (struct sspi_view){data, size};
}

static bool keyed(const uint8_t *key, const void *data, size_t size, uint8_t out[KEY_SIZE])
{
    const struct sspi_view part = {data, size};
    return sspi_hmac_md5((struct sspi_view){key, KEY_SIZE}, &part, 1, out);
}

/* SGN_CKSUM: parts[0] and parts[1] are left free for T and the header. */
static bool checksum(const struct sspi_krb_context *context, uint8_t type,
                     const uint8_t header[HEADER], struct parts *parts, uint8_t out[FIELD])
{
    static const char label[] = "signaturekey"; /* with its zero */
    const uint8_t number[4] = {type, 0, 0, 0};
    uint8_t key[KEY_SIZE], digest[16];

    parts->list[0] = (struct sspi_view){number, sizeof number};
    parts->list[1] = (struct sspi_view){header, HEADER};
    bool good = keyed(context->session_key->contents, label, sizeof label, key) &&
                sspi_md5(parts->list, parts->count, digest) &&
                keyed(key, digest, sizeof digest, digest);
    if (good)
        memcpy(out, digest, FIELD);
    sspi_wipe(key, sizeof key);
    sspi_wipe(digest, sizeof digest);
    return good;
}

/* SND_SEQ, either way: RC4 under a key that depends on the checksum. */
static bool crypt_sequence(const struct sspi_krb_context *context, const uint8_t cksum[FIELD],
                           uint8_t bytes[FIELD])
{
    static const uint8_t zero[4];
    uint8_t key[KEY_SIZE];
    struct sspi_rc4 rc4;

    bool good = keyed(context->session_key->contents, zero, sizeof zero, key) &&
                keyed(key, cksum, FIELD, key);
    if (good) {
        sspi_rc4_init(&rc4, key, sizeof key);
        sspi_rc4_update(&rc4, bytes, bytes, FIELD);
        sspi_wipe(&rc4, sizeof rc4);
    }
    sspi_wipe(key, sizeof key);
    return good;
}

/* The stream that encrypts confounder and data of one message. */
static bool start_cipher(const struct sspi_krb_context *context, uint32_t sequence,
                         struct sspi_rc4 *rc4)
{
    static const uint8_t zero[4];
    const uint8_t number[4] = {(uint8_t)(sequence >> 24), (uint8_t)(sequence >> 16),
                               (uint8_t)(sequence >> 8), (uint8_t)sequence};
    uint8_t key[KEY_SIZE];

    for (int i = 0; i < KEY_SIZE; i++)
        key[i] = context->session_key->contents[i] ^ 0xf0;
    bool good = keyed(key, zero, sizeof zero, key) && keyed(key, number, sizeof number, key);
    if (good)
        sspi_rc4_init(rc4, key, sizeof key);
    sspi_wipe(key, sizeof key);
    return good;
}

/* Number and direction: four bytes of one value each, 0 from the initiator. */
static void plain_sequence(uint32_t sequence, bool by_acceptor, uint8_t bytes[FIELD])
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(sequence >> (24 - 8 * i));
    memset(bytes + 4, by_acceptor ? 0xff : 0, 4);
}

static bool read_sequence(const struct sspi_krb_context *context, const uint8_t *fields,
                          uint32_t *sequence)
{
    uint8_t bytes[FIELD], same[FIELD];

    memcpy(bytes, fields, FIELD);
    if (!crypt_sequence(context, fields + FIELD, bytes))
        return false;
    *sequence =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    plain_sequence(*sequence, context->initiator, same);
    return memcmp(bytes, same, sizeof same) == 0;
}

/* ---- framing -------------------------------------------------------------------------------- */

static size_t frame_size(size_t inside)
{
    size_t more = 0;
    if (inside >= 0x80)
        for (size_t left = inside; left; left >>= 8)
            more++;
    return 2 + more + OID_SIZE;
}

/* Tag, length and OID. Returns what follows them. */
static uint8_t *write_frame(uint8_t *bytes, size_t size, size_t inside)
{
    size_t more = size - OID_SIZE - 2;
    *bytes++ = 0x60;
    *bytes++ = (uint8_t)(more ? 0x80 | more : inside);
    while (more--)
        *bytes++ = (uint8_t)(inside >> (8 * more));
    memcpy(bytes, oid, OID_SIZE);
    return bytes + OID_SIZE;
}

/* The size of tag, length and OID at the start of token, 0 when they are not there.
 * [out] inside: the length told. */
static size_t read_frame(struct sspi_view token, size_t *inside)
{
    if (token.size < 2 || token.data[0] != 0x60)
        return 0;
    size_t length = token.data[1], more = 0;
    if (length >= 0x80) {
        more = length & 0x7f;
        if (more == 0 || more > 4 || token.size < 2 + more)
            return 0;
        length = 0;
        for (size_t i = 0; i < more; i++)
            length = length << 8 | token.data[2 + i];
    }
    size_t size = 2 + more + OID_SIZE;
    if (token.size < size || frame_size(length) != size ||
        memcmp(token.data + 2 + more, oid, OID_SIZE) != 0)
        return 0;
    *inside = length;
    return size;
}

/* ---- MIC ------------------------------------------------------------------------------------ */

static const uint8_t mic_header[HEADER] = {1, 1, 0x11, 0, 0xff, 0xff, 0xff, 0xff};

static bool mic_checksum(const struct sspi_krb_context *context,
                         const struct sspi_krb_pieces *pieces, uint8_t out[FIELD])
{
    struct parts parts = {.count = 2};
    for (size_t i = 0; i < pieces->count; i++)
        add(&parts, pieces->list[i].data.data, pieces->list[i].data.length);
    return checksum(context, T_MIC, mic_header, &parts, out);
}

SECURITY_STATUS sspi_krb_rc4_sign(struct sspi_krb_context *context,
                                  const struct sspi_krb_pieces *pieces, uint8_t *token)
{
    size_t inside = OID_SIZE + HEADER + 2 * FIELD;
    uint8_t *header = write_frame(token, frame_size(inside), inside);
    uint8_t *sequence = header + HEADER, *cksum = sequence + FIELD;

    memcpy(header, mic_header, HEADER);
    plain_sequence((uint32_t)context->send_sequence, !context->initiator, sequence);
    if (!mic_checksum(context, pieces, cksum) || !crypt_sequence(context, cksum, sequence))
        return SEC_E_INTERNAL_ERROR;
    context->send_sequence++;
    return SEC_E_OK;
}

SECURITY_STATUS sspi_krb_rc4_verify(struct sspi_krb_context *context,
                                    const struct sspi_krb_pieces *pieces, struct sspi_view token)
{
    size_t inside;
    uint8_t expected[FIELD];
    uint32_t sequence;

    if (token.size < SSPI_KRB_HEADER)
        return SEC_E_INVALID_TOKEN;
    size_t frame = read_frame(token, &inside);
    if (!frame || token.size != SSPI_KRB_RC4_MIC || inside != token.size - 2 ||
        memcmp(token.data + frame, mic_header, HEADER) != 0)
        return SEC_E_MESSAGE_ALTERED;
    const uint8_t *fields = token.data + frame + HEADER;
    if (!mic_checksum(context, pieces, expected))
        return SEC_E_INTERNAL_ERROR;
    if (!sspi_equal(expected, fields + FIELD, FIELD) || !read_sequence(context, fields, &sequence))
        return SEC_E_MESSAGE_ALTERED;
    return sspi_krb_in_order(context, sequence);
}

/* ---- wrap ----------------------------------------------------------------------------------- */

static void wrap_header(bool sealed, uint8_t header[HEADER])
{
    static const uint8_t bytes[HEADER] = {2, 1, 0x11, 0, 0x10, 0, 0xff, 0xff};
    memcpy(header, bytes, HEADER);
    if (!sealed)
        header[4] = header[5] = 0xff;
}

/* What the checksum of a wrap token covers besides the header: the confounder, the caller's
 * buffers, the padding. */
static void covered(SecBufferDesc *message, const uint8_t *confounder, const SecBuffer *padding,
                    struct parts *parts)
{
    parts->count = 2;
    add(parts, confounder, FIELD);
    for (ULONG i = 0; i < message->cBuffers; i++)
        if (sspi_message_is_signed(&message->pBuffers[i]))
            add(parts, message->pBuffers[i].pvBuffer, message->pBuffers[i].cbBuffer);
    if (padding)
        add(parts, padding->pvBuffer, padding->cbBuffer);
}

static bool crypt(const struct sspi_krb_context *context, uint32_t sequence, uint8_t *confounder,
                  SecBufferDesc *message, SecBuffer *padding)
{
    struct sspi_rc4 rc4;
    if (!start_cipher(context, sequence, &rc4))
        return false;
    sspi_rc4_update(&rc4, confounder, confounder, FIELD);
    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *buffer = &message->pBuffers[i];
        if (sspi_message_is_secret(buffer))
            sspi_rc4_update(&rc4, buffer->pvBuffer, buffer->pvBuffer, buffer->cbBuffer);
    }
    if (padding)
        sspi_rc4_update(&rc4, padding->pvBuffer, padding->pvBuffer, padding->cbBuffer);
    sspi_wipe(&rc4, sizeof rc4);
    return true;
}

/* Bytes on the wire behind the token. */
static size_t message_size(SecBufferDesc *message, const SecBuffer *padding)
{
    size_t size = padding ? padding->cbBuffer : 0;
    for (ULONG i = 0; i < message->cBuffers; i++)
        if (sspi_message_is_secret(&message->pBuffers[i]))
            size += message->pBuffers[i].cbBuffer;
    return size;
}

SECURITY_STATUS sspi_krb_rc4_wrap(struct sspi_krb_context *context, bool seal,
                                  SecBufferDesc *message, SecBuffer *token)
{
    SecBuffer *padding = sspi_message_find(message, SECBUFFER_PADDING);
    SecBuffer pad = {1, SECBUFFER_PADDING, padding ? padding->pvBuffer : NULL};
    uint32_t number = (uint32_t)context->send_sequence;
    struct parts parts;

    if (padding && !padding->cbBuffer)
        return SEC_E_BUFFER_TOO_SMALL;
    size_t inside = OID_SIZE + HEADER + 3 * FIELD;
    if (!(context->flags & SSPI_KRB_DCE_STYLE))
        inside += message_size(message, padding ? &pad : NULL);
    size_t frame = frame_size(inside), size = frame + HEADER + 3 * FIELD;
    if (token->cbBuffer < size)
        return SEC_E_BUFFER_TOO_SMALL;

    uint8_t *header = write_frame(token->pvBuffer, frame, inside);
    uint8_t *sequence = header + HEADER, *cksum = sequence + FIELD, *confounder = cksum + FIELD;
    wrap_header(seal, header);
    plain_sequence(number, !context->initiator, sequence);
    if (!sspi_random(confounder, FIELD))
        return SEC_E_INTERNAL_ERROR;
    if (padding)
        *(uint8_t *)pad.pvBuffer = 1;
    covered(message, confounder, padding ? &pad : NULL, &parts);
    if (!checksum(context, T_WRAP, header, &parts, cksum) ||
        !crypt_sequence(context, cksum, sequence) ||
        (seal && !crypt(context, number, confounder, message, padding ? &pad : NULL)))
        return SEC_E_INTERNAL_ERROR;
    if (padding)
        padding->cbBuffer = pad.cbBuffer;
    token->cbBuffer = (ULONG)size;
    context->send_sequence++;
    return SEC_E_OK;
}

/* header: what follows the frame; the data is in message and padding. */
static SECURITY_STATUS unwrap(struct sspi_krb_context *context, uint8_t *header,
                              SecBufferDesc *message, SecBuffer *padding,
                              struct sspi_krb_rc4_opened *opened)
{
    uint8_t same[HEADER], expected[FIELD];
    uint8_t *fields = header + HEADER, *cksum = fields + FIELD, *confounder = cksum + FIELD;
    struct parts parts;

    opened->sealed = header[4] == 0x10;
    wrap_header(opened->sealed, same);
    if (memcmp(header, same, HEADER) != 0 || !read_sequence(context, fields, &opened->sequence))
        return SEC_E_MESSAGE_ALTERED;
    if (opened->sealed && !crypt(context, opened->sequence, confounder, message, padding))
        return SEC_E_INTERNAL_ERROR;
    covered(message, confounder, padding, &parts);
    if (!checksum(context, T_WRAP, header, &parts, expected))
        return SEC_E_INTERNAL_ERROR;
    return sspi_equal(expected, cksum, FIELD) ? SEC_E_OK : SEC_E_MESSAGE_ALTERED;
}

/* RFC 1964 1.2.2.3: as many bytes as each of them says. */
static bool strip(SecBuffer *plain)
{
    const uint8_t *bytes = plain->pvBuffer;
    size_t count = plain->cbBuffer ? bytes[plain->cbBuffer - 1] : 0;
    if (count < 1 || count > 8 || count > plain->cbBuffer)
        return false;
    for (size_t i = 0; i < count; i++)
        if (bytes[plain->cbBuffer - 1 - i] != count)
            return false;
    plain->cbBuffer -= (ULONG)count;
    return true;
}

SECURITY_STATUS sspi_krb_rc4_open_stream(struct sspi_krb_context *context, uint8_t *bytes,
                                         size_t size, struct sspi_krb_rc4_opened *opened,
                                         SecBuffer *plain)
{
    size_t inside, alone = OID_SIZE + HEADER + 3 * FIELD;
    SecBufferDesc message = {SECBUFFER_VERSION, 1, plain};

    if (size < SSPI_KRB_HEADER)
        return SEC_E_INVALID_TOKEN;
    size_t frame = read_frame((struct sspi_view){bytes, size}, &inside);
    if (!frame || size < frame + HEADER + 3 * FIELD ||
        (inside != alone && inside != size - frame + OID_SIZE))
        return SEC_E_MESSAGE_ALTERED;
    uint8_t *data = bytes + frame + HEADER + 3 * FIELD;
    *plain = (SecBuffer){(ULONG)(bytes + size - data), SECBUFFER_DATA, data};
    SECURITY_STATUS status = unwrap(context, bytes + frame, &message, NULL, opened);
    /* Only GSS_Wrap pads without being asked, and its token is counted with its message. */
    if (status == SEC_E_OK && inside == size - frame + OID_SIZE &&
        !(context->flags & SSPI_KRB_DCE_STYLE) && !strip(plain))
        status = SEC_E_MESSAGE_ALTERED;
    return status;
}

bool sspi_krb_rc4_is_split(struct sspi_view token)
{
    size_t inside, frame = read_frame(token, &inside);
    return frame && token.size == frame + HEADER + 3 * FIELD;
}

SECURITY_STATUS sspi_krb_rc4_open_split(struct sspi_krb_context *context, SecBufferDesc *message,
                                        const SecBuffer *token, struct sspi_krb_rc4_opened *opened)
{
    SecBuffer *padding = sspi_message_find(message, SECBUFFER_PADDING);
    size_t inside, alone = OID_SIZE + HEADER + 3 * FIELD;
    size_t frame = read_frame((struct sspi_view){token->pvBuffer, token->cbBuffer}, &inside);

    if (!frame || (inside != alone && inside != alone + message_size(message, padding)))
        return SEC_E_MESSAGE_ALTERED;
    return unwrap(context, (uint8_t *)token->pvBuffer + frame, message, padding, opened);
}
