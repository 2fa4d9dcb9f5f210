/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO over toy mechanisms, so that every path can be had: a Kerberos that finishes in one, two
 * or three legs, that fails at will, an NTLM with or without a MIC of its own. The toys take the
 * place of packages.c when this program is linked.
 */
#include "run.h"

#include "error.h"
#include "memory.h"
#include "negotiate/context.h"
#include "text.h"

/* ---- the toys ------------------------------------------------------------------------------- */

/* Tokens are one letter: K or N for the mechanism, then a digit for the leg. A MIC is the
 * mechanism's letter, a sequence number's place and a checksum of the data. */
static struct {
    unsigned legs; /* calls until the initiator and the acceptor are done, together */
    SECURITY_STATUS initiate, accept, acquire; /* instead of working */
    bool wants_mic, no_integrity;
    const char *error_token; /* beside accept */
    int contexts;            /* alive */
} toys[NEG_PACKAGES];

static const struct sspi_package kerberos, ntlm;

struct toy {
    enum neg_package package;
    unsigned calls;
    bool done;
};

static SECURITY_STATUS toy_leg(enum neg_package p, bool initiator, void **context,
                               struct sspi_leg *leg)
{
    SECURITY_STATUS fault = initiator ? toys[p].initiate : toys[p].accept;
    struct toy *toy = *context;
    if (!toy) {
        *context = toy = sspi_alloc(sizeof *toy);
        toy->package = p;
        toys[p].contexts++;
    }
    if (fault != SEC_E_OK) {
        if (!initiator && toys[p].error_token)
            sspi_blob_copy(&leg->output, toys[p].error_token, strlen(toys[p].error_token));
        return fault;
    }
    unsigned number = 2 * toy->calls++ + !initiator; /* of the token to come */
    char expected[2] = {p == NEG_KERBEROS ? 'K' : 'N', (char)('0' + number - 1)};
    if (toy->done || (number && (leg->token.size != 2 || memcmp(leg->token.data, expected, 2))))
        return SEC_E_INVALID_TOKEN;
    leg->ret = 0x40 + number;
    if (number < toys[p].legs) {
        expected[1] = (char)('0' + number);
        sspi_blob_copy(&leg->output, expected, 2);
    }
    toy->done = number + 1 >= toys[p].legs;
    return toy->done ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS kerberos_initiate(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_KERBEROS, true, context, leg);
}

static SECURITY_STATUS kerberos_accept(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_KERBEROS, false, context, leg);
}

static SECURITY_STATUS ntlm_initiate(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_NTLM, true, context, leg);
}

static SECURITY_STATUS ntlm_accept(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_NTLM, false, context, leg);
}

static SECURITY_STATUS kerberos_acquire(const struct sspi_cred_request *r, void **c, TimeStamp *e)
{
    (void)r;
    (void)c;
    e->QuadPart = 1000;
    return toys[NEG_KERBEROS].acquire;
}

static SECURITY_STATUS ntlm_acquire(const struct sspi_cred_request *r, void **c, TimeStamp *e)
{
    (void)r;
    (void)c;
    e->QuadPart = 2000;
    return toys[NEG_NTLM].acquire;
}

static void free_credential(void *credential)
{
    (void)credential;
}

static void free_toy(void *context)
{
    struct toy *toy = context;
    if (toy)
        toys[toy->package].contexts--;
    sspi_free(toy);
}

