/* SPDX-License-Identifier: Apache-2.0
 *
 * Message protection of NTLM.
 */
#include "ntlm/protect.h"

#include <string.h>

#include "message.h"
#include "ntlm/keys.h"
#include "ntlm/wire.h"

#define MAX_BUFFERS 64 /* sspi_message_check lets no more through */
#define SIGNATURE_VERSION 1
#define CHECKSUM_OFFSET 4
#define SEQUENCE_OFFSET 12

void ntlm_protection_start(struct ntlm_protection *protection, const uint8_t key[16],
                           uint32_t flags, bool is_client)
{
    memset(protection, 0, sizeof *protection);
    memcpy(protection->key, key, sizeof protection->key);
    protection->flags = flags;
    protection->send = is_client ? &protection->client : &protection->server;
    protection->receive = is_client ? &protection->server : &protection->client;
    /* One key, one RC4 stream, one counter for both directions, MS-NLMP 3.4.4.1. */
    if (!(flags & (NTLM_ESS | NTLM_DATAGRAM)))
        protection->send = protection->receive = &protection->client;
}

static bool make_sign_key(const struct ntlm_protection *protection, bool from_client,
                          struct sspi_hmac_md5_key *out)
{
    uint8_t key[16];
    bool good = ntlm_sign_key(protection->key, from_client, key) &&
                sspi_hmac_md5_start((struct sspi_view){key, sizeof key}, out);
    sspi_wipe(key, sizeof key);
    return good;
}

/* Derives the keys of a stream unless it has them. */
static bool make_ready(const struct ntlm_protection *protection, struct ntlm_stream *stream)
{
    uint8_t seal_key[16];
    size_t size;
    bool from_client = stream == &protection->client;
    if (stream->ready)
        return true;
    stream->ready = (!(protection->flags & NTLM_ESS) ||
                     make_sign_key(protection, from_client, &stream->sign_key)) &&
                    ntlm_seal_key(protection->key, protection->flags, from_client, seal_key, &size);
    if (stream->ready)
        sspi_rc4_init(&stream->rc4, seal_key, size);
    if (stream->ready && protection->flags & NTLM_DATAGRAM) {
        memcpy(stream->seal_key, seal_key, size);
        stream->seal_size = size;
    }
    sspi_wipe(seal_key, sizeof seal_key);
    return stream->ready;
}

/* Before every message. A datagram may come in any order or not at all, so each has a key of its
 * own, made of its number (MS-NLMP 3.4, mp.seq.connectionless). */
static bool begin(const struct ntlm_protection *protection, struct ntlm_stream *stream,
                  uint32_t number)
{
    uint8_t sequence[4], key[16];
    if (!make_ready(protection, stream))
        return false;
    if (!(protection->flags & NTLM_DATAGRAM))
        return true;
    stream->sequence = number;
    ntlm_put32(sequence, number);
    struct sspi_view parts[2] = {{stream->seal_key, stream->seal_size}, {sequence, 4}};
    bool good = sspi_md5(parts, 2, key);
    if (good)
        sspi_rc4_init(&stream->rc4, key, sizeof key);
    sspi_wipe(key, sizeof key);
    return good;
}

/* The application numbers datagrams (MS-NLMP 3.4.2). One that always says 0 does not, and must not
 * get the same key stream twice: then the stream counts. */
static uint32_t next_number(const struct ntlm_protection *protection,
                            const struct ntlm_stream *stream)
{
    return protection->number ? protection->number : stream->sequence;
}

/* Whether there are real signatures: sealing brings signing with it (inter.ntlm.seal-sets-sign). */
static bool is_protected(const struct ntlm_protection *protection)
{
    return protection->flags & (NTLM_SIGN | NTLM_SEAL);
}

/* The checksum of a message in the clear, over the plaintext. parts[0] is the sequence number's
 * place. With extended session security the first half of an HMAC (MS-NLMP 3.4.4.2), without it
 * RandomPad, which is zero, and a CRC (3.4.4.1). */
