/* SPDX-License-Identifier: Apache-2.0
 *
 * Negotiate over the real NTLM package, through the exported functions: paths, legs, MIC, and
 * what a tampered or missing MIC leads to.
 */
#include "run.h"

#include <libsspi.h>

#include "exchange.h"
#include "negotiate/der.h"
#include "negotiate/mechs.h"
#include "world.h"

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)

static struct side client, server;

static const char *server_list; /* the server's PackageList */

static void begin(const char *list, const char *client_package, const char *server_package)
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
        .PackageList = (unsigned char *)(uintptr_t)list,
        .PackageListLength = list ? (ULONG)strlen(list) : 0,
    };
    world_begin();
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, (char *)(uintptr_t)client_package,
                                            SECPKG_CRED_OUTBOUND, NULL, &identity, NULL, NULL,
                                            &client.credential, NULL),
                  SEC_E_OK);
    if (server_list) {
        identity.PackageList = (unsigned char *)(uintptr_t)server_list;
        identity.PackageListLength = (ULONG)strlen(server_list);
    }
    ASSERT_STATUS(AcquireCredentialsHandleA(
                      NULL, (char *)(uintptr_t)server_package, SECPKG_CRED_INBOUND, NULL,
                      server_list ? &identity : NULL, NULL, NULL, &server.credential, NULL),
                  SEC_E_OK);
}

static void end(void)
{
    finish(&client);
    finish(&server);
}

static void sealed_both_ways(void)
{
    for (int way = 0; way < 2; way++) {
        uint8_t data[5] = "hello", token[64];
        SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                               {sizeof data, SECBUFFER_DATA, data}};
        SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
        struct side *from = way ? &server : &client, *to = way ? &client : &server;
        ASSERT_STATUS(EncryptMessage(&from->context, 0, &message, 0), SEC_E_OK);
        ASSERT_STATUS(DecryptMessage(&to->context, &message, 0, NULL), SEC_E_OK);
        CU_ASSERT(memcmp(data, "hello", 5) == 0);
    }
}

static void chose_ntlm(struct side *side)
{
    SecPkgContext_NegotiationInfoA info;
    ASSERT_STATUS(QueryContextAttributesA(&side->context, SECPKG_ATTR_NEGOTIATION_INFO, &info),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(info.NegotiationState, SECPKG_NEGOTIATION_COMPLETE);
    CU_ASSERT_STRING_EQUAL(info.PackageInfo->Name, "NTLM");
    FreeContextBuffer(info.PackageInfo);
}

/* path.negotiate.packagelist-no-kerberos: five calls, MIC both ways. */
static void spnego(void)
{
    struct neg_resp resp;
    begin("!Kerberos", "Negotiate", "Negotiate");
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, NULL, 0), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(client.token[0], 0x60);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT(neg_resp_decode((struct sspi_view){server.token, server.size}, NEG_TRAILING_REFUSED,
                              &resp));
    CU_ASSERT_EQUAL(resp.state, NEG_ACCEPT_INCOMPLETE);
    CU_ASSERT(neg_mech_find(resp.supported_mech) == &neg_mechs_known[NEG_MECH_NTLM]);
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, server.token, server.size),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT(neg_resp_decode((struct sspi_view){client.token, client.size}, NEG_TRAILING_REFUSED,
                              &resp));
    CU_ASSERT_EQUAL(resp.mic.size, 16);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_OK);
    CU_ASSERT(neg_resp_decode((struct sspi_view){server.token, server.size}, NEG_TRAILING_REFUSED,
                              &resp));
    CU_ASSERT_EQUAL(resp.state, NEG_ACCEPT_COMPLETED);
    CU_ASSERT_EQUAL(resp.mic.size, 16);
    CU_ASSERT_PTR_NULL(resp.supported_mech.data);
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, server.token, server.size), SEC_E_OK);
    CU_ASSERT_EQUAL(client.size, 0);
    chose_ntlm(&client);
    chose_ntlm(&server);
    sealed_both_ways();
    end();
}

/* path.negotiate.packagelist-ntlm-only */
/* A server that tells no time gets neither NTLM's MIC nor SPNEGO's, and then, from XP to 10, no
 * negState beside the last token. */
