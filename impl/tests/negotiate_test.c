/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO over toy mechanisms: every path that two honest sides can take.
 */
#include "negotiate_toys.h"

/* ---- paths ---------------------------------------------------------------------------------- */

/* path.spnego.kerberos.mutual: accept-completed, MS-KRB5, the AP-REP, no MIC. */
static void kerberos_mutual(void)
{
    struct sspi_attribute info = {.attribute = SECPKG_ATTR_NEGOTIATION_INFO};
    begin(2, NULL, NULL);
    ASSERT_STATUS(step(&client, NULL, 0), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(sspi_negotiate_package.query(client.context, &info), SEC_E_OK);
    CU_ASSERT_EQUAL(info.value.negotiation.state, SECPKG_NEGOTIATION_OPTIMISTIC);
    ASSERT_STATUS(pass(&client, &server), SEC_E_OK);
    CU_ASSERT_EQUAL(server.leg.ret, 0x41);
    struct neg_resp resp = resp_of(&server);
    CU_ASSERT_EQUAL(resp.state, NEG_ACCEPT_COMPLETED);
    CU_ASSERT(neg_mech_find(resp.supported_mech) == &neg_mechs_known[NEG_MECH_MS_KERBEROS]);
    CU_ASSERT_EQUAL(resp.token.size, 2);
    CU_ASSERT_PTR_NULL(resp.mic.data);
    ASSERT_STATUS(pass(&server, &client), SEC_E_OK);
    CU_ASSERT_EQUAL(client.leg.output.size, 0);
    both_done("Kerberos");
    ASSERT_STATUS(step(&client, NULL, 0), SEC_E_OUT_OF_SEQUENCE);
    ASSERT_STATUS(pass(&client, &server), SEC_E_OUT_OF_SEQUENCE);
    end();
}

/* path.spnego.kerberos.no-mutual */
static void kerberos_one_leg(void)
{
    begin(1, NULL, NULL);
    establish();
    CU_ASSERT_EQUAL(client.legs, 2);
    CU_ASSERT_EQUAL(server.legs, 1);
    both_done("Kerberos");
    end();
}

/* DCE style, as recorded: accept-incomplete with the AP-REP, MIC with the third leg, MIC back. */
static void kerberos_dce(void)
{
    begin(3, NULL, NULL);
    step(&client, NULL, 0);
    ASSERT_STATUS(pass(&client, &server), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_ACCEPT_INCOMPLETE);
    ASSERT_STATUS(pass(&server, &client), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(resp_of(&client).state, NEG_ACCEPT_INCOMPLETE);
    CU_ASSERT_EQUAL(resp_of(&client).mic.size, 3);
    ASSERT_STATUS(pass(&client, &server), SEC_E_OK);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_ACCEPT_COMPLETED);
    CU_ASSERT_EQUAL(resp_of(&server).mic.size, 3);
    ASSERT_STATUS(pass(&server, &client), SEC_E_OK);
    both_done("Kerberos");
    end();
}

/* User-to-user, as recorded: four tokens, the acceptor's MIC with the last, then the initiator's
 * in accept-completed. */
static void kerberos_four(void)
{
    begin(4, NULL, NULL);
    establish();
    CU_ASSERT_EQUAL(client.legs, 3);
    CU_ASSERT_EQUAL(server.legs, 3);
    CU_ASSERT_EQUAL(resp_of(&client).state, NEG_ACCEPT_COMPLETED);
    CU_ASSERT_EQUAL(resp_of(&client).mic.size, 3);
    CU_ASSERT_EQUAL(server.leg.output.size, 0);
    both_done("Kerberos");
    end();
}

/* path.spnego.ntlm.mic */
static void ntlm_mic(void)
{
    begin(2, "!Kerberos", NULL);
    establish();
    CU_ASSERT_EQUAL(client.legs, 3);
    CU_ASSERT_EQUAL(server.legs, 2);
    both_done("NTLM");
    end();
}

/* NTLM without a MIC of its own: none is exchanged (recorded with old clients). */
static void ntlm_without_mic(void)
{
    begin(2, "!Kerberos", NULL);
    toys[NEG_NTLM].wants_mic = false;
    step(&client, NULL, 0);
    pass(&client, &server);
    pass(&server, &client);
    CU_ASSERT_PTR_NULL(resp_of(&client).mic.data);
    pass(&client, &server);
    CU_ASSERT_PTR_NULL(resp_of(&server).mic.data);
    pass(&server, &client);
    both_done("NTLM");
    end();
}

/* The server cannot do Kerberos: request-mic, a fresh start with NTLM, MICs both ways, whatever
 * NTLM wants by itself. */
static void reselect(void)
{
    begin(2, NULL, "!Kerberos");
    toys[NEG_NTLM].wants_mic = false;
    step(&client, NULL, 0);
    ASSERT_STATUS(pass(&client, &server), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_REQUEST_MIC);
    CU_ASSERT_PTR_NULL(resp_of(&server).token.data);
    pass(&server, &client);
    CU_ASSERT_EQUAL(toys[NEG_KERBEROS].contexts, 0);
    pass(&client, &server);
    pass(&server, &client);
    CU_ASSERT_EQUAL(resp_of(&client).mic.size, 3);
    pass(&client, &server);
    CU_ASSERT_EQUAL(resp_of(&server).mic.size, 3);
    pass(&server, &client);
    both_done("NTLM");
    end();
}

/* No keys on the server shows only when the token comes. */
static void reselect_late(void)
{
    begin(2, NULL, NULL);
    toys[NEG_KERBEROS].accept = SEC_E_NO_CREDENTIALS;
    establish();
    both_done("NTLM");
    end();
    begin(2, NULL, NULL);
    toys[NEG_KERBEROS].accept = SEC_E_LOGON_DENIED; /* but a refusal is a refusal */
    establish();
    ASSERT_STATUS(server.status, SEC_E_LOGON_DENIED);
    CU_ASSERT_EQUAL(server.leg.output.size, 0);
    end();
}

/* A mechanism without integrity: nothing to protect the list with, and none is asked for. */
static void no_integrity(void)
{
    begin(2, NULL, "!Kerberos");
    toys[NEG_NTLM].no_integrity = true;
    establish();
    both_done("NTLM");
    end();
}

/* fact.recorded.guest-mic-ignored: a MIC that cannot be checked is no fault, and none is owed. */
static void mic_without_integrity(void)
{
    static const uint8_t n2[] = {'N', '2'}, mic[] = {'n', 1, 1};
    begin(2, "!Kerberos", NULL);
    toys[NEG_NTLM].no_integrity = true;
    step(&client, NULL, 0);
    pass(&client, &server);
    ASSERT_STATUS(say(&(struct neg_resp){NEG_ACCEPT_INCOMPLETE, {NULL, 0}, {n2, 2}, {mic, 3}}),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_ACCEPT_COMPLETED);
    CU_ASSERT_PTR_NULL(resp_of(&server).mic.data);
    end();
}

/* fact.recorded.reselect-without-mic: accept-incomplete for NTLM asks for no MIC, request-mic does
 * (hostile_initiator); NTLM with a MIC of its own sends one either way. */
static void reselect_as_windows_2003(void)
{
    for (int wants = 0; wants < 2; wants++) {
        begin(2, NULL, "!Kerberos");
        toys[NEG_NTLM].wants_mic = wants;
        step(&client, NULL, 0);
        ASSERT_STATUS(answer(&(struct neg_resp){.state = NEG_ACCEPT_INCOMPLETE,
                                                .supported_mech = neg_mechs_known[2].oid}),
                      SEC_I_CONTINUE_NEEDED);
        static const uint8_t n1[] = {'N', '1'};
        ASSERT_STATUS(answer(&(struct neg_resp){.state = NEG_ACCEPT_INCOMPLETE,
                                                .supported_mech = neg_mechs_known[2].oid,
                                                .token = {n1, 2}}),
                      SEC_I_CONTINUE_NEEDED);
        CU_ASSERT_EQUAL(resp_of(&client).mic.size, wants ? 3 : 0);
        ASSERT_STATUS(answer(&(struct neg_resp){.state = NEG_ACCEPT_COMPLETED}),
                      wants ? SEC_E_INVALID_TOKEN : SEC_E_OK);
        end();
    }
}

/* trig.isc.negotiate.spn-unknown-fallback; NULL target excludes Kerberos. */
static void fallback(void)
{
    begin(2, NULL, NULL);
    toys[NEG_KERBEROS].initiate = SEC_E_TARGET_UNKNOWN;
    establish();
    both_done("NTLM");
    end();
    begin(2, NULL, NULL);
    target = NULL;
    establish();
    both_done("NTLM");
    end();
    begin(2, "Kerberos", NULL);
    toys[NEG_KERBEROS].initiate = SEC_E_TARGET_UNKNOWN;
    ASSERT_STATUS(step(&client, NULL, 0), SEC_E_TARGET_UNKNOWN);
    end();
    begin(2, NULL, NULL);
    toys[NEG_KERBEROS].initiate = SEC_E_INSUFFICIENT_MEMORY; /* is never taken for a no */
    ASSERT_STATUS(step(&client, NULL, 0), SEC_E_INSUFFICIENT_MEMORY);
    end();
}

/* A list of NEGOEX and NTLM: NEGOEX is passed over (path.spnego.negoex-entra). */
static void negoex_first(void)
{
    static const uint8_t negoex[] = {0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 30};
    struct sspi_view oids[] = {{negoex, sizeof negoex}, neg_mechs_known[NEG_MECH_NTLM].oid};
    struct sspi_blob list, token;
    begin(2, NULL, NULL);
    CU_ASSERT(neg_mech_types_encode(oids, 2, &list));
    CU_ASSERT(neg_init_encode(&(struct neg_init){.mech_types = sspi_blob_view(&list)}, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    ASSERT_STATUS(step(&server, &bytes, 0), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_REQUEST_MIC);
    sspi_blob_free(&token);
    sspi_blob_free(&list);
    end();
}

/* ndpi's recording: KRB-ERROR in accept-incomplete; a reject only for EXTENDED_ERROR. */
static void error_tokens(void)
{
    begin(2, "Kerberos", NULL);
    toys[NEG_KERBEROS].accept = SEC_E_TIME_SKEW;
    toys[NEG_KERBEROS].error_token = "KRB-ERROR";
    step(&client, NULL, 0);
    ASSERT_STATUS(pass(&client, &server), SEC_E_TIME_SKEW);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_ACCEPT_INCOMPLETE);
    CU_ASSERT_EQUAL(resp_of(&server).token.size, 9);
    end();
    begin(2, "Kerberos", NULL);
    toys[NEG_KERBEROS].accept = SEC_E_LOGON_DENIED;
    step(&client, NULL, 0);
    struct sspi_view token = sspi_blob_view(&client.leg.output);
    ASSERT_STATUS(step(&server, &token, ASC_REQ_EXTENDED_ERROR), SEC_E_LOGON_DENIED);
    CU_ASSERT_EQUAL(resp_of(&server).state, NEG_REJECT);
    ASSERT_STATUS(pass(&server, &client), SEC_E_LOGON_DENIED);
    end();
}

/* Credentials: one mechanism may be missing; a fault may not. */
static void acquiring(void)
{
    struct sspi_identity identity = {0};
    struct sspi_cred_request request = {.identity = &identity};
    void *credential = NULL;
    TimeStamp expiry = {.QuadPart = 0};
    memset(toys, 0, sizeof toys);
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &credential, &expiry), SEC_E_OK);
    CU_ASSERT_EQUAL(expiry.QuadPart, 1000);
    sspi_negotiate_package.free_credential(credential);
    toys[NEG_KERBEROS].acquire = SEC_E_NO_CREDENTIALS;
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &credential, &expiry), SEC_E_OK);
    CU_ASSERT_EQUAL(expiry.QuadPart, 2000);
    sspi_negotiate_package.free_credential(credential);
    toys[NEG_NTLM].acquire = SEC_E_LOGON_DENIED;
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &credential, &expiry),
                  SEC_E_LOGON_DENIED);
    toys[NEG_KERBEROS].acquire = SEC_E_OK;
    toys[NEG_NTLM].acquire = SEC_E_INTERNAL_ERROR;
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &credential, &expiry),
                  SEC_E_INTERNAL_ERROR);
    sspi_negotiate_package.free_credential(NULL);
    sspi_negotiate_package.free_context(NULL);
}

SSPI_TESTS({"kerberos_mutual", kerberos_mutual}, {"kerberos_one_leg", kerberos_one_leg},
           {"kerberos_dce", kerberos_dce}, {"kerberos_four", kerberos_four}, {"ntlm_mic", ntlm_mic},
           {"ntlm_without_mic", ntlm_without_mic}, {"reselect", reselect},
           {"reselect_late", reselect_late}, {"no_integrity", no_integrity},
           {"mic_without_integrity", mic_without_integrity},
           {"reselect_as_windows_2003", reselect_as_windows_2003}, {"fallback", fallback},
           {"negoex_first", negoex_first}, {"error_tokens", error_tokens}, {"acquiring", acquiring})
