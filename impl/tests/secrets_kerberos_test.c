/* SPDX-License-Identifier: Apache-2.0
 *
 * When contexts and credentials are gone, no writable memory of the process holds what they kept
 * secret: keys of session and subkey, what is derived of them, the service's key, a password. All
 * of it is looked through, freed memory as well, whoever had it: libsspi, libkrb5 or OpenSSL.
 * secrets_test.c looks at what libsspi itself gives back, for NTLM.
 */
#include "kerberos_tickets.h"
#include "run.h"

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "exchange.h"
#include "sanitized.h"

#define FLAGS (ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY)
#define VEIL 0x5a /* secrets are kept XORed, so as not to be found here */

enum {
    MOST_SECRETS = 24,
    USAGES = 4
};

static struct {
    char name[48];
    uint8_t veiled[32];
    size_t size;
} secrets[MOST_SECRETS];
static size_t known;

/* Of 32 bytes the second half: malloc writes over the first 16 of what is given back. */
static void learn(const char *name, const void *bytes, size_t size)
{
    CU_ASSERT_FATAL(known < MOST_SECRETS && size <= sizeof secrets[0].veiled);
    if (size == sizeof secrets[0].veiled) {
        bytes = (const uint8_t *)bytes + size / 2;
        size /= 2;
    }
    snprintf(secrets[known].name, sizeof secrets[known].name, "%s", name);
    for (size_t i = 0; i < size; i++)
        secrets[known].veiled[i] = ((const uint8_t *)bytes)[i] ^ VEIL;
    secrets[known++].size = size;
}

/* libkrb5 reads ticket caches through stdio, whose buffers nobody wipes: what is in them is in the
 * file as well, and no matter here. Being in the program these go before those of libc. */
FILE *fdopen(int descriptor, const char *mode)
{
    FILE *(*real)(int, const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "fdopen");
    FILE *file = real(descriptor, mode);
    if (file)
        setvbuf(file, NULL, _IONBF, 0);
    return file;
}

FILE *fopen(const char *path, const char *mode)
{
    FILE *(*real)(const char *, const char *);
    *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    FILE *file = real(path, mode);
    if (file)
        setvbuf(file, NULL, _IONBF, 0);
    return file;
}

/* Without a buffer for the secret in the clear. */
static size_t count_in(const uint8_t *memory, size_t size, size_t secret)
{
    const uint8_t *veiled = secrets[secret].veiled, *end = memory + size;
    size_t length = secrets[secret].size, count = 0;
    const uint8_t first = veiled[0] ^ VEIL;
    for (const uint8_t *at = memory; at && at + length <= end; at++) {
        at = memchr(at, first, (size_t)(end - at));
        if (!at || at + length > end)
            break;
        size_t same = 1;
        while (same < length && at[same] == (veiled[same] ^ VEIL))
            same++;
        count += same == length;
    }
    return count;
}

/* How often each secret lies in writable memory. */
static void look(size_t counts[MOST_SECRETS])
{
    char line[512], access[8], path[256];
    unsigned long low, high;
    FILE *maps = fopen("/proc/self/maps", "r");
    CU_ASSERT_FATAL(maps != NULL);
    memset(counts, 0, MOST_SECRETS * sizeof counts[0]);
    while (fgets(line, sizeof line, maps)) {
        *path = 0;
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &low, &high, access, path) < 3 ||
            access[0] != 'r' || access[1] != 'w' || strncmp(path, "[v", 2) == 0)
            continue;
        for (size_t i = 0; i < known; i++)
            counts[i] += count_in((const uint8_t *)low, high - low, i);
    }
    fclose(maps);
}

static void none_is_left(void)
{
    size_t counts[MOST_SECRETS];
    look(counts);
    for (size_t i = 0; i < known; i++) {
        if (counts[i])
            fprintf(stderr, "  %s is left %zu times\n", secrets[i].name, counts[i]);
        CU_ASSERT_EQUAL(counts[i], 0);
    }
}

/* RFC 3961 5.3: Kc, Ke and Ki of a usage (OpenSSL's KRB5KDF, not libsspi's). */
static void learn_derived(const krb5_keyblock *key)
{
    static const struct {
        uint8_t last;
        const char *name;
    } kinds[] = {{0x99, "Kc"}, {0xaa, "Ke"}, {0x55, "Ki"}};
    for (uint8_t usage = 22; usage < 22 + USAGES; usage++)
        for (size_t i = 0; i < 3; i++) {
            uint8_t constant[5] = {0, 0, 0, usage, kinds[i].last}, out[32];
            char name[48], cipher[] = "AES-256-CBC";
            EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KRB5KDF", NULL);
            EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
            OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_CIPHER, cipher, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->contents, key->length),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_CONSTANT, constant,
                                                  sizeof constant),
                OSSL_PARAM_construct_end()};
            CU_ASSERT_FATAL(context && EVP_KDF_derive(context, out, sizeof out, params) == 1);
            snprintf(name, sizeof name, "%s of usage %d", kinds[i].name, usage);
            learn(name, out, sizeof out);
            OPENSSL_cleanse(out, sizeof out);
            EVP_KDF_CTX_free(context);
            EVP_KDF_free(kdf);
        }
}