static void without_mic(void)
{
    struct neg_resp resp;
    world_begin();
    FILE *file = fopen(world_config, "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    long size = ftell(file);
    fprintf(file, "av-timestamp = no\n");
    fclose(file);
    begin("!Kerberos", "Negotiate", "Negotiate");
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, NULL, 0), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size),
                  SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, server.token, server.size),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT(neg_resp_decode((struct sspi_view){client.token, client.size}, NEG_TRAILING_REFUSED,
                              &resp));
    CU_ASSERT_EQUAL(resp.state, NEG_NO_STATE);
    CU_ASSERT_PTR_NULL(resp.mic.data);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_OK);
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, server.token, server.size), SEC_E_OK);
    end();
    CU_ASSERT_EQUAL(truncate(world_config, size), 0);
}

static void raw(void)
{
    begin("NTLM", "Negotiate", "Negotiate");
    leg(&client, 1, "host/x", FLAGS, NULL, 0);
    CU_ASSERT(memcmp(client.token, "NTLMSSP", 8) == 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    ASSERT_STATUS(leg(&client, 1, "host/x", FLAGS, server.token, server.size), SEC_E_OK);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_OK);
    CU_ASSERT_EQUAL(server.size, 0);
    chose_ntlm(&server);
    sealed_both_ways();
    end();
}

/* path.negotiate-server.raw-ntlm-client */
static void raw_client(void)
{
    begin(NULL, "NTLM", "Negotiate");
    establish(&client, &server, NULL, FLAGS, ASC_FLAGS);
    ASSERT_STATUS(client.status, SEC_E_OK);
    ASSERT_STATUS(server.status, SEC_E_OK);
    sealed_both_ways();
    end();
}

/* obs.req0.works, and with NULL target no Kerberos is tried. */
static void no_flags(void)
{
    begin(NULL, "Negotiate", "Negotiate");
    establish(&client, &server, NULL, 0, 0);
    ASSERT_STATUS(client.status, SEC_E_OK);
    ASSERT_STATUS(server.status, SEC_E_OK);
    CU_ASSERT_EQUAL(client.legs, 3);
    chose_ntlm(&client);
    end();
}

/* path.spnego.server-first */
static void hint(void)
{
    struct neg_init init;
    struct sspi_view oid, inner;
    begin("!Kerberos", "Negotiate", "Negotiate");
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, NULL, 0), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_FATAL(neg_unframe((struct sspi_view){server.token, server.size}, &oid, &inner));
    CU_ASSERT(neg_init_decode(inner, NEG_TRAILING_REFUSED, &init));
    CU_ASSERT(init.hint);
    CU_ASSERT_PTR_NULL(init.mech_token.data);
    leg(&client, 1, NULL, FLAGS, server.token, server.size);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    leg(&client, 1, NULL, FLAGS, server.token, server.size);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_OK);
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, server.token, server.size), SEC_E_OK);
    end();
}

/* A client of our own making lists Kerberos, with a token, before NTLM; the server has none of
 * it. path.spnego.request-mic as recorded from Windows: request-mic, supportedMech, no token.
 */
