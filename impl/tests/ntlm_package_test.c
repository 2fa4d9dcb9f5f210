/* SPDX-License-Identifier: Apache-2.0
 *
 * The package as its table shows it: properties, message protection end to end, and memory that
 * runs out at every single allocation.
 */
#include "ntlm_world.h"

#include "authority/accounts.h"

static void properties(void)
{
    CU_ASSERT_STRING_EQUAL(NTLM->name, "NTLM");
    CU_ASSERT_EQUAL(NTLM->version, 1);
    CU_ASSERT_EQUAL(NTLM->rpc_id, 10);
    CU_ASSERT_EQUAL(NTLM->max_token, 2888);
    /* attrfact.package.ntlm.caps: the fixed bits, and READONLY_WITH_CHECKSUM of the optional ones
     */
    CU_ASSERT_EQUAL(NTLM->capabilities, 0x42b37);
}

struct letter {
    uint8_t token[16], data[5];
    SecBuffer buffers[2];
    SecBufferDesc desc;
};

static SecBufferDesc *write_letter(struct letter *letter)
{
    memcpy(letter->data, "hello", 5);
    letter->buffers[0] = (SecBuffer){16, SECBUFFER_TOKEN, letter->token};
    letter->buffers[1] = (SecBuffer){5, SECBUFFER_DATA, letter->data};
    letter->desc = (SecBufferDesc){SECBUFFER_VERSION, 2, letter->buffers};
    return &letter->desc;
}

static void messages(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
    struct letter letter;
    ULONG qop = 0xabcdef12;
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    for (unsigned i = 0; i < 4; i++) {
        void *from = i % 2 ? world.server : world.client;
        void *to = i % 2 ? world.client : world.server;
        ASSERT_STATUS(NTLM->encrypt(from, 0, write_letter(&letter)), SEC_E_OK);
        CU_ASSERT_NOT_EQUAL(memcmp(letter.data, "hello", 5), 0);
        ASSERT_STATUS(NTLM->decrypt(to, &letter.desc, &qop), SEC_E_OK);
        CU_ASSERT_EQUAL(memcmp(letter.data, "hello", 5), 0);
        ASSERT_STATUS(NTLM->sign(from, 0, write_letter(&letter)), SEC_E_OK);
        letter.data[0] ^= 1;
        ASSERT_STATUS(NTLM->verify(to, &letter.desc, &qop), SEC_E_MESSAGE_ALTERED);
        letter.data[0] ^= 1;
        ASSERT_STATUS(NTLM->verify(to, &letter.desc, &qop), SEC_E_OK);
    }
    CU_ASSERT_EQUAL(qop, 0xabcdef12); /* mp.qop.out.ntlm-untouched */
    world_part(&world);
}

/* trig.enc.ntlm.no-seal: either of the two makes EncryptMessage work. */
static void encryption_by_request(void)
{
    static const struct {
        ULONG req;
        SECURITY_STATUS status;
    } rows[] = {{0, SEC_E_UNSUPPORTED_FUNCTION},
                {ISC_REQ_MUTUAL_AUTH, SEC_E_UNSUPPORTED_FUNCTION},
                {ISC_REQ_INTEGRITY, SEC_E_OK},
                {ISC_REQ_CONFIDENTIALITY, SEC_E_OK}};
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world = {WORLD_ALICE, .isc = rows[i].req};
        struct letter letter;
        world_meet(&world);
        ASSERT_STATUS(NTLM->encrypt(world.client, 0, write_letter(&letter)), rows[i].status);
        if (rows[i].status == SEC_E_OK)
            ASSERT_STATUS(NTLM->decrypt(world.server, &letter.desc, NULL), SEC_E_OK);
        ASSERT_STATUS(NTLM->sign(world.client, 0, write_letter(&letter)), SEC_E_OK);
        ASSERT_STATUS(NTLM->verify(world.server, &letter.desc, NULL), SEC_E_OK);
        world_part(&world);
    }
}

static void mechlist_mics(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
    struct sspi_blob mic = {NULL, 0};
    struct sspi_view list = hex("300c060a2b06010401823702020a");
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(NTLM->make_mic(world.client, list, &mic), SEC_E_OK);
    ASSERT_STATUS(NTLM->check_mic(world.server, list, sspi_blob_view(&mic)), SEC_E_OK);
    sspi_blob_free(&mic);
    ASSERT_STATUS(NTLM->make_mic(world.server, list, &mic), SEC_E_OK);
    ASSERT_STATUS(NTLM->check_mic(world.client, list, sspi_blob_view(&mic)), SEC_E_OK);
    sspi_blob_free(&mic);
    world_part(&world);
}

