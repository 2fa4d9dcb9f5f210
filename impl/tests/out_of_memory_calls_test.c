/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of every exported function fails once, in the W and the A form, with output
 * that the library allocates, for every package: out_of_memory_test.c has the plain exchange.
 */
#include "failing_calloc.h"

#include "exchange.h"
#include "kerberos_fixture.h"
#include "text.h"
#include "world.h"

#define FLAGS                                                                                      \
    (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY | ISC_REQ_MUTUAL_AUTH | ISC_REQ_ALLOCATE_MEMORY)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY | ASC_REQ_ALLOCATE_MEMORY)

static bool wide;           /* the W form */
static const char *package; /* of the scene */
static const char *list;    /* PackageList */
static bool tickets;        /* the fixture's, instead of a password */
static struct side client, server;
static struct world world;

/* UTF-16 of ASCII, in one of a few buffers. */
static SEC_WCHAR *wide_of(const char *text)
{
    static SEC_WCHAR ring[8][64];
    static unsigned next;
    SEC_WCHAR *out = ring[next++ % 8], *at = out;
    do {
        *at++ = (unsigned char)*text;
    } while (*text++);
    return out;
}

static void *text_of(const char *text)
{
    return wide ? (void *)wide_of(text) : (void *)(uintptr_t)text;
}

/* ---- without handles ------------------------------------------------------------------------ */

static SECURITY_STATUS enumerate(void)
{
    ULONG count;
    void *info = NULL;
    SECURITY_STATUS status = wide ? EnumerateSecurityPackagesW(&count, (PSecPkgInfoW *)&info)
                                  : EnumerateSecurityPackagesA(&count, (PSecPkgInfoA *)&info);
    FreeContextBuffer(info);
    return status;
}

static SECURITY_STATUS package_info(void)
{
    void *info = NULL;
    SECURITY_STATUS status =
        wide ? QuerySecurityPackageInfoW(text_of(package), (PSecPkgInfoW *)&info)
             : QuerySecurityPackageInfoA(text_of(package), (PSecPkgInfoA *)&info);
    FreeContextBuffer(info);
    return status;
}

/* ---- credentials ---------------------------------------------------------------------------- */

static SECURITY_STATUS acquire_one(ULONG use, CredHandle *credential)
{
    const char *user = tickets ? "" : "anna", *password = tickets ? "" : "Secret123!";
    /* The W and the A form of the structure differ in what the pointers point to. */
    SEC_WINNT_AUTH_IDENTITY_EXW identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = tickets ? NULL : text_of(user),
        .UserLength = (ULONG)strlen(user),
        .Domain = tickets ? NULL : text_of("WORLD"),
        .DomainLength = tickets ? 0 : 5,
        .Password = tickets ? NULL : text_of(password),
        .PasswordLength = (ULONG)strlen(password),
        .Flags = wide ? SEC_WINNT_AUTH_IDENTITY_UNICODE : SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = text_of(list),
        .PackageListLength = (ULONG)strlen(list),
    };
    void *given = tickets && !*list ? NULL : &identity;
    return wide ? AcquireCredentialsHandleW(NULL, text_of(package), use, NULL, given, NULL, NULL,
                                            credential, NULL)
                : AcquireCredentialsHandleA(NULL, text_of(package), use, NULL, given, NULL, NULL,
                                            credential, NULL);
}

static SECURITY_STATUS credentials(void)
{
    void *name = NULL;
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    SECURITY_STATUS status = acquire_one(SECPKG_CRED_OUTBOUND, &client.credential);
    if (status == SEC_E_OK)
        status = acquire_one(SECPKG_CRED_INBOUND, &server.credential);
    if (status == SEC_E_OK)
        status =
            wide ? QueryCredentialsAttributesW(&client.credential, SECPKG_CRED_ATTR_NAMES, &name)
                 : QueryCredentialsAttributesA(&client.credential, SECPKG_CRED_ATTR_NAMES, &name);
    FreeContextBuffer(name);
    return status;
}

/* ---- contexts ------------------------------------------------------------------------------- */

/* One leg whose token the library allocates, with channel bindings. */
static SECURITY_STATUS allocated_leg(struct side *side, const struct side *from)
{
    struct {
        SEC_CHANNEL_BINDINGS structure;
        uint8_t data[20];
    } bindings = {.structure = {.cbApplicationDataLength = sizeof bindings.data,
                                .dwApplicationDataOffset = sizeof bindings.structure}};
    SecBuffer in[2] = {{sizeof bindings, SECBUFFER_CHANNEL_BINDINGS, &bindings},
                       {from->size, SECBUFFER_TOKEN, (void *)(uintptr_t)from->token}};
    SecBufferDesc input = {SECBUFFER_VERSION, from->legs ? 2 : 1, in};
    SecBuffer out = {0, SECBUFFER_TOKEN, NULL};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &out};
    CtxtHandle *context = side->has_context ? &side->context : NULL;
    if (side == &server)
        side->status =
            AcceptSecurityContext(&side->credential, context, &input, ASC_FLAGS, 0, &side->context,
                                  &output, &side->attributes, &side->expiry);
    else if (wide)
        side->status = InitializeSecurityContextW(
            &side->credential, context, text_of(WORLD_SERVICE), FLAGS, 0, 0, &input, 0,
            &side->context, &output, &side->attributes, &side->expiry);
    else
        side->status = InitializeSecurityContextA(
            &side->credential, context, text_of(WORLD_SERVICE), FLAGS, 0, 0, &input, 0,
            &side->context, &output, &side->attributes, &side->expiry);
    side->has_context |= side->status >= 0;
    side->legs++;
    side->size = out.pvBuffer ? out.cbBuffer : 0;
    if (out.pvBuffer)
        memcpy(side->token, out.pvBuffer, side->size);
    FreeContextBuffer(out.pvBuffer);
    return side->status;
}