static void learn_keys(const struct world *world, const struct side *side)
{
    SecPkgContext_SessionKey key;
    krb5_creds wanted = {0}, ticket;
    krb5_ccache cache;
    learn("service key", world->key.contents, world->key.length);
    WORLD_MUST(krb5_cc_default(world->krb5, &cache));
    WORLD_MUST(krb5_parse_name(world->krb5, WORLD_CLIENT, &wanted.client));
    WORLD_MUST(krb5_parse_name(world->krb5, WORLD_SERVICE "@" WORLD_REALM, &wanted.server));
    WORLD_MUST(krb5_cc_retrieve_cred(world->krb5, cache, 0, &wanted, &ticket));
    learn("session key of the ticket", ticket.keyblock.contents, ticket.keyblock.length);
    krb5_free_cred_contents(world->krb5, &ticket);
    krb5_free_cred_contents(world->krb5, &wanted);
    krb5_cc_close(world->krb5, cache);
    CtxtHandle context = side->context;
    ASSERT_STATUS(QueryContextAttributesA(&context, SECPKG_ATTR_SESSION_KEY, &key), SEC_E_OK);
    krb5_keyblock block = {.length = key.SessionKeyLength, .contents = key.SessionKey};
    learn("subkey", block.contents, block.length);
    if (block.length == 32)
        learn_derived(&block);
    OPENSSL_cleanse(key.SessionKey, key.SessionKeyLength); /* this copy is the caller's */
    FreeContextBuffer(key.SessionKey);
}

static void pass_messages(struct side *from, struct side *to)
{
    uint8_t data[32] = "a message that needs keys", token[128];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    ASSERT_STATUS(EncryptMessage(&from->context, 0, &both, 0), SEC_E_OK);
    ASSERT_STATUS(DecryptMessage(&to->context, &both, 0, NULL), SEC_E_OK);
    buffers[0].cbBuffer = sizeof token;
    ASSERT_STATUS(MakeSignature(&from->context, 0, &both, 0), SEC_E_OK);
    ASSERT_STATUS(VerifySignature(&to->context, &both, 0, NULL), SEC_E_OK);
}

static void with(krb5_enctype enctype, ULONG req)
{
    static struct side client, server;
    struct world world;
    size_t counts[MOST_SECRETS];
    char package[] = "Kerberos";
    known = 0;
    world_open(&world, enctype);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(AcquireCredentialsHandleA(
                          NULL, package, i ? SECPKG_CRED_INBOUND : SECPKG_CRED_OUTBOUND, NULL, NULL,
                          NULL, NULL, i ? &server.credential : &client.credential, NULL),
                      SEC_E_OK);
    establish(&client, &server, WORLD_SERVICE, req, 0);
    ASSERT_STATUS(server.status, SEC_E_OK);
    pass_messages(&client, &server);
    pass_messages(&server, &client);
    learn_keys(&world, &server);
    look(counts);
    for (size_t i = 0; i < 3; i++) /* or there would be nothing to look for */
        CU_ASSERT(counts[i] > 0);
    finish(&client);
    finish(&server);
    world_close(&world);
    none_is_left();
}
#ifndef SANITIZED

static void aes(void)
{
    with(ENCTYPE_AES256_CTS_HMAC_SHA1_96, FLAGS);
}

static void aes_dce(void)
{
    with(ENCTYPE_AES256_CTS_HMAC_SHA1_96, FLAGS | ISC_REQ_USE_DCE_STYLE);
}

static void sha2(void)
{
    with(ENCTYPE_AES128_CTS_HMAC_SHA256_128, FLAGS);
}

static void rc4(void)
{
    with(ENCTYPE_ARCFOUR_HMAC, FLAGS);
}

/* Nobody answers for the realm; the credential has the password all the same. */
static void password(void)
{
    static struct side client;
    struct world world;
    char package[] = "Kerberos", text[] = "(|8;8,\"|+4#|";
    size_t counts[MOST_SECRETS];
    known = 0;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] ^= VEIL;
    learn("password", text, sizeof text - 1);
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    SEC_WINNT_AUTH_IDENTITY_A identity = {.User = (unsigned char *)"alice",
                                          .UserLength = 5,
                                          .Domain = (unsigned char *)WORLD_REALM,
                                          .DomainLength = sizeof WORLD_REALM - 1,
                                          .Password = (unsigned char *)text,
                                          .PasswordLength = sizeof text - 1,
                                          .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI};
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, package, SECPKG_CRED_OUTBOUND, NULL, &identity,
                                            NULL, NULL, &client.credential, NULL),
                  SEC_E_OK);
    OPENSSL_cleanse(text, sizeof text);
    look(counts);
    CU_ASSERT(counts[0] > 0);
    leg(&client, 1, WORLD_SERVICE, FLAGS, NULL, 0);
    ASSERT_STATUS(client.status, SEC_E_NO_AUTHENTICATING_AUTHORITY);
    finish(&client);
    world_close(&world);
    none_is_left();
}

SSPI_TESTS({"aes", aes}, {"aes, dce style", aes_dce}, {"sha2", sha2}, {"rc4", rc4},
           {"password", password})
#else
static void skipped(void)
{
    (void)with;
    CU_PASS("the memory of a sanitizer is too large to look through");
}

SSPI_TESTS({"skipped", skipped})
#endif