static SECURITY_STATUS make_mic(void *context, struct sspi_view data, struct sspi_blob *mic)
{
    struct toy *toy = context;
    uint8_t bytes[3] = {toy->package == NEG_KERBEROS ? 'k' : 'n', (uint8_t)data.size, 0};
    if (toys[toy->package].no_integrity)
        return SEC_E_UNSUPPORTED_FUNCTION;
    for (size_t i = 0; i < data.size; i++)
        bytes[2] = (uint8_t)(bytes[2] * 3 + data.data[i]);
    return sspi_blob_copy(mic, bytes, 3) ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS check_mic(void *context, struct sspi_view data, struct sspi_view mic)
{
    struct sspi_blob expected = {NULL, 0};
    SECURITY_STATUS status = make_mic(context, data, &expected);
    if (status == SEC_E_OK &&
        (mic.size != expected.size || memcmp(mic.data, expected.data, mic.size) != 0))
        status = SEC_E_MESSAGE_ALTERED;
    sspi_blob_free(&expected);
    return status;
}

static bool ntlm_wants_mic(void *context)
{
    (void)context;
    return toys[NEG_NTLM].wants_mic;
}

static const struct sspi_package kerberos = {.name = "Kerberos",
                                             .acquire = kerberos_acquire,
                                             .free_credential = free_credential,
                                             .initiate = kerberos_initiate,
                                             .accept = kerberos_accept,
                                             .free_context = free_toy,
                                             .make_mic = make_mic,
                                             .check_mic = check_mic};
static const struct sspi_package ntlm = {.name = "NTLM",
                                         .acquire = ntlm_acquire,
                                         .free_credential = free_credential,
                                         .initiate = ntlm_initiate,
                                         .accept = ntlm_accept,
                                         .free_context = free_toy,
                                         .make_mic = make_mic,
                                         .check_mic = check_mic,
                                         .wants_mechlist_mic = ntlm_wants_mic};

const struct sspi_package *const sspi_packages[] = {&kerberos, &ntlm, NULL};

const struct sspi_package *sspi_package_find(const char *name)
{
    return sspi_equal_nocase(name, "Kerberos") ? &kerberos
           : sspi_equal_nocase(name, "NTLM")   ? &ntlm
                                               : NULL;
}

/* ---- the exchange --------------------------------------------------------------------------- */

struct side {
    void *credential, *context;
    struct sspi_leg leg; /* the newest */
    SECURITY_STATUS status;
    unsigned legs;
};

static struct side client, server;
static const char *target;

static void acquire(struct side *side, const char *list)
{
    struct sspi_identity identity = {.package_list = (char *)(uintptr_t)list};
    struct sspi_cred_request request = {.identity = &identity};
    TimeStamp expiry;
    *side = (struct side){0};
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &side->credential, &expiry), SEC_E_OK);
}

static void begin(unsigned kerberos_legs, const char *client_list, const char *server_list)
{
    memset(toys, 0, sizeof toys);
    toys[NEG_KERBEROS].legs = kerberos_legs;
    toys[NEG_NTLM].legs = 3;
    toys[NEG_NTLM].wants_mic = true;
    target = "host/x";
    acquire(&client, client_list);
    acquire(&server, server_list);
}

static SECURITY_STATUS step(struct side *side, const struct sspi_view *token, ULONG req)
{
    struct sspi_leg leg = {.req = req, .target = side == &client ? target : NULL};
    if (token) {
        leg.has_token = true;
        leg.token = *token;
    }
    leg.max_output = SIZE_MAX;
    sspi_blob_free(&side->leg.output);
    side->status =
        (side == &client ? sspi_negotiate_package.initiate
                         : sspi_negotiate_package.accept)(side->credential, &side->context, &leg);
    side->leg = leg;
    side->legs++;
    return side->status;
}

static SECURITY_STATUS pass(struct side *from, struct side *to)
{
    struct sspi_view token = sspi_blob_view(&from->leg.output);
    return step(to, &token, 0);
}

static void establish(void)
{
    step(&client, NULL, 0);
    for (int i = 0; i < 8 && client.status >= 0 && client.leg.output.size; i++) {
        pass(&client, &server);
        if (server.status < 0 || !server.leg.output.size)
            return;
        pass(&server, &client);
    }
}