static void unfinished_contexts(void)
{
    struct world world = {.user = "alice", .domain = "EXAMPLE", .password = "wrong", SIGN_AND_SEAL};
    struct letter letter;
    struct sspi_blob mic = {NULL, 0};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    write_letter(&letter);
    ASSERT_STATUS(NTLM->sign(world.server, 0, &letter.desc), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(NTLM->verify(world.server, &letter.desc, NULL), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(NTLM->encrypt(world.server, 0, &letter.desc), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(NTLM->decrypt(world.server, &letter.desc, NULL), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(NTLM->make_mic(world.server, hex("00"), &mic), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(NTLM->check_mic(world.server, hex("00"), hex("00")), SEC_E_INVALID_HANDLE);
    world_part(&world);
}

/* ---- memory runs out ------------------------------------------------------------------------ */

/* Linked with --wrap (impl.mk), so that a sanitizer keeps its allocator and the libraries below
 * allocate as ever. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

static bool watching;
static long fail_at, allocations;
static void *alive[512]; /* what was allocated while watching and not freed yet */

static void swap_alive(const void *from, void *to)
{
    for (size_t i = 0; i < sizeof alive / sizeof alive[0]; i++) {
        if (alive[i] == from) {
            alive[i] = to;
            return;
        }
    }
}

void *__wrap_calloc(size_t count, size_t size)
{
    if (watching && ++allocations == fail_at)
        return NULL;
    void *memory = __real_calloc(count, size);
    if (watching)
        swap_alive(NULL, memory);
    return memory;
}

void __wrap_free(void *memory)
{
    if (watching && memory)
        swap_alive(memory, NULL);
    __real_free(memory);
}

static size_t left_behind(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof alive / sizeof alive[0]; i++)
        count += alive[i] != NULL;
    memset(alive, 0, sizeof alive);
    return count;
}

static SECURITY_STATUS run_once(struct world *world)
{
    struct sspi_identity identity = {
        (char[]){"alice"}, (char[]){"EXAMPLE"}, (char[]){"Password"}, NULL, {NULL, 0}};
    struct sspi_cred_request out = {.use = SECPKG_CRED_OUTBOUND, .identity = &identity};
    struct sspi_cred_request in = {.use = SECPKG_CRED_INBOUND};
    TimeStamp expiry;
    SECURITY_STATUS status = NTLM->acquire(&out, &world->client_cred, &expiry);
    if (status == SEC_E_OK)
        status = NTLM->acquire(&in, &world->server_cred, &expiry);
    if (status != SEC_E_OK)
        return status;
    struct sspi_leg *leg = world_leg(world, 0, world->isc, NULL);
    leg->target = world->target;
    status = NTLM->initiate(world->client_cred, &world->client, leg);
    if (status != SEC_I_CONTINUE_NEEDED)
        return status;
    status =
        NTLM->accept(world->server_cred, &world->server, world_leg(world, 1, world->asc, NULL));
    if (status != SEC_I_CONTINUE_NEEDED)
        return status;
    status = NTLM->initiate(NULL, &world->client, world_leg(world, 2, world->isc, NULL));
    if (status != SEC_E_OK)
        return status;
    return NTLM->accept(NULL, &world->server, world_leg(world, 3, world->asc, NULL));
}

/* The n-th allocation fails: exactly SEC_E_INSUFFICIENT_MEMORY, and nothing is left behind. */
static void memory_runs_out(void)
{
    struct sspi_account none;
    long failed = 0;
    world_start(WORLD_ACCOUNTS, NULL);
    for (bool hit = true; hit && failed < 1000; failed += hit) {
        struct world world = {SIGN_AND_SEAL, .target = "HTTP/server"};
        allocations = 0;
        fail_at = failed + 1;
        watching = true;
        SECURITY_STATUS status = run_once(&world);
        hit = allocations >= fail_at;
        fail_at = 0;
        world_part(&world);
        sspi_accounts_find("/nonexistent", "", &none); /* the accounts in memory go too */
        watching = false;
        ASSERT_STATUS(status, hit ? SEC_E_INSUFFICIENT_MEMORY : SEC_E_OK);
        CU_ASSERT_EQUAL(left_behind(), 0);
    }
    CU_ASSERT_TRUE(failed > 20 && failed < 1000);
}

SSPI_TESTS({"properties", properties}, {"messages", messages},
           {"encryption by request", encryption_by_request}, {"mechListMIC", mechlist_mics},
           {"unfinished contexts", unfinished_contexts}, {"memory runs out", memory_runs_out})