static SECURITY_STATUS legs(void)
{
    client.status = server.status = SEC_I_CONTINUE_NEEDED;
    while (client.status == SEC_I_CONTINUE_NEEDED || server.status == SEC_I_CONTINUE_NEEDED) {
        if (client.status == SEC_I_CONTINUE_NEEDED && allocated_leg(&client, &server) < 0)
            return client.status;
        if (server.status == SEC_I_CONTINUE_NEEDED && allocated_leg(&server, &client) < 0)
            return server.status;
    }
    return SEC_E_OK;
}

/* What an attribute's structure points to; the layouts are in sspi_attributes.h. */
static void free_attribute(ULONG attribute, void *structure)
{
    void **pointers = structure;
    switch (attribute) {
    case SECPKG_ATTR_NATIVE_NAMES:
    case SECPKG_ATTR_KEY_INFO:
        FreeContextBuffer(pointers[1]); /* fall through */
    case SECPKG_ATTR_NAMES:
    case SECPKG_ATTR_AUTHORITY:
    case SECPKG_ATTR_PACKAGE_INFO:
    case SECPKG_ATTR_NEGOTIATION_INFO:
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        FreeContextBuffer(pointers[0]);
        break;
    case SECPKG_ATTR_SESSION_KEY:
        FreeContextBuffer(((SecPkgContext_SessionKey *)structure)->SessionKey);
        break;
    default:
        break;
    }
}

/* Every attribute there is; those that a package does not have say so whatever happens. */
static SECURITY_STATUS attributes(struct side *side)
{
    for (ULONG attribute = 0; attribute < 64; attribute++) {
        void *structure[16] = {NULL};
        bool before = failed;
        SECURITY_STATUS status =
            wide ? QueryContextAttributesW(&side->context, attribute, structure)
                 : QueryContextAttributesA(&side->context, attribute, structure);
        if (status == SEC_E_OK)
            free_attribute(attribute, structure);
        if (failed != before)
            return status == SEC_E_OK ? SEC_E_INTERNAL_ERROR : status;
    }
    return SEC_E_OK;
}

static SECURITY_STATUS messages(struct side *from, struct side *to)
{
    uint8_t data[5] = "hello", token[128];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = EncryptMessage(&from->context, 0, &both, 0);
    if (status == SEC_E_OK)
        status = DecryptMessage(&to->context, &both, 0, NULL);
    buffers[0].cbBuffer = sizeof token;
    if (status == SEC_E_OK)
        status = MakeSignature(&from->context, 0, &both, 0);
    return status == SEC_E_OK ? VerifySignature(&to->context, &both, 0, NULL) : status;
}

static SECURITY_STATUS exchange(void)
{
    SECURITY_STATUS status = credentials();
    if (status == SEC_E_OK)
        status = legs();
    if (status == SEC_E_OK)
        status = messages(&client, &server);
    if (status == SEC_E_OK)
        status = messages(&server, &client);
    if (status == SEC_E_OK)
        status = attributes(&client);
    return status == SEC_E_OK ? attributes(&server) : status;
}

static void nothing(void)
{
}

/* A context whose leg failed can be asked again, to no avail (but for a W form that had no memory
 * for the target name: it never got that far), and can be deleted. */
static void release(void)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        struct side *side = sides[i];
        if (side->has_context) {
            if (side->status < 0)
                CU_ASSERT(allocated_leg(side, sides[!i]) != SEC_E_INTERNAL_ERROR);
            ASSERT_STATUS(DeleteSecurityContext(&side->context), SEC_E_OK);
        }
        if (side->credential.dwUpper)
            ASSERT_STATUS(FreeCredentialsHandle(&side->credential), SEC_E_OK);
    }
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void in_both_forms(const char *name, const char *of_package, const char *of_list,
                          bool with_tickets)
{
    package = of_package;
    list = of_list;
    tickets = with_tickets;
    for (int form = 0; form < 2; form++) {
        wide = form;
        fail_each(name, enumerate, nothing);
        fail_each(name, package_info, nothing);
        fail_each(name, credentials, release);
        fail_each(name, exchange, release);
    }
}

static void ntlm(void)
{
    world_begin();
    in_both_forms("NTLM", "NTLM", "", false);
    in_both_forms("Negotiate with NTLM", "Negotiate", "!Kerberos", false);
    in_both_forms("Negotiate, raw NTLM", "Negotiate", "NTLM", false);
}

static void kerberos(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    in_both_forms("Kerberos", "Kerberos", "", true);
    in_both_forms("Negotiate with Kerberos", "Negotiate", "!NTLM", true);
    world_close(&world);
}

SSPI_TESTS({"ntlm", ntlm}, {"kerberos", kerberos})
