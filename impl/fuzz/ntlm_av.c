/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: AV_PAIR lists. All values lie inside the list, and a list made of them reads the same.
 */
#include "fuzz.h"
#include "ntlm/av.h"

static void same_again(const struct ntlm_av *av, size_t size)
{
    struct ntlm_av again;
    uint8_t *list = malloc(size + (NTLM_AV_COUNT + 1) * NTLM_AV_HEADER), *at = list;
    MUST(list);
    for (int id = NTLM_AV_EOL + 1; id < NTLM_AV_COUNT; id++)
        if (av->present[id])
            at = ntlm_av_put(at, (enum ntlm_av_id)id, av->value[id].data, av->value[id].size);
    at = ntlm_av_put(at, NTLM_AV_EOL, NULL, 0);
    MUST(ntlm_av_read((struct sspi_view){list, (size_t)(at - list)}, &again));
    for (int id = NTLM_AV_EOL + 1; id < NTLM_AV_COUNT; id++)
        MUST(again.present[id] == av->present[id] && fuzz_same(again.value[id], av->value[id]));
    /* A list that was read may have flags twice, of which all count; this one has the first. */
    MUST((again.flags & ~av->flags) == 0 && again.timestamp == av->timestamp);
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sspi_view list = {data, size};
    struct ntlm_av av;
    memset(&av, 0, sizeof av);
    if (!ntlm_av_read(list, &av))
        return 0;
    fuzz_inside(av.body, list);
    for (int id = 0; id < NTLM_AV_COUNT; id++)
        fuzz_inside(av.value[id], list);
    same_again(&av, size);
    return 0;
}
