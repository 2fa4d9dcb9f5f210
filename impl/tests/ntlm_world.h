/* SPDX-License-Identifier: Apache-2.0
 *
 * The little world the NTLM tests live in: an accounts file, a configuration that names it, and
 * two contexts driven against each other through the package's table.
 */
#ifndef LIBSSPI_TESTS_NTLM_WORLD_H
#define LIBSSPI_TESTS_NTLM_WORLD_H

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "env.h"
#include "ntlm/context.h"
#include "ntlm/keys.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"
#include "package.h"
#include "run.h"

#define NTLM (&sspi_ntlm_package)
#define HEX_MAX 2048

/* Bytes of a hexadecimal text; a ring of buffers, so that several live at once. */
static inline struct sspi_view hex(const char *text)
{
    static uint8_t ring[8][HEX_MAX];
    static unsigned next;
    uint8_t *out = ring[next++ % 8];
    size_t size = strlen(text) / 2;
    for (size_t i = 0; i < size && i < HEX_MAX; i++) {
        unsigned byte;
        sscanf(text + 2 * i, "%2x", &byte);
        out[i] = (uint8_t)byte;
    }
    return (struct sspi_view){out, size};
}

#define ASSERT_BYTES(actual, text)                                                                 \
    CU_ASSERT_EQUAL(memcmp((actual), hex(text).data, strlen(text) / 2), 0)

/* ---- the authority's files ---------------------------------------------------------------- */

static char world_accounts[64], world_config[64];

static inline void world_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

/* name:password:flags lines as smbpasswd; alice's password is "Password". */
#define WORLD_HASH "A4F49C406510BDCAB6824EE7C30FD852" /* of "Password", MS-NLMP 4.2.2.1.2 */
#define WORLD_LINE(name, flags, rest)                                                              \
    name ":1:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:" WORLD_HASH ":[" flags "]:LCT-" rest ":\n"
#define WORLD_ACCOUNTS                                                                             \
    "# accounts\n\n" WORLD_LINE("alice", "U          ", "60000000") WORLD_LINE(                    \
        "Dora", "DU         ",                                                                     \
        "60000000") WORLD_LINE("luke", "LU         ",                                              \
                               "60000000") WORLD_LINE("pete", "U          ",                       \
                                                      "00000000") WORLD_LINE("paul",               \
                                                                             "UX         ",        \
                                                                             "00000000")           \
        WORLD_LINE("eve", "U          ", "60000000:KICK-00000001") WORLD_LINE(                     \
            "\xc3\xa4nne", "U          ",                                                          \
            "60000000") "nina:1:X:NO PASSWORDXXXXXXXXXXXXXXXXXXXXX:[NU         ]:LCT-60000000:\n"

static inline void world_remove(void)
{
    unlink(world_accounts);
    unlink(world_config);
}

static inline void world_start(const char *accounts, const char *more)
{
    char text[512];
    if (!*world_accounts) {
        snprintf(world_accounts, sizeof world_accounts, "/tmp/libsspi-accounts-%d", (int)getpid());
        snprintf(world_config, sizeof world_config, "/tmp/libsspi-conf-%d", (int)getpid());
        atexit(world_remove);
    }
    world_write(world_accounts, accounts);
    snprintf(text, sizeof text,
             "[ntlm]\nauthority = file\naccounts = %s\nnetbios-name = SERVER\nnetbios-domain = "
             "%s\ndns-name = server.example.org\ndns-domain = example.org\n",
             world_accounts, more ? more : "EXAMPLE");
    world_write(world_config, text);
    setenv("LIBSSPI_CONFIG", world_config, 1);
}

/* ---- a handshake -------------------------------------------------------------------------- */

struct world {
    /* in */
    const char *user, *domain, *password, *target;
    bool default_identity;
    ULONG isc, asc;
    const struct sspi_bindings *client_bindings, *server_bindings;
    void (*tamper)(struct sspi_blob *token, enum ntlm_message which); /* before it arrives */
    /* out */
    void *client_cred, *server_cred, *client, *server;
    SECURITY_STATUS isc1, asc1, isc2, asc2;
    struct sspi_leg legs[4];
};

static inline void *world_acquire(ULONG use, const struct sspi_identity *identity)
{
    void *credential = NULL;
    TimeStamp expiry;
    struct sspi_cred_request request = {.use = use, .identity = identity};
    CU_ASSERT_EQUAL(NTLM->acquire(&request, &credential, &expiry), SEC_E_OK);
    return credential;
}

static inline struct sspi_leg *world_leg(struct world *world, unsigned number, ULONG req,
                                         const struct sspi_bindings *bindings)
{
    struct sspi_leg *leg = &world->legs[number];
    *leg = (struct sspi_leg){
        .req = req, .data_rep = SECURITY_NATIVE_DREP, .bindings = bindings, .max_output = SIZE_MAX};
    if (number) {
        struct sspi_blob *token = &world->legs[number - 1].output;
        if (world->tamper)
            world->tamper(token, (enum ntlm_message)number);
        leg->has_token = true;
        leg->token = sspi_blob_view(token);
    }
    return leg;
}

/* Both credentials are there. */
static inline void world_run(struct world *world)
{
    world->isc1 = world->asc1 = world->isc2 = world->asc2 = SEC_E_INTERNAL_ERROR;
    struct sspi_leg *leg = world_leg(world, 0, world->isc, world->client_bindings);
    leg->target = world->target;
    world->isc1 = NTLM->initiate(world->client_cred, &world->client, leg);
    if (world->isc1 != SEC_I_CONTINUE_NEEDED)
        return;
    leg = world_leg(world, 1, world->asc, world->server_bindings);
    world->asc1 = NTLM->accept(world->server_cred, &world->server, leg);
    if (world->asc1 != SEC_I_CONTINUE_NEEDED)
        return;
    leg = world_leg(world, 2, world->isc, world->client_bindings);
    leg->target = world->target;
    world->isc2 = NTLM->initiate(NULL, &world->client, leg);
    if (world->isc2 != SEC_E_OK)
        return;
    leg = world_leg(world, 3, world->asc, world->server_bindings);
    world->asc2 = NTLM->accept(NULL, &world->server, leg);
}

static inline void world_meet(struct world *world)
{
    struct sspi_identity identity = {(char *)(uintptr_t)world->user,
                                     (char *)(uintptr_t)world->domain,
                                     (char *)(uintptr_t)world->password,
                                     NULL,
                                     {NULL, 0}};
    world->client_cred =
        world_acquire(SECPKG_CRED_OUTBOUND, world->default_identity ? NULL : &identity);
    world->server_cred = world_acquire(SECPKG_CRED_INBOUND, NULL);
    world_run(world);
}

static inline void world_part(struct world *world)
{
    NTLM->free_context(world->client);
    NTLM->free_context(world->server);
    NTLM->free_credential(world->client_cred);
    NTLM->free_credential(world->server_cred);
    for (unsigned i = 0; i < 4; i++)
        sspi_blob_free(&world->legs[i].output);
}

#define WORLD_ALICE .user = "alice", .domain = "EXAMPLE", .password = "Password"

#define SIGN_AND_SEAL                                                                              \
    .isc = ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY | ISC_REQ_REPLAY_DETECT |                   \
           ISC_REQ_SEQUENCE_DETECT,                                                                \
    .asc = ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY | ASC_REQ_REPLAY_DETECT |                   \
           ASC_REQ_SEQUENCE_DETECT

#endif
