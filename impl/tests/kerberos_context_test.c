/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole exchanges: legs, statuses, returned attributes.
 */
#include "kerberos_fixture.h"

static struct world world;

static void one_leg(void)
{
    struct pair pair;
    pair_acquire(&pair);
    ASSERT_STATUS(
        client_leg(&pair, ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY, WORLD_SERVICE, NULL),
        SEC_E_OK);
    CU_ASSERT(pair.out.output.size > 0);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(pair.in.output.size, 0);
    CU_ASSERT_EQUAL(pair.out.ret, ISC_RET_INTEGRITY | ISC_RET_CONFIDENTIALITY);
    CU_ASSERT_EQUAL(pair.in.ret, ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY);
    pair_free(&pair);
}

static void two_legs(void)
{
    struct pair pair;
    pair_acquire(&pair);
    CU_ASSERT_TRUE(pair_establish(&pair, 0x1001e, 0));
    CU_ASSERT_EQUAL(pair.out.ret & 0x1001e, 0x1001e);
    pair_free(&pair);
}

static void three_legs(void)
{
    struct pair pair;
    pair_acquire(&pair);
    CU_ASSERT_TRUE(pair_establish(&pair, 0x1001e | ISC_REQ_USE_DCE_STYLE, ASC_REQ_USE_DCE_STYLE));
    pair_free(&pair);
}

static void opens(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    CU_PASS("the fixture stands");
}
static void closes(void)
{
    world_close(&world);
    CU_PASS("the fixture is gone");
}

SSPI_TESTS({"opens", opens}, {"one leg", one_leg}, {"two legs", two_legs},
           {"three legs", three_legs}, {"closes", closes})
