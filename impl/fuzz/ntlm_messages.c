/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: the three NTLM messages. What was read lies inside the token, and a message built
 * from it reads the same.
 */
#include "fuzz.h"
#include "ntlm/messages.h"

static void negotiate(struct sspi_view token)
{
    uint32_t flags, again;
    struct sspi_blob built = {NULL, 0};
    if (ntlm_read_negotiate(token, &flags) != SEC_E_OK)
        return;
    MUST(ntlm_build_negotiate(flags, &built) == SEC_E_OK);
    MUST(ntlm_read_negotiate(sspi_blob_view(&built), &again) == SEC_E_OK && again == flags);
    sspi_blob_free(&built);
}

static void challenge(struct sspi_view token)
{
    struct ntlm_challenge read, again;
    struct sspi_blob built = {NULL, 0};
    memset(&read, 0, sizeof read);
    memset(&again, 0, sizeof again);
    if (ntlm_read_challenge(token, &read) != SEC_E_OK)
        return;
    fuzz_inside((struct sspi_view){read.challenge, 8}, token);
    fuzz_inside(read.target_name, token);
    fuzz_inside(read.target_info, token);
    if (ntlm_build_challenge(&read, &built) == SEC_E_OK) {
        /* Fields that share their bytes in the token do not when built: it may grow too large. */
        if (ntlm_read_challenge(sspi_blob_view(&built), &again) == SEC_E_OK)
            MUST(again.flags == read.flags && memcmp(again.challenge, read.challenge, 8) == 0 &&
                 fuzz_same(again.target_info, read.target_info));
        else
            MUST(built.size > NTLM_MAX_TOKEN);
    }
    sspi_blob_free(&built);
}

static void authenticate(struct sspi_view token)
{
    struct ntlm_authenticate read, again;
    struct sspi_blob built = {NULL, 0};
    memset(&read, 0, sizeof read);
    memset(&again, 0, sizeof again);
    if (ntlm_read_authenticate(token, &read) != SEC_E_OK)
        return;
    const struct sspi_view fields[] = {read.domain, read.user, read.workstation,
                                       read.lm,     read.nt,   read.session_key};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        fuzz_inside(fields[i], token);
    MUST(!read.mic || token.size >= NTLM_MIC_OFFSET + NTLM_MIC_SIZE);
    if (ntlm_build_authenticate(&read, &built) == SEC_E_OK) {
        if (ntlm_read_authenticate(sspi_blob_view(&built), &again) == SEC_E_OK)
            MUST(again.flags == read.flags && fuzz_same(again.user, read.user) &&
                 fuzz_same(again.domain, read.domain) && fuzz_same(again.nt, read.nt) &&
                 fuzz_same(again.lm, read.lm) && fuzz_same(again.session_key, read.session_key) &&
                 fuzz_same(again.workstation, read.workstation));
        else
            MUST(built.size > NTLM_MAX_TOKEN);
    }
    sspi_blob_free(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sspi_view token = {data, size};
    MUST(ntlm_message_type(token) <= NTLM_MESSAGE_AUTHENTICATE);
    negotiate(token);
    challenge(token);
    authenticate(token);
    return 0;
}
