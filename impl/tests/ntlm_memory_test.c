/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of the package's less common ways fails once: NTLMv1, OEM text, no connection,
 * a null session. The common one is in out_of_memory_test.c.
 */
#include "failing_calloc.h"

#include "ntlm_world.h"

#define LM_HASH "E52CAC67419A9A224A3B108F3FA6CB6D"
#define ACCOUNTS "lanny:1:" LM_HASH ":" WORLD_HASH ":[U          ]:LCT-60000000:\n"

static struct world world;
static struct {
    ULONG isc, asc;
    bool oem, anonymous;
} way;

static void oem_only(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_NEGOTIATE)
        token->data[12] &= (uint8_t)~NTLM_UNICODE;
}

static SECURITY_STATUS acquire(ULONG use, const struct sspi_identity *identity, void **credential)
{
    TimeStamp expiry;
    struct sspi_cred_request request = {.use = use, .identity = identity};
    return NTLM->acquire(&request, credential, &expiry);
}

static SECURITY_STATUS scene(void)
{
    struct sspi_identity user = {"lanny", "EXAMPLE", "Password", NULL, {NULL, 0}},
                         nobody = {"", "", "", NULL, {NULL, 0}};
    memset(&world, 0, sizeof world);
    world.isc = way.isc;
    world.asc = way.asc;
    world.tamper = way.oem ? oem_only : NULL;
    SECURITY_STATUS status =
        acquire(SECPKG_CRED_OUTBOUND, way.anonymous ? &nobody : &user, &world.client_cred);
    if (status == SEC_E_OK)
        status = acquire(SECPKG_CRED_INBOUND, NULL, &world.server_cred);
    if (status != SEC_E_OK)
        return status;
    world_run(&world);
    if (world.isc1 != SEC_I_CONTINUE_NEEDED)
        return world.isc1;
    if (world.asc1 != SEC_I_CONTINUE_NEEDED)
        return world.asc1;
    return world.isc2 == SEC_E_OK ? world.asc2 : world.isc2;
}

static void release(void)
{
    world_part(&world);
}

static void each(const char *name, const char *settings)
{
    char text[128];
    snprintf(text, sizeof text, "EXAMPLE\nav-timestamp = no\n%s", settings);
    world_start(ACCOUNTS, text);
    fail_each(name, scene, release);
    memset(&way, 0, sizeof way);
}

static void lm_levels(void)
{
    each("level 0", "lm-level = 0");
    each("level 1", "lm-level = 1");
}

static void oem(void)
{
    way.oem = true;
    each("OEM", "");
    way.oem = true;
    each("OEM at level 2", "lm-level = 2");
}

static void datagram(void)
{
    way.isc = ISC_REQ_DATAGRAM | ISC_REQ_CONFIDENTIALITY;
    way.asc = ASC_REQ_DATAGRAM;
    each("datagram", "");
}

static void anonymous(void)
{
    way.anonymous = true;
    way.asc = ASC_REQ_ALLOW_NULL_SESSION;
    each("anonymous", "");
}

SSPI_TESTS({"LmCompatibilityLevel", lm_levels}, {"OEM", oem}, {"datagram", datagram},
           {"anonymous", anonymous})