static void reselection(void)
{
    struct sspi_view oids[] = {neg_mechs_known[0].oid, neg_mechs_known[2].oid};
    struct sspi_blob list, token, body;
    struct neg_resp resp;
    static uint8_t stale_ticket[] = {0x60, 0x00};

    server_list = "!Kerberos";
    begin("NTLM", "Negotiate", "Negotiate");
    server_list = NULL;
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    CU_ASSERT(neg_mech_types_encode(oids, 2, &list));
    struct neg_init init = {.mech_types = sspi_blob_view(&list),
                            .mech_token = {stale_ticket, sizeof stale_ticket}};
    CU_ASSERT(neg_init_encode(&init, &token));
    SECURITY_STATUS status = leg(&server, 0, NULL, ASC_FLAGS, token.data, (ULONG)token.size);
    ASSERT_STATUS(status, SEC_I_CONTINUE_NEEDED);
    CU_ASSERT(neg_resp_decode((struct sspi_view){server.token, server.size}, NEG_TRAILING_REFUSED,
                              &resp));
    CU_ASSERT_EQUAL(resp.state, NEG_REQUEST_MIC);
    CU_ASSERT(neg_mech_find(resp.supported_mech) == &neg_mechs_known[NEG_MECH_NTLM]);
    CU_ASSERT_PTR_NULL(resp.token.data);
    CU_ASSERT(neg_resp_encode(
        &(struct neg_resp){.state = NEG_NO_STATE, .token = {client.token, client.size}}, &body));
    leg(&server, 0, NULL, ASC_FLAGS, body.data, (ULONG)body.size);
    sspi_blob_free(&body);
    CU_ASSERT(neg_resp_decode((struct sspi_view){server.token, server.size}, NEG_TRAILING_REFUSED,
                              &resp));
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, resp.token.data, (ULONG)resp.token.size), SEC_E_OK);
    /* The AUTHENTICATE without a mechListMIC: refused. */
    CU_ASSERT(neg_resp_encode(
        &(struct neg_resp){.state = NEG_NO_STATE, .token = {client.token, client.size}}, &body));
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, body.data, (ULONG)body.size),
                  SEC_E_INVALID_TOKEN);
    sspi_blob_free(&body);
    sspi_blob_free(&list);
    sspi_blob_free(&token);
    end();
}

/* The last octet of the third token is the MIC's last octet; so is that of the fourth. */
static void wrong_mic(void)
{
    begin("!Kerberos", "Negotiate", "Negotiate");
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    leg(&client, 1, NULL, FLAGS, server.token, server.size);
    client.token[client.size - 6] ^= 1;
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size),
                  SEC_E_MESSAGE_ALTERED);
    end();
    begin("!Kerberos", "Negotiate", "Negotiate");
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    leg(&client, 1, NULL, FLAGS, server.token, server.size);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    server.token[server.size - 6] ^= 1;
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, server.token, server.size), SEC_E_MESSAGE_ALTERED);
    end();
}

/* accept-completed without the MIC, which somebody on the way cut out. */
static void stripped_mic(void)
{
    static uint8_t completed[] = {0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x00};
    begin("!Kerberos", "Negotiate", "Negotiate");
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    leg(&client, 1, NULL, FLAGS, server.token, server.size);
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, completed, sizeof completed), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(DeleteSecurityContext(&client.context), SEC_E_OK);
    client.has_context = 0;
    end();
}

static void garbage(void)
{
    static const struct {
        const char *bytes;
        ULONG size;
    } tokens[] = {{"garbage!", 8},   {"\x60", 1},    {"\x60\x02\x06\x00", 4},
                  {"0\0", 2},        {"NTLMSSP", 7}, {"\xa1\x02\x30\x00", 4},
                  {"NTLMSSP\0\1", 9}};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        begin("!Kerberos", "Negotiate", "Negotiate");
        ASSERT_STATUS(
            leg(&server, 0, NULL, ASC_FLAGS, (const uint8_t *)tokens[i].bytes, tokens[i].size),
            SEC_E_INVALID_TOKEN);
        leg(&client, 1, NULL, FLAGS, NULL, 0);
        ASSERT_STATUS(
            leg(&client, 1, NULL, FLAGS, (const uint8_t *)tokens[i].bytes, tokens[i].size),
            SEC_E_INVALID_TOKEN);
        CU_ASSERT(*libsspi_last_error() != 0);
        end();
    }
}

/* Every token of the exchange, cut in two at every octet (path.spnego.fragment). A first part that
 * holds the header is waited on, in silence, and the second completes it; a shorter one is no
 * token.
 */
