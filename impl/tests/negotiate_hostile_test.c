/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO over toy mechanisms: what peers that do not keep to the rules, and somebody on the way,
 * can do.
 */
#include "negotiate_toys.h"

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

SSPI_TESTS({"hostile_acceptor", hostile_acceptor}, {"hostile_initiator", hostile_initiator},
           {"downgrade", downgrade})