static bool checksum(const struct ntlm_protection *protection, const struct ntlm_stream *stream,
                     struct sspi_view *parts, size_t count, uint8_t out[8])
{
    uint8_t sequence[4], digest[16];
    memset(out, 0, 8);
    if (!is_protected(protection))
        return true;
    if (!(protection->flags & NTLM_ESS)) {
        ntlm_put32(out + 4, sspi_crc32(parts + 1, count - 1));
        return true;
    }
    ntlm_put32(sequence, stream->sequence);
    parts[0] = (struct sspi_view){sequence, sizeof sequence};
    if (!sspi_hmac_md5_run(&stream->sign_key, parts, count, digest))
        return false;
    memcpy(out, digest, 8);
    return true;
}

/* The signature from the checksum; takes its share of RC4 and moves the stream's number on. rc4 is
 * the stream's, or for a MIC a copy of it. */
static void sign_checksum(const struct ntlm_protection *protection, struct ntlm_stream *stream,
                          struct sspi_rc4 *rc4, const uint8_t sum[8],
                          uint8_t out[NTLM_SIGNATURE_SIZE])
{
    memset(out, 0, NTLM_SIGNATURE_SIZE);
    out[0] = SIGNATURE_VERSION;
    if (!is_protected(protection))
        return; /* mp.ntlm.dummy.sig: no checksum and no sequence number */
    memcpy(out + CHECKSUM_OFFSET, sum, 8);
    ntlm_put32(out + SEQUENCE_OFFSET, stream->sequence);
    if (!(protection->flags & NTLM_ESS)) {
        sspi_rc4_update(rc4, out + CHECKSUM_OFFSET, out + CHECKSUM_OFFSET, 12);
        memset(out + CHECKSUM_OFFSET, 0, 4); /* RandomPad uses RC4 up and is sent as zero */
    } else if (protection->flags & NTLM_KEY_EXCH) {
        sspi_rc4_update(rc4, out + CHECKSUM_OFFSET, out + CHECKSUM_OFFSET, 8);
    }
    stream->sequence++;
}

/* Collects what a signature covers behind parts[0]; returns the number of parts. With extended
 * session security that is every DATA buffer, cleartext ones included, without it only those that
 * ask for it (MS-NLMP 3.4.6, mp.sign.ntlm-all-buffers). */
static size_t collect(const struct ntlm_protection *protection, const SecBufferDesc *message,
                      struct sspi_view *parts)
{
    size_t count = 1;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        const SecBuffer *buffer = &message->pBuffers[i];
        bool data = (buffer->BufferType & ~SECBUFFER_ATTRMASK) == SECBUFFER_DATA;
        if (data && (protection->flags & NTLM_ESS || sspi_message_is_signed(buffer)))
            parts[count++] = (struct sspi_view){buffer->pvBuffer, buffer->cbBuffer};
    }
    return count;
}

static void run_rc4(struct ntlm_stream *stream, const SecBufferDesc *message)
{
    for (ULONG i = 0; i < message->cBuffers; i++) {
        const SecBuffer *buffer = &message->pBuffers[i];
        if (sspi_message_is_secret(buffer))
            sspi_rc4_update(&stream->rc4, buffer->pvBuffer, buffer->pvBuffer, buffer->cbBuffer);
    }
}

/* The TOKEN buffer of a message that has DATA too, or NULL: SEC_E_INVALID_TOKEN. */
static SecBuffer *token_of(SecBufferDesc *message)
{
    if (sspi_message_check(message) != SEC_E_OK || !sspi_message_find(message, SECBUFFER_DATA))
        return NULL;
    return sspi_message_find(message, SECBUFFER_TOKEN);
}

/* NTLM pads nothing, so a padding buffer comes back empty: a caller sends what it holds. */
static void empty_padding(SecBufferDesc *message)
{
    SecBuffer *padding = sspi_message_find(message, SECBUFFER_PADDING);
    if (padding)
        padding->cbBuffer = 0;
}

