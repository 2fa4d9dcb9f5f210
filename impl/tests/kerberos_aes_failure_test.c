/* SPDX-License-Identifier: Apache-2.0
 *
 * aes.c when libcrypto fails: an error, and never a message that passes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "kerberos_aes.h"

#include <errno.h>

#include "kerberos/cts.h"
#include "kerberos/hmac.h"

/* The linker puts these in front of libcrypto's; the call of that number fails. */
static unsigned calls, failing;

static bool fails(void)
{
    return ++calls == failing;
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fails() ? (type)0 : __real_##name arguments;                                        \
    }

WRAP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_new, (void), ())
WRAP(int, EVP_CipherInit_ex2,
     (EVP_CIPHER_CTX * ctx, const EVP_CIPHER *cipher, const unsigned char *key,
      const unsigned char *iv, int enc, const OSSL_PARAM *params),
     (ctx, cipher, key, iv, enc, params))
WRAP(int, EVP_CipherUpdate,
     (EVP_CIPHER_CTX * ctx, unsigned char *to, int *size, const unsigned char *from, int length),
     (ctx, to, size, from, length))
WRAP(int, EVP_CIPHER_CTX_set_padding, (EVP_CIPHER_CTX * ctx, int pad), (ctx, pad))
WRAP(int, SHA1_Update, (SHA_CTX * sha, const void *data, size_t size), (sha, data, size))
WRAP(int, SHA256_Update, (SHA256_CTX * sha, const void *data, size_t size), (sha, data, size))
WRAP(int, SHA384_Update, (SHA512_CTX * sha, const void *data, size_t size), (sha, data, size))
WRAP(int, SHA1_Final, (unsigned char *digest, SHA_CTX *sha), (digest, sha))
WRAP(int, SHA256_Final, (unsigned char *digest, SHA256_CTX *sha), (digest, sha))
WRAP(int, SHA384_Final, (unsigned char *digest, SHA512_CTX *sha), (digest, sha))

/* Encrypts with good keys; what is measured is the other side, from its keys on. */
static krb5_error_code receive(struct both *both, bool sealed, struct message *message)
{
    struct sspi_krb_aes *aes = NULL;
    calls = 0;
    krb5_error_code error = sspi_krb_aes_new(
        &both->block, USAGE, sealed ? SSPI_KRB_AES_DECRYPT : SSPI_KRB_AES_CHECKSUM, &aes);
    if (!error)
        error = sealed ? sspi_krb_aes_decrypt(aes, &message->pieces)
                       : sspi_krb_aes_verify(aes, &message->pieces);
    sspi_krb_aes_free(aes);
    return error;
}

static krb5_error_code send(struct both *both, bool sealed, struct message *message)
{
    struct sspi_krb_aes *aes = NULL;
    calls = 0;
    krb5_error_code error = sspi_krb_aes_new(
        &both->block, USAGE, sealed ? SSPI_KRB_AES_ENCRYPT : SSPI_KRB_AES_CHECKSUM, &aes);
    if (!error)
        error = sealed ? sspi_krb_aes_encrypt(aes, &message->pieces)
                       : sspi_krb_aes_checksum(aes, &message->pieces);
    sspi_krb_aes_free(aes);
    return error;
}

/* Lets each call fail once. The message that is received is damaged, so that no call may be the one
 * on which the verdict hangs: with `altered`, success is always wrong. */
static void each_call(struct both *both, bool sealed, bool sends, bool altered)
{
    bool done = false;
    for (unsigned number = 1; !done; number++) {
        struct message message = compose(45, 20, 9, both->mac);
        krb5_crypto_iov *last = &message.pieces.list[6];
        if (!sealed)
            last->flags = KRB5_CRYPTO_TYPE_CHECKSUM;
        failing = 0;
        CU_ASSERT_EQUAL(send(both, sealed, &message), 0);
        if (altered)
            last->data.data[0] ^= 1;
        failing = number;
        krb5_error_code error = (sends ? send : receive)(both, sealed, &message);
        done = calls < number;
        krb5_error_code whole = altered ? KRB5KRB_AP_ERR_BAD_INTEGRITY : 0;
        if (done)
            CU_ASSERT_EQUAL(error, whole);
        if (!done && number == 1) /* the first makes the cipher */
            CU_ASSERT_EQUAL(error, ENOMEM);
        if (!done && number > 1)
            CU_ASSERT_TRUE(error == KRB5_CRYPTO_INTERNAL || (altered && error == whole));
        failing = 0;
        release(&message);
    }
    CU_ASSERT_TRUE(calls > 5);
}

static void all_calls(struct both *both)
{
    for (int sealed = 0; sealed < 2; sealed++) {
        each_call(both, sealed, true, false);
        each_call(both, sealed, false, false);
        each_call(both, sealed, false, true);
    }
}

static void libcrypto_fails(void)
{
    with_every_type(all_calls);
}

SSPI_TESTS({"libcrypto fails", libcrypto_fails})
