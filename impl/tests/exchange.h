/* SPDX-License-Identifier: Apache-2.0
 *
 * Two contexts talking to each other through the exported functions.
 */
#ifndef LIBSSPI_TESTS_EXCHANGE_H
#define LIBSSPI_TESTS_EXCHANGE_H

#include <sspi.h>
#include <string.h>

struct side {
    CredHandle credential;
    CtxtHandle context;
    int has_context;
    SECURITY_STATUS status; /* of the newest leg */
    ULONG attributes;
    TimeStamp expiry;
    unsigned legs;
    uint8_t token[65536]; /* its newest token */
    ULONG size;
};

/* One leg: token in (NULL for none), own token out. */
static inline SECURITY_STATUS leg(struct side *side, int initiator, const char *target, ULONG req,
                                  const uint8_t *token, ULONG size)
{
    SecBuffer in = {size, SECBUFFER_TOKEN, (void *)(uintptr_t)token};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in};
    SecBuffer out = {sizeof side->token, SECBUFFER_TOKEN, side->token};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &out};
    CtxtHandle *context = side->has_context ? &side->context : NULL;
    SecBufferDesc *given = token ? &input : NULL;

    if (initiator)
        side->status = InitializeSecurityContextA(
            &side->credential, context, (char *)(uintptr_t)target, req, 0, SECURITY_NATIVE_DREP,
            given, 0, &side->context, &output, &side->attributes, &side->expiry);
    else
        side->status =
            AcceptSecurityContext(&side->credential, context, given, req, SECURITY_NATIVE_DREP,
                                  &side->context, &output, &side->attributes, &side->expiry);
    side->has_context |= side->status == SEC_E_OK || side->status == SEC_I_CONTINUE_NEEDED;
    side->legs++;
    side->size = out.cbBuffer == sizeof side->token ? 0 : out.cbBuffer;
    return side->status;
}

/* Alternates legs until nobody has a token left or one side refuses. */
static inline void establish(struct side *client, struct side *server, const char *target,
                             ULONG client_req, ULONG server_req)
{
    leg(client, 1, target, client_req, NULL, 0);
    for (int i = 0; i < 10 && client->status >= 0 && client->size; i++) {
        leg(server, 0, NULL, server_req, client->token, client->size);
        if (server->status < 0 || !server->size)
            break;
        leg(client, 1, target, client_req, server->token, server->size);
    }
}

static inline void finish(struct side *side)
{
    if (side->has_context)
        DeleteSecurityContext(&side->context);
    FreeCredentialsHandle(&side->credential);
    memset(side, 0, sizeof *side);
}

#endif