static void end(void)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        sspi_blob_free(&sides[i]->leg.output);
        sspi_negotiate_package.free_context(sides[i]->context);
        sspi_negotiate_package.free_credential(sides[i]->credential);
    }
    CU_ASSERT_EQUAL(toys[NEG_KERBEROS].contexts, 0);
    CU_ASSERT_EQUAL(toys[NEG_NTLM].contexts, 0);
}

static struct neg_resp resp_of(const struct side *side)
{
    struct neg_resp resp = {.state = NEG_NO_STATE};
    CU_ASSERT(neg_resp_decode(sspi_blob_view(&side->leg.output), NEG_TRAILING_REFUSED, &resp));
    return resp;
}

static SECURITY_STATUS answer(const struct neg_resp *resp)
{
    struct sspi_blob token;
    CU_ASSERT(neg_resp_encode(resp, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    SECURITY_STATUS status = step(&client, &bytes, 0);
    sspi_blob_free(&token);
    return status;
}

static SECURITY_STATUS say(const struct neg_resp *resp)
{
    struct sspi_blob token;
    CU_ASSERT(neg_resp_encode(resp, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    SECURITY_STATUS status = step(&server, &bytes, 0);
    sspi_blob_free(&token);
    return status;
}

static void both_done(const char *name)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        struct sspi_attribute info = {.attribute = SECPKG_ATTR_NEGOTIATION_INFO};
        ASSERT_STATUS(sides[i]->status, SEC_E_OK);
        ASSERT_STATUS(sspi_negotiate_package.query(sides[i]->context, &info), SEC_E_OK);
        CU_ASSERT_STRING_EQUAL(info.value.negotiation.package->name, name);
        CU_ASSERT_EQUAL(info.value.negotiation.state, SECPKG_NEGOTIATION_COMPLETE);
    }
}

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

/* ---- a hostile acceptor --------------------------------------------------------------------- */

static void hostile_acceptor(void)
{
    static const uint8_t bad_mic[] = {'k', 1, 1}, foreign[] = {0x2a, 3}, k1[] = {'K', '1'},
                         n1[] = {'N', '1'};
    const struct sspi_view ms = neg_mechs_known[NEG_MECH_MS_KERBEROS].oid,
                           nt = neg_mechs_known[NEG_MECH_NTLM].oid, token = {k1, 2},
                           mic = {bad_mic, 3}, none = {NULL, 0};
    const struct {
        const char *list;
        struct neg_resp resp;
        SECURITY_STATUS status;
    } rows[] = {
        /* not offered; unknown; offered, but with an answer to a token that was never sent */
        {"Kerberos", {NEG_REQUEST_MIC, nt, none, none}, SEC_E_INVALID_TOKEN},
        {NULL, {NEG_ACCEPT_INCOMPLETE, {foreign, 2}, none, none}, SEC_E_INVALID_TOKEN},
        {NULL, {NEG_ACCEPT_INCOMPLETE, nt, {n1, 2}, none}, SEC_E_INVALID_TOKEN},
        /* the end before the mechanism's end; silence */
        {NULL, {NEG_ACCEPT_COMPLETED, ms, none, none}, SEC_E_INVALID_TOKEN},
        {NULL, {NEG_ACCEPT_INCOMPLETE, ms, none, none}, SEC_E_INVALID_TOKEN},
        {NULL, {NEG_ACCEPT_COMPLETED, nt, none, none}, SEC_E_INVALID_TOKEN},
        /* a MIC that nobody asked for is checked all the same */
        {NULL, {NEG_ACCEPT_COMPLETED, ms, token, mic}, SEC_E_MESSAGE_ALTERED},
        /* request-mic and then none */
        {NULL, {NEG_REQUEST_MIC, ms, token, none}, SEC_I_CONTINUE_NEEDED},
        {NULL, {NEG_REJECT, none, none, none}, SEC_E_LOGON_DENIED},
        {NULL, {NEG_ACCEPT_COMPLETED, ms, token, none}, SEC_E_OK},
        {NULL, {NEG_ACCEPT_COMPLETED, none, token, none}, SEC_E_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(2, rows[i].list, NULL);
        step(&client, NULL, 0);
        ASSERT_STATUS(answer(&rows[i].resp), rows[i].status);
        if (rows[i].status == SEC_I_CONTINUE_NEEDED) {
            CU_ASSERT_EQUAL(resp_of(&client).mic.size, 3);
            ASSERT_STATUS(answer(&(struct neg_resp){.state = NEG_ACCEPT_COMPLETED}),
                          SEC_E_INVALID_TOKEN);
        }
        end();
    }
}

/* After request-mic the MIC is owed, also by an NTLM that would not want it; a mechanism of four
 * tokens leaves only the MIC to be sent. */
static void hostile_initiator(void)
{
    static const uint8_t n0[] = {'N', '0'}, n2[] = {'N', '2'}, bad_mic[] = {'n', 1, 1};
    const struct sspi_view none = {NULL, 0}, mic = {bad_mic, 3};
    for (int with = 0; with < 2; with++) {
        begin(2, NULL, "!Kerberos");
        toys[NEG_NTLM].wants_mic = false;
        step(&client, NULL, 0);
        ASSERT_STATUS(pass(&client, &server), SEC_I_CONTINUE_NEEDED);
        ASSERT_STATUS(say(&(struct neg_resp){NEG_ACCEPT_INCOMPLETE, none, {n0, 2}, none}),
                      SEC_I_CONTINUE_NEEDED);
        ASSERT_STATUS(
            say(&(struct neg_resp){NEG_ACCEPT_INCOMPLETE, none, {n2, 2}, with ? mic : none}),
            with ? SEC_E_MESSAGE_ALTERED : SEC_E_INVALID_TOKEN);
        end();
    }
    const struct {
        struct neg_resp resp;
        SECURITY_STATUS status;
    } rows[] = {
        {{NEG_ACCEPT_COMPLETED, none, none, none}, SEC_E_INVALID_TOKEN},
        {{NEG_ACCEPT_COMPLETED, none, none, mic}, SEC_E_MESSAGE_ALTERED},
        {{NEG_ACCEPT_COMPLETED, none, {n0, 2}, none}, SEC_E_INVALID_TOKEN},
        {{NEG_REJECT, none, none, none}, SEC_E_LOGON_DENIED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(4, NULL, NULL);
        step(&client, NULL, 0);
        pass(&client, &server);
        pass(&server, &client);
        ASSERT_STATUS(pass(&client, &server), SEC_I_CONTINUE_NEEDED);
        CU_ASSERT_EQUAL(resp_of(&server).mic.size, 3);
        ASSERT_STATUS(say(&rows[i].resp), rows[i].status);
        end();
    }
}

/* Somebody on the way takes Kerberos off the client's list and puts the server's own there: the
 * MICs, over different lists, find out. */
static void downgrade(void)
{
    struct sspi_blob list, token;
    struct sspi_view oids[] = {neg_mechs_known[NEG_MECH_NTLM].oid};
    begin(2, NULL, "!Kerberos");
    step(&client, NULL, 0);
    CU_ASSERT(neg_mech_types_encode(oids, 1, &list));
    CU_ASSERT(neg_init_encode(&(struct neg_init){.mech_types = sspi_blob_view(&list)}, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    ASSERT_STATUS(step(&server, &bytes, 0), SEC_I_CONTINUE_NEEDED);
    pass(&server, &client);
    pass(&client, &server);
    pass(&server, &client);
    ASSERT_STATUS(pass(&client, &server), SEC_E_MESSAGE_ALTERED);
    sspi_blob_free(&token);
    sspi_blob_free(&list);
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
           {"negoex_first", negoex_first}, {"error_tokens", error_tokens},
           {"hostile_acceptor", hostile_acceptor}, {"hostile_initiator", hostile_initiator},
           {"downgrade", downgrade}, {"acquiring", acquiring})
