/* SPDX-License-Identifier: Apache-2.0
 *
 * One replay cache, several server processes: the same AP-REQ is accepted by exactly one of them.
 */
#include "kerberos_fixture.h"

#include <sys/wait.h>

enum {
    PROCESSES = 4,
    ROUNDS = 25,
    ACCEPTED = 0, /* exit codes */
    DENIED = 1,
    OTHER = 2
};

static struct world world;

/* A server process: waits until the parent lets all of them go. */
static int serve(struct pair *pair, int gate)
{
    char byte;
    if (read(gate, &byte, 1) != 0) /* closed by the parent */
        return OTHER;
    server_leg(pair, 0, NULL);
    return pair->server_status == SEC_E_OK             ? ACCEPTED
           : pair->server_status == SEC_E_LOGON_DENIED ? DENIED
                                                       : OTHER;
}

/* How many accepted; the others must have denied. */
static int offer_to_all(struct pair *pair)
{
    int gate[2], accepted = 0, status;
    CU_ASSERT_EQUAL_FATAL(pipe(gate), 0);
    for (int i = 0; i < PROCESSES; i++) {
        fflush(NULL);
        pid_t pid = fork();
        CU_ASSERT_FATAL(pid >= 0);
        if (pid == 0) {
            close(gate[1]);
            _exit(serve(pair, gate[0]));
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (int i = 0; i < PROCESSES; i++) {
        CU_ASSERT_FATAL(wait(&status) > 0 && WIFEXITED(status));
        CU_ASSERT_NOT_EQUAL(WEXITSTATUS(status), OTHER);
        accepted += WEXITSTATUS(status) == ACCEPTED;
    }
    return accepted;
}

static void one_of_them(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    for (int round = 0; round < ROUNDS; round++) {
        struct pair pair;
        pair_acquire(&pair);
        client_leg(&pair, ISC_REQ_MUTUAL_AUTH, WORLD_SERVICE, NULL);
        CU_ASSERT_EQUAL(offer_to_all(&pair), 1);
        ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_LOGON_DENIED); /* nor by this one */
        pair_free(&pair);
    }
    world_close(&world);
}

/* Who has no replay cache lets all of them in: what the test above sees is the cache. */
static void without_cache(void)
{
    struct pair pair;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    setenv("KRB5RCACHENAME", "none:", 1);
    pair_acquire(&pair);
    client_leg(&pair, ISC_REQ_MUTUAL_AUTH, WORLD_SERVICE, NULL);
    CU_ASSERT_EQUAL(offer_to_all(&pair), PROCESSES);
    pair_free(&pair);
    unsetenv("KRB5RCACHENAME");
    world_close(&world);
}

SSPI_TESTS({"one of them", one_of_them}, {"without a cache", without_cache})
