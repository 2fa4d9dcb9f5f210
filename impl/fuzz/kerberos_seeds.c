/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes first inputs for the fuzz targets of Kerberos: exchanges with a mutation in each layer,
 * user-to-user and refusals.
 *
 *   kerberos_seeds FOLDER        FOLDER/fuzz-<target>/<name>
 */
#include <sspi.h>
#include <sys/stat.h>

#include "fuzz.h"
#include "kerberos/framing.h"
#include "kerberos_repair.h"

enum { /* of exchange.c */
    GENUINE,
    RAW,
    REPAIRED
};

#define SERVICES                                                                                   \
    (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT)

static const char *folder;
static unsigned written;

struct seed {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct seed *seed, const void *bytes, size_t size)
{
    MUST(seed->size + size <= sizeof seed->bytes);
    if (size)
        memcpy(seed->bytes + seed->size, bytes, size);
    seed->size += size;
}

static void put_number(struct seed *seed, uint32_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(seed, &(uint8_t){(uint8_t)(number >> 8 * i)}, 1);
}

static void put_record(struct seed *seed, uint8_t kind, const void *bytes, size_t size)
{
    put_number(seed, kind, 1);
    put_number(seed, (uint32_t)size, 2);
    put(seed, bytes, size);
}

/* bound: both give channel bindings. */
static struct seed begin(ULONG req, uint8_t policy, bool bound, uint8_t shape)
{
    struct seed seed = {.size = 0};
    put_number(&seed, req, 4);
    put_number(&seed, req, 4);
    put_number(&seed, (uint32_t)policy << 4 | bound, 1);
    put_number(&seed, bound, 1);
    put_number(&seed, shape >> 1 & 1, 1); /* room */
    put_number(&seed, shape, 1);
    return seed;
}

static void store(const struct seed *seed, const char *target)
{
    char path[512];
    snprintf(path, sizeof path, "%s/fuzz-%s", folder, target);
    mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/fuzz-%s/kerberos-%04u", folder, target, written++);
    FILE *file = fopen(path, "wb");
    MUST(file && fwrite(seed->bytes, 1, seed->size, file) == seed->size && fclose(file) == 0);
}

static void end(struct seed *seed, const char *target)
{
    /* Messages: sealed, signed, both again with an altered byte. */
    for (uint8_t n = 0; n < 4; n++)
        put_record(seed, (uint8_t) !(n & 1), "\x05\x00\x01", n / 2 ? 3 : 0);
    store(seed, target);
}

/* Both sides, with and without SPNEGO. */
static void everywhere(const struct seed *seed)
{
    static const char *const targets[] = {"accept-kerberos", "initiate-kerberos",
                                          "accept-negotiate-kerberos",
                                          "initiate-negotiate-kerberos"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct seed copy = *seed;
        end(&copy, targets[i]);
    }
}

static void genuine(void)
{
    static const ULONG reqs[] = {0, SERVICES, SERVICES | ISC_REQ_MUTUAL_AUTH,
                                 SERVICES | ISC_REQ_MUTUAL_AUTH | ISC_REQ_USE_DCE_STYLE,
                                 ISC_REQ_EXTENDED_ERROR | ISC_REQ_MUTUAL_AUTH | ISC_REQ_IDENTIFY};
    for (uint8_t policy = 0; policy < 3; policy++)
        for (size_t i = 0; i < sizeof reqs / sizeof reqs[0]; i++)
            for (uint8_t bound = 0; bound < 2; bound++) {
                struct seed seed = begin(reqs[i], policy, bound, (uint8_t)i);
                for (int n = 0; n < 3; n++)
                    put_record(&seed, GENUINE, NULL, 0);
                everywhere(&seed);
            }
}

