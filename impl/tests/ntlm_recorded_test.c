/* SPDX-License-Identifier: Apache-2.0
 *
 * NTLM as Windows computed it. The recordings are not part of this tree: without
 * LIBSSPI_NTLM_VECTORS, a file of lines (hex, blanks between, - for nothing)
 *
 *     wrap c2s|s2c  key  flags  data  signature  sealed       in the order they were sent
 *     mic           key  negotiate  challenge  authenticate
 *     key           SessionBaseKey  authenticate  ExportedSessionKey
 *     list          key  flags  mechTypes  client's MIC  server's MIC
 *     bindings      application data  MD5
 *
 * the program says that it was skipped. test_ntlm_recorded.py writes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bindings.h"
#include "digest.h"
#include "ntlm/keys.h"
#include "ntlm/messages.h"
#include "ntlm/protect.h"
#include "run.h"

#define MOST_FIELDS 6

static struct sspi_blob fields[MOST_FIELDS];
static size_t count;

static struct sspi_blob unhex(const char *hex)
{
    struct sspi_blob bytes = {NULL, 0};
    size_t size = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    if (!sspi_blob_alloc(&bytes, size ? size : 1))
        exit(2);
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes.data[i] = (uint8_t)value;
    }
    bytes.size = size;
    return bytes;
}

static uint32_t flags_of(const struct sspi_blob *big_endian)
{
    CU_ASSERT_EQUAL_FATAL(big_endian->size, 4);
    const uint8_t *at = big_endian->data;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static struct {
    bool started;
    uint8_t key[16];
    struct ntlm_protection client, server;
} conversation;

/* Sent as recorded, byte for byte, and understood by the other side. */
static void wrap(bool from_client)
{
    struct ntlm_protection *from = from_client ? &conversation.client : &conversation.server;
    struct ntlm_protection *to = from_client ? &conversation.server : &conversation.client;
    uint8_t token[16];
    if (!conversation.started || memcmp(conversation.key, fields[0].data, 16) != 0) {
        conversation.started = true;
        memcpy(conversation.key, fields[0].data, 16);
        ntlm_protection_start(&conversation.client, fields[0].data, flags_of(&fields[1]), true);
        ntlm_protection_start(&conversation.server, fields[0].data, flags_of(&fields[1]), false);
    }
    struct sspi_blob data;
    CU_ASSERT_TRUE_FATAL(sspi_blob_copy(&data, fields[2].data, fields[2].size));
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {(ULONG)data.size, SECBUFFER_DATA, data.data}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    ASSERT_STATUS(ntlm_encrypt(from, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(memcmp(token, fields[3].data, 16), 0);
    CU_ASSERT_EQUAL_FATAL(data.size, fields[4].size);
    CU_ASSERT_EQUAL(memcmp(data.data, fields[4].data, data.size), 0);
    ASSERT_STATUS(ntlm_decrypt(to, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(memcmp(data.data, fields[2].data, data.size), 0);
    sspi_blob_free(&data);
}

static void mic(void)
{
    uint8_t out[16];
    CU_ASSERT_TRUE(ntlm_mic(fields[0].data, sspi_blob_view(&fields[1]), sspi_blob_view(&fields[2]),
                            sspi_blob_view(&fields[3]), out));
    CU_ASSERT_EQUAL(memcmp(out, fields[3].data + NTLM_MIC_OFFSET, 16), 0);
    fields[3].data[fields[3].size - 1] ^= 1;
    CU_ASSERT_TRUE(ntlm_mic(fields[0].data, sspi_blob_view(&fields[1]), sspi_blob_view(&fields[2]),
                            sspi_blob_view(&fields[3]), out));
    CU_ASSERT_NOT_EQUAL(memcmp(out, fields[3].data + NTLM_MIC_OFFSET, 16), 0);
}

static void key(void)
{
    struct ntlm_authenticate message;
    struct sspi_rc4 rc4;
    uint8_t out[16];
    ASSERT_STATUS(ntlm_read_authenticate(sspi_blob_view(&fields[1]), &message), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(message.session_key.size, 16);
    sspi_rc4_init(&rc4, fields[0].data, 16);
    sspi_rc4_update(&rc4, message.session_key.data, out, 16);
    CU_ASSERT_EQUAL(memcmp(out, fields[2].data, 16), 0);
}

static void list(void)
{
    for (int side = 0; side < 2; side++) {
        const struct sspi_blob *wanted = &fields[3 + side];
        struct ntlm_protection sender, receiver;
        struct sspi_blob made;
        if (!wanted->size)
            continue;
        ntlm_protection_start(&sender, fields[0].data, flags_of(&fields[1]), side == 0);
        ntlm_protection_start(&receiver, fields[0].data, flags_of(&fields[1]), side == 1);
        ASSERT_STATUS(ntlm_make_mic(&sender, sspi_blob_view(&fields[2]), &made), SEC_E_OK);
        CU_ASSERT_EQUAL_FATAL(made.size, wanted->size);
        CU_ASSERT_EQUAL(memcmp(made.data, wanted->data, made.size), 0);
        ASSERT_STATUS(ntlm_check_mic(&receiver, sspi_blob_view(&fields[2]), sspi_blob_view(wanted)),
                      SEC_E_OK);
        sspi_blob_free(&made);
    }
}

static void bindings(void)
{
    struct sspi_blob structure;
    struct sspi_bindings read;
    CU_ASSERT_TRUE_FATAL(sspi_blob_alloc(&structure, 32 + fields[0].size));
    structure.data[24] = (uint8_t)fields[0].size;
    structure.data[28] = 32;
    memcpy(structure.data + 32, fields[0].data, fields[0].size);
    ASSERT_STATUS(sspi_bindings_read(sspi_blob_view(&structure), &read), SEC_E_OK);
    CU_ASSERT_EQUAL(memcmp(read.hash, fields[1].data, 16), 0);
    sspi_blob_free(&structure);
}

static void play(char *line)
{
    const struct {
        const char *kind;
        void (*run)(void);
        size_t fields;
    } kinds[] = {{"mic", mic, 4}, {"key", key, 3}, {"list", list, 5}, {"bindings", bindings, 2}};
    char *rest = line;
    const char *kind = strsep(&rest, " ");
    bool is_wrap = strcmp(kind, "wrap") == 0;
    const char *direction = is_wrap ? strsep(&rest, " ") : NULL;
    for (count = 0; rest && count < MOST_FIELDS;)
        fields[count++] = unhex(strsep(&rest, " "));
    bool known = is_wrap && count == 5;
    if (known)
        wrap(strcmp(direction, "c2s") == 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i].kind) == 0 && count == kinds[i].fields) {
            known = true;
            kinds[i].run();
        }
    }
    CU_ASSERT_TRUE(known);
    for (size_t i = 0; i < count; i++)
        sspi_blob_free(&fields[i]);
}

static void recorded(void)
{
    const char *path = getenv("LIBSSPI_NTLM_VECTORS");
    FILE *file = path ? fopen(path, "r") : NULL;
    char *line = NULL;
    size_t room = 0, lines = 0;
    if (!file) {
        printf("ntlm_recorded_test: skipped, LIBSSPI_NTLM_VECTORS names no file\n");
        CU_PASS("skipped");
        return;
    }
    while (getline(&line, &room, file) > 0) {
        line[strcspn(line, "\n")] = 0;
        play(line);
        lines++;
    }
    printf("ntlm_recorded_test: %zu vectors\n", lines);
    CU_ASSERT(lines > 0);
    free(line);
    fclose(file);
}

SSPI_TESTS({"recorded", recorded})