static SECURITY_STATUS protect(struct ntlm_protection *protection, SecBufferDesc *message,
                               bool encrypt)
{
    struct sspi_view parts[MAX_BUFFERS + 1];
    uint8_t sum[8];
    SecBuffer *token = token_of(message) ? sspi_message_room(message, SECBUFFER_TOKEN) : NULL;
    if (!token)
        return SEC_E_INVALID_TOKEN;
    if (token->cbBuffer < NTLM_SIGNATURE_SIZE)
        return SEC_E_BUFFER_TOO_SMALL;
    size_t count = collect(protection, message, parts);
    if (!begin(protection, protection->send, next_number(protection, protection->send)) ||
        !checksum(protection, protection->send, parts, count, sum))
        return SEC_E_INTERNAL_ERROR;
    if (encrypt)
        run_rc4(protection->send, message);
    sign_checksum(protection, protection->send, &protection->send->rc4, sum, token->pvBuffer);
    token->cbBuffer = NTLM_SIGNATURE_SIZE;
    return SEC_E_OK;
}

SECURITY_STATUS ntlm_sign(struct ntlm_protection *protection, SecBufferDesc *message)
{
    return protect(protection, message, false);
}

SECURITY_STATUS ntlm_encrypt(struct ntlm_protection *protection, ULONG qop, SecBufferDesc *message)
{
    if (!is_protected(protection))
        return SEC_E_UNSUPPORTED_FUNCTION; /* mp.no-seal */
    /* Of the other QOPs nothing is known but that Windows ignores them (trig.enc.invalid-qop). */
    SECURITY_STATUS status = protect(protection, message, qop != SECQOP_WRAP_NO_ENCRYPT);
    if (status == SEC_E_OK)
        empty_padding(message);
    return status;
}

/* With extended session security the sequence number is in the clear, so that a message out of
 * turn is recognised before it uses up any RC4. Datagrams have no turn. */
static bool is_next(const struct ntlm_protection *protection, const uint8_t *signature)
{
    if (ntlm_get32(signature) != SIGNATURE_VERSION)
        return false;
    return !is_protected(protection) || !(protection->flags & NTLM_ESS) ||
           protection->flags & NTLM_DATAGRAM ||
           ntlm_get32(signature + SEQUENCE_OFFSET) == protection->receive->sequence;
}

/* RandomPad may be anything: it is not covered, and peers disagree on whether to send it as zero.
 */
static bool same_signature(const struct ntlm_protection *protection, const uint8_t *expected,
                           const uint8_t *signature)
{
    size_t from = is_protected(protection) && !(protection->flags & NTLM_ESS) ? 8 : CHECKSUM_OFFSET;
    return sspi_equal(expected + from, signature + from, NTLM_SIGNATURE_SIZE - from);
}

/* After a failure the stream is where it was (MS-NLMP 3.4.4: an unexpected number does not move the
 * counter) and the data is the ciphertext it was: nobody gets plaintext that nobody vouches for. */
static SECURITY_STATUS unprotect(struct ntlm_protection *protection, SecBufferDesc *message,
                                 const uint8_t *signature, bool decrypt)
{
    struct sspi_view parts[MAX_BUFFERS + 1];
    uint8_t sum[8], expected[NTLM_SIGNATURE_SIZE];
    struct ntlm_stream *stream = protection->receive;
    uint32_t sequence = stream->sequence;
    if (!begin(protection, stream,
               protection->flags & NTLM_ESS ? ntlm_get32(signature + SEQUENCE_OFFSET)
                                            : next_number(protection, stream)))
        return SEC_E_INTERNAL_ERROR;
    struct sspi_rc4 before = stream->rc4;
    SECURITY_STATUS status = SEC_E_MESSAGE_ALTERED;

    if (!is_next(protection, signature))
        goto out;
    if (decrypt)
        run_rc4(stream, message);
    size_t count = collect(protection, message, parts);
    bool good = checksum(protection, stream, parts, count, sum);
    sign_checksum(protection, stream, &stream->rc4, sum, expected);
    if (!good)
        status = SEC_E_INTERNAL_ERROR;
    else if (same_signature(protection, expected, signature))
        status = SEC_E_OK;
    if (status != SEC_E_OK) {
        stream->rc4 = before;
        stream->sequence = sequence;
        if (decrypt) {
            run_rc4(stream, message);
            stream->rc4 = before;
        }
    }
out:
    sspi_wipe(&before, sizeof before);
    return status;
}