/* layer, length, then how: 0 edited, 1 cut, 2 replaced, 3 longer. */
static void one_layer(uint8_t layer, uint8_t how, uint8_t policy)
{
    static const char *const what[] = {"\0\x10\0\x01", "\x01\x10\0", "\x02\x30\x03\x02\x01\x05",
                                       "\x03\x01\x02"};
    static const uint8_t sizes[] = {4, 3, 6, 3};
    struct seed seed = begin(SERVICES | ISC_REQ_MUTUAL_AUTH | ISC_REQ_USE_DCE_STYLE * (policy & 1),
                             policy, layer & 1, layer);
    uint8_t step[16] = {layer, sizes[how], 0};
    memcpy(step + 3, what[how], sizes[how]);
    put_record(&seed, REPAIRED, step, 3u + sizes[how]);
    put_record(&seed, GENUINE, NULL, 0);
    everywhere(&seed);
}

static void layers(void)
{
    for (uint8_t layer = 0; layer < FUZZ_LAYERS; layer++)
        for (uint8_t how = 0; how < 4; how++)
            one_layer(layer, how, how % 3);
}

/* TGT-REQ for HTTP/web, then the AP-REQ under the session key of the TGT. */
static void user_to_user(void)
{
    for (uint8_t policy = 0; policy < 3; policy++) {
        struct seed seed = begin(SERVICES | ISC_REQ_MUTUAL_AUTH, policy, false, 0);
        put_record(&seed, RAW, fuzz_tgt_request, sizeof fuzz_tgt_request);
        put_record(&seed, REPAIRED, (uint8_t[]){FUZZ_USER_TO_USER, 0, 0}, 3);
        end(&seed, "accept-kerberos");
    }
}

/* KRB-ERROR in place of an AP-REP: skewed clock, with data and without; another refusal. */
static void refusals(void)
{
    static const uint8_t skew[] = {0x30, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x02};
    static const int codes[] = {37, 37, 41, 60};
    krb5_context krb5;
    WORLD_MUST(krb5_init_context(&krb5));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        krb5_error refusal = {
            .magic = KV5M_ERROR, .error = (krb5_ui_4)codes[i], .stime = 1700000000};
        krb5_data message;
        struct sspi_blob token = {NULL, 0};
        struct seed seed = begin(SERVICES | ISC_REQ_MUTUAL_AUTH, 0, false, 0);
        if (i == 0)
            refusal.e_data = (krb5_data){KV5M_DATA, sizeof skew, (char *)(uintptr_t)skew};
        WORLD_MUST(krb5_parse_name(krb5, WORLD_SERVICE "@" WORLD_REALM, &refusal.server));
        WORLD_MUST(krb5_mk_error(krb5, &refusal, &message));
        struct sspi_view view = {(const uint8_t *)message.data, message.length};
        MUST(sspi_krb_frame(SSPI_KRB_ERROR, false, view, &token));
        put_record(&seed, RAW, token.data, token.size);
        put_record(&seed, GENUINE, NULL, 0);
        end(&seed, "initiate-kerberos");
        sspi_blob_free(&token);
        krb5_free_data_contents(krb5, &message);
        krb5_free_principal(krb5, refusal.server);
    }
    krb5_free_context(krb5);
}

/* As kerberos_messages.c reads it: each kind as a stream and split, with a rotation and without. */
static void messages(void)
{
    for (uint8_t choice = 0; choice < 6; choice++)
        for (uint8_t shape = 0; shape < 2; shape++)
            for (uint8_t rotated = 0; rotated < 29; rotated += 28) {
                struct seed seed = {.size = 0};
                put_number(&seed, choice, 1);
                for (uint8_t kind = 0; kind < 4; kind++) {
                    uint8_t changes[16] = {0};
                    changes[7] = kind < 2 ? rotated : 0;
                    if (choice % 3 != 1)
                        put_number(&seed, kind, 1);
                    put_number(&seed, shape, 1);
                    put_number(&seed, 20, 1);
                    put(&seed, "what is to be sealed", 20);
                    put_number(&seed, kind == 0 && choice >= 3 ? 16 : 0, 1);
                    if (choice % 3 != 1 && kind < 3)
                        put(&seed, changes, sizeof changes);
                    else
                        put_number(&seed, 0, 1);
                    put_number(&seed, shape ? 0 : 60, kind == 2 || shape ? 0 : 4);
                }
                store(&seed, "kerberos-messages");
            }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 3;
    }
    folder = argv[1];
    genuine();
    layers();
    user_to_user();
    refusals();
    messages();
    return 0;
}