static void truncation(void)
{
    for (int which = 0; which < 4; which++) {
        ULONG size = 1;
        for (ULONG cut = 0; cut < size; cut++) {
            begin("!Kerberos", "Negotiate", "Negotiate");
            leg(&client, 1, NULL, FLAGS, NULL, 0);
            for (int i = 0; i < which; i++) {
                if (i % 2)
                    leg(&client, 1, NULL, FLAGS, server.token, server.size);
                else
                    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
            }
            struct side *from = which % 2 ? &server : &client;
            struct side *to = which % 2 ? &client : &server;
            ULONG req = which % 2 ? FLAGS : ASC_FLAGS;
            size = from->size;
            ULONG header = from->token[1] < 0x80 ? 2 : 2 + (from->token[1] & 0x7fu);
            uint8_t *part = malloc(cut ? cut : 1); /* exactly, so that a sanitiser sees */
            memcpy(part, from->token, cut);
            SECURITY_STATUS status = leg(to, which % 2, NULL, req, part, cut);
            free(part);
            if (which == 0 && cut == 0)
                ASSERT_STATUS(status, SEC_I_CONTINUE_NEEDED); /* the hint */
            else if (cut < header)
                ASSERT_STATUS(status, SEC_E_INVALID_TOKEN);
            else {
                ASSERT_STATUS(status, SEC_I_CONTINUE_NEEDED);
                CU_ASSERT_EQUAL(to->size, 0);
                part = malloc(size - cut);
                memcpy(part, from->token + cut, size - cut);
                status = leg(to, which % 2, NULL, req, part, size - cut);
                ASSERT_STATUS(status, which < 2 ? SEC_I_CONTINUE_NEEDED : SEC_E_OK);
                CU_ASSERT(which == 3 || to->size > 0);
                free(part);
            }
            end();
        }
    }
}

/* fact.spnego.no-mechtypes: bare NTLM from there on, for either side; anything else is refused. */
static void unlisted(void)
{
    struct sspi_blob token;
    static uint8_t other[] = "not NTLM";
    begin("NTLM", "Negotiate", "Negotiate");
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    CU_ASSERT(
        neg_init_encode(&(struct neg_init){.mech_token = {client.token, client.size}}, &token));
    leg(&server, 0, NULL, ASC_FLAGS, token.data, (ULONG)token.size);
    sspi_blob_free(&token);
    CU_ASSERT(memcmp(server.token, "NTLMSSP", 8) == 0);
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, server.token, server.size), SEC_E_OK);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_OK);
    sealed_both_ways();
    end();
    begin(NULL, "Negotiate", "Negotiate");
    CU_ASSERT(neg_init_encode(&(struct neg_init){.mech_token = {other, sizeof other}}, &token));
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, token.data, (ULONG)token.size),
                  SEC_E_INVALID_TOKEN);
    sspi_blob_free(&token);
    CU_ASSERT(neg_init_encode(&(struct neg_init){.hint = true}, &token));
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, token.data, (ULONG)token.size),
                  SEC_I_CONTINUE_NEEDED);
    sspi_blob_free(&token);
    CU_ASSERT(memcmp(client.token, "NTLMSSP", 8) == 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    end();
}

/* trig.isc.negotiate.no-mech */
static void no_mechanism(void)
{
    begin("NegoExtender", "Negotiate", "Negotiate");
    ASSERT_STATUS(leg(&client, 1, "host/x", 0, NULL, 0), SEC_E_NO_CREDENTIALS);
    end();
}

/* path.ntlm.raw-3leg.denied: the wrong password shows on the server only. */
static void denied(void)
{
    SEC_WINNT_AUTH_IDENTITY_A wrong = {(unsigned char *)"anna",  4, (unsigned char *)"WORLD",    5,
                                       (unsigned char *)"wrong", 5, SEC_WINNT_AUTH_IDENTITY_ANSI};
    begin("!Kerberos", "Negotiate", "Negotiate");
    FreeCredentialsHandle(&client.credential);
    AcquireCredentialsHandleA(NULL, (char *)"Negotiate", SECPKG_CRED_OUTBOUND, NULL, &wrong, NULL,
                              NULL, &client.credential, NULL);
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    ASSERT_STATUS(leg(&client, 1, NULL, FLAGS, server.token, server.size), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size), SEC_E_LOGON_DENIED);
    CU_ASSERT_EQUAL(server.size, 0);
    end();
}

SSPI_TESTS({"spnego", spnego}, {"without_mic", without_mic}, {"raw", raw},
           {"raw_client", raw_client}, {"no_flags", no_flags}, {"hint", hint},
           {"reselection", reselection}, {"wrong_mic", wrong_mic}, {"stripped_mic", stripped_mic},
           {"garbage", garbage}, {"truncation", truncation}, {"unlisted", unlisted},
           {"no_mechanism", no_mechanism}, {"denied", denied})
