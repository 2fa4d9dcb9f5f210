/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory runs out: every allocation of a whole exchange fails once. The call must say
 * SEC_E_INSUFFICIENT_MEMORY, and nothing may be left behind.
 *
 * Allocations of libkrb5 are left alone: 1.20 itself does not survive all of them
 * (krb5_tkt_creds_init frees what it has not yet set).
 */
#include "kerberos_fixture.h"
#include "sanitized.h"

#ifndef SANITIZED
/* The program's calloc goes before that of libc in every library; libsspi is linked into the
 * program, so the caller's address tells whose request it is. */
void *__libc_calloc(size_t count, size_t size);
extern char __executable_start, etext;

void __libc_free(void *memory);

static long countdown = -1; /* allocations until one fails; below 0: never */
static bool watching;
static void *ours[4096]; /* what libsspi has while it is watched */

void *calloc(size_t count, size_t size)
{
    char *caller = __builtin_return_address(0);
    bool own = caller >= &__executable_start && caller < &etext;
    if (own && countdown >= 0 && countdown-- == 0)
        return NULL;
    void *memory = __libc_calloc(count, size);
    for (size_t i = 0; own && watching && i < sizeof ours / sizeof ours[0]; i++)
        if (!ours[i]) {
            ours[i] = memory;
            break;
        }
    return memory;
}

void free(void *memory)
{
    for (size_t i = 0; memory && watching && i < sizeof ours / sizeof ours[0]; i++)
        if (ours[i] == memory)
            ours[i] = NULL;
    __libc_free(memory);
}

static size_t left_behind(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        count += ours[i] != NULL;
    return count;
}

static struct world world;
static long last; /* the number of the allocation that fails */

/* Runs one call with the countdown, and says whether it may be followed by the next. */
static bool enough(SECURITY_STATUS status, SECURITY_STATUS good)
{
    long left = countdown;
    countdown = -1;
    bool right = left < 0 ? status == SEC_E_INSUFFICIENT_MEMORY : status == good;
    if (!right)
        fprintf(stderr, "  allocation %ld: %#x\n", last, (unsigned)status);
    CU_ASSERT_TRUE(right);
    countdown = left < 0 ? 5000 : left; /* one that was done without is told once */
    return status == good;
}

static bool messages(struct pair *pair)
{
    uint8_t token[128];
    char data[] = "some words to be sealed";
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    struct sspi_attribute names = {.attribute = SECPKG_ATTR_NATIVE_NAMES};

    if (!enough(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK) ||
        !enough(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_OK) ||
        !enough(KERBEROS->sign(pair->client, 0, &desc), SEC_E_OK) ||
        !enough(KERBEROS->verify(pair->server, &desc, NULL), SEC_E_OK) ||
        !enough(KERBEROS->query(pair->server, &names), SEC_E_OK))
        return false;
    sspi_free(names.value.names.first);
    sspi_free(names.value.names.second);
    return true;
}

static bool scene(struct pair *pair, ULONG req)
{
    struct sspi_cred_request ask = {.use = SECPKG_CRED_OUTBOUND};
    TimeStamp expiry;
    if (!enough(KERBEROS->acquire(&ask, &pair->client_credential, &expiry), SEC_E_OK))
        return false;
    ask.use = SECPKG_CRED_INBOUND;
    if (!enough(KERBEROS->acquire(&ask, &pair->server_credential, &expiry), SEC_E_OK))
        return false;
    const char *target = req & ISC_REQ_USE_SESSION_KEY ? "alice" : WORLD_SERVICE;
    if (!enough(client_leg(pair, req, target, NULL), SEC_I_CONTINUE_NEEDED))
        return false;
    if ((req & ISC_REQ_USE_SESSION_KEY) &&
        (!enough(server_leg(pair, ASC_REQ_EXTENDED_ERROR, NULL), SEC_I_CONTINUE_NEEDED) ||
         !enough(client_leg(pair, req, target, NULL), SEC_I_CONTINUE_NEEDED)))
        return false;
    SECURITY_STATUS more = req & ISC_REQ_USE_DCE_STYLE ? SEC_I_CONTINUE_NEEDED : SEC_E_OK;
    if (!enough(server_leg(pair, ASC_REQ_EXTENDED_ERROR, NULL), more) ||
        !enough(client_leg(pair, req, target, NULL), SEC_E_OK))
        return false;
    if (more != SEC_E_OK && !enough(server_leg(pair, ASC_REQ_EXTENDED_ERROR, NULL), SEC_E_OK))
        return false;
    return messages(pair);
}

static void every_allocation(ULONG req)
{
    bool done = false;
    struct pair first;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    world_user_to_user(&world);
    pair_acquire(&first); /* leaves library contexts to borrow, which stay */
    CU_ASSERT_TRUE(pair_establish_with(&first, req, 0,
                                       req & ISC_REQ_USE_SESSION_KEY ? "alice" : WORLD_SERVICE));
    pair_free(&first);
    for (last = 0; !done && last < 5000; last++) {
        struct pair pair = {.client = NULL};
        countdown = last;
        watching = true;
        done = scene(&pair, req) && countdown < 5000;
        countdown = -1;
        pair_free(&pair);
        watching = false;
        CU_ASSERT_EQUAL(left_behind(), 0);
    }
    CU_ASSERT_TRUE(done);
    CU_ASSERT_TRUE(last > 20);
    world_close(&world);
}

static void two_legs(void)
{
    every_allocation(0x1001e);
}

static void three_legs(void)
{
    every_allocation(0x1001e | ISC_REQ_USE_DCE_STYLE);
}
static void user_to_user(void)
{
    every_allocation(0x1001e | ISC_REQ_USE_SESSION_KEY);
}
#else
static void user_to_user(void)
{
    CU_PASS("the sanitizer has the allocator");
}

static void two_legs(void)
{
    CU_PASS("the sanitizer has the allocator");
}

static void three_legs(void)
{
    CU_PASS("the sanitizer has the allocator");
}
#endif

SSPI_TESTS({"two legs", two_legs}, {"three legs", three_legs}, {"user to user", user_to_user})