SECURITY_STATUS ntlm_verify(struct ntlm_protection *protection, SecBufferDesc *message)
{
    SecBuffer *token = token_of(message);
    if (!token || token->cbBuffer < NTLM_SIGNATURE_SIZE)
        return SEC_E_INVALID_TOKEN;
    return unprotect(protection, message, token->pvBuffer, false);
}

/* STREAM with signature and ciphertext in one piece; DATA comes back pointing into it. */
static SECURITY_STATUS decrypt_stream(struct ntlm_protection *protection, SecBufferDesc *message,
                                      const SecBuffer *stream)
{
    SecBuffer *data = sspi_message_find(message, SECBUFFER_DATA);
    if (!data || stream->cbBuffer < NTLM_SIGNATURE_SIZE)
        return SEC_E_INVALID_TOKEN;
    uint8_t *bytes = stream->pvBuffer;
    SecBuffer part = {stream->cbBuffer - NTLM_SIGNATURE_SIZE, SECBUFFER_DATA,
                      bytes + NTLM_SIGNATURE_SIZE};
    SecBufferDesc whole = {SECBUFFER_VERSION, 1, &part};
    SECURITY_STATUS status = unprotect(protection, &whole, bytes, true);
    if (status == SEC_E_OK) {
        data->pvBuffer = part.pvBuffer;
        data->cbBuffer = part.cbBuffer;
    }
    return status;
}

SECURITY_STATUS ntlm_decrypt(struct ntlm_protection *protection, SecBufferDesc *message)
{
    if (!is_protected(protection))
        return SEC_E_UNSUPPORTED_FUNCTION;
    if (sspi_message_check(message) != SEC_E_OK)
        return SEC_E_INVALID_TOKEN;
    SecBuffer *stream = sspi_message_find(message, SECBUFFER_STREAM);
    if (stream)
        return decrypt_stream(protection, message, stream);
    SecBuffer *token = token_of(message);
    if (!token || token->cbBuffer < NTLM_SIGNATURE_SIZE)
        return SEC_E_INVALID_TOKEN;
    return unprotect(protection, message, token->pvBuffer, true);
}

/* The signature over `data` with a copy of the RC4 state, so that it stays as it was; only the
 * sequence number goes on. */
static bool mic_of(struct ntlm_protection *protection, struct ntlm_stream *stream,
                   struct sspi_view data, uint8_t out[NTLM_SIGNATURE_SIZE])
{
    struct sspi_view parts[2] = {{NULL, 0}, data};
    uint8_t sum[8];
    if (!make_ready(protection, stream) || !checksum(protection, stream, parts, 2, sum))
        return false;
    struct sspi_rc4 rc4 = stream->rc4;
    sign_checksum(protection, stream, &rc4, sum, out);
    sspi_wipe(&rc4, sizeof rc4);
    return true;
}

SECURITY_STATUS ntlm_make_mic(struct ntlm_protection *protection, struct sspi_view data,
                              struct sspi_blob *mic)
{
    if (!sspi_blob_alloc(mic, NTLM_SIGNATURE_SIZE))
        return SEC_E_INSUFFICIENT_MEMORY;
    if (mic_of(protection, protection->send, data, mic->data))
        return SEC_E_OK;
    sspi_blob_free(mic);
    return SEC_E_INTERNAL_ERROR;
}

SECURITY_STATUS ntlm_check_mic(struct ntlm_protection *protection, struct sspi_view data,
                               struct sspi_view mic)
{
    struct ntlm_stream *stream = protection->receive;
    uint32_t sequence = stream->sequence;
    uint8_t expected[NTLM_SIGNATURE_SIZE];

    if (mic.size != NTLM_SIGNATURE_SIZE || !is_next(protection, mic.data))
        return SEC_E_MESSAGE_ALTERED;
    if (!mic_of(protection, stream, data, expected))
        return SEC_E_INTERNAL_ERROR;
    if (same_signature(protection, expected, mic.data))
        return SEC_E_OK;
    stream->sequence = sequence;
    return SEC_E_MESSAGE_ALTERED;
}
