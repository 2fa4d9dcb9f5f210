/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of a whole exchange fails once: for each the answer is exactly
 * SEC_E_INSUFFICIENT_MEMORY, nothing leaks (run it under a leak checker), nothing is left
 * undeletable. out_of_memory_calls_test.c does the same for the other exported functions.
 */
#include "failing_calloc.h"

#include "exchange.h"
#include "world.h"

static const char *package;
static struct side client, server;

static SECURITY_STATUS acquire(void)
{
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = (unsigned char *)"anna",
        .UserLength = 4,
        .Domain = (unsigned char *)"WORLD",
        .DomainLength = 5,
        .Password = (unsigned char *)"Secret123!",
        .PasswordLength = 10,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)"!Kerberos",
        .PackageListLength = 9,
    };
    char *name = (char *)(uintptr_t)package;
    SECURITY_STATUS status = AcquireCredentialsHandleA(
        NULL, name, SECPKG_CRED_OUTBOUND, NULL, &identity, NULL, NULL, &client.credential, NULL);
    if (status == SEC_E_OK)
        status = AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, &identity, NULL,
                                           NULL, &server.credential, NULL);
    return status;
}

static SECURITY_STATUS ask(struct side *side)
{
    SecPkgContext_NamesW names;
    SecPkgContext_NegotiationInfoW info;
    SecPkgContext_SessionKey key;
    SECURITY_STATUS status = QueryContextAttributesW(&side->context, SECPKG_ATTR_NAMES, &names);
    if (status != SEC_E_OK)
        return status;
    FreeContextBuffer(names.sUserName);
    status = QueryContextAttributesW(&side->context, SECPKG_ATTR_NEGOTIATION_INFO, &info);
    if (status != SEC_E_OK)
        return status;
    FreeContextBuffer(info.PackageInfo);
    status = QueryContextAttributesW(&side->context, SECPKG_ATTR_SESSION_KEY, &key);
    if (status == SEC_E_OK)
        FreeContextBuffer(key.SessionKey);
    return status;
}

static SECURITY_STATUS message(void)
{
    uint8_t data[5] = "hello", token[64];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = EncryptMessage(&client.context, 0, &both, 0);
    return status == SEC_E_OK ? DecryptMessage(&server.context, &both, 0, NULL) : status;
}

static SECURITY_STATUS everything(void)
{
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    SECURITY_STATUS status = acquire();
    if (status != SEC_E_OK)
        return status;
    establish(&client, &server, "host/x", ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY,
              ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY);
    if (client.status < 0)
        return client.status;
    if (server.status < 0)
        return server.status;
    status = ask(&server);
    return status == SEC_E_OK ? message() : status;
}

/* One leg with 100 bytes for the token (path.spnego.fragment). */
static SECURITY_STATUS piece(struct side *side, const struct side *from)
{
    SecBuffer in = {from->size, SECBUFFER_TOKEN, (void *)(uintptr_t)from->token};
    SecBuffer out = {100, SECBUFFER_TOKEN, side->token};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in}, output = {SECBUFFER_VERSION, 1, &out};
    CtxtHandle *context = side->has_context ? &side->context : NULL;
    if (side == &client)
        side->status = InitializeSecurityContextA(
            &side->credential, context, NULL, ISC_REQ_CONFIDENTIALITY | ISC_REQ_FRAGMENT_TO_FIT, 0,
            SECURITY_NATIVE_DREP, context ? &input : NULL, 0, &side->context, &output,
            &side->attributes, &side->expiry);
    else
        side->status = AcceptSecurityContext(
            &side->credential, context, &input, ASC_REQ_CONFIDENTIALITY | ASC_REQ_FRAGMENT_TO_FIT,
            SECURITY_NATIVE_DREP, &side->context, &output, &side->attributes, &side->expiry);
    side->has_context |= side->status >= 0;
    side->size = out.cbBuffer;
    return side->status;
}

static SECURITY_STATUS in_pieces(void)
{
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    SECURITY_STATUS status = acquire();
    client.status = SEC_I_CONTINUE_NEEDED;
    for (int n = 0; n < 60 && status >= 0; n++) {
        status = n % 2 ? piece(&server, &client) : piece(&client, &server);
        if (status == SEC_E_OK && n % 2 == 0)
            return SEC_E_OK; /* the initiator is the last to be done */
    }
    return status;
}

static void release(void)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        if (sides[i]->has_context)
            ASSERT_STATUS(DeleteSecurityContext(&sides[i]->context), SEC_E_OK);
        if (sides[i]->credential.dwUpper)
            ASSERT_STATUS(FreeCredentialsHandle(&sides[i]->credential), SEC_E_OK);
    }
}

static void each(const char *name)
{
    package = name;
    world_begin();
    fail_each(name, everything, release);
}

static void ntlm(void)
{
    each("NTLM");
}

static void negotiate(void)
{
    each("Negotiate");
}

static void fragments(void)
{
    package = "Negotiate";
    world_begin();
    fail_each("fragments", in_pieces, release);
}

SSPI_TESTS({"ntlm", ntlm}, {"negotiate", negotiate}, {"fragments", fragments})
