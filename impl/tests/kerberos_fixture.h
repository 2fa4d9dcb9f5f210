/* SPDX-License-Identifier: Apache-2.0
 *
 * Both sides of a Kerberos exchange in the world of kerberos_tickets.h, through the package table.
 */
#ifndef LIBSSPI_TESTS_KERBEROS_FIXTURE_H
#define LIBSSPI_TESTS_KERBEROS_FIXTURE_H

#include "env.h"
#include "kerberos_tickets.h"
#include "memory.h"
#include "package.h"
#include "run.h"

#define MUST WORLD_MUST

#define KERBEROS (&sspi_kerberos_package)

/* Both sides of one exchange, driven through the package table as the SSPI surface does it. */
struct pair {
    void *client_credential, *server_credential, *client, *server;
    struct sspi_leg out, in; /* the last leg of each */
    SECURITY_STATUS client_status, server_status;
};

static inline void pair_acquire(struct pair *pair)
{
    struct sspi_cred_request ask = {.use = SECPKG_CRED_OUTBOUND};
    TimeStamp expiry;
    *pair = (struct pair){.client = NULL};
    ASSERT_STATUS(KERBEROS->acquire(&ask, &pair->client_credential, &expiry), SEC_E_OK);
    ask.use = SECPKG_CRED_INBOUND;
    ASSERT_STATUS(KERBEROS->acquire(&ask, &pair->server_credential, &expiry), SEC_E_OK);
}

static inline void pair_release_legs(struct pair *pair)
{
    sspi_blob_free(&pair->out.output);
    sspi_blob_free(&pair->in.output);
}

static inline void pair_reset(struct pair *pair)
{
    pair_release_legs(pair);
    KERBEROS->free_context(pair->client);
    KERBEROS->free_context(pair->server);
    pair->client = pair->server = NULL;
}

static inline void pair_free(struct pair *pair)
{
    pair_reset(pair);
    KERBEROS->free_credential(pair->client_credential);
    KERBEROS->free_credential(pair->server_credential);
}

static inline SECURITY_STATUS client_leg(struct pair *pair, ULONG req, const char *target,
                                         const struct sspi_bindings *bindings)
{
    struct sspi_leg leg = {.req = req,
                           .target = target,
                           .bindings = bindings,
                           .has_token = pair->in.output.size > 0,
                           .token = sspi_blob_view(&pair->in.output),
                           .max_output = SIZE_MAX};
    pair->client_status = KERBEROS->initiate(pair->client_credential, &pair->client, &leg);
    sspi_blob_free(&pair->out.output);
    pair->out = leg;
    return pair->client_status;
}

static inline SECURITY_STATUS server_leg(struct pair *pair, ULONG req,
                                         const struct sspi_bindings *bindings)
{
    struct sspi_leg leg = {.req = req,
                           .bindings = bindings,
                           .has_token = true,
                           .token = sspi_blob_view(&pair->out.output),
                           .max_output = SIZE_MAX};
    pair->server_status = KERBEROS->accept(pair->server_credential, &pair->server, &leg);
    sspi_blob_free(&pair->in.output);
    pair->in = leg;
    return pair->server_status;
}

/* Alternates until both are done or one refuses; the statuses are in the pair. */
static inline bool pair_establish_with(struct pair *pair, ULONG isc, ULONG asc, const char *target)
{
    for (int legs = 0; legs < 4; legs++) {
        client_leg(pair, isc, target, NULL);
        if (pair->client_status < 0 || (pair->client_status == SEC_E_OK && !pair->out.output.size))
            break;
        server_leg(pair, asc, NULL);
        if (pair->server_status < 0 || (pair->server_status == SEC_E_OK && !pair->in.output.size))
            break;
    }
    return pair->client_status == SEC_E_OK && pair->server_status == SEC_E_OK;
}

static inline bool pair_establish(struct pair *pair, ULONG isc, ULONG asc)
{
    return pair_establish_with(pair, isc, asc, WORLD_SERVICE);
}

#endif
